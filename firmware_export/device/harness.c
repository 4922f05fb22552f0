/* Batches for measurements and tests; no part of the firmware. Pointers may lie outside the device's RAM. */
#include "main.h"

uint32_t ictus_harness_model_size(void);
uint32_t ictus_harness_arena_bytes(const ictus_model *model);
uint32_t ictus_harness_open(const uint8_t *bytes, uint32_t n_bytes, ictus_model *model);
uint32_t ictus_harness_attach(ictus_model *model, uint32_t *arena, uint32_t n_bytes);
uint32_t ictus_harness_run(const ictus_model *model, uint32_t stage, const int8_t *input, const int8_t *context,
                           int8_t *logits);
uint32_t ictus_harness_run_all(const ictus_model *model, const int8_t *const inputs[4], uint32_t n, int8_t *logits);
uint32_t ictus_harness_start(void);
uint32_t ictus_harness_push(const int16_t *samples, uint32_t n, int32_t *events, uint32_t max_events);
void ictus_harness_counts(uint32_t counts[6]);

enum { EVENT_WORDS = 4 + ICTUS_MAX_CLASSES };

uint32_t ictus_harness_model_size(void)
{
    return (uint32_t)sizeof(ictus_model);
}

uint32_t ictus_harness_arena_bytes(const ictus_model *model)
{
    return model->arena_bytes;
}

uint32_t ictus_harness_open(const uint8_t *bytes, uint32_t n_bytes, ictus_model *model)
{
    return (uint32_t)ictus_model_open(bytes, n_bytes, model);
}

uint32_t ictus_harness_attach(ictus_model *model, uint32_t *arena, uint32_t n_bytes)
{
    return (uint32_t)ictus_model_attach(model, arena, n_bytes);
}

uint32_t ictus_harness_run(const ictus_model *model, uint32_t stage, const int8_t *input, const int8_t *context,
                           int8_t *logits)
{
    const int8_t *found = NULL;
    const ictus_status status = ictus_model_run_stage(model, stage, input, context, &found);
    if (status == ICTUS_OK)
        for (uint32_t i = 0; i < model->stage[stage].n_logits; ++i)
            logits[i] = found[i];
    return (uint32_t)status;
}

/* Every stage of `n` units but streams, whether or not the cascade would reach it. `inputs` are int8[n][...] by
 * source: features, window, nothing for the kept map, context; logits is int8[n][all these stages' logits]. */
uint32_t ictus_harness_run_all(const ictus_model *model, const int8_t *const inputs[4], uint32_t n, int8_t *logits)
{
    const int8_t *context = inputs[ICTUS_SOURCE_CONTEXT];
    for (uint32_t unit = 0; unit < n; ++unit, context += model->n_context) {
        for (uint32_t number = 0; number < model->n_stages; ++number) {
            const ictus_stage *stage = &model->stage[number];
            if (stage->source == ICTUS_SOURCE_STREAM)
                continue;
            const int8_t *input =
                stage->source == ICTUS_SOURCE_KEPT ? NULL : inputs[stage->source] + (size_t)unit * stage->in_size;
            const uint32_t status = ictus_harness_run(model, number, input, context, logits);
            if (status != ICTUS_OK)
                return status;
            logits += stage->n_logits;
        }
    }
    return ICTUS_OK;
}

/* Prepare the program's own device. */
uint32_t ictus_harness_start(void)
{
    return (uint32_t)ictus_main_init();
}

static void write_event(const ictus_event *event, int32_t *words)
{
    words[0] = (int32_t)event->peak;
    words[1] = event->reached;
    words[2] = event->label;
    words[3] = event->screen_logit;
    for (uint32_t i = 0; i < ICTUS_MAX_CLASSES; ++i)
        words[4 + i] = event->class_logits[i];
}

/* Push `n` samples; the first `max_events` events become EVENT_WORDS words each. Returns how many there were. */
uint32_t ictus_harness_push(const int16_t *samples, uint32_t n, int32_t *events, uint32_t max_events)
{
    uint32_t n_events = 0;
    for (uint32_t k = 0; k < n; ++k) {
        const int n_new = ictus_push_sample(&ictus_main_device, samples[k]);
        for (int i = 0; i < n_new; ++i, ++n_events)
            if (n_events < max_events)
                write_event(&ictus_main_device.event[i], events + EVENT_WORDS * n_events);
    }
    return n_events;
}

void ictus_harness_counts(uint32_t counts[6])
{
    const ictus_counts *found = &ictus_main_device.counts;
    counts[0] = found->blocks;
    counts[1] = found->rejected;
    counts[2] = found->beats;
    counts[3] = found->screened;
    counts[4] = found->specialist;
    counts[5] = found->dropped;
}
