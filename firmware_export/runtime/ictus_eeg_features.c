#include "ictus_eeg.h"
#include "ictus_fixed.h"
#include "ictus_gate.h" /* ictus_ilog2_q4 */

enum {
    PIECES = 8,
    HALVES = ICTUS_EEG_BLOCK / 2, /* sums of two samples in a second */
    FIRST_LAG = 2,                /* in samples of 32 Hz: 16 Hz */
    LAST_LAG = 24,                /* 1.3 Hz */
    MOMENTARY = 15,
    START_S = 8, /* seconds that the baseline starts with, behind the first */
    OCTAVE = 256
};

/* Values of a row, see EegFeature; the first ICTUS_EEG_LEVELS have a baseline. */
enum {
    AMPLITUDE,
    LINE_LENGTH,
    HAAR_1,
    HAAR_5 = HAAR_1 + 4,
    UPPER,
    FLAT,
    PEAK,
    STEP,
    QUIET,
    LOUD,
    CROSSINGS,
    TURNS,
    APERIODICITY
};

/* 16 log2(sum), at most 373. */
static int16_t level(int32_t sum)
{
    return (int16_t)ictus_ilog2_q4(sum);
}

/* Sizes and signs of the samples. */
static void write_samples(const int16_t *y, int16_t *row)
{
    int32_t sum = 0, peak = 0;
    uint32_t crossings = 0;
    for (uint32_t i = 0; i < ICTUS_EEG_BLOCK; ++i) {
        const int32_t size = ictus_abs32(y[i]);
        sum += size;
        peak = ictus_max32(peak, size);
        crossings += i > 0 && (y[i] < 0) != (y[i - 1] < 0);
    }
    row[AMPLITUDE] = level(sum >> 2);
    row[PEAK] = level(peak << 4);
    row[CROSSINGS] = (int16_t)(crossings << 2);
}

/* The differences of neighbours, `before` being the sample before the first. */
static void write_steps(const int16_t *y, int32_t before, int16_t *row)
{
    int32_t sum = 0, largest = 0, quiet = INT32_MAX, loud = 0;
    uint32_t turns = 0, rises = 0;
    for (uint32_t piece = 0; piece < PIECES; ++piece) {
        int32_t length = 0;
        for (uint32_t i = 0; i < ICTUS_EEG_BLOCK / PIECES; ++i, ++y) {
            const int32_t step = *y - before;
            const uint32_t rises_now = step > 0;
            turns += piece + i > 0 && rises_now != rises;
            rises = rises_now;
            before = *y;
            length += ictus_abs32(step);
            largest = ictus_max32(largest, ictus_abs32(step));
        }
        sum += length;
        quiet = ictus_min32(quiet, length);
        loud = ictus_max32(loud, length);
    }
    row[LINE_LENGTH] = level(sum >> 2);
    row[STEP] = level(largest << 4);
    row[QUIET] = level(quiet << 1);
    row[LOUD] = level(loud << 1);
    row[TURNS] = (int16_t)(turns << 2);
}

/* Five octaves of Haar details; |sums| <= 2^20, their magnitudes add up to at most 2^22. */
static void write_haar(const int16_t *y, int16_t *row)
{
    int32_t held[HALVES], total = 0;
    for (uint32_t i = 0; i < HALVES; ++i) {
        total += ictus_abs32(y[2 * i] - y[2 * i + 1]);
        held[i] = y[2 * i] + y[2 * i + 1];
    }
    row[HAAR_1] = level(total >> 2);
    for (uint32_t octave = 1, n = HALVES / 2; octave < 5; ++octave, n /= 2) {
        total = 0;
        for (uint32_t i = 0; i < n; ++i) {
            total += ictus_abs32(held[2 * i] - held[2 * i + 1]);
            held[i] = held[2 * i] + held[2 * i + 1];
        }
        row[HAAR_1 + octave] = level(total >> 2);
    }
}

/* Sum of |signal - signal a lag before| over the latest samples of two seconds; below 2^23. */
static int32_t difference(const int32_t *halves, uint32_t lag)
{
    int32_t sum = 0;
    for (uint32_t i = LAST_LAG; i < 2 * HALVES; ++i)
        sum += ictus_abs32(halves[i] - halves[i - lag]);
    return sum;
}

/* The least difference beyond the lag of the greatest as a level less the latter: whole against half a period. */
static int16_t aperiodicity(const int16_t *before, const int16_t *y)
{
    int32_t halves[2 * HALVES], greatest = -1, least = INT32_MAX;
    for (uint32_t i = 0; i < HALVES; ++i) {
        halves[i] = before[2 * i] + before[2 * i + 1];
        halves[HALVES + i] = y[2 * i] + y[2 * i + 1];
    }
    for (uint32_t lag = FIRST_LAG; lag <= LAST_LAG; ++lag) {
        const int32_t sum = difference(halves, lag);
        if (lag < LAST_LAG && sum > greatest) {
            greatest = sum;
            least = INT32_MAX;
        } else {
            least = ictus_min32(least, sum);
        }
    }
    return (int16_t)ictus_min32(level(least) - level(greatest), 0);
}

/* Follow one level, which was `late` ICTUS_EEG_LAG_S ago; `t` is the number of the second, 39 from there on. */
static void follow(ictus_eeg_channel *c, uint32_t k, int32_t now, int32_t late, int32_t t)
{
    int32_t b = c->baseline[k];
    if (t == 0) {
        b = now * 16;
    } else if (t <= START_S) {
        c->total[k] = (int16_t)(c->total[k] + now);
        b = (32 * c->total[k] + t) / (2 * t);
    } else if (t > START_S + ICTUS_EEG_LAG_S) {
        const int32_t error = late * 16 - b;
        const int32_t far = error > 0 ? 2 : -2;
        b += ictus_abs32(error) <= OCTAVE ? ictus_asr32(error + 16, 5) : far;
    }
    c->baseline[k] = (int16_t)b;
}

/* Follow all, and give them out no less than their floors. */
static void write_baseline(ictus_eeg_channel *c, const int16_t *row, int32_t *baseline)
{
    static const int16_t least[ICTUS_EEG_LEVELS] = {ICTUS_EEG_LEAST_AMPLITUDE, 1280, 1280, 1280,
                                                    1280, 1280, 1280, 1024};
    int16_t *held = c->level[c->lag_at];
    for (uint32_t k = 0; k < ICTUS_EEG_LEVELS; ++k) {
        follow(c, k, row[k], held[k], c->started);
        baseline[k] = ictus_max32(c->baseline[k], least[k]);
        held[k] = row[k];
    }
    c->lag_at = (uint8_t)((c->lag_at + 1u) % ICTUS_EEG_LAG_S);
    c->started = (uint8_t)(c->started + (c->started <= START_S + ICTUS_EEG_LAG_S));
}

static void write_gate(const int16_t *row, const int32_t *baseline, int8_t *gate)
{
    static const uint8_t with_ratio[] = {AMPLITUDE, LINE_LENGTH, UPPER};
    for (uint32_t k = 0; k < MOMENTARY; ++k)
        gate[k] = ictus_sat8(row[k] - (k == FLAT || k >= CROSSINGS ? 64 : 128));
    for (uint32_t i = 0; i < 3; ++i)
        gate[MOMENTARY + i] = ictus_sat8(ictus_asr32(row[with_ratio[i]] * 16 - baseline[with_ratio[i]], 3));
}

/* Sum, least and greatest of a value over the 4 s. */
typedef struct {
    int32_t sum, least, greatest;
} spread;

static spread spread_of(const ictus_eeg_channel *c, uint32_t k)
{
    spread s = {0, INT16_MAX, INT16_MIN};
    for (uint32_t t = 0; t < ICTUS_EEG_WINDOW_S; ++t) {
        s.sum += c->row[t][k];
        s.least = ictus_min32(s.least, c->row[t][k]);
        s.greatest = ictus_max32(s.greatest, c->row[t][k]);
    }
    return s;
}

/* `now` is the number of the latest second; see SeizureFeature for the columns. */
static void write_context(ictus_eeg_channel *c, uint32_t now, const int32_t *baseline)
{
    const int16_t *row[ICTUS_EEG_WINDOW_S]; /* of the latest second, the one before.. */
    for (uint32_t age = 0; age < ICTUS_EEG_WINDOW_S; ++age)
        row[age] = c->row[(now - age) % ICTUS_EEG_WINDOW_S];
    const int32_t size = spread_of(c, AMPLITUDE).sum; /* 0..1344 */
    int8_t *out = c->context;
    for (uint32_t k = 0; k < ICTUS_EEG_LEVELS; ++k)
        *out++ = ictus_sat8(ictus_asr32(spread_of(c, k).sum * 4 - baseline[k], 3));
    *out++ = ictus_sat8(ictus_asr32(spread_of(c, AMPLITUDE).least * 16 - baseline[AMPLITUDE], 3));
    *out++ = ictus_sat8(ictus_asr32(spread_of(c, LINE_LENGTH).least * 16 - baseline[LINE_LENGTH], 3));
    *out++ = ictus_sat8(row[0][LINE_LENGTH] + row[1][LINE_LENGTH] - row[2][LINE_LENGTH] - row[3][LINE_LENGTH]);
    for (uint32_t k = HAAR_1; k <= HAAR_5; ++k)
        *out++ = ictus_sat8(ictus_asr32(spread_of(c, k).sum - size, 1));
    *out++ = ictus_sat8((size >> 2) - 128);
    *out++ = ictus_sat8(spread_of(c, PEAK).greatest - (size >> 2));
    *out++ = ictus_sat8(spread_of(c, LOUD).greatest - spread_of(c, QUIET).least - 64);
    *out++ = ictus_sat8((spread_of(c, CROSSINGS).sum >> 2) - 64);
    *out++ = ictus_sat8((spread_of(c, TURNS).sum >> 2) - 64);
    *out = ictus_sat8(row[0][APERIODICITY] + row[2][APERIODICITY] + 64);
}

/* Before the recording's start its first second is repeated. */
static void fill_before(ictus_eeg_channel *c)
{
    for (uint32_t t = 1; t < ICTUS_EEG_WINDOW_S; ++t)
        for (uint32_t k = 0; k < ICTUS_EEG_ROW; ++k)
            c->row[t][k] = c->row[0][k];
}

void ictus_eeg_features(ictus_eeg_channel *c, int8_t *gate)
{
    const uint32_t now = c->n_filtered / ICTUS_EEG_BLOCK - 1u;
    const int is_first = c->started == 0;
    const int16_t *y = c->filtered + now * ICTUS_EEG_BLOCK % ICTUS_EEG_WINDOW;
    const int16_t *before = is_first ? y : c->filtered + (now - 1u) * ICTUS_EEG_BLOCK % ICTUS_EEG_WINDOW;
    int16_t *row = c->row[now % ICTUS_EEG_WINDOW_S];
    int32_t baseline[ICTUS_EEG_LEVELS];
    write_samples(y, row);
    write_steps(y, is_first ? y[0] : before[ICTUS_EEG_BLOCK - 1], row);
    write_haar(y, row);
    row[APERIODICITY] = aperiodicity(before, y);
    row[UPPER] = level(c->upper >> 2);
    row[FLAT] = (int16_t)(c->n_flat >> 1);
    write_baseline(c, row, baseline);
    if (is_first)
        fill_before(c);
    write_gate(row, baseline, gate);
    write_context(c, now, baseline);
}
