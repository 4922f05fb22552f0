/* The program of the emulated EEG wearable: its one device, and a loop that waits for the front end. */
#include "main.h"

#if ICTUS_MODEL_SEIZURES

/* A front end with one register a channel: bit 16 of the last one is set when new samples lie in the low halves. */
#define FRONT_END ((volatile const uint32_t *)0x40000000u)

ictus_seizure ictus_main_seizure;
static ictus_eeg_channel channels[ICTUS_MAIN_CHANNELS];
static uint32_t arena[ICTUS_ARENA_BYTES / sizeof(uint32_t)];
volatile ictus_seizure_second ictus_main_latest; /* where a radio driver would fetch it */

ictus_status ictus_main_open(uint32_t n_channels)
{
    if (n_channels > ICTUS_MAIN_CHANNELS)
        return ICTUS_OTHER_INPUTS;
    return ictus_seizure_init(&ictus_main_seizure, channels, n_channels, ictus_model_data, ICTUS_MODEL_BYTES, arena,
                              sizeof arena);
}

ictus_status ictus_main_init(void)
{
    return ictus_main_open(ICTUS_MAIN_CHANNELS);
}

void ictus_main(void)
{
    int16_t sample[ICTUS_MAIN_CHANNELS];
    if (ictus_main_init() != ICTUS_OK)
        return;
    for (;;) {
        if ((FRONT_END[ICTUS_MAIN_CHANNELS - 1] & 0x10000u) == 0)
            continue;
        for (unsigned c = 0; c < ICTUS_MAIN_CHANNELS; ++c)
            sample[c] = (int16_t)(uint16_t)FRONT_END[c];
        if (ictus_eeg_push_sample(&ictus_main_seizure, sample))
            ictus_main_latest = ictus_main_seizure.second;
    }
}

#endif
