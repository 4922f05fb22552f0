/* The wearable's signal filters, a sample or a piece of 16 at a time; equal to `ictus.signals.filters` bit for bit.
 *
 *   s[n] = (x[n] + 2 x[n-1] + x[n-2] + 2) >> 2
 *   b[n] = sat16(s[n-64] - ((s[n] + ... + s[n-127] + 64) >> 7))        b[n] belongs to x[n-65]
 *
 * Both start as if the first sample had been there for ever. The last 128 values of s stay in the
 * state, where the QRS detector and the gate read them.
 */
#ifndef ICTUS_FILTER_H
#define ICTUS_FILTER_H

#include <stdint.h>

#include "ictus_fixed.h"

#define ICTUS_FILTER_WINDOW 128u /* a power of two, at most 256 */
#define ICTUS_FILTER_DELAY 65u   /* samples from x to the b that belongs to it */
#define ICTUS_FILTER_PIECE 16u   /* samples */
#define ICTUS_FILTER_MARGIN 8u   /* values of s that also lie in front of the ring */

typedef struct {
    int16_t ring[ICTUS_FILTER_MARGIN + ICTUS_FILTER_WINDOW]; /* its end, then s[n] at MARGIN + n % WINDOW */
    int32_t sum;                                             /* of the last 128 s, |sum| <= 2^22 */
    int32_t pair;                                            /* x[n-1] + x[n-2] */
    int16_t x1;                                              /* x[n-1] */
    uint8_t head;                                            /* n % WINDOW of the latest s */
    uint8_t started;
} ictus_filter;

/* Makes `f` ready for the first sample. */
void ictus_filter_init(ictus_filter *f);

/* Takes x[n], any int16, and returns b[n]. */
int16_t ictus_filter_push(ictus_filter *f, int16_t x);

/* Takes `n` samples, 1..ICTUS_FILTER_PIECE, that all belong to one piece, as counted from the first sample; their b go
 * to the `n` places of a ring from `at` on, whose size is a power of two. */
void ictus_filter_run(ictus_filter *f, const int16_t *x, uint32_t n, int16_t *b, uint32_t at, uint32_t b_size);

/* Where s[n - age] lies, 0 <= age <= 127, where s[n] came from the last push; the ICTUS_FILTER_MARGIN values before it
 * lie in front of it, and those after it up to the end of its piece behind it. */
static inline const int16_t *ictus_filter_at(const ictus_filter *f, uint32_t age)
{
    return &f->ring[ICTUS_FILTER_MARGIN + ((f->head - age) & (ICTUS_FILTER_WINDOW - 1u))];
}

/* s[n - age]. */
static inline int32_t ictus_filter_smoothed(const ictus_filter *f, uint32_t age)
{
    return *ictus_filter_at(f, age);
}

#endif
