/* Runs the golden vectors through the runtime on this machine: `make test`. Ends 0 if every exit agrees. */
#include <stdio.h>

#include "golden.h"
#include "ictus_model_data.h"
#include "ictus_stream.h"

static uint32_t arena[ICTUS_ARENA_BYTES / sizeof(uint32_t)];

static int compare(const int8_t *found, const int8_t *expected, unsigned n, unsigned unit, unsigned stage)
{
    for (unsigned i = 0; i < n; ++i) {
        if (found[i] != expected[i]) {
            printf("unit %u, stage %u, logit %u: %d, expected %d\n", unit, stage, i, found[i], expected[i]);
            return 1;
        }
    }
    return 0;
}

static ictus_status run_strip(const ictus_model *model, unsigned stage, unsigned unit, const int8_t **logits)
{
    ictus_stream stream;
    const ictus_status status = ictus_stream_reset(&stream, model, stage);
    if (status != ICTUS_OK)
        return status;
    ictus_stream_push(&stream, golden_window[unit], sizeof golden_window[unit] / model->window_channels);
    return ictus_stream_finish(&stream, golden_context[unit], logits);
}

static int run_unit(const ictus_model *model, unsigned unit)
{
    const int8_t *const inputs[] = {golden_features[unit], golden_window[unit], NULL, golden_context[unit]};
    const int8_t *expected = golden_logits[unit];
    for (unsigned stage = 0; stage < model->n_stages; ++stage) {
        const int8_t *logits = NULL;
        const unsigned n = model->stage[stage].n_logits;
        const uint8_t source = model->stage[stage].source;
        const ictus_status status =
            source == ICTUS_SOURCE_STREAM
                ? run_strip(model, stage, unit, &logits)
                : ictus_model_run_stage(model, stage, inputs[source], golden_context[unit], &logits);
        if (status != ICTUS_OK) {
            printf("unit %u, stage %u: status %d\n", unit, stage, (int)status);
            return 1;
        }
        if (compare(logits, expected, n, unit, stage) != 0)
            return 1;
        expected += n;
    }
    return 0;
}

int main(void)
{
    ictus_model model;
    ictus_status status = ictus_model_open(ictus_model_data, ICTUS_MODEL_BYTES, &model);
    if (status == ICTUS_OK)
        status = ictus_model_attach(&model, arena, sizeof arena);
    if (status != ICTUS_OK) {
        printf("the model is refused: status %d\n", (int)status);
        return 1;
    }
    for (unsigned unit = 0; unit < GOLDEN_UNITS; ++unit)
        if (run_unit(&model, unit) != 0)
            return 1;
    printf("%u golden vectors agree at every exit\n", (unsigned)GOLDEN_UNITS);
    return 0;
}
