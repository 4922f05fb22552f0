/* Features of one second of signal for the noise gate, one sample at a time; equal to
 * `ictus.signals.gate_features` bit for bit, where the columns and their reasons are described.
 *
 * It works on the device's own samples (128 Hz, any int16), not on filtered ones.
 */
#ifndef ICTUS_GATE_H
#define ICTUS_GATE_H

#include <stdint.h>

#define ICTUS_GATE_FEATURES 20
#define ICTUS_GATE_BLOCK 128u /* samples */
#define ICTUS_GATE_PIECES 8u
#define ICTUS_GATE_RING 32u /* a power of two: as many samples as the longest lag */

enum { ICTUS_GATE_UPPER, ICTUS_GATE_QRS, ICTUS_GATE_WAVE, ICTUS_GATE_BANDS };
enum {
    ICTUS_GATE_PAST_QRS_LOUD,
    ICTUS_GATE_PAST_UPPER_QUIET,
    ICTUS_GATE_PAST_QRS_QUIET,
    ICTUS_GATE_PAST_QRS_MEDIAN,
    ICTUS_GATE_PAST_WAVE_QUIET,
    ICTUS_GATE_PASTS
};

typedef struct {
    int32_t piece[ICTUS_GATE_BANDS][ICTUS_GATE_PIECES]; /* sums of this block, 0..2^21 */
    int32_t past[ICTUS_GATE_PASTS][4];                  /* of the last 4 blocks, 0..2^21 */
    int32_t piece_sum;                                  /* of the samples, |sum| <= 2^19 */
    int32_t piece_mean;                                 /* of the piece before */
    int32_t drift, step;                                /* 0..2^19, 0..2^16 */
    int32_t wander;                                     /* 0..2^23 */
    int16_t ring[ICTUS_GATE_RING];                      /* the last samples; x[n] at `at & 31` */
    int16_t low, high;
    uint8_t at; /* place in the block, 0..127 */
    uint8_t turns, crossings, railed;
    uint8_t run, longest_run; /* of equal samples, at most 127 */
    uint8_t rises;
    uint8_t blocks; /* finished ones: 0, 1, 2, 3, then 4 to 7 over and over */
    uint8_t started;
} ictus_gate;

/* Makes `g` ready for the first sample. */
void ictus_gate_init(ictus_gate *g);

/* Takes a sample. Returns 1 at the end of a block, and then writes its features; otherwise 0. */
int ictus_gate_push(ictus_gate *g, int16_t x, int8_t features[ICTUS_GATE_FEATURES]);

/* 16 log2(value), piecewise linear between powers of two, 0 for value <= 1. */
int32_t ictus_ilog2_q4(int32_t value);

#endif
