/* The packed or unrolled network by the runtime. */
#include "ictus_model_data.h"
#include "ictus_stream.h"
#include "peers.h"

static ictus_model model;
static uint32_t own_arena[ICTUS_ARENA_BYTES / sizeof(uint32_t)];

uint32_t peers_init(uint8_t *arena, uint32_t n_bytes)
{
    (void)arena;
    (void)n_bytes;
    ictus_status status = ictus_model_open(ictus_model_data, ICTUS_MODEL_BYTES, &model);
    if (status == ICTUS_OK)
        status = ictus_model_attach(&model, own_arena, sizeof own_arena);
    return status == ICTUS_OK ? 0 : UINT32_MAX;
}

static int8_t *run(unsigned number, const int8_t *input, const int8_t *context, int8_t *logits)
{
    const int8_t *found = NULL;
#if ICTUS_MODEL_STREAMS
    static ictus_stream stream;
    if (number == ICTUS_SPECIALIST) {
        (void)ictus_stream_reset(&stream, &model, number);
        ictus_stream_push(&stream, input, PEERS_WINDOW_ROWS);
        (void)ictus_stream_finish(&stream, context, &found);
    } else
#endif
        (void)ictus_model_run_stage(&model, number, input, context, &found);
    for (unsigned i = 0; i < model.stage[number].n_logits; ++i)
        *logits++ = found[i];
    return logits;
}

void peers_infer(const int8_t *window, const int8_t *context, int8_t *logits)
{
    const int reads_context = model.stage[ICTUS_SCREEN].source == ICTUS_SOURCE_CONTEXT;
    logits = run(ICTUS_SCREEN, reads_context ? context : window, context, logits);
    (void)run(ICTUS_SPECIALIST, window, context, logits);
}
