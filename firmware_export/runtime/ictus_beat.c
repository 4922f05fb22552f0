#include "ictus_beat.h"

#include "ictus_fixed.h"

#define B_LIMIT 2047
#define AMPLITUDE_FLOOR 16
#define AMPLITUDE_HALF_WIDTH 6
#define QRS_HALF_WIDTH 13
#define QRS_SAMPLES (2 * QRS_HALF_WIDTH + 1)
#define QRS_FIRST (ICTUS_BEAT_PRE_R - QRS_HALF_WIDTH)
#define P_WAVE_FIRST (ICTUS_BEAT_PRE_R - 32)
#define P_WAVE_SAMPLES 20
#define P_SMOOTHING 4
#define RR_CAP 255u
#define LONG_RR_CAP 1023u
#define FIRST_DEVIATION 4
#define DEVIATION_FLOOR 2
#define SHARE_UNIT 32768

/* What is known of the patient before this beat. */
typedef struct {
    const int16_t *ring;
    uint32_t peak;
    int16_t *shape;
    int32_t typical;   /* amplitude, counts, 16..2047 */
    int32_t amplitude; /* of this beat */
    int32_t area;      /* sum of magnitudes of its QRS samples */
    int32_t highest;   /* largest magnitude of them */
} view;

void ictus_beat_init(ictus_beat *s)
{
    s->seen = 0;
}

/* Sample i of the window, counts, |b| <= 2047. */
static int32_t beat_at(const view *v, int32_t i)
{
    uint32_t t = v->peak - ICTUS_BEAT_PRE_R + (uint32_t)i;
    const int32_t b = v->ring[t & (ICTUS_BEAT_RING - 1u)];
    return ictus_max32(ictus_clamp32(b, -B_LIMIT - 1, B_LIMIT), -B_LIMIT); /* the clamp takes one instruction */
}

static int32_t shape_at(const view *v, int32_t i)
{
    return ictus_asr32(v->shape[i], 4);
}

/* Adds magnitudes of the beat from `first` to before `end` to its area; returns the largest. */
static int32_t add_area(view *v, int32_t first, int32_t end)
{
    int32_t largest = 0, area = v->area;
    for (int32_t i = first; i < end; i++) {
        const int32_t value = ictus_abs32(beat_at(v, i));
        area += value;
        largest = ictus_max32(largest, value);
    }
    v->area = area;
    return largest;
}

static void measure(view *v)
{
    const int32_t first = ICTUS_BEAT_PRE_R - AMPLITUDE_HALF_WIDTH, end = ICTUS_BEAT_PRE_R + AMPLITUDE_HALF_WIDTH + 1;
    v->area = 0;
    v->amplitude = add_area(v, first, end);
    v->highest = ictus_max32(add_area(v, QRS_FIRST, first), add_area(v, end, QRS_FIRST + QRS_SAMPLES));
    v->highest = ictus_max32(v->highest, v->amplitude);
}

/* log2 of the averaging length, of which `log_n` is that of the beats seen: a cumulative mean that turns into a running
 * one. */
static unsigned rate_shift(int32_t log_n, int32_t fastest, int32_t slowest)
{
    return (unsigned)ictus_clamp32(log_n, fastest, slowest);
}

/* Twice a/b - 1 in Q2.5; 0 <= a < 2^25, b > 0. */
static int8_t ratio(int32_t a, int32_t b)
{
    return ictus_sat8(a * 64 / b - 64);
}

/* The first beat is all that is known of the patient, and the interval after it of the rhythm. */
static void meet(ictus_beat *s, const view *v, int32_t post)
{
    s->amplitude = v->amplitude * 16;
    s->rr_long = s->rr_recording = s->rr_recent = post * 65536;
    s->rr_square = post * post * 1024;
    s->rr_deviation = FIRST_DEVIATION * 65536;
    for (int32_t i = 0; i < ICTUS_BEAT_WINDOW; i++) {
        s->shape[i] = (int16_t)(beat_at(v, i) * 16);
    }
    for (uint32_t i = 0; i < ICTUS_BEAT_LOCAL; i++) {
        s->rr[i] = (uint8_t)post;
    }
    for (int32_t k = 0; k < ICTUS_BEAT_SHARES; k++) {
        s->jumps[k] = 0;
    }
}

/* Writes the window, and learns the template. Its corrections are limited, so that an ectopic beat moves it no further
 * than a normal one. A magnitude of 2 * typical becomes 128, so that the saturation clips there: products stay below
 * 2^31, as the beat stays within 2047, the template within 2048 and the factor within 2^18. */
static ICTUS_NOINLINE void write_window(const view *v, int32_t limit, unsigned shift, int8_t *window)
{
    const int32_t factor = (64 * 65536) / v->typical;
    const view own = *v; /* which no write to the window can change */
    int16_t *shape = own.shape;
    for (int32_t i = 0; i < ICTUS_BEAT_WINDOW; i++) {
        const int32_t beat = beat_at(&own, i), learned = *shape;
        const int32_t residual = beat - ictus_asr32(learned, 4);
        const int32_t miss = ictus_clamp32(beat * 16 - learned, -limit, limit);
        *shape++ = (int16_t)(learned + ictus_asr32(miss, shift));
        *window++ = ictus_sat8(ictus_asr32(beat * factor + 32768, 16));
        *window++ = ictus_sat8(ictus_asr32(residual * factor + 32768, 16));
    }
}

static void write_rr_context(const ictus_beat *s, int32_t pre, int32_t post, int8_t *out)
{
    int32_t mean = s->rr_long >> 12;
    int32_t deviation = ictus_max32(s->rr_deviation >> 12, DEVIATION_FLOOR * 16);
    int32_t miss = pre * 16 - mean;
    int32_t local = 0, change = 0, later = pre;
    for (uint32_t i = 1; i <= ICTUS_BEAT_LOCAL; i++) {
        int32_t rr = s->rr[(s->seen - i) & (ICTUS_BEAT_LOCAL - 1u)];
        local += rr;
        change += ictus_abs32(later - rr);
        later = rr;
    }
    out[0] = ratio(pre * 16, mean);
    out[1] = ratio(pre * 8, local);
    out[2] = ratio(post * 16, mean);
    out[3] = ratio(post * 8, local);
    out[4] = ratio(post, pre);
    out[5] = ratio(pre, s->rr[(s->seen - 1u) & (ICTUS_BEAT_LOCAL - 1u)]);
    out[6] = ictus_sat8(pre - 96);
    out[7] = ictus_sat8(change * 256 / mean);
    out[8] = ratio(pre * 16, s->rr_recording >> 12);
    out[9] = ictus_sat8(miss * 16 / deviation);
}

static void write_later_context(const ictus_beat *s, int32_t pre, int8_t *out)
{
    for (int32_t k = 0; k < ICTUS_BEAT_SHARES; k++) {
        out[k] = (int8_t)ictus_asr32(s->jumps[k], 8);
    }
    out[ICTUS_BEAT_SHARES] = ratio(pre * 16, ictus_asr32(s->rr_square / (s->rr_recent >> 12), 2));
}

/* How far the template's P wave, smoothed, rises above and falls below the line between its ends. */
static void write_p_wave_context(const view *v, int8_t *out)
{
    int32_t sum = 0;
    for (int32_t i = P_WAVE_FIRST; i < P_WAVE_FIRST + P_SMOOTHING; i++) {
        sum += shape_at(v, i);
    }
    int32_t ends = sum, highest = sum, lowest = sum;
    for (int32_t i = P_WAVE_FIRST + P_SMOOTHING; i < P_WAVE_FIRST + P_WAVE_SAMPLES; i++) {
        sum += shape_at(v, i) - shape_at(v, i - P_SMOOTHING);
        highest = ictus_max32(highest, sum);
        lowest = ictus_min32(lowest, sum);
    }
    ends += sum;
    out[0] = ictus_sat8((2 * highest - ends) * 64 / v->typical);
    out[1] = ictus_sat8((ends - 2 * lowest) * 64 / v->typical);
}

static int32_t residual_sum(const int8_t *window, int32_t first, int32_t n)
{
    int32_t sum = 0;
    for (int32_t i = first; i < first + n; i++) {
        sum += ictus_abs32(window[2 * i + 1]);
    }
    return sum;
}

/* Area over peak of a QRS in 1/8 sample, at least 8. */
static int32_t width(int32_t area, int32_t highest)
{
    return ictus_max32(8 * area / ictus_max32(highest, 1), 8);
}

static int32_t template_width(const view *v)
{
    int32_t area = 0, highest = 0;
    for (int32_t i = QRS_FIRST; i < QRS_FIRST + QRS_SAMPLES; i++) {
        const int32_t value = ictus_abs32(shape_at(v, i));
        area += value;
        highest = ictus_max32(highest, value);
    }
    return width(area, highest);
}

static void write_residual_context(const int8_t *window, int8_t *qrs, int8_t *p_wave)
{
    *qrs = ictus_sat8(residual_sum(window, QRS_FIRST, QRS_SAMPLES) * 4 / QRS_SAMPLES);
    *p_wave = ictus_sat8(residual_sum(window, P_WAVE_FIRST, P_WAVE_SAMPLES) * 8 / P_WAVE_SAMPLES);
}

/* `pause` is the interval before the beat with the larger cap, `n` the log2 of the beats seen. */
static void learn_rr(ictus_beat *s, int32_t pre, int32_t pause, int32_t n)
{
    int32_t mean = s->rr_long >> 12;
    int32_t miss = ictus_min32(ictus_abs32(pre * 16 - mean), mean >> 2);
    int32_t jump = ictus_abs32(pre - s->rr[(s->seen - 1u) & (ICTUS_BEAT_LOCAL - 1u)]) * 16;
    for (int32_t k = 0; k < ICTUS_BEAT_SHARES; k++) {
        int32_t target = jump > mean >> (4 - k) ? SHARE_UNIT : 0; /* the share never reaches it: it fits int16 */
        s->jumps[k] = (int16_t)(s->jumps[k] + ictus_asr32(target - s->jumps[k], rate_shift(n, 1, 5)));
    }
    s->rr_long += ictus_asr32(pause * 65536 - s->rr_long, rate_shift(n, 0, 7));
    s->rr_recording += ictus_asr32(pause * 65536 - s->rr_recording, rate_shift(n, 0, 10));
    s->rr_recent += ictus_asr32(pause * 65536 - s->rr_recent, rate_shift(n, 0, 9));
    s->rr_square += ictus_asr32(pause * pause * 1024 - s->rr_square, rate_shift(n, 0, 9));
    s->rr_deviation += ictus_asr32(miss * 4096 - s->rr_deviation, rate_shift(n, 3, 7));
    s->rr[s->seen & (ICTUS_BEAT_LOCAL - 1u)] = (uint8_t)pre;
    s->seen = (uint16_t)(s->seen + 1u < 2048u ? s->seen + 1u : 1024u); /* 1024 is 0 modulo 8 */
}

void ictus_beat_cut(ictus_beat *s, const int16_t ring[ICTUS_BEAT_RING], uint32_t peak, uint32_t pre_rr,
                    uint32_t post_rr, int8_t window[ICTUS_BEAT_WINDOW * ICTUS_BEAT_CHANNELS],
                    int8_t context[ICTUS_BEAT_CONTEXT])
{
    int32_t post = (int32_t)(post_rr < ICTUS_BEAT_POST_CAP ? post_rr : ICTUS_BEAT_POST_CAP);
    int32_t pre = s->seen == 0u ? post : (int32_t)(pre_rr < RR_CAP ? pre_rr : RR_CAP);
    int32_t pause = s->seen == 0u ? post : (int32_t)(pre_rr < LONG_RR_CAP ? pre_rr : LONG_RR_CAP);
    const int32_t log_seen = (int32_t)ictus_floor_log2(s->seen + 1u);
    view v = {ring, peak, s->shape, 0, 0, 0, 0};
    measure(&v);
    if (s->seen == 0u) {
        meet(s, &v, post);
    }
    v.typical = ictus_max32(s->amplitude >> 4, AMPLITUDE_FLOOR);
    write_rr_context(s, pre, post, context);
    context[10] = ratio(v.amplitude, v.typical);
    context[12] = ratio(width(v.area, v.highest), template_width(&v));
    write_later_context(s, pre, context + 14);
    write_p_wave_context(&v, context + 18);
    const int32_t limit = v.typical * (s->seen < ICTUS_BEAT_LOCAL ? 8 : 4);
    const unsigned shift = rate_shift(log_seen, 1, 4);
    write_window(&v, limit, shift, window);
    write_residual_context(window, &context[11], &context[13]);
    s->amplitude += ictus_asr32(ictus_clamp32(v.amplitude * 16 - s->amplitude, -limit, limit), shift);
    learn_rr(s, pre, pause, log_seen);
}
