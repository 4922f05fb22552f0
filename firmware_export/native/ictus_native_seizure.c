/* The EEG device on a computer: whole stretches of samples in, a row a second out. No part of the firmware.
 *
 * Every sample goes through `ictus_eeg_push_sample`, as on the device; what is added is the loop and the copying. */
#include "ictus_native_seizure.h"

#include "ictus_fixed.h"

uint32_t ictus_native_seizure_bytes(uint32_t n_channels)
{
    return (uint32_t)(sizeof(ictus_seizure) + n_channels * sizeof(ictus_eeg_channel));
}

uint32_t ictus_native_seizure_open(ictus_seizure *seizure, uint32_t n_channels, const uint8_t *model,
                                   uint32_t n_bytes, uint32_t *arena, uint32_t arena_bytes)
{
    ictus_eeg_channel *channels = (ictus_eeg_channel *)(seizure + 1);
    return (uint32_t)ictus_seizure_init(seizure, channels, n_channels, model, n_bytes, arena, arena_bytes);
}

static uint32_t line_length_of(const ictus_eeg_channel *c)
{
    const int16_t *y = c->filtered + (c->n_filtered - ICTUS_EEG_BLOCK) % ICTUS_EEG_WINDOW;
    uint32_t sum = 0;
    for (uint32_t i = 1; i < ICTUS_EEG_BLOCK; ++i)
        sum += (uint32_t)ictus_abs32(y[i] - y[i - 1]);
    return sum;
}

uint32_t ictus_native_seizure_push(ictus_seizure *seizure, const int16_t *samples, uint32_t n,
                                   ictus_seizure_second *seconds, uint32_t *line_length)
{
    uint32_t n_seconds = 0;
    for (uint32_t k = 0; k < n; ++k, samples += seizure->n_channels) {
        if (!ictus_eeg_push_sample(seizure, samples))
            continue;
        seconds[n_seconds++] = seizure->second;
        for (uint32_t c = 0; c < seizure->n_channels; ++c)
            *line_length++ = line_length_of(&seizure->channel[c]);
    }
    return n_seconds;
}
