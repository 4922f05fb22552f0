/* The packed or unrolled network by the runtime. */
#include "ictus_model_data.h"
#include "ictus_stream.h"
#include "peers.h"

/* Stages of this program's model: the gate is left out, as the others have none. */
enum { SCREEN = 0, SPECIALIST = 1 };

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

#if ICTUS_MODEL_STREAMS
static const int8_t *run_stream(const int8_t *input, const int8_t *context)
{
    static ictus_stream stream;
    const int8_t *logits = NULL;
    (void)ictus_stream_reset(&stream, &model, SPECIALIST);
    ictus_stream_push(&stream, input, PEERS_WINDOW_ROWS);
    (void)ictus_stream_finish(&stream, context, &logits);
    return logits;
}
#endif

void peers_infer(const int8_t *window, const int8_t *context, int8_t *logits)
{
    for (unsigned number = SCREEN; number <= SPECIALIST; ++number) {
        const ictus_stage *stage = &model.stage[number];
        const int8_t *found = NULL;
#if ICTUS_MODEL_STREAMS
        if (stage->source == ICTUS_SOURCE_STREAM)
            found = run_stream(window, context);
        else
#endif
        {
            const int8_t *input = stage->source == ICTUS_SOURCE_CONTEXT ? context : window;
            (void)ictus_model_run_stage(&model, number, input, context, &found);
        }
        for (unsigned i = 0; i < stage->n_logits; ++i)
            *logits++ = found[i];
    }
}
