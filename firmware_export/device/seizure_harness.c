/* Seizures for measurements and tests; no part of the firmware, and empty in one for another task. Pointers may lie
 * outside the device's RAM. */
#include "main.h"

#if ICTUS_MODEL_SEIZURES

uint32_t ictus_harness_start(void);
uint32_t ictus_harness_start_channels(uint32_t n_channels);
uint32_t ictus_harness_seizure_bytes(uint32_t n_channels);
uint32_t ictus_harness_seizure_init(ictus_seizure *seizure, uint32_t n_channels, uint32_t *arena,
                                    uint32_t arena_bytes);
uint32_t ictus_harness_push_seconds(ictus_seizure *seizure, const int16_t *samples, uint32_t n, int32_t *seconds);
void ictus_harness_second_counts(const ictus_seizure *seizure, uint32_t counts[4]);
uint32_t ictus_harness_eeg_seconds(const int16_t *samples, uint32_t n, int8_t *gate, int8_t *context, int8_t *window);
void ictus_harness_events(const uint8_t *is_above, uint32_t n, uint8_t *is_on, uint8_t *began);

enum { SECOND_WORDS = 8 };

/* Prepare the program's own device, which has ICTUS_MAIN_CHANNELS channels. */
uint32_t ictus_harness_start(void)
{
    return (uint32_t)ictus_main_init();
}

uint32_t ictus_harness_start_channels(uint32_t n_channels)
{
    return (uint32_t)ictus_main_open(n_channels);
}

/* Bytes of another device with its channels behind it. */
uint32_t ictus_harness_seizure_bytes(uint32_t n_channels)
{
    return (uint32_t)(sizeof(ictus_seizure) + n_channels * sizeof(ictus_eeg_channel));
}

uint32_t ictus_harness_seizure_init(ictus_seizure *seizure, uint32_t n_channels, uint32_t *arena,
                                    uint32_t arena_bytes)
{
    return (uint32_t)ictus_seizure_init(seizure, (ictus_eeg_channel *)(seizure + 1), n_channels, ictus_model_data,
                                        ICTUS_MODEL_BYTES, arena, arena_bytes);
}

static void write_second(const ictus_seizure_second *second, int32_t *words)
{
    words[0] = (int32_t)second->number;
    words[1] = (int32_t)second->rejected;
    words[2] = (int32_t)second->analysable;
    words[3] = second->reached;
    words[4] = second->screen_logit;
    words[5] = second->specialist_logit;
    words[6] = second->is_on;
    words[7] = second->began;
}

/* Push `n` samples, int16[n][n_channels], into a device, the program's own if NULL. Every second becomes SECOND_WORDS
 * words. Returns how many there were. */
uint32_t ictus_harness_push_seconds(ictus_seizure *seizure, const int16_t *samples, uint32_t n, int32_t *seconds)
{
    uint32_t n_seconds = 0;
    ictus_seizure *own = seizure != NULL ? seizure : &ictus_main_seizure;
    for (uint32_t k = 0; k < n; ++k, samples += own->n_channels)
        if (ictus_eeg_push_sample(own, samples))
            write_second(&own->second, seconds + SECOND_WORDS * n_seconds++);
    return n_seconds;
}

void ictus_harness_second_counts(const ictus_seizure *seizure, uint32_t counts[4])
{
    const ictus_seizure_counts *found = seizure != NULL ? &seizure->counts : &ictus_main_seizure.counts;
    counts[0] = found->seconds;
    counts[1] = found->rejected;
    counts[2] = found->screened;
    counts[3] = found->specialist;
}

/* One channel alone: what the gate, the screen and the specialist are given every second. Returns the seconds.
 *
 * window  int8[seconds][ICTUS_EEG_WINDOW] */
uint32_t ictus_harness_eeg_seconds(const int16_t *samples, uint32_t n, int8_t *gate, int8_t *context, int8_t *window)
{
    ictus_eeg_channel channel;
    uint32_t n_seconds = 0;
    ictus_eeg_init(&channel);
    for (uint32_t k = 0; k < n; ++k) {
        if (!ictus_eeg_push(&channel, samples[k]))
            continue;
        ++n_seconds;
        ictus_eeg_features(&channel, gate);
        gate += ICTUS_EEG_GATE_FEATURES;
        for (uint32_t i = 0; i < ICTUS_EEG_CONTEXT; ++i)
            *context++ = channel.context[i];
        for (uint32_t age = ICTUS_EEG_WINDOW_S; age-- > 0; window += ICTUS_EEG_BLOCK)
            ictus_eeg_scaled(&channel, age, window);
    }
    return n_seconds;
}

/* The event rule alone, a byte a second. */
void ictus_harness_events(const uint8_t *is_above, uint32_t n, uint8_t *is_on, uint8_t *began)
{
    ictus_event_tracker tracker;
    ictus_event_init(&tracker);
    for (uint32_t t = 0; t < n; ++t) {
        began[t] = (uint8_t)ictus_event_push(&tracker, is_above[t]);
        is_on[t] = tracker.is_on;
    }
}

#endif
