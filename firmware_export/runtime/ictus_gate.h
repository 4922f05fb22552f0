/* Features of one second of signal for the noise gate and the fibrillation alarm, a piece of an eighth of a second
 * at a time; equal to `ictus.signals.gate_features` bit for bit, where the columns and their reasons are described.
 *
 * It reads the smoothed signal that the filter keeps (128 Hz, any int16).
 */
#ifndef ICTUS_GATE_H
#define ICTUS_GATE_H

#include <stdint.h>

#include "ictus_filter.h"

#define ICTUS_GATE_MOMENTARY 11 /* features of the block alone; as many running means follow them */
#define ICTUS_GATE_FEATURES (2 * ICTUS_GATE_MOMENTARY)
#define ICTUS_GATE_BLOCK 128u /* samples */
#define ICTUS_GATE_PIECES 8u
#define ICTUS_GATE_PIECE (ICTUS_GATE_BLOCK / ICTUS_GATE_PIECES)
#define ICTUS_GATE_PAST 16u                     /* means of 4 samples kept of the block before: 1/2 s */
#define ICTUS_GATE_SLOW (ICTUS_GATE_BLOCK / 4u) /* means of 4 samples in a block */

typedef struct {
    int32_t upper[ICTUS_GATE_PIECES];                 /* sum of each piece of this block, 0..2^20 */
    int32_t qrs[ICTUS_GATE_PIECES];                   /* the same, QRS band */
    int32_t step;                                     /* largest so far, 0..2^16 */
    int16_t slow[ICTUS_GATE_PAST + ICTUS_GATE_SLOW];  /* means of 4 samples: the past, then this block */
    int16_t running[ICTUS_GATE_MOMENTARY];            /* means over about 4 blocks, in sixteenths */
    int16_t piece_mean;                               /* of the piece before */
    uint8_t pieces;                                   /* of this block so far, 0..7 */
    uint8_t started;                                  /* 0: no piece yet, 1: first block, 2: later */
} ictus_gate;

/* Makes `g` ready for the first sample. */
void ictus_gate_init(ictus_gate *g);

/* Call it after every 16th sample was pushed into `f`. Returns 1 when that ends a block, and then writes its
 * features; otherwise 0. */
int ictus_gate_push(ictus_gate *g, const ictus_filter *f, int8_t features[ICTUS_GATE_FEATURES]);

/* 16 log2(value), piecewise linear between powers of two, 0 for value <= 1. */
int32_t ictus_ilog2_q4(int32_t value);

#endif
