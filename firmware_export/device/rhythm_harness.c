/* Strips of rhythm for measurements and tests; no part of the firmware, and empty in one that has no stream. */
#include "main.h"

#if !ICTUS_MODEL_SEIZURES && (ICTUS_MODEL_STREAMS || defined(ICTUS_HARNESS_ALL))

void ictus_harness_strip_features(const int8_t *wave, const uint16_t *peak, uint32_t n_peaks, int8_t *features);
uint32_t ictus_harness_rhythm_size(void);
uint32_t ictus_harness_add_rhythm(ictus_rhythm *rhythm, const uint8_t *model, uint32_t n_bytes, uint32_t *arena,
                                  uint32_t arena_bytes);
uint32_t ictus_harness_push_strips(const int16_t *samples, uint32_t n, int32_t *events, uint32_t max_events);
void ictus_harness_strip_counts(uint32_t counts[3]);

enum { STRIP_WORDS = 5 + ICTUS_RHYTHM_CLASSES };

void ictus_harness_strip_features(const int8_t *wave, const uint16_t *peak, uint32_t n_peaks, int8_t *features)
{
    ictus_rhythm_features(wave, peak, n_peaks, features);
}

uint32_t ictus_harness_rhythm_size(void)
{
    return (uint32_t)sizeof(ictus_rhythm);
}

/* Add rhythm to the program's own device, after ictus_harness_start. */
uint32_t ictus_harness_add_rhythm(ictus_rhythm *rhythm, const uint8_t *model, uint32_t n_bytes, uint32_t *arena,
                                  uint32_t arena_bytes)
{
    return (uint32_t)ictus_add_rhythm(&ictus_main_device, rhythm, model, n_bytes, arena, arena_bytes);
}

static void write_event(const ictus_rhythm_event *event, int32_t *words)
{
    words[0] = (int32_t)event->first_block;
    words[1] = event->reached;
    words[2] = event->label;
    words[3] = event->n_analysable;
    words[4] = event->screen_logit;
    for (uint32_t i = 0; i < ICTUS_RHYTHM_CLASSES; ++i)
        words[5 + i] = event->class_logits[i];
}

/* Push `n` samples; the first `max_events` strips become STRIP_WORDS words each. Returns how many there were. */
uint32_t ictus_harness_push_strips(const int16_t *samples, uint32_t n, int32_t *events, uint32_t max_events)
{
    uint32_t n_events = 0;
    for (uint32_t k = 0; k < n; ++k) {
        (void)ictus_push_sample(&ictus_main_device, samples[k]);
        if (!ictus_main_device.rhythm->decided)
            continue;
        if (n_events < max_events)
            write_event(&ictus_main_device.rhythm->event, events + STRIP_WORDS * n_events);
        ++n_events;
    }
    return n_events;
}

void ictus_harness_strip_counts(uint32_t counts[3])
{
    const ictus_rhythm_counts *found = &ictus_main_device.rhythm->counts;
    counts[0] = found->strips;
    counts[1] = found->screened;
    counts[2] = found->specialist;
}

#endif
