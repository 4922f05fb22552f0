/* The wearable's signal filters, one sample at a time; equal to `ictus.signals.filters` bit for bit.
 *
 *   s[n] = (x[n] + 2 x[n-1] + x[n-2] + 2) >> 2
 *   b[n] = sat16(s[n-64] - ((s[n] + ... + s[n-127] + 64) >> 7))        b[n] belongs to x[n-65]
 *
 * Both start as if the first sample had been there for ever. The last 128 values of s stay in the
 * state, where the QRS detector reads them.
 */
#ifndef ICTUS_FILTER_H
#define ICTUS_FILTER_H

#include <stdint.h>

#include "ictus_fixed.h"

#define ICTUS_FILTER_WINDOW 128u /* a power of two, at most 256 */
#define ICTUS_FILTER_DELAY 65u   /* samples from x to the b that belongs to it */

typedef struct {
    int16_t smoothed[ICTUS_FILTER_WINDOW]; /* ring of s */
    int32_t sum;                           /* of the ring, |sum| <= 2^22 */
    int16_t x1, x2;                        /* x[n-1], x[n-2] */
    uint8_t head;                          /* place of s[n] in the ring */
    uint8_t started;
} ictus_filter;

/* Makes `f` ready for the first sample. */
void ictus_filter_init(ictus_filter *f);

/* Takes x[n], any int16, and returns b[n]. */
int16_t ictus_filter_push(ictus_filter *f, int16_t x);

/* s[n - age] for 0 <= age <= 127, where s[n] came from the last push. */
static inline int32_t ictus_filter_smoothed(const ictus_filter *f, uint32_t age)
{
    return f->smoothed[(f->head - age) & (ICTUS_FILTER_WINDOW - 1u)];
}

#endif
