#include "ictus_eeg_events.h"

#include "ictus_fixed.h"

void ictus_event_init(ictus_event_tracker *tracker)
{
    tracker->latest = 0;
    tracker->below = tracker->is_on = 0;
    tracker->since_end = ICTUS_EVENT_MERGE_S;
}

static uint32_t bit_length(uint32_t bits)
{
    uint32_t n = 0;
    for (; bits != 0; bits >>= 1)
        ++n;
    return n;
}

static void go_on(ictus_event_tracker *tracker, uint32_t is_above)
{
    tracker->below = (uint8_t)(is_above ? 0 : tracker->below + 1u);
    if (tracker->below >= ICTUS_EVENT_QUIET) {
        tracker->is_on = tracker->since_end = 0;
        tracker->latest = 0;
    }
}

uint32_t ictus_event_push(ictus_event_tracker *tracker, uint32_t is_above)
{
    tracker->latest = (tracker->latest << 1 | is_above) & ((UINT32_C(1) << ICTUS_EVENT_AMONG) - 1u);
    if (tracker->is_on) {
        go_on(tracker, is_above);
        return 0;
    }
    if (tracker->since_end < ICTUS_EVENT_MERGE_S)
        tracker->since_end++;
    if (ictus_count_bits(tracker->latest) < ICTUS_EVENT_WANTED)
        return 0;
    tracker->is_on = 1;
    tracker->below = 0;
    return tracker->since_end >= ICTUS_EVENT_MERGE_S ? bit_length(tracker->latest) : 0;
}
