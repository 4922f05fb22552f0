#include "ictus.h"

#include "ictus_fixed.h"

#if defined(__GNUC__)
#define NOINLINE __attribute__((noinline)) /* so that a profiler can tell the stages apart */
#else
#define NOINLINE
#endif

enum {
    MAX_WAIT = ICTUS_BEAT_POST_CAP + ICTUS_QRS_MAX_LATENCY, /* samples after an R peak: no next one will matter */
    WINDOW_WAIT = ICTUS_BEAT_WINDOW - ICTUS_BEAT_PRE_R + ICTUS_FILTER_DELAY, /* until the window is filtered */
    WINDOW_SIZE = ICTUS_BEAT_WINDOW * ICTUS_BEAT_CHANNELS
};

static int has_this_gate(const ictus_model *model)
{
    return model->n_stages == 3 && model->n_features == ICTUS_GATE_FEATURES &&
           model->stage[ICTUS_GATE].source == ICTUS_SOURCE_FEATURES;
}

static int takes_these_beats(const ictus_model *model)
{
    const ictus_stage *stage = model->stage;
    return model->window_length == ICTUS_BEAT_WINDOW && model->window_channels == ICTUS_BEAT_CHANNELS &&
           model->n_context == ICTUS_BEAT_CONTEXT &&
           (stage[ICTUS_SCREEN].source == ICTUS_SOURCE_WINDOW || stage[ICTUS_SCREEN].source == ICTUS_SOURCE_CONTEXT) &&
           (stage[ICTUS_SPECIALIST].source == ICTUS_SOURCE_KEPT ||
            stage[ICTUS_SPECIALIST].source == ICTUS_SOURCE_WINDOW) &&
           stage[ICTUS_SPECIALIST].n_logits <= ICTUS_MAX_CLASSES;
}

ictus_status ictus_init(ictus_device *device, const uint8_t *model, size_t model_bytes, uint32_t *arena,
                        size_t arena_bytes)
{
    static const ictus_counts none = {0};
    if (device == NULL)
        return ICTUS_NULL_ARGUMENT;
    ictus_filter_init(&device->filter);
    ictus_qrs_init(&device->qrs);
    ictus_gate_init(&device->gate);
    ictus_beat_init(&device->beat);
    device->counts = none;
    device->rhythm = NULL;
    device->alarm = NULL;
    device->n_samples = device->n_done = device->rejected_blocks = device->n_pending = device->last_peak = 0;
    for (unsigned i = 0; i < ICTUS_BEAT_RING; ++i)
        device->filtered[i] = 0;
    const ictus_status status = ictus_model_open(model, model_bytes, &device->model);
    if (status != ICTUS_OK)
        return status;
    device->decides_beats = (uint8_t)takes_these_beats(&device->model);
    const int decides_strips = device->model.stage[ICTUS_SPECIALIST].source == ICTUS_SOURCE_STREAM;
    if (!has_this_gate(&device->model) || !(device->decides_beats || decides_strips))
        return ICTUS_OTHER_INPUTS;
    return ictus_model_attach(&device->model, arena, arena_bytes);
}

static const int8_t *run_stage(ictus_device *device, unsigned stage, const int8_t *input, const int8_t *context)
{
    const int8_t *logits = NULL;
    (void)ictus_model_run_stage(&device->model, stage, input, context, &logits);
    return logits; /* ictus_init saw to it that the call cannot fail */
}

/* Judge the block that has just ended. */
static NOINLINE void ictus_run_gate(ictus_device *device, const int8_t *features)
{
    static const int8_t no_context[ICTUS_BEAT_CONTEXT] = {0};
    const int8_t *logits = run_stage(device, ICTUS_GATE, features, no_context);
    const uint32_t rejected = logits[0] < device->model.stage[ICTUS_GATE].threshold;
    device->rejected_blocks = device->rejected_blocks << 1 | rejected;
    device->counts.blocks++;
    device->counts.rejected += rejected;
}

/* Returns 1 if the beat is abnormal. */
static NOINLINE int ictus_run_screen(ictus_device *device, const int8_t *window, const int8_t *context,
                                     ictus_event *event)
{
    const int8_t *input = device->model.stage[ICTUS_SCREEN].source == ICTUS_SOURCE_CONTEXT ? context : window;
    event->screen_logit = run_stage(device, ICTUS_SCREEN, input, context)[0];
    event->reached = ICTUS_AT_SCREEN;
    event->label = 0;
    device->counts.screened++;
    return event->screen_logit >= device->model.stage[ICTUS_SCREEN].threshold;
}

static NOINLINE void ictus_run_specialist(ictus_device *device, const int8_t *window, const int8_t *context,
                                          ictus_event *event)
{
    const int8_t *logits = run_stage(device, ICTUS_SPECIALIST, window, context);
    unsigned best = 0;
    for (unsigned i = 0; i < device->model.stage[ICTUS_SPECIALIST].n_logits; ++i) {
        event->class_logits[i] = logits[i];
        if (logits[i] > logits[best])
            best = i;
    }
    event->reached = ICTUS_AT_SPECIALIST;
    event->label = (int8_t)best;
    device->counts.specialist++;
}

static int is_rejected(const ictus_device *device, uint32_t peak)
{
    const uint32_t blocks_ago = device->n_samples / ICTUS_GATE_BLOCK - 1u - peak / ICTUS_GATE_BLOCK;
    return (int)(device->rejected_blocks >> (blocks_ago & 31u) & 1u);
}

/* Decide the oldest pending beat; `post_rr` is the distance to the next one, or the cap. */
static void decide(ictus_device *device, uint32_t post_rr, ictus_event *event)
{
    static const ictus_event undecided = {.reached = ICTUS_AT_GATE, .label = -1};
    int8_t window[WINDOW_SIZE], context[ICTUS_BEAT_CONTEXT];
    const uint32_t peak = device->pending[0];
    *event = undecided;
    event->peak = peak;
    device->counts.beats++;
    ictus_beat_cut(&device->beat, device->filtered, peak, peak - device->last_peak, post_rr, window, context);
    device->last_peak = peak;
    if (is_rejected(device, peak))
        return;
    if (ictus_run_screen(device, window, context, event))
        ictus_run_specialist(device, window, context, event);
}

static void forget_oldest(ictus_device *device)
{
    --device->n_pending;
    for (uint32_t i = 0; i < device->n_pending; ++i)
        device->pending[i] = device->pending[i + 1];
}

/* Distance from the oldest pending beat to the next one, capped; 0 while it is not known. */
static uint32_t known_post_rr(const ictus_device *device)
{
    const uint32_t waited = device->n_samples - device->pending[0];
    if (waited < WINDOW_WAIT)
        return 0;
    if (device->n_pending > 1)
        return (uint32_t)ictus_min32((int32_t)(device->pending[1] - device->pending[0]), ICTUS_BEAT_POST_CAP);
    return waited > MAX_WAIT ? ICTUS_BEAT_POST_CAP : 0;
}

static int end_block(ictus_device *device, const int8_t *features)
{
    int n_events = 0;
    ictus_run_gate(device, features);
    if (device->alarm != NULL)
        device->push_alarm(device->alarm, features);
    while (device->n_pending > 0) {
        const uint32_t post_rr = known_post_rr(device);
        if (post_rr == 0)
            break;
        decide(device, post_rr, &device->event[n_events++]);
        forget_oldest(device);
    }
    return n_events;
}

static void add_peak(ictus_device *device, uint32_t peak)
{
    if (device->rhythm != NULL)
        ictus_rhythm_add_peak(device->rhythm, peak);
    if (!device->decides_beats)
        return;
    if (device->n_pending == ICTUS_MAX_PENDING) {
        device->counts.dropped++;
        forget_oldest(device);
    }
    device->pending[device->n_pending++] = peak;
}

/* Filter the `n` samples from `n_done` on, all of one piece, and keep the result where the beat windows are cut. */
static void filter_piece(ictus_device *device, uint32_t n)
{
    const uint32_t first = device->n_done;
    const int16_t *x = &device->piece[first % ICTUS_FILTER_PIECE];
    ictus_filter_run(&device->filter, x, n, device->filtered, first - ICTUS_FILTER_DELAY, ICTUS_BEAT_RING);
    for (uint32_t t = first; t < ICTUS_FILTER_DELAY && t < first + n; ++t)
        device->filtered[(t - ICTUS_FILTER_DELAY) % ICTUS_BEAT_RING] = 0; /* before the recording there is nothing */
    device->n_done += n;
}

/* Everything that the samples since the last call lead to; all of them belong to one piece. */
static ICTUS_NOINLINE int end_piece(ictus_device *device)
{
    int8_t features[ICTUS_GATE_FEATURES];
    uint8_t peak_age[ICTUS_FILTER_PIECE];
    const uint32_t n_new = device->n_samples - device->n_done;
    filter_piece(device, n_new);
    const uint32_t n_beats = ictus_qrs_run(&device->qrs, &device->filter, n_new, peak_age);
    for (uint32_t i = 0; i < n_beats; ++i)
        add_peak(device, device->n_done - 1u - peak_age[i]);
    const int block_ended = device->n_samples % ICTUS_GATE_PIECE == 0u &&
                            ictus_gate_push(&device->gate, &device->filter, features);
    return block_ended ? end_block(device, features) : 0;
}

/* The filter is ICTUS_FILTER_DELAY samples late: so much after the gate has judged a second, all of it is there. */
static void push_rhythm(ictus_device *device)
{
    device->rhythm->decided = 0;
    if (device->n_samples % ICTUS_GATE_BLOCK != ICTUS_FILTER_DELAY || device->n_samples < ICTUS_GATE_BLOCK)
        return;
    (void)end_piece(device);
    device->end_rhythm_block(device->rhythm, device->filtered, ICTUS_BEAT_RING, device->rejected_blocks & 1u);
}

int ictus_push_sample(ictus_device *device, int16_t sample)
{
    device->piece[device->n_samples % ICTUS_FILTER_PIECE] = sample;
    device->n_samples++;
    if (device->rhythm != NULL)
        push_rhythm(device);
    return device->n_samples % ICTUS_FILTER_PIECE == 0u ? end_piece(device) : 0;
}
