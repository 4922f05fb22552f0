/* One channel of EEG: filter, running baseline and features of every second; equal to the Python of
 * `ictus.signals.eeg_wave`, `eeg_baseline` and `eeg_features` bit for bit, where the columns and their reasons are
 * described.
 *
 *   z[i] = sat16((sum_k h[k] x[4 i + 3 - k] + 2^14) >> 15)              35 taps, Q15, |sum| < 2^31
 *   y[i] = sat16(z[i - 16] - ((z[i] + ... + z[i - 63] + 32) >> 6))      64 Hz, 0.25 uV a count
 *
 * What lies before the first sample is taken as equal to it. Channels never mix; each takes sizeof(ictus_eeg_channel)
 * of RAM, about 1.5 KB.
 */
#ifndef ICTUS_EEG_H
#define ICTUS_EEG_H

#include <stdint.h>

enum {
    ICTUS_EEG_DECIMATION = 4,
    ICTUS_EEG_BLOCK = 64, /* filtered samples of a second */
    ICTUS_EEG_SECOND = ICTUS_EEG_BLOCK * ICTUS_EEG_DECIMATION,
    ICTUS_EEG_WINDOW_S = 4, /* what the context features and the specialist look at */
    ICTUS_EEG_WINDOW = ICTUS_EEG_BLOCK * ICTUS_EEG_WINDOW_S,
    ICTUS_EEG_TAPS = 35,
    ICTUS_EEG_HISTORY = 64, /* room for raw samples: the taps, and some more so that they seldom move */
    ICTUS_EEG_MEAN = 64,    /* a power of two */
    ICTUS_EEG_LEVELS = 8,   /* that have a baseline */
    ICTUS_EEG_LEAST_AMPLITUDE = 1536, /* baseline, 256 steps an octave: a mean |y| of 1 uV */
    ICTUS_EEG_LAG_S = 30,
    ICTUS_EEG_ROW = 16, /* values of a second without their offsets */
    ICTUS_EEG_GATE_FEATURES = 18,
    ICTUS_EEG_CONTEXT = 22
};

typedef struct {
    int16_t raw[ICTUS_EEG_HISTORY];                      /* x, the latest one last */
    int16_t lowpassed[ICTUS_EEG_MEAN];                   /* z[i] at i % ICTUS_EEG_MEAN */
    int16_t filtered[ICTUS_EEG_WINDOW];                  /* y[i] at i % ICTUS_EEG_WINDOW */
    int16_t level[ICTUS_EEG_LAG_S][ICTUS_EEG_LEVELS];    /* of second t at t % ICTUS_EEG_LAG_S, 0..336 */
    int16_t row[ICTUS_EEG_WINDOW_S][ICTUS_EEG_ROW];      /* of second t at t % ICTUS_EEG_WINDOW_S */
    int16_t total[ICTUS_EEG_LEVELS];                     /* of the levels that start the baseline, 0..2688 */
    int16_t baseline[ICTUS_EEG_LEVELS];                  /* 256 steps an octave, 0..5376; before its floor */
    int8_t context[ICTUS_EEG_CONTEXT];                   /* features of the latest 4 s */
    int32_t sum;                                         /* of `lowpassed`, |sum| <= 2^21 */
    int32_t upper;                                       /* of this second so far, 0..2^23 */
    uint32_t n_filtered;                                 /* y so far, wraps after 2 years */
    uint8_t n_raw;                                       /* filled places of `raw` */
    uint8_t n_flat;                                      /* of this second so far, 0..255 */
    uint8_t started;                                     /* seconds that are there: counts up to 39 */
    uint8_t rejected;                                    /* bit k: the gate rejected the second k before the latest */
    uint8_t lag_at;                                      /* place of this second's levels in `level` */
} ictus_eeg_channel;

/* Make a channel ready for its first sample. */
void ictus_eeg_init(ictus_eeg_channel *c);

/* Take a sample, any int16 at 256 Hz and 0.25 uV a count. Returns 1 if it ends a second, otherwise 0. */
int ictus_eeg_push(ictus_eeg_channel *c, int16_t x);

/* Features of the second that has just ended: those of the second alone into int8[ICTUS_EEG_GATE_FEATURES], those of
 * the latest 4 s into `context`. Call it once for each. */
void ictus_eeg_features(ictus_eeg_channel *c, int8_t *gate);

/* A second of the latest 4 s as the specialist sees it, once its features were asked for.
 *
 * age  seconds before the latest one, 0..3; what lies before the recording is 0
 * out  int8[ICTUS_EEG_BLOCK], Q2.5: the baseline's mean |y| is 8 */
void ictus_eeg_scaled(const ictus_eeg_channel *c, uint32_t age, int8_t *out);

#endif
