/* The alarm of ventricular fibrillation on the program's own device, for measurements and tests; no part of the
 * firmware, and empty unless it is asked for, so that a firmware without the alarm is measured without it. */
#include "main.h"

#if !ICTUS_MODEL_SEIZURES && (defined(ICTUS_HARNESS_ALL) || defined(ICTUS_HARNESS_ALARM))

#include "ictus_alarm_data.h"

uint32_t ictus_harness_alarm_size(void);
uint32_t ictus_harness_add_alarm(ictus_alarm *alarm);
uint32_t ictus_harness_push_alarm(const int16_t *samples, uint32_t n, int32_t *seconds, uint32_t max_seconds);

uint32_t ictus_harness_alarm_size(void)
{
    return (uint32_t)sizeof(ictus_alarm);
}

/* Add the alarm to the program's own device, after ictus_harness_start. */
uint32_t ictus_harness_add_alarm(ictus_alarm *alarm)
{
    return (uint32_t)ictus_add_alarm(&ictus_main_device, alarm, &ictus_alarm_data);
}

/* Push `n` samples; each of the first `max_seconds` that end becomes one word: bit 0 if it counts, bit 1 if the alarm
 * stands at its end. Returns how many ended. */
uint32_t ictus_harness_push_alarm(const int16_t *samples, uint32_t n, int32_t *seconds, uint32_t max_seconds)
{
    uint32_t n_seconds = 0;
    for (uint32_t k = 0; k < n; ++k) {
        (void)ictus_push_sample(&ictus_main_device, samples[k]);
        if (ictus_main_device.n_samples % ICTUS_GATE_BLOCK != 0u)
            continue;
        if (n_seconds < max_seconds)
            seconds[n_seconds] = (ictus_main_device.alarm->positive & 1) | ictus_main_device.alarm->stands << 1;
        ++n_seconds;
    }
    return n_seconds;
}

#endif
