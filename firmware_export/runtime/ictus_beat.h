/* Beat windows and heartbeat context; equal to `ictus.signals.beats` bit for bit, where the columns
 * and their reasons are described. All results are Q2.5: 1.0 is 32.
 *
 * The caller keeps the last 512 samples of b (`ictus_filter_push`) in a ring, b of sample count t at
 * `t & 511`, zeroed before the first one. Beats are handed over in time order, each once b reaches
 * 45 samples past its R peak and while the ring still holds b from 50 samples before it.
 */
#ifndef ICTUS_BEAT_H
#define ICTUS_BEAT_H

#include <stdint.h>

#define ICTUS_BEAT_WINDOW 96 /* samples: [R - 50, R + 46) */
#define ICTUS_BEAT_PRE_R 50
#define ICTUS_BEAT_CHANNELS 2
#define ICTUS_BEAT_CONTEXT 20
#define ICTUS_BEAT_POST_CAP 192u /* samples */
#define ICTUS_BEAT_RING 512u     /* a power of two */
#define ICTUS_BEAT_LOCAL 8u
#define ICTUS_BEAT_SHARES 3

typedef struct {
    int32_t amplitude; /* typical R amplitude, counts * 16, 0..2^15 */
    int32_t rr_long;   /* running mean RR of about 128 beats, samples * 2^16, below 2^26 */
    int32_t rr_recording; /* the same of about 1,024 beats */
    int32_t rr_recent;    /* of about 512 beats */
    int32_t rr_square;    /* running mean of RR squared of about 512 beats, samples^2 * 2^10, below 2^30 */
    int32_t rr_deviation; /* mean absolute deviation from the first, samples * 2^16 */
    int16_t shape[ICTUS_BEAT_WINDOW]; /* running template, counts * 16 */
    int16_t jumps[ICTUS_BEAT_SHARES]; /* share * 2^15 of recent intervals unlike the one before, by 1/16, 1/8, 1/4 */
    uint8_t rr[ICTUS_BEAT_LOCAL];     /* the last intervals, the latest at `seen - 1` modulo 8 */
    uint16_t seen;                    /* beats; stays at 1024 or above */
} ictus_beat;

/* Makes `s` ready for the first beat. */
void ictus_beat_init(ictus_beat *s);

/* Cuts the beat whose R peak has the sample count `peak` (which may wrap), and learns from it.
 *
 * pre_rr, post_rr: samples since the beat before (ignored for the first beat) and to the next one
 *     (ICTUS_BEAT_POST_CAP when none came), at least 1
 * window: [ICTUS_BEAT_WINDOW][ICTUS_BEAT_CHANNELS]; the beat, and the beat minus the template
 */
void ictus_beat_cut(ictus_beat *s, const int16_t ring[ICTUS_BEAT_RING], uint32_t peak, uint32_t pre_rr,
                    uint32_t post_rr, int8_t window[ICTUS_BEAT_WINDOW * ICTUS_BEAT_CHANNELS],
                    int8_t context[ICTUS_BEAT_CONTEXT]);

#endif
