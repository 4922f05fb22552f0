#include "ictus_gate.h"

#include "ictus_fixed.h"

#define PIECE_SAMPLES (ICTUS_GATE_BLOCK / ICTUS_GATE_PIECES)
#define MEDIAN (ICTUS_GATE_PIECES / 2u - 1u)
#define LOUDEST (ICTUS_GATE_PIECES - 1u)
#define RAIL 32000
#define TURN 4
#define UPPER_STEP 1u
#define QRS_STEP 4u
#define WAVE_STEP 12u
#define LONGEST_RUN 127u

static int32_t sample(const ictus_gate *g, uint32_t age)
{
    return g->ring[(g->at - age) & (ICTUS_GATE_RING - 1u)];
}

static void start_block(ictus_gate *g)
{
    for (uint32_t band = 0; band < ICTUS_GATE_BANDS; band++) {
        for (uint32_t i = 0; i < ICTUS_GATE_PIECES; i++) {
            g->piece[band][i] = 0;
        }
    }
    g->drift = g->step = g->wander = 0;
    g->low = INT16_MAX;
    g->high = INT16_MIN;
    g->turns = g->crossings = g->railed = g->longest_run = 0;
}

void ictus_gate_init(ictus_gate *g)
{
    g->at = 0;
    g->run = 0;
    g->rises = 0;
    g->blocks = 0;
    g->started = 0;
    g->piece_sum = 0;
    start_block(g);
}

/* The first sample has been there for ever. */
static void start(ictus_gate *g, int16_t x)
{
    for (uint32_t i = 0; i < ICTUS_GATE_RING; i++) {
        g->ring[i] = x;
    }
    g->piece_mean = x;
    g->started = 1;
}

static void count_shape(ictus_gate *g, int32_t x)
{
    int32_t last = sample(g, 1);
    int32_t rise = x - last;
    int32_t before = last - sample(g, 2);
    uint8_t rises = x > sample(g, WAVE_STEP);
    int32_t turn = ictus_max32(ictus_min32(rise, -before), ictus_min32(-rise, before));
    g->turns = (uint8_t)(g->turns + (turn >= TURN));
    g->crossings = (uint8_t)(g->crossings + (rises != g->rises));
    g->rises = rises;
    g->run = (uint8_t)(rise != 0 ? 1u : (g->run < LONGEST_RUN ? g->run + 1u : LONGEST_RUN));
    g->longest_run = g->run > g->longest_run ? g->run : g->longest_run;
    g->railed = (uint8_t)(g->railed + (ictus_abs32(x) >= RAIL));
}

/* |second difference| over `step` samples, at most 2^17. */
static int32_t bend(const ictus_gate *g, int32_t x, uint32_t step)
{
    return ictus_abs32(x - 2 * sample(g, step) + sample(g, 2u * step));
}

static void add_levels(ictus_gate *g, int32_t x)
{
    uint32_t piece = g->at / PIECE_SAMPLES;
    g->piece[ICTUS_GATE_UPPER][piece] += bend(g, x, UPPER_STEP);
    g->piece[ICTUS_GATE_QRS][piece] += bend(g, x, QRS_STEP);
    g->piece[ICTUS_GATE_WAVE][piece] += bend(g, x, WAVE_STEP);
    g->low = x < g->low ? (int16_t)x : g->low;
    g->high = x > g->high ? (int16_t)x : g->high;
    g->piece_sum += x;
}

static void end_piece(ictus_gate *g)
{
    int32_t mean = ictus_asr32(g->piece_sum, 4);
    int32_t motion = g->started > 1u ? ictus_abs32(mean - g->piece_mean) : 0;
    g->drift += motion;
    g->step = ictus_max32(g->step, motion);
    g->piece_mean = mean;
    g->piece_sum = 0;
    g->started = 2;
}

int32_t ictus_ilog2_q4(int32_t value)
{
    int32_t octave = 0;
    for (int32_t rest = value; rest > 1; rest >>= 1) {
        octave++;
    }
    if (octave == 0) {
        return 0;
    }
    return 16 * octave + ((octave >= 4 ? value >> (octave - 4) : value << (4 - octave)) & 15);
}

static int8_t level(int32_t value)
{
    return ictus_sat8(ictus_ilog2_q4(value) - 128);
}

static void sort_pieces(int32_t piece[ICTUS_GATE_PIECES])
{
    for (uint32_t i = 1; i < ICTUS_GATE_PIECES; i++) {
        int32_t value = piece[i];
        uint32_t j = i;
        for (; j > 0 && piece[j - 1u] > value; j--) {
            piece[j] = piece[j - 1u];
        }
        piece[j] = value;
    }
}

/* Before the start the first block is held. */
static void remember(ictus_gate *g, uint32_t what, int32_t value)
{
    g->past[what][g->blocks & 3u] = value;
    for (uint32_t i = 1; g->blocks == 0 && i < 4u; i++) {
        g->past[what][i] = value;
    }
}

static int32_t past_max(const int32_t v[4])
{
    return ictus_max32(ictus_max32(v[0], v[1]), ictus_max32(v[2], v[3]));
}

static int32_t past_min(const int32_t v[4])
{
    return ictus_min32(ictus_min32(v[0], v[1]), ictus_min32(v[2], v[3]));
}

static void end_block(ictus_gate *g)
{
    for (uint32_t band = 0; band < ICTUS_GATE_BANDS; band++) {
        sort_pieces(g->piece[band]);
    }
    remember(g, ICTUS_GATE_PAST_QRS_LOUD, g->piece[ICTUS_GATE_QRS][LOUDEST]);
    remember(g, ICTUS_GATE_PAST_UPPER_QUIET, g->piece[ICTUS_GATE_UPPER][0]);
    remember(g, ICTUS_GATE_PAST_QRS_QUIET, g->piece[ICTUS_GATE_QRS][0]);
    remember(g, ICTUS_GATE_PAST_QRS_MEDIAN, g->piece[ICTUS_GATE_QRS][MEDIAN]);
    remember(g, ICTUS_GATE_PAST_WAVE_QUIET, g->piece[ICTUS_GATE_WAVE][0]);
    g->blocks = (uint8_t)(g->blocks < 7u ? g->blocks + 1u : 4u);
}

static void write_features(const ictus_gate *g, int8_t *out)
{
    static const uint8_t PLACE[3] = {0, MEDIAN, LOUDEST};
    for (uint32_t i = 0; i < 3u; i++) {
        out[i] = level(g->piece[ICTUS_GATE_UPPER][PLACE[i]]);
        out[3u + i] = level(g->piece[ICTUS_GATE_QRS][PLACE[i]]);
    }
    out[6] = level(past_max(g->past[ICTUS_GATE_PAST_QRS_LOUD]));
    out[7] = level(g->drift);
    out[8] = level(g->step);
    out[9] = level((int32_t)g->high - g->low);
    out[10] = ictus_sat8(2 * (int32_t)g->turns - 64);
    out[11] = (int8_t)g->longest_run;
    out[12] = ictus_sat8(g->railed);
    for (uint32_t i = 0; i < 4u; i++) {
        out[13u + i] = level(past_min(g->past[ICTUS_GATE_PAST_UPPER_QUIET + i]));
    }
    out[17] = level(g->piece[ICTUS_GATE_WAVE][MEDIAN]);
    out[18] = ictus_sat8(4 * (int32_t)g->crossings - 64);
    out[19] = level(g->wander >> 3);
}

int ictus_gate_push(ictus_gate *g, int16_t x, int8_t features[ICTUS_GATE_FEATURES])
{
    if (!g->started) {
        start(g, x);
    }
    g->wander += ictus_abs32(x - sample(g, ICTUS_GATE_RING)); /* overwritten next */
    g->ring[g->at & (ICTUS_GATE_RING - 1u)] = x;
    count_shape(g, x);
    add_levels(g, x);
    if ((g->at + 1u) % PIECE_SAMPLES == 0u) {
        end_piece(g);
    }
    g->at = (uint8_t)((g->at + 1u) % ICTUS_GATE_BLOCK);
    if (g->at != 0u) {
        return 0;
    }
    end_block(g);
    write_features(g, features);
    start_block(g);
    return 1;
}
