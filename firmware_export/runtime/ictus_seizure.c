#include "ictus_seizure.h"

#include "ictus_fixed.h"
#include "ictus_stream.h"

static int takes_these_inputs(const ictus_model *model)
{
    const ictus_stage *gate = &model->stage[ICTUS_GATE], *screen = &model->stage[ICTUS_SCREEN];
    const ictus_stage *specialist = &model->stage[ICTUS_SPECIALIST];
    return model->n_stages == 3 && model->window_channels == 1 && model->n_features == ICTUS_EEG_GATE_FEATURES &&
           model->n_context == ICTUS_EEG_CONTEXT && gate->source == ICTUS_SOURCE_FEATURES &&
           screen->source == ICTUS_SOURCE_CONTEXT && specialist->source == ICTUS_SOURCE_STREAM &&
           ictus_stream_needs(specialist, 1).shortest <= ICTUS_EEG_WINDOW;
}

ictus_status ictus_seizure_init(ictus_seizure *s, ictus_eeg_channel *channels, uint32_t n_channels,
                                const uint8_t *model, size_t model_bytes, uint32_t *arena, size_t arena_bytes)
{
    static const ictus_seizure_counts none = {0, 0, 0, 0};
    if (s == NULL || channels == NULL)
        return ICTUS_NULL_ARGUMENT;
    if (n_channels == 0 || n_channels > ICTUS_EEG_MAX_CHANNELS)
        return ICTUS_OTHER_INPUTS;
    s->channel = channels;
    s->n_channels = (uint8_t)n_channels;
    s->counts = none;
    ictus_event_init(&s->tracker);
    for (uint32_t c = 0; c < n_channels; ++c)
        ictus_eeg_init(&channels[c]);
    const ictus_status status = ictus_model_open(model, model_bytes, &s->model);
    if (status != ICTUS_OK)
        return status;
    return takes_these_inputs(&s->model) ? ictus_model_attach(&s->model, arena, arena_bytes) : ICTUS_OTHER_INPUTS;
}

/* Mean, rounded down, of the upper half of logits[n], 1..ICTUS_EEG_MAX_CHANNELS, which are put in order. */
static int8_t pool(int8_t *logits, uint32_t n)
{
    const uint32_t n_upper = (n + 1u) / 2u;
    int32_t sum = 128 * (int32_t)n_upper; /* so that the division rounds down */
    for (uint32_t i = 0; i < n_upper; ++i) {
        for (uint32_t k = i + 1; k < n; ++k) {
            const int8_t larger = (int8_t)ictus_max32(logits[i], logits[k]);
            logits[k] = (int8_t)ictus_min32(logits[i], logits[k]);
            logits[i] = larger;
        }
        sum += logits[i];
    }
    return (int8_t)(sum / (int32_t)n_upper - 128);
}

/* Logit of a stage that is no stream; ictus_seizure_init saw to it that the call cannot fail. */
static int8_t run_stage(const ictus_seizure *s, unsigned stage, const int8_t *input, const int8_t *context)
{
    const int8_t *logits = NULL;
    (void)ictus_model_run_stage(&s->model, stage, input, context, &logits);
    return logits[0];
}

/* Logit of the latest 4 s of a channel. */
static int8_t run_window(const ictus_seizure *s, const ictus_eeg_channel *channel)
{
    ictus_stream stream;
    int8_t block[ICTUS_EEG_BLOCK];
    const int8_t *logits = NULL;
    (void)ictus_stream_reset(&stream, &s->model, ICTUS_SPECIALIST);
    for (uint32_t age = ICTUS_EEG_WINDOW_S; age-- > 0;) {
        ictus_eeg_scaled(channel, age, block);
        ictus_stream_push(&stream, block, ICTUS_EEG_BLOCK);
    }
    (void)ictus_stream_finish(&stream, channel->context, &logits); /* nor can any of these */
    return logits[0];
}

/* Judge the second that has just ended of a channel. */
static void judge(ictus_seizure *s, uint32_t c)
{
    const uint32_t in_window = (1u << ICTUS_EEG_WINDOW_S) - 1u;
    ictus_eeg_channel *channel = &s->channel[c];
    int8_t gate[ICTUS_EEG_GATE_FEATURES];
    ictus_eeg_features(channel, gate);
    const uint32_t rejected = run_stage(s, ICTUS_GATE, gate, channel->context) < s->model.stage[ICTUS_GATE].threshold;
    channel->rejected = (uint8_t)(((uint32_t)channel->rejected << 1 | rejected) & in_window);
    s->second.rejected |= rejected << c;
    s->counts.rejected += rejected;
    if (s->second.number >= ICTUS_EEG_FIRST_DECISION_S &&
        ictus_count_bits(channel->rejected) <= ICTUS_EEG_MAX_REJECTED_S)
        s->second.analysable |= UINT32_C(1) << c;
}

static ICTUS_NOINLINE void ictus_run_eeg_gate(ictus_seizure *s)
{
    for (uint32_t c = 0; c < s->n_channels; ++c)
        judge(s, c);
}

static ICTUS_NOINLINE void ictus_run_eeg_screen(ictus_seizure *s)
{
    int8_t logits[ICTUS_EEG_MAX_CHANNELS];
    uint32_t n = 0;
    for (uint32_t c = 0; c < s->n_channels; ++c) {
        const int8_t *context = s->channel[c].context;
        if ((s->second.analysable >> c & 1u) != 0)
            logits[n++] = run_stage(s, ICTUS_SCREEN, context, context);
    }
    s->second.screen_logit = pool(logits, n);
    s->second.reached = ICTUS_SECOND_AT_SCREEN;
    s->counts.screened++;
}

static ICTUS_NOINLINE void ictus_run_eeg_specialist(ictus_seizure *s)
{
    int8_t logits[ICTUS_EEG_MAX_CHANNELS];
    uint32_t n = 0;
    for (uint32_t c = 0; c < s->n_channels; ++c)
        if ((s->second.analysable >> c & 1u) != 0)
            logits[n++] = run_window(s, &s->channel[c]);
    s->second.specialist_logit = pool(logits, n);
    s->second.reached = ICTUS_SECOND_AT_SPECIALIST;
    s->counts.specialist++;
}

static void end_second(ictus_seizure *s)
{
    static const ictus_seizure_second undecided = {.screen_logit = ICTUS_EEG_NO_SCORE,
                                                   .specialist_logit = ICTUS_EEG_NO_SCORE};
    ictus_seizure_second *now = &s->second;
    *now = undecided;
    now->number = s->counts.seconds++;
    ictus_run_eeg_gate(s);
    if (now->analysable != 0) {
        ictus_run_eeg_screen(s);
        if (now->screen_logit >= s->model.stage[ICTUS_SCREEN].threshold)
            ictus_run_eeg_specialist(s);
    }
    const uint32_t is_above = now->reached == ICTUS_SECOND_AT_SPECIALIST && now->specialist_logit >= 0;
    now->began = (uint8_t)ictus_event_push(&s->tracker, is_above);
    now->is_on = s->tracker.is_on;
}

int ictus_eeg_push_sample(ictus_seizure *s, const int16_t *sample)
{
    int ends = 0;
    for (uint32_t c = 0; c < s->n_channels; ++c)
        ends = ictus_eeg_push(&s->channel[c], sample[c]);
    if (ends)
        end_second(s);
    return ends;
}
