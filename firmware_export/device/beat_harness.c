/* Beats on the program's own device, for measurements and tests; no part of the firmware, and empty in one for
 * seizures. */
#include "main.h"

#if !ICTUS_MODEL_SEIZURES

uint32_t ictus_harness_start(void);
uint32_t ictus_harness_push(const int16_t *samples, uint32_t n, int32_t *events, uint32_t max_events);
void ictus_harness_counts(uint32_t counts[6]);

enum { EVENT_WORDS = 4 + ICTUS_MAX_CLASSES };

/* Prepare the program's own device. */
uint32_t ictus_harness_start(void)
{
    return (uint32_t)ictus_main_init();
}

static void write_event(const ictus_event *event, int32_t *words)
{
    words[0] = (int32_t)event->peak;
    words[1] = event->reached;
    words[2] = event->label;
    words[3] = event->screen_logit;
    for (uint32_t i = 0; i < ICTUS_MAX_CLASSES; ++i)
        words[4 + i] = event->class_logits[i];
}

/* Push `n` samples; the first `max_events` events become EVENT_WORDS words each. Returns how many there were. */
uint32_t ictus_harness_push(const int16_t *samples, uint32_t n, int32_t *events, uint32_t max_events)
{
    uint32_t n_events = 0;
    for (uint32_t k = 0; k < n; ++k) {
        const int n_new = ictus_push_sample(&ictus_main_device, samples[k]);
        for (int i = 0; i < n_new; ++i, ++n_events)
            if (n_events < max_events)
                write_event(&ictus_main_device.event[i], events + EVENT_WORDS * n_events);
    }
    return n_events;
}

void ictus_harness_counts(uint32_t counts[6])
{
    const ictus_counts *found = &ictus_main_device.counts;
    counts[0] = found->blocks;
    counts[1] = found->rejected;
    counts[2] = found->beats;
    counts[3] = found->screened;
    counts[4] = found->specialist;
    counts[5] = found->dropped;
}

#endif
