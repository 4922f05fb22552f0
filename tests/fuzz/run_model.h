/* Opens a model and runs all of it on buffers of exactly the stated sizes, so that sanitizers see every byte beyond. */
#ifndef RUN_MODEL_H
#define RUN_MODEL_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ictus_stream.h"

enum { MODEL_CRC_AT = 16, MODEL_HEADER_BYTES = 20, MODEL_TOTAL_AT = 12 };
/* What a case may cost, unless who includes this says otherwise. */
#ifndef MOST_VALUES
#define MOST_VALUES (1u << 15)
#endif
#ifndef STREAM_ROWS
#define STREAM_ROWS 40u
#endif

static void set_u32(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; ++i)
        bytes[i] = (uint8_t)(value >> (8 * i));
}

/* Give a model of at least MODEL_HEADER_BYTES the length and checksum that its other bytes ask for. */
static inline void mend_model(uint8_t *bytes, size_t n)
{
    set_u32(bytes + MODEL_TOTAL_AT, (uint32_t)n);
    const uint32_t crc = ictus_crc32(0, bytes, MODEL_CRC_AT);
    set_u32(bytes + MODEL_CRC_AT, ictus_crc32(crc, bytes + MODEL_HEADER_BYTES, n - MODEL_HEADER_BYTES));
}

/* A signal in chunks of 1, 2, 3.. rows; ends too short if the model says so. */
static void run_stream(const ictus_model *model, unsigned stage, const int8_t *context)
{
    ictus_stream stream;
    const int8_t *logits = NULL;
    if (ictus_stream_reset(&stream, model, stage) != ICTUS_OK)
        abort();
    for (uint32_t done = 0, n = 1; done < STREAM_ROWS; done += n, ++n) {
        int8_t *rows = malloc((size_t)n * model->window_channels);
        memset(rows, 127, (size_t)n * model->window_channels);
        ictus_stream_push(&stream, rows, n);
        free(rows);
    }
    (void)ictus_stream_finish(&stream, context, &logits);
}

static void run_stages(const ictus_model *model, const int8_t *context)
{
    static volatile int8_t sum; /* so that the reads are not optimised away */
    for (unsigned stage = 0; stage < model->n_stages; ++stage) {
        const int8_t *logits = NULL;
        if (model->stage[stage].n_convolutions > 0)
            run_stream(model, stage, context);
        int8_t *input = malloc(model->stage[stage].in_size);
        memset(input, 127, model->stage[stage].in_size);
        if (ictus_model_run_stage(model, stage, input, context, &logits) != ICTUS_OK)
            abort();
        for (unsigned i = 0; i < model->stage[stage].n_logits; ++i)
            sum = (int8_t)(sum ^ logits[i]);
        free(input);
    }
}

/* Open bytes and, if they are a model of a size that a fuzzer has the time for, run it. Returns whether they opened. */
static int run_model(const uint8_t *bytes, size_t n)
{
    ictus_model model;
    if (ictus_model_open(bytes, n, &model) != ICTUS_OK)
        return 0;
    uint32_t most = model.arena_bytes;
    for (unsigned stage = 0; stage < model.n_stages; ++stage)
        most = model.stage[stage].in_size > most ? model.stage[stage].in_size : most;
    if (most > MOST_VALUES)
        return 1;
    uint32_t *arena = calloc(1, model.arena_bytes > 0 ? model.arena_bytes : 1);
    int8_t *context = calloc(1, model.n_context > 0 ? model.n_context : 1);
    if (ictus_model_attach(&model, arena, model.arena_bytes) != ICTUS_OK)
        abort();
    run_stages(&model, context);
    free(context);
    free(arena);
    return 1;
}

#endif
