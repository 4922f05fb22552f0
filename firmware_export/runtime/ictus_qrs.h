/* Causal QRS detector at 128 Hz, a sample or a piece of 16 at a time; equal to `ictus.signals.qrs` bit for bit.
 *
 * The steps and their reasons are described there. It works on the smoothed signal that the filter
 * keeps, so give the samples to the filter first. At most one beat is announced per sample; positions
 * are differences of a sample counter that may wrap.
 */
#ifndef ICTUS_QRS_H
#define ICTUS_QRS_H

#include <stdint.h>

#include "ictus_filter.h"

#define ICTUS_QRS_MAX_LATENCY 192 /* samples from an R peak to its announcement */
#define ICTUS_QRS_WIDTH 12u       /* samples of a QRS complex, 94 ms */
#define ICTUS_QRS_QUEUE 8u        /* candidates of the learning time; at most 6 are used */

typedef struct {
    uint32_t at;      /* sample count of the maximum of the energy */
    uint32_t peak;    /* sample count of its R peak */
    int32_t height;   /* energy less an eighth of `surround`, 0..2^14 */
    int32_t surround; /* energy around it, 0..2^24 */
} ictus_qrs_candidate;

typedef struct {
    uint32_t time;                   /* samples taken before this one */
    int32_t bend[ICTUS_QRS_WIDTH];   /* ring, 0..2^17 each */
    int32_t energy;                  /* sum of the ring, 0..2^21 */
    int32_t busy;                    /* 8 times the mean energy of the last half second or so, 0..2^24 */
    int32_t best;                    /* highest maximum on trial, 0: none */
    uint32_t best_at;                /* sample count of it */
    int32_t beat, noise;             /* running levels of the energy, 0..2^15 */
    int32_t rr;                      /* running mean of the RR interval, samples */
    uint32_t last_at;                /* `at` of the last beat */
    int32_t last_height;             /* `height` of the last beat */
    uint32_t deadline;               /* sample count at which the next beat is overdue */
    uint32_t wake;                   /* sample count up to which there is only the energy to follow */
    ictus_qrs_candidate passed_over; /* best since the last beat; height 0: none */
    ictus_qrs_candidate queue[ICTUS_QRS_QUEUE];
    uint8_t queued;                  /* candidates in the queue */
    uint8_t slot;                    /* oldest of the ring */
    uint8_t rising;                  /* the energy last rose */
    uint8_t learned;                 /* the levels are set */
} ictus_qrs;

/* Makes `q` ready for the first sample. */
void ictus_qrs_init(ictus_qrs *q);

/* Takes the sample that `f` was just given. Returns 1 when a beat is announced, and then sets
 * `*peak_age` to the samples since its R peak, 1..ICTUS_QRS_MAX_LATENCY; otherwise returns 0. */
int ictus_qrs_push(ictus_qrs *q, const ictus_filter *f, int32_t *peak_age);

/* Takes the last `n` samples that `f` was given, 1..ICTUS_FILTER_PIECE and all of one piece. Returns the number of beats
 * announced and writes how many samples before the last one each has its R peak, in the order of their announcement. */
uint32_t ictus_qrs_run(ictus_qrs *q, const ictus_filter *f, uint32_t n, uint8_t peak_age[ICTUS_FILTER_PIECE]);

#endif
