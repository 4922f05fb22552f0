/* Events that wait for the radio, in memory of a fixed size.
 *
 *     static ictus_queue queue;
 *     static ictus_queue_slot slots[64];
 *     ictus_queue_init(&queue, slots, 64);
 *     for every event of ictus_push_sample:   ictus_queue_put(&queue, &event, ictus_urgency_of(&event));
 *     while the link is up:                   if (ictus_queue_take(&queue, &event)) send(&event);
 *
 * What matters most leaves first: by urgency, within it the oldest. When the queue is full, what matters least is lost:
 * the oldest of the least urgent, or the newcomer if all that wait are more urgent. Nothing is lost silently: each
 * urgency counts its losses and keeps the first and the last sample number among them, so that the gap in what is
 * delivered has a place and a size. Both calls take constant time. */
#ifndef ICTUS_QUEUE_H
#define ICTUS_QUEUE_H

#include "ictus.h"

enum { ICTUS_MAX_SLOTS = 65534 };

typedef enum {
    ICTUS_ROUTINE = 0,  /* a normal beat */
    ICTUS_UNJUDGED = 1, /* a beat without a class: rejected by the gate, or the model is broken */
    ICTUS_NOTABLE = 2,  /* supraventricular */
    ICTUS_SERIOUS = 3,  /* ventricular, fusion, unknown */
    ICTUS_URGENCIES = 4
} ictus_urgency;

typedef struct {
    uint32_t peak; /* sample number of the R peak, the rest as in ictus_event */
    uint8_t reached;
    int8_t label;
    int8_t screen_logit;
    uint8_t urgency;
    uint16_t next; /* slot behind this one */
} ictus_queue_slot;

typedef struct {
    uint32_t n;          /* events lost */
    uint32_t first_peak; /* of the earliest and */
    uint32_t last_peak;  /* of the latest of them; 0 if there is none */
} ictus_loss;

typedef struct {
    ictus_queue_slot *slot;
    uint16_t n_slots;
    uint16_t n_waiting;
    uint16_t free; /* first slot without an event */
    uint16_t head[ICTUS_URGENCIES], tail[ICTUS_URGENCIES];
    ictus_loss loss[ICTUS_URGENCIES];
} ictus_queue;

/* Lend `n_slots` slots, 1..ICTUS_MAX_SLOTS; ICTUS_ARENA_TOO_SMALL for another number. */
ictus_status ictus_queue_init(ictus_queue *queue, ictus_queue_slot *slots, uint32_t n_slots);

/* What a decided beat is worth, by its class: N S V F Q. */
ictus_urgency ictus_urgency_of(const ictus_event *event);

void ictus_queue_put(ictus_queue *queue, const ictus_event *event, ictus_urgency urgency);

/* The event to send next, but for its class logits, which are 0. Returns 0 if none waits. */
int ictus_queue_take(ictus_queue *queue, ictus_event *event);

/* Events lost so far, of all urgencies. */
uint32_t ictus_queue_lost(const ictus_queue *queue);

#endif
