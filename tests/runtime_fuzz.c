/* Sets every byte of a model file to every value, mends the checksum, opens it, and runs what opens on buffers of
 * exactly the stated sizes. Meant for -fsanitize=address,undefined. Prints how many opened. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ictus_stream.h"

enum { CRC_AT = 16, HEADER_BYTES = 20, MOST_BYTES = 4096, STREAM_ROWS = 300 };

static void mend(uint8_t *bytes, size_t n)
{
    const uint32_t crc = ictus_crc32(ictus_crc32(0, bytes, CRC_AT), bytes + HEADER_BYTES, n - HEADER_BYTES);
    for (int i = 0; i < 4; ++i)
        bytes[CRC_AT + i] = (uint8_t)(crc >> (8 * i));
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

static int run(const uint8_t *bytes, size_t n)
{
    ictus_model model;
    if (ictus_model_open(bytes, n, &model) != ICTUS_OK)
        return 0;
    uint32_t *arena = calloc(1, model.arena_bytes > 0 ? model.arena_bytes : 1);
    int8_t *context = calloc(1, model.n_context > 0 ? model.n_context : 1);
    static volatile int8_t sum; /* so that the reads are not optimised away */
    if (ictus_model_attach(&model, arena, model.arena_bytes) != ICTUS_OK)
        abort();
    for (unsigned stage = 0; stage < model.n_stages; ++stage) {
        const int8_t *logits = NULL;
        if (model.stage[stage].n_convolutions > 0)
            run_stream(&model, stage, context);
        int8_t *input = malloc(model.stage[stage].in_size);
        memset(input, 127, model.stage[stage].in_size);
        if (ictus_model_run_stage(&model, stage, input, context, &logits) != ICTUS_OK)
            abort();
        for (unsigned i = 0; i < model.stage[stage].n_logits; ++i)
            sum = (int8_t)(sum ^ logits[i]);
        free(input);
    }
    free(context);
    free(arena);
    return 1;
}

int main(int argc, char **argv)
{
    static uint8_t original[MOST_BYTES];
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (file == NULL)
        return 2;
    const size_t n = fread(original, 1, MOST_BYTES, file);
    fclose(file);
    long opened = 0;
    for (size_t position = 0; position < n; ++position) {
        for (int value = 0; value < 256; ++value) {
            uint8_t *bytes = malloc(n); /* its own block, so that a byte beyond it is noticed */
            memcpy(bytes, original, n);
            bytes[position] = (uint8_t)value;
            mend(bytes, n);
            opened += run(bytes, n);
            free(bytes);
        }
    }
    printf("%ld\n", opened);
    return 0;
}
