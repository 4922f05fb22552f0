#include "ictus_rhythm.h"

#include "ictus.h"
#include "ictus_fixed.h"
#include "ictus_stream.h"

#define LIMIT 8191 /* counts */
#define AMPLITUDE_FLOOR 16

#if defined(__GNUC__)
#define NOINLINE __attribute__((noinline)) /* so that a profiler can tell the stages apart */
#else
#define NOINLINE
#endif

static int takes_these_inputs(const ictus_model *model)
{
    const ictus_stage *screen = &model->stage[ICTUS_SCREEN], *specialist = &model->stage[ICTUS_SPECIALIST];
    return model->n_stages == 3 && model->window_channels == 1 && model->n_context == ICTUS_RHYTHM_FEATURES &&
           screen->source == ICTUS_SOURCE_CONTEXT && specialist->source == ICTUS_SOURCE_STREAM &&
           specialist->n_logits <= ICTUS_RHYTHM_CLASSES &&
           ictus_stream_needs(specialist, model->window_channels).shortest <= ICTUS_RHYTHM_STRIP;
}

ictus_status ictus_rhythm_init(ictus_rhythm *r, const uint8_t *model, size_t model_bytes, uint32_t *arena,
                               size_t arena_bytes)
{
    static const ictus_rhythm_counts none = {0, 0, 0};
    if (r == NULL)
        return ICTUS_NULL_ARGUMENT;
    r->counts = none;
    r->decided = r->started = r->n_blocks = 0;
    r->n_peaks = 0;
    r->first_block = r->rejected = 0;
    const ictus_status status = ictus_model_open(model, model_bytes, &r->model);
    if (status != ICTUS_OK)
        return status;
    if (!takes_these_inputs(&r->model))
        return ICTUS_OTHER_INPUTS;
    return ictus_model_attach(&r->model, arena, arena_bytes);
}

ictus_status ictus_add_rhythm(ictus_device *device, ictus_rhythm *rhythm, const uint8_t *model, size_t model_bytes,
                              uint32_t *arena, size_t arena_bytes)
{
    if (device == NULL)
        return ICTUS_NULL_ARGUMENT;
    const ictus_status status = ictus_rhythm_init(rhythm, model, model_bytes, arena, arena_bytes);
    if (status != ICTUS_OK)
        return status;
    device->rhythm = rhythm;
    device->end_rhythm_block = ictus_rhythm_end_block;
    return ICTUS_OK;
}

/* Mean of samples 2 i and 2 i + 1 of the second that has just been completed, clipped. */
static int32_t halved(const int16_t *second, int32_t i)
{
    return ictus_clamp32(ictus_asr32(second[2 * i] + second[2 * i + 1] + 1, 1), -LIMIT, LIMIT);
}

/* Follow the larger of the last two seconds' extremes: up by at most half, down by an eighth of the difference. */
static void follow(ictus_rhythm *r, int32_t height)
{
    if (!r->started)
        r->level = r->last_height = height;
    r->started = 1;
    const int32_t step = ictus_max32(height, r->last_height) - r->level;
    r->level += step > 0 ? ictus_min32(step, r->level) >> 1 : -(-step >> 3);
    r->level = ictus_max32(r->level, AMPLITUDE_FLOOR * 16);
    r->last_height = height;
}

static void scale(ictus_rhythm *r, const int16_t *second, int8_t *out)
{
    int32_t extreme = 0;
    for (int32_t i = 0; i < ICTUS_RHYTHM_BLOCK; ++i)
        extreme = ictus_max32(extreme, ictus_abs32(halved(second, i)));
    follow(r, extreme * 16);
    const int32_t typical = r->level >> 4;             /* 16..8191 */
    const int32_t factor = (64 * 65536) / typical;     /* 2 * typical * factor <= 2^23 */
    for (int32_t i = 0; i < ICTUS_RHYTHM_BLOCK; ++i) {
        const int32_t value = ictus_clamp32(halved(second, i), -2 * typical, 2 * typical);
        out[i] = ictus_sat8(ictus_asr32(value * factor + 32768, 16));
    }
}

/* Returns 1 if the strip is not found normal. */
static NOINLINE int ictus_run_rhythm_screen(ictus_rhythm *r, const int8_t *features)
{
    const int8_t *logits = NULL;
    (void)ictus_model_run_stage(&r->model, ICTUS_SCREEN, features, features, &logits);
    r->event.screen_logit = logits[0];
    r->event.reached = ICTUS_AT_SCREEN;
    r->event.label = 0;
    r->counts.screened++;
    return logits[0] >= r->model.stage[ICTUS_SCREEN].threshold;
}

static NOINLINE void ictus_run_rhythm_specialist(ictus_rhythm *r, const int8_t *features)
{
    ictus_stream stream;
    const int8_t *logits = NULL;
    unsigned best = 0;
    (void)ictus_stream_reset(&stream, &r->model, ICTUS_SPECIALIST);
    ictus_stream_push(&stream, r->wave, ICTUS_RHYTHM_STRIP);
    (void)ictus_stream_finish(&stream, features, &logits); /* ictus_rhythm_init saw to it that none can fail */
    for (unsigned i = 0; i < r->model.stage[ICTUS_SPECIALIST].n_logits; ++i) {
        r->event.class_logits[i] = logits[i];
        if (logits[i] > logits[best])
            best = i;
    }
    r->event.reached = ICTUS_AT_SPECIALIST;
    r->event.label = (int8_t)best;
    r->counts.specialist++;
}

static uint8_t count_bits(uint32_t bits)
{
    uint8_t n = 0;
    for (; bits != 0; bits &= bits - 1u)
        ++n;
    return n;
}

static void decide(ictus_rhythm *r)
{
    static const ictus_rhythm_event undecided = {.reached = ICTUS_AT_GATE, .label = -1};
    int8_t features[ICTUS_RHYTHM_FEATURES];
    uint32_t n_peaks = 0;
    while (n_peaks < r->n_peaks && r->peak[n_peaks] < 2 * ICTUS_RHYTHM_STRIP)
        ++n_peaks;
    r->event = undecided;
    r->event.first_block = r->first_block;
    r->event.n_analysable = (uint8_t)(ICTUS_RHYTHM_STRIP_BLOCKS - count_bits(r->rejected));
    r->decided = 1;
    r->counts.strips++;
    if (r->event.n_analysable < ICTUS_RHYTHM_MIN_ANALYSABLE)
        return;
    ictus_rhythm_features(r->wave, r->peak, n_peaks, features);
    if (ictus_run_rhythm_screen(r, features))
        ictus_run_rhythm_specialist(r, features);
}

/* Go on to the strip after this one; its first peaks are known already. */
static void begin_next(ictus_rhythm *r)
{
    uint16_t n = 0;
    for (uint32_t i = 0; i < r->n_peaks; ++i)
        if (r->peak[i] >= 2 * ICTUS_RHYTHM_STRIP)
            r->peak[n++] = (uint16_t)(r->peak[i] - 2 * ICTUS_RHYTHM_STRIP);
    r->n_peaks = n;
    r->n_blocks = 0;
    r->first_block += ICTUS_RHYTHM_STRIP_BLOCKS;
}

void ictus_rhythm_end_block(ictus_rhythm *r, const int16_t *ring, uint32_t ring_size, uint32_t rejected)
{
    if (r->n_blocks == ICTUS_RHYTHM_STRIP_BLOCKS) {
        decide(r);
        begin_next(r);
    }
    const uint32_t at = (r->first_block + r->n_blocks) * (2u * ICTUS_RHYTHM_BLOCK) & (ring_size - 1u);
    scale(r, ring + at, r->wave + r->n_blocks * ICTUS_RHYTHM_BLOCK);
    r->rejected = r->rejected << 1 | (rejected & 1u);
    r->n_blocks++;
}
