#include "ictus_fixed.h"
#include "ictus_rhythm.h"

enum {
    MIN_INTERVALS = 3,
    MAX_INTERVALS = ICTUS_RHYTHM_MAX_PEAKS - 1,
    RR_CAP = 255, /* samples of 128 Hz; 2 s */
    BEFORE = 20,  /* samples of 64 Hz around R */
    AFTER = 28,
    BEAT = BEFORE + AFTER,
    P_FIRST = 4, /* parts of the beat, [first, end) */
    P_END = 15,
    QRS_END = 26,
    T_END = 46,
    N_RR_FEATURES = 31
};

/* A strip's intervals: between peak i and i + 1, n of them, MIN_INTERVALS..MAX_INTERVALS. */
typedef struct {
    uint8_t rr[MAX_INTERVALS];
    int32_t n;
    int32_t median;
} intervals;

/* How many values there are of each size, in place of a sorted list. */
typedef struct {
    uint8_t count[RR_CAP + 1];
    int32_t n;
    int32_t sum;
} histogram;

/* Of rr[i] for lag 0, else of |rr[i + lag] - rr[i]|. */
static void count_lag(const intervals *v, int32_t lag, histogram *h)
{
    for (int32_t size = 0; size <= RR_CAP; ++size)
        h->count[size] = 0;
    h->n = v->n - lag;
    h->sum = 0;
    for (int32_t i = 0; i < h->n; ++i) {
        const int32_t size = lag == 0 ? v->rr[i] : ictus_abs32(v->rr[i + lag] - v->rr[i]);
        h->count[size]++;
        h->sum += size;
    }
}

/* The value with `rank` others before it in order; 0 <= rank < n. */
static int32_t ranked(const histogram *h, int32_t rank)
{
    int32_t size = 0;
    for (int32_t before = h->count[0]; before <= rank; before += h->count[size])
        ++size;
    return size;
}

static int32_t quantile(const histogram *h, int32_t eighths)
{
    return ranked(h, h->n * eighths >> 3);
}

/* 128 times n / of; 0 of nothing. */
static int32_t share(int32_t n, int32_t of)
{
    return n * 128 / ictus_max32(of, 1);
}

/* rr itself: columns 0 to 7 and 27 to 30. */
static void write_intervals(intervals *v, int32_t *out)
{
    histogram h;
    int32_t n_early = 0, n_late = 0, n_pauses = 0;
    count_lag(v, 0, &h);
    const int32_t median = v->median = ranked(&h, v->n >> 1);
    out[0] = median - 96;
    out[1] = ranked(&h, 0) * 128 / median - 128;
    out[2] = quantile(&h, 1) * 128 / median - 128;
    out[3] = quantile(&h, 2) * 128 / median - 128;
    out[4] = quantile(&h, 6) * 128 / median - 128;
    out[5] = quantile(&h, 7) * 128 / median - 128;
    out[6] = ranked(&h, v->n - 1) * 64 / median - 64;
    out[7] = h.sum * 128 / (v->n * median) - 128;
    for (int32_t i = 0; i < v->n; ++i) {
        n_early += v->rr[i] * 8 < 7 * median;
        n_late += v->rr[i] * 4 > 5 * median;
        n_pauses += v->rr[i] * 4 > 7 * median;
    }
    out[27] = share(n_early, v->n);
    out[28] = share(n_late, v->n);
    out[29] = share(n_pauses, v->n);
    out[30] = v->n;
}

/* Sizes of the differences: columns 8 to 19 and 23. */
static void write_steps(const intervals *v, int32_t *out)
{
    histogram h;
    int32_t run = 0, longest = 0;
    count_lag(v, 1, &h);
    out[8] = quantile(&h, 2) * 512 / v->median;
    out[9] = quantile(&h, 4) * 256 / v->median;
    out[10] = quantile(&h, 6) * 128 / v->median;
    out[11] = quantile(&h, 7) * 128 / v->median;
    out[12] = h.sum * 256 / (h.n * v->median);
    for (int32_t i = 0; i < 4; ++i) {
        int32_t n_within = 0;
        for (int32_t size = 0; size << (5 - i) < v->median; ++size)
            n_within += h.count[size];
        out[16 + i] = share(n_within, h.n);
    }
    for (int32_t i = 0; i < h.n; ++i) {
        run = ictus_abs32(v->rr[i + 1] - v->rr[i]) * 16 < v->median ? run + 1 : 0;
        longest = ictus_max32(longest, run);
    }
    out[23] = longest * 128 / h.n;
    count_lag(v, 2, &h);
    out[13] = out[14] = quantile(&h, 4) * 256 / v->median;
    out[15] = quantile(&h, 6) * 128 / v->median;
    if (v->n > MIN_INTERVALS) {
        count_lag(v, 3, &h);
        out[14] = quantile(&h, 4) * 256 / v->median;
    }
}

/* Signs of neighbouring differences: columns 20 to 22. */
static void write_turns(const intervals *v, int32_t *out)
{
    int32_t n_turns = 0, n_short_long = 0, n_long_short = 0;
    for (int32_t i = 0; i < v->n - 2; ++i) {
        const int32_t before = v->rr[i + 1] - v->rr[i], after = v->rr[i + 2] - v->rr[i + 1];
        const int32_t smaller = ictus_min32(ictus_abs32(before), ictus_abs32(after));
        n_turns += before * after < 0 && smaller * 16 > v->median;
        n_short_long += before * 8 < -v->median && after * 8 > v->median;
        n_long_short += before * 8 > v->median && after * 8 < -v->median;
    }
    out[20] = share(n_turns, v->n - 2);
    out[21] = share(n_short_long, v->n - 2);
    out[22] = share(n_long_short, v->n - 2);
}

static int is_near(const intervals *v, int32_t i, int32_t j)
{
    return ictus_abs32(v->rr[i] - v->rr[j]) * 16 <= v->median;
}

/* Pairs of intervals alike, and whether their followers are: columns 24 to 26. */
static void write_repetitions(const intervals *v, int32_t *out)
{
    int32_t one = 0, two = 0, three = 0;
    const int32_t n = v->n - 2;
    for (int32_t i = 1; i < n; ++i) {
        for (int32_t j = 0; j < i; ++j) {
            if (!is_near(v, i, j))
                continue;
            ++one;
            if (!is_near(v, i + 1, j + 1))
                continue;
            ++two;
            three += is_near(v, i + 2, j + 2);
        }
    }
    out[24] = share(one, n * (n - 1) / 2);
    out[25] = share(two, one);
    out[26] = share(three, two);
}

/* The strip's beats but the first: beat k ends interval k. */
typedef struct {
    const int8_t *wave;
    const uint16_t *peak;
    const intervals *v;
    int32_t n;         /* beats that lie in the strip as a whole */
    int8_t mean[BEAT]; /* of them */
} beats;

/* The first sample of beat k, or NULL if a part of it lies outside. */
static const int8_t *beat_at(const beats *b, int32_t k)
{
    const int32_t at = b->peak[k + 1] >> 1;
    return at >= BEFORE && at + AFTER <= ICTUS_RHYTHM_STRIP ? b->wave + (at - BEFORE) : NULL;
}

/* Sum of |beat - mean| over [first, end). */
static int32_t distance(const beats *b, const int8_t *beat, int32_t first, int32_t end)
{
    int32_t sum = 0;
    for (int32_t i = first; i < end; ++i)
        sum += ictus_abs32(beat[i] - b->mean[i]);
    return sum;
}

static void average(beats *b)
{
    b->n = 0;
    for (int32_t k = 0; k < b->v->n; ++k)
        b->n += beat_at(b, k) != NULL;
    for (int32_t i = 0; i < BEAT && b->n > 0; ++i) {
        int32_t sum = 128 * b->n; /* so that the division rounds down */
        for (int32_t k = 0; k < b->v->n; ++k) {
            const int8_t *beat = beat_at(b, k);
            sum += beat != NULL ? beat[i] : 0;
        }
        b->mean[i] = (int8_t)((2 * sum + b->n) / (2 * b->n) - 128);
    }
}

static int32_t range(const int8_t *x, int32_t first, int32_t end)
{
    int32_t low = x[first], high = low;
    for (int32_t i = first + 1; i < end; ++i) {
        low = ictus_min32(low, x[i]);
        high = ictus_max32(high, x[i]);
    }
    return high - low;
}

/* The average beat: columns 31, 32 and 36 to 38. */
static void write_average(const beats *b, int32_t *out)
{
    int32_t early = 0, late = 0, area = 0, largest = 1;
    for (int32_t i = P_FIRST; i < P_FIRST + 4; ++i)
        early += b->mean[i];
    for (int32_t i = P_FIRST + 4; i < P_FIRST + 9; ++i)
        late += b->mean[i];
    for (int32_t i = P_END; i < QRS_END; ++i) {
        area += ictus_abs32(b->mean[i]);
        largest = ictus_max32(largest, ictus_abs32(b->mean[i]));
    }
    out[31] = range(b->mean, P_FIRST, P_END) * 4;
    out[32] = ictus_asr32(late * 4 - early * 5, 2);
    out[36] = area * 8 / largest;
    out[37] = b->mean[BEFORE];
    out[38] = range(b->mean, QRS_END, T_END) * 2;
}

/* Distances to it: columns 33 to 35 and 39. Returns the sum of those of the QRS. */
static int32_t write_residuals(const beats *b, int32_t *out)
{
    int32_t p_wave = 0, qrs = 0, t_wave = 0, bend = 0;
    for (int32_t k = 0; k < b->v->n; ++k) {
        const int8_t *x = beat_at(b, k);
        if (x == NULL)
            continue;
        p_wave += distance(b, x, P_FIRST, P_END);
        qrs += distance(b, x, P_END, QRS_END);
        t_wave += distance(b, x, QRS_END, T_END);
        for (int32_t i = P_FIRST; i < P_END - 2; ++i)
            bend += ictus_abs32(x[i] - 2 * x[i + 1] + x[i + 2]);
    }
    out[33] = p_wave * 8 / ((P_END - P_FIRST) * b->n);
    out[34] = qrs * 4 / ((QRS_END - P_END) * b->n);
    out[35] = t_wave * 4 / ((T_END - QRS_END) * b->n);
    out[39] = bend * 8 / ((P_END - P_FIRST - 2) * b->n);
    return qrs;
}

/* Beats that are odd, early or in a calm stretch: columns 40 to 43. */
static void write_odd(const beats *b, int32_t qrs_sum, int32_t *out)
{
    int32_t n_odd = 0, n_odd_early = 0, n_plain_early = 0, n_calm = 0, p_calm = 0;
    const intervals *v = b->v;
    for (int32_t k = 0; k < v->n; ++k) {
        const int8_t *x = beat_at(b, k);
        if (x == NULL)
            continue;
        const int odd = distance(b, x, P_END, QRS_END) * b->n > 2 * qrs_sum;
        const int early = v->rr[k] * 8 < 7 * v->median;
        n_odd += odd;
        n_odd_early += odd && early;
        n_plain_early += early && !odd;
        if (ictus_abs32(v->rr[k] - v->rr[k > 0 ? k - 1 : 0]) * 8 < v->median) {
            ++n_calm;
            p_calm += distance(b, x, P_FIRST, P_END);
        }
    }
    out[40] = share(n_odd, b->n);
    out[41] = share(n_odd_early, b->n);
    out[42] = share(n_plain_early, b->n);
    out[43] = p_calm * 8 / ((P_END - P_FIRST) * ictus_max32(n_calm, 1));
}

void ictus_rhythm_features(const int8_t *wave, const uint16_t *peak, uint32_t n_peaks, int8_t *features)
{
    int32_t out[ICTUS_RHYTHM_FEATURES] = {0};
    intervals v = {.n = ictus_min32((int32_t)n_peaks, ICTUS_RHYTHM_MAX_PEAKS) - 1};
    for (int32_t i = 0; i < v.n; ++i)
        v.rr[i] = (uint8_t)ictus_min32(peak[i + 1] - peak[i], RR_CAP);
    out[N_RR_FEATURES - 1] = ictus_max32(v.n, 0);
    if (v.n >= MIN_INTERVALS) {
        write_intervals(&v, out);
        write_steps(&v, out);
        write_turns(&v, out);
        write_repetitions(&v, out);
        beats b = {.wave = wave, .peak = peak, .v = &v};
        average(&b);
        if (b.n > 0) {
            write_average(&b, out);
            write_odd(&b, write_residuals(&b, out), out);
        }
    }
    for (int32_t i = 0; i < ICTUS_RHYTHM_FEATURES; ++i)
        features[i] = ictus_sat8(out[i]);
}
