#include "ictus_queue.h"

enum { NO_SLOT = 65535 };

ictus_status ictus_queue_init(ictus_queue *queue, ictus_queue_slot *slots, uint32_t n_slots)
{
    static const ictus_loss none = {0, 0, 0};
    if (queue == NULL || slots == NULL)
        return ICTUS_NULL_ARGUMENT;
    if (n_slots == 0 || n_slots > ICTUS_MAX_SLOTS)
        return ICTUS_ARENA_TOO_SMALL;
    queue->slot = slots;
    queue->n_slots = (uint16_t)n_slots;
    queue->n_waiting = queue->free = 0;
    for (uint32_t i = 0; i < n_slots; ++i)
        slots[i].next = (uint16_t)(i + 1u < n_slots ? i + 1u : NO_SLOT);
    for (unsigned urgency = 0; urgency < ICTUS_URGENCIES; ++urgency) {
        queue->head[urgency] = queue->tail[urgency] = NO_SLOT;
        queue->loss[urgency] = none;
    }
    return ICTUS_OK;
}

ictus_urgency ictus_urgency_of(const ictus_event *event)
{
    if (event->label < 0)
        return ICTUS_UNJUDGED;
    if (event->label == 0)
        return ICTUS_ROUTINE;
    return event->label == 1 ? ICTUS_NOTABLE : ICTUS_SERIOUS;
}

static void count_loss(ictus_loss *loss, uint32_t peak)
{
    if (loss->n == 0 || peak < loss->first_peak)
        loss->first_peak = peak;
    if (loss->n == 0 || peak > loss->last_peak)
        loss->last_peak = peak;
    loss->n++;
}

/* Take the oldest of an urgency out of its list; there is one. Its slot is free. */
static ictus_queue_slot *unlink_oldest(ictus_queue *queue, unsigned urgency)
{
    const uint16_t index = queue->head[urgency];
    ictus_queue_slot *slot = &queue->slot[index];
    queue->head[urgency] = slot->next;
    if (slot->next == NO_SLOT)
        queue->tail[urgency] = NO_SLOT;
    slot->next = queue->free;
    queue->free = index;
    queue->n_waiting--;
    return slot;
}

static unsigned least_urgent(const ictus_queue *queue)
{
    unsigned urgency = 0;
    while (urgency < ICTUS_URGENCIES - 1u && queue->head[urgency] == NO_SLOT)
        ++urgency;
    return urgency;
}

static void append(ictus_queue *queue, const ictus_event *event, ictus_urgency urgency)
{
    const uint16_t index = queue->free;
    ictus_queue_slot *slot = &queue->slot[index];
    queue->free = slot->next;
    slot->peak = event->peak;
    slot->reached = event->reached;
    slot->label = event->label;
    slot->screen_logit = event->screen_logit;
    slot->urgency = (uint8_t)urgency;
    slot->next = NO_SLOT;
    if (queue->tail[urgency] == NO_SLOT)
        queue->head[urgency] = index;
    else
        queue->slot[queue->tail[urgency]].next = index;
    queue->tail[urgency] = index;
    queue->n_waiting++;
}

void ictus_queue_put(ictus_queue *queue, const ictus_event *event, ictus_urgency urgency)
{
    if (queue->n_waiting == queue->n_slots) {
        const unsigned least = least_urgent(queue);
        if ((unsigned)urgency < least) {
            count_loss(&queue->loss[urgency], event->peak);
            return;
        }
        count_loss(&queue->loss[least], unlink_oldest(queue, least)->peak);
    }
    append(queue, event, urgency);
}

int ictus_queue_take(ictus_queue *queue, ictus_event *event)
{
    static const ictus_event none = {.reached = ICTUS_AT_GATE, .label = -1};
    unsigned urgency = ICTUS_URGENCIES;
    if (queue->n_waiting == 0)
        return 0;
    do
        --urgency;
    while (urgency > 0 && queue->head[urgency] == NO_SLOT);
    const ictus_queue_slot *slot = unlink_oldest(queue, urgency);
    *event = none;
    event->peak = slot->peak;
    event->reached = slot->reached;
    event->label = slot->label;
    event->screen_logit = slot->screen_logit;
    return 1;
}

uint32_t ictus_queue_lost(const ictus_queue *queue)
{
    uint32_t n = 0;
    for (unsigned urgency = 0; urgency < ICTUS_URGENCIES; ++urgency)
        n += queue->loss[urgency].n;
    return n;
}
