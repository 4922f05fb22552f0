#include "ictus_eeg.h"

#include "ictus_fixed.h"

enum { HALF_TAPS = ICTUS_EEG_TAPS / 2, HELD = ICTUS_EEG_TAPS - ICTUS_EEG_DECIMATION, MEAN_DELAY = 16 };

/* Up to and including the middle one, Q15; the magnitudes of all 35 add up to 49628. */
static const int16_t half_lowpass[HALF_TAPS + 1] = {-27, -106, -165, -178, -64,   171, 431,  534,  309,
                                                    -267, -978, -1392, -1038, 342, 2594, 5133, 7137, 7896};

void ictus_eeg_init(ictus_eeg_channel *c)
{
    uint8_t *bytes = (uint8_t *)c;
    for (uint32_t i = 0; i < sizeof *c; ++i)
        bytes[i] = 0;
}

/* As if the first sample had been there for ever. */
static void start(ictus_eeg_channel *c, int16_t x)
{
    for (uint32_t i = 0; i < HELD; ++i)
        c->raw[i] = x;
    for (uint32_t i = 0; i < ICTUS_EEG_MEAN; ++i)
        c->lowpassed[i] = x;
    c->n_raw = HELD;
    c->sum = x * (int32_t)ICTUS_EEG_MEAN;
}

/* The low-pass at the latest sample. */
static int16_t lowpass(const ictus_eeg_channel *c)
{
    const int16_t *first = c->raw + c->n_raw - ICTUS_EEG_TAPS, *last = c->raw + c->n_raw - 1;
    int32_t acc = (1 << 14) + half_lowpass[HALF_TAPS] * first[HALF_TAPS];
    for (uint32_t k = 0; k < HALF_TAPS; ++k)
        acc += half_lowpass[k] * (*first++ + *last--);
    return ictus_sat16(ictus_asr32(acc, 15));
}

static void highpass(ictus_eeg_channel *c, int16_t z)
{
    const uint32_t i = c->n_filtered++;
    int16_t *at = &c->lowpassed[i % ICTUS_EEG_MEAN];
    c->sum += z - *at;
    *at = z;
    const int32_t late = c->lowpassed[(i - MEAN_DELAY) % ICTUS_EEG_MEAN];
    c->filtered[i % ICTUS_EEG_WINDOW] = ictus_sat16(late - ictus_asr32(c->sum + ICTUS_EEG_MEAN / 2, 6));
}

/* What the features need of four unfiltered samples. */
static void follow_raw(ictus_eeg_channel *c)
{
    const int16_t *x = c->raw + c->n_raw - ICTUS_EEG_DECIMATION;
    const uint32_t begins = c->n_filtered % ICTUS_EEG_BLOCK == 0; /* a second; its first sample has none before */
    if (begins)
        c->upper = c->n_flat = 0;
    c->upper += ictus_abs32(x[0] - 2 * x[1] + x[2]);
    c->n_flat = (uint8_t)(c->n_flat + (!begins && x[0] == x[-1]) + (x[1] == x[0]) + (x[2] == x[1]) + (x[3] == x[2]));
}

static void forget(ictus_eeg_channel *c)
{
    const int16_t *from = c->raw + c->n_raw - HELD;
    for (uint32_t i = 0; i < HELD; ++i)
        c->raw[i] = from[i];
    c->n_raw = HELD;
}

int ictus_eeg_push(ictus_eeg_channel *c, int16_t x)
{
    if (c->n_raw == 0)
        start(c, x);
    c->raw[c->n_raw++] = x;
    if ((c->n_raw - HELD) % ICTUS_EEG_DECIMATION != 0)
        return 0;
    follow_raw(c);
    highpass(c, lowpass(c));
    if (c->n_raw + ICTUS_EEG_DECIMATION > ICTUS_EEG_HISTORY)
        forget(c);
    return c->n_filtered % ICTUS_EEG_BLOCK == 0;
}

/* Factor that makes the baseline's mean |y| 8 steps of int8, at most 2^15. */
static int32_t wave_factor(int32_t baseline)
{
    static const uint16_t mantissa[16] = {32768, 31379, 30048, 28774, 27554, 26386, 25268, 24196,
                                          23170, 22188, 21247, 20347, 19484, 18658, 17867, 17109};
    return mantissa[baseline >> 4 & 15] >> ((baseline >> 8) - 6);
}

void ictus_eeg_scaled(const ictus_eeg_channel *c, uint32_t age, int8_t *out)
{
    const int32_t factor = wave_factor(ictus_max32(c->baseline[0], ICTUS_EEG_LEAST_AMPLITUDE));
    const int16_t *y = c->filtered + (c->n_filtered - (age + 1u) * ICTUS_EEG_BLOCK) % ICTUS_EEG_WINDOW;
    for (uint32_t i = 0; i < ICTUS_EEG_BLOCK; ++i) /* |product| <= 2^30 */
        out[i] = ictus_sat8(ictus_asr32(y[i] * factor + (1 << 13), 14));
}
