/* From a score a second to alarms; equal to `ictus.signals.eeg_events` bit for bit, where the rule is described. */
#ifndef ICTUS_EEG_EVENTS_H
#define ICTUS_EEG_EVENTS_H

#include <stdint.h>

enum {
    ICTUS_EVENT_WANTED = 4,  /* windows above threshold that raise an alarm, */
    ICTUS_EVENT_AMONG = 5,   /* of so many latest ones, at most 31 */
    ICTUS_EVENT_QUIET = 8,   /* windows in a row below that end it */
    ICTUS_EVENT_MERGE_S = 30 /* after its end another one goes on with it: nobody is told twice of one seizure */
};

typedef struct {
    uint32_t latest;   /* bit k: the second k before the latest one was above */
    uint8_t below;     /* seconds in a row, of an alarm that is on */
    uint8_t since_end; /* seconds, up to ICTUS_EVENT_MERGE_S */
    uint8_t is_on;     /* whether the wearer is in an alarm */
} ictus_event_tracker;

/* Make a tracker ready for the first second. */
void ictus_event_init(ictus_event_tracker *tracker);

/* Take the next second, 1 if its window is above threshold, else 0. Returns 0, or if an alarm begins with it that
 * does not go on with the last one, how many seconds ago its first window was, plus 1. */
uint32_t ictus_event_push(ictus_event_tracker *tracker, uint32_t is_above);

#endif
