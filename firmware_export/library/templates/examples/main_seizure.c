/* The whole integration: samples of every channel in, a decision a second out. port.h is the board. */
#include "ictus_model_data.h"
#include "ictus_seizure.h"
#include "port.h"

static ictus_seizure seizure;
static ictus_eeg_channel channels[CHANNELS];
static uint32_t arena[ICTUS_ARENA_BYTES / 4];

int main(void)
{
    int16_t samples[CHANNELS];
    if (ictus_seizure_init(&seizure, channels, CHANNELS, ictus_model_data, ICTUS_MODEL_BYTES, arena, sizeof arena))
        return 1;
    for (;;) {
        next_samples(samples);
        if (ictus_eeg_push_sample(&seizure, samples))
            on_second(&seizure.second);
    }
}
