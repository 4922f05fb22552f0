#include "ictus_gate.h"

#include "ictus_fixed.h"

#define UPPER_RANKS ((1u << 0) | (1u << 3) | (1u << 7)) /* quietest, fourth quietest, loudest */
#define QRS_RANKS (UPPER_RANKS | (1u << 5))             /* and third loudest */
#define QRS_STEP 4u
#define LONGEST_HALF_PERIOD 16
#define PI_Q6 201
#define PAST ICTUS_GATE_PAST
#define END (ICTUS_GATE_PAST + ICTUS_GATE_SLOW)

void ictus_gate_init(ictus_gate *g)
{
    static const ictus_gate fresh = {0};
    *g = fresh;
}

/* The first sample has been there for ever. */
static void start(ictus_gate *g, int32_t first)
{
    for (uint32_t i = 0; i < PAST; i++) {
        g->slow[i] = (int16_t)first;
    }
    g->started = 1;
}

/* Sums of absolute second differences within a piece; each term is at most 2^17. */
static int32_t upper_band(const int16_t s[ICTUS_GATE_PIECE])
{
    int32_t sum = 0;
    for (const int16_t *end = s + ICTUS_GATE_PIECE - 2u; s != end; s += 2) {
        sum += ictus_abs32(s[0] - 2 * s[1] + s[2]);
    }
    return sum;
}

static int32_t qrs_band(const int16_t s[ICTUS_GATE_PIECE])
{
    int32_t sum = 0;
    for (const int16_t *end = s + ICTUS_GATE_PIECE / 2u; s != end; s += 2) {
        sum += ictus_abs32(s[0] - 2 * s[QRS_STEP] + s[2u * QRS_STEP]);
    }
    return sum;
}

/* Appends the piece's 4 means of 4 samples, and follows the baseline. */
static void add_slow(ictus_gate *g, const int16_t s[ICTUS_GATE_PIECE])
{
    int16_t *slow = &g->slow[PAST + 4u * g->pieces];
    int32_t total = 0;
    for (const int16_t *end = s + ICTUS_GATE_PIECE; s != end; s += 4) {
        const int32_t mean = ictus_asr32(s[0] + s[1] + s[2] + s[3], 2);
        *slow++ = (int16_t)mean;
        total += mean;
    }
    const int32_t mean = ictus_asr32(total, 2);
    const int32_t motion = g->pieces == 0u && g->started == 1u ? 0 : ictus_abs32(mean - g->piece_mean);
    g->step = ictus_max32(g->step, motion);
    g->piece_mean = (int16_t)mean;
}

int32_t ictus_ilog2_q4(int32_t value)
{
    if (value <= 1) {
        return 0;
    }
    const unsigned octave = ictus_floor_log2((uint32_t)value);
    const int32_t part = octave >= 4u ? value >> (octave - 4u) : value << (4u - octave);
    return 16 * (int32_t)octave + (part & 15);
}

static int8_t level(int32_t value)
{
    return ictus_sat8(ictus_ilog2_q4(value) - 128);
}

static void sort_pieces(int32_t piece[ICTUS_GATE_PIECES])
{
    for (uint32_t i = 1; i < ICTUS_GATE_PIECES; i++) {
        const int32_t value = piece[i];
        uint32_t j = i;
        for (; j > 0 && piece[j - 1u] > value; j--) {
            piece[j] = piece[j - 1u];
        }
        piece[j] = value;
    }
}


/* Sorts the pieces and writes the levels of `ranks`, a bit each, the quietest first; returns the place after them. */
static int8_t *write_levels(int32_t piece[ICTUS_GATE_PIECES], uint32_t ranks, int8_t *out)
{
    sort_pieces(piece);
    for (uint32_t rank = 0; rank < ICTUS_GATE_PIECES; rank++) {
        if ((ranks >> rank) & 1u) {
            *out++ = level(piece[rank]);
        }
    }
    return out;
}

/* Half of the mean period in slow samples; size <= 2^21, slope <= 2^21. */
static int32_t half_period(int32_t size, int32_t slope)
{
    const int32_t half = (PI_Q6 * size + 32 * slope) / ictus_max32(64 * slope, 1);
    return ictus_min32(ictus_max32(half, 1), LONGEST_HALF_PERIOD);
}

/* Parts of 128 that are left of a wave after adding itself half a period ago; `size` is its sum of magnitudes. */
static int32_t leakage(const int16_t *slow, int32_t mean, int32_t size, int32_t half)
{
    int32_t left = 0, parts = size;
    for (const int16_t *at = slow + PAST, *end = slow + END; at != end; at++) {
        const int32_t before = at[-half] - mean;
        left += ictus_abs32(*at - mean + before);
        parts += ictus_abs32(before);
    }
    return 128 * left / ictus_max32(parts, 1);
}

static void write_shape(const ictus_gate *g, int8_t *half_out, int8_t *leakage_out, int8_t *range_out)
{
    const int16_t *const slow = g->slow, *const end = slow + END;
    int32_t total = 0, slope = 0, size = 0, before = slow[PAST - 1u], low = slow[PAST], high = low;
    for (const int16_t *at = slow + PAST; at != end; at++) {
        const int32_t x = *at;
        total += x;
        slope += ictus_abs32(x - before);
        before = x;
        low = ictus_min32(low, x);
        high = ictus_max32(high, x);
    }
    const int32_t mean = ictus_asr32(total, 5);
    for (const int16_t *at = slow + PAST; at != end; at++) {
        size += ictus_abs32(*at - mean);
    }
    const int32_t half = half_period(size, slope);
    *half_out = ictus_sat8(2 * ictus_ilog2_q4(half) - 64);
    *leakage_out = ictus_sat8(leakage(slow, mean, size, half) - 64);
    *range_out = level(high - low);
}

/* The first block is its own mean. */
static void write_running(ictus_gate *g, const int8_t *now, int8_t *out)
{
    for (uint32_t i = 0; i < ICTUS_GATE_MOMENTARY; i++) {
        const int32_t x = 16 * now[i];
        const int32_t mean = g->started == 1u ? x : g->running[i] + ictus_asr32(x - g->running[i], 2);
        g->running[i] = (int16_t)mean;
        out[i] = (int8_t)ictus_asr32(mean, 4);
    }
}

static void end_block(ictus_gate *g, int8_t *features)
{
    int8_t *const step = write_levels(g->qrs, QRS_RANKS, write_levels(g->upper, UPPER_RANKS, features));
    *step = level(g->step);
    write_shape(g, &features[8], &features[9], &features[10]);
    write_running(g, features, features + ICTUS_GATE_MOMENTARY);
    for (uint32_t i = 0; i < PAST; i++) {
        g->slow[i] = g->slow[ICTUS_GATE_SLOW + i];
    }
    g->step = 0;
    g->pieces = 0;
    g->started = 2;
}

int ictus_gate_push(ictus_gate *g, const ictus_filter *f, int8_t features[ICTUS_GATE_FEATURES])
{
    const int16_t *s = ictus_filter_at(f, ICTUS_GATE_PIECE - 1u);
    if (!g->started) {
        start(g, s[0]);
    }
    g->upper[g->pieces] = upper_band(s);
    g->qrs[g->pieces] = qrs_band(s);
    add_slow(g, s);
    g->pieces++;
    if (g->pieces < ICTUS_GATE_PIECES) {
        return 0;
    }
    end_block(g, features);
    return 1;
}
