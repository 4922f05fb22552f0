/* The device on a computer: whole stretches of samples in, decisions out. No part of the firmware.
 *
 * Every sample goes through `ictus_push_sample`, as on the device; what is added is the loop and the copying. */
#include "ictus_native.h"

uint32_t ictus_native_wearable_bytes(void)
{
    return (uint32_t)sizeof(ictus_native_wearable);
}

uint32_t ictus_native_arena_bytes(const uint8_t *model, uint32_t n_bytes, uint32_t *arena_bytes)
{
    ictus_model opened;
    const ictus_status status = ictus_model_open(model, n_bytes, &opened);
    *arena_bytes = status == ICTUS_OK ? opened.arena_bytes : 0;
    return (uint32_t)status;
}

uint32_t ictus_native_open(ictus_native_wearable *w, const uint8_t *model, uint32_t n_bytes, uint32_t *arena,
                           uint32_t arena_bytes)
{
    return (uint32_t)ictus_init(&w->device, model, n_bytes, arena, arena_bytes);
}

uint32_t ictus_native_add_rhythm(ictus_native_wearable *w, const uint8_t *model, uint32_t n_bytes, uint32_t *arena,
                                 uint32_t arena_bytes)
{
    return (uint32_t)ictus_add_rhythm(&w->device, &w->rhythm, model, n_bytes, arena, arena_bytes);
}

uint32_t ictus_native_add_alarm(ictus_native_wearable *w, const ictus_alarm_model *model)
{
    w->alarm_model = *model;
    return (uint32_t)ictus_add_alarm(&w->device, &w->alarm, &w->alarm_model);
}

static void copy_beat(const ictus_event *event, uint32_t decided, ictus_native_beat *beat)
{
    beat->peak = event->peak;
    beat->decided = decided;
    beat->reached = (int8_t)event->reached;
    beat->label = event->label;
    beat->screen_logit = event->screen_logit;
    beat->unused = 0;
    for (uint32_t i = 0; i < ICTUS_MAX_CLASSES; ++i)
        beat->class_logits[i] = event->class_logits[i];
}

static void end_block(const ictus_device *device, ictus_native_found *found)
{
    *found->rejected++ = (uint8_t)(device->rejected_blocks & 1u);
    *found->positive++ = device->alarm != NULL ? (uint8_t)(device->alarm->positive & 1u) : 0;
}

void ictus_native_push(ictus_native_wearable *w, const int16_t *samples, uint32_t n, ictus_native_found *found)
{
    ictus_device *device = &w->device;
    for (uint32_t k = 0; k < n; ++k) {
        const int n_new = ictus_push_sample(device, samples[k]);
        for (int i = 0; i < n_new; ++i)
            copy_beat(&device->event[i], device->n_samples, found->beat++);
        if (device->n_samples % ICTUS_GATE_BLOCK == 0u)
            end_block(device, found);
        if (device->rhythm != NULL && device->rhythm->decided)
            *found->strip++ = device->rhythm->event;
    }
}

uint32_t ictus_native_detect(ictus_native_detector *state, const int16_t *samples, uint32_t n, uint32_t *peaks,
                             uint32_t *reported)
{
    uint32_t n_peaks = 0;
    for (uint32_t k = 0; k < n; ++k) {
        int32_t age = 0;
        (void)ictus_filter_push(&state->filter, samples[k]);
        if (ictus_qrs_push(&state->qrs, &state->filter, &age)) {
            reported[n_peaks] = state->qrs.time - 1u;
            peaks[n_peaks++] = state->qrs.time - 1u - (uint32_t)age;
        }
    }
    return n_peaks;
}

uint32_t ictus_native_detector_bytes(void)
{
    return (uint32_t)sizeof(ictus_native_detector);
}

void ictus_native_detector_init(ictus_native_detector *state)
{
    ictus_filter_init(&state->filter);
    ictus_qrs_init(&state->qrs);
}
