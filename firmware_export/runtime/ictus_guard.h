/* A device that expects faults: samples that never come, a converter at its rail, a bit that flips in the model's
 * flash, a radio that does not answer. It goes on within bounds and counts what it lost. Once the model is known to be
 * broken it is not run again: beats are still detected, and get no class.
 *
 *     static ictus_guard guard;
 *     static ictus_queue_slot slots[64];
 *     ictus_guard_init(&guard, &device, slots, 64);
 *     ictus_check_init(&guard.check, ictus_model_data, ICTUS_MODEL_BYTES, ICTUS_MODEL_CRC32);
 *     for each sample of the front end, with the number that its timer or FIFO gave it:
 *         ictus_guard_push(&guard, tick, sample);
 *     while the link is up:
 *         if (ictus_queue_take(&guard.queue, &event)) send(&event);
 *
 * A missing sample is filled with the latest one before the gap, so that sample numbers stay times; the gate takes a
 * long gap for the held line that it is. A call pushes at most ICTUS_GUARD_FILL + 1 samples: behind a longer gap the
 * device needs some calls to catch up, whose samples are missing too. */
#ifndef ICTUS_GUARD_H
#define ICTUS_GUARD_H

#include "ictus.h"
#include "ictus_check.h"
#include "ictus_queue.h"

enum { ICTUS_GUARD_FILL = 127 }; /* missing samples that a call fills at most */

typedef struct {
    uint32_t missing;   /* samples that never came, all filled */
    uint32_t gaps;      /* stretches of them */
    uint32_t late;      /* samples that came again or out of order, not used */
    uint32_t railed;    /* samples at a rail of the converter */
    uint32_t unjudged;  /* beats without a class because the model is broken */
    uint32_t broken_at; /* samples pushed when the model was found to be broken; 0 if it is whole */
} ictus_guard_counts;

typedef struct {
    ictus_device *device;
    ictus_check check;
    ictus_queue queue;
    ictus_guard_counts counts;
    uint32_t next_tick;
    int16_t last;                /* the latest sample */
    int16_t rail_low, rail_high; /* of the converter, as samples; the limits of int16 unless set */
    uint8_t queues_from;         /* ictus_urgency: events below are not for the radio; ICTUS_UNJUDGED unless set */
    uint8_t has_started;
    uint8_t is_catching_up;
} ictus_guard;

/* Guard a device that ictus_init prepared; every event goes to the queue in `slots`. */
ictus_status ictus_guard_init(ictus_guard *guard, ictus_device *device, ictus_queue_slot *slots, uint32_t n_slots);

/* Take the sample number `tick`; the first one may have any, and they may wrap. */
void ictus_guard_push(ictus_guard *guard, uint32_t tick, int16_t sample);

#endif
