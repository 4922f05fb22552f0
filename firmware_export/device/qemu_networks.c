/* Networks alone on a board of QEMU: units from the file `in`, logits of all stages to the file `out`. A unit is
 * int8[n_features], int8[n_context] and its window, int8[n_rows][window_channels]; before the first one stand the
 * number of units and n_rows, each uint32. */
#include "ictus_model_data.h"
#include "ictus_stream.h"
#include "qemu_semihost.h"

enum { CHUNK = 64, MOST = ICTUS_MODEL_WINDOW_LENGTH > CHUNK ? ICTUS_MODEL_WINDOW_LENGTH : CHUNK };

static uint32_t arena[ICTUS_ARENA_BYTES / sizeof(uint32_t)];
static int8_t features[ICTUS_MODEL_FEATURES], context[ICTUS_MODEL_CONTEXT + 1];
static int8_t window[MOST * ICTUS_MODEL_WINDOW_CHANNELS];
static uint32_t in, out;

static void read_all(void *bytes, uint32_t n)
{
    if (n > 0 && ictus_host_read(in, bytes, n) != n)
        ictus_host_fail("the input ends within a unit");
}

#if ICTUS_MODEL_STREAMS

static ictus_status run_stream(const ictus_model *model, unsigned stage, uint32_t n_rows, const int8_t **logits)
{
    static ictus_stream stream;
    const ictus_status status = ictus_stream_reset(&stream, model, stage);
    for (uint32_t done = 0; status == ICTUS_OK && done < n_rows; done += CHUNK) {
        const uint32_t n = n_rows - done < CHUNK ? n_rows - done : CHUNK;
        read_all(window, n * ICTUS_MODEL_WINDOW_CHANNELS);
        ictus_stream_push(&stream, window, n);
    }
    return status == ICTUS_OK ? ictus_stream_finish(&stream, context, logits) : status;
}

#else

static ictus_status run_stream(const ictus_model *model, unsigned stage, uint32_t n_rows, const int8_t **logits)
{
    (void)model, (void)stage, (void)n_rows, (void)logits;
    return ICTUS_NO_SUCH_STAGE;
}

#endif

static void run_unit(const ictus_model *model, uint32_t n_rows)
{
    const int8_t *const inputs[] = {features, window, NULL, context};
    read_all(features, ICTUS_MODEL_FEATURES);
    read_all(context, ICTUS_MODEL_CONTEXT);
    if (!ICTUS_MODEL_STREAMS)
        read_all(window, sizeof window);
    for (unsigned stage = 0; stage < model->n_stages; ++stage) {
        const int8_t *logits = NULL;
        const uint8_t source = model->stage[stage].source;
        const ictus_status status = source == ICTUS_SOURCE_STREAM
                                        ? run_stream(model, stage, n_rows, &logits)
                                        : ictus_model_run_stage(model, stage, inputs[source], context, &logits);
        if (status != ICTUS_OK)
            ictus_host_fail("a stage is refused");
        ictus_host_write(out, logits, model->stage[stage].n_logits);
    }
}

int main(void)
{
    static ictus_model model;
    uint32_t head[2];
    in = ictus_host_open("in", 0);
    out = ictus_host_open("out", 1);
    read_all(head, sizeof head);
    if (ictus_model_open(ictus_model_data, ICTUS_MODEL_BYTES, &model) != ICTUS_OK ||
        ictus_model_attach(&model, arena, sizeof arena) != ICTUS_OK)
        ictus_host_fail("the model is refused");
    for (uint32_t unit = 0; unit < head[0]; ++unit)
        run_unit(&model, head[1]);
    return 0;
}
