/* Networks alone for measurements and tests; no part of the firmware. Pointers may lie outside the device's RAM. */
#include "ictus_model_data.h"
#include "ictus_stream.h"

uint32_t ictus_harness_model_size(void);
uint32_t ictus_harness_arena_bytes(const ictus_model *model);
uint32_t ictus_harness_open(const uint8_t *bytes, uint32_t n_bytes, ictus_model *model);
uint32_t ictus_harness_attach(ictus_model *model, uint32_t *arena, uint32_t n_bytes);
uint32_t ictus_harness_run(const ictus_model *model, uint32_t stage, const int8_t *input, const int8_t *context,
                           int8_t *logits);
uint32_t ictus_harness_run_all(const ictus_model *model, const int8_t *const inputs[4], uint32_t n, int8_t *logits);
#if ICTUS_MODEL_STREAMS || defined(ICTUS_HARNESS_ALL)
uint32_t ictus_harness_run_strip(const ictus_model *model, const int8_t *rows, uint32_t n_rows, uint32_t chunk,
                                 const int8_t *context, int8_t *logits);
#endif

uint32_t ictus_harness_model_size(void)
{
    return (uint32_t)sizeof(ictus_model);
}

uint32_t ictus_harness_arena_bytes(const ictus_model *model)
{
    return model->arena_bytes;
}

/* A library of the smallest form takes the program's own bytes only: in place of a copy of them, these. */
uint32_t ictus_harness_open(const uint8_t *bytes, uint32_t n_bytes, ictus_model *model)
{
#if ICTUS_MODEL_IS_SMALL
    if (n_bytes == ICTUS_MODEL_BYTES && ictus_crc32(0, bytes, n_bytes) == ICTUS_MODEL_CRC32)
        bytes = ictus_model_data;
#endif
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

#if ICTUS_MODEL_STREAMS || defined(ICTUS_HARNESS_ALL)

/* A strip of any length through the specialist, `chunk` rows a call. */
uint32_t ictus_harness_run_strip(const ictus_model *model, const int8_t *rows, uint32_t n_rows, uint32_t chunk,
                                 const int8_t *context, int8_t *logits)
{
    ictus_stream stream;
    const int8_t *found = NULL;
    ictus_status status = ictus_stream_reset(&stream, model, ICTUS_SPECIALIST);
    if (status != ICTUS_OK)
        return (uint32_t)status;
    for (uint32_t done = 0; done < n_rows; done += chunk)
        ictus_stream_push(&stream, rows + (size_t)done * model->window_channels,
                          n_rows - done < chunk ? n_rows - done : chunk);
    status = ictus_stream_finish(&stream, context, &found);
    if (status == ICTUS_OK)
        for (uint32_t i = 0; i < model->stage[ICTUS_SPECIALIST].n_logits; ++i)
            logits[i] = found[i];
    return (uint32_t)status;
}

#endif
