/* The guarded device (ictus_guard.h) for measurements and tests; no part of the firmware. Built only where a test or a
 * fault asks for it. */
#include "ictus_guard.h"
#include "main.h"

enum { MAX_SLOTS = 256, WORDS = 5, COUNTS = 9, LOSS_WORDS = 3 };

static ictus_guard guard;
static ictus_queue_slot slots[MAX_SLOTS];

uint32_t ictus_guard_start(uint32_t n_slots, uint32_t queues_from);
void ictus_guard_rails(int32_t low, int32_t high);
uint32_t ictus_guard_feed(const int16_t *samples, const uint32_t *ticks, uint32_t n, uint32_t n_link, int32_t *out);
void ictus_guard_read(uint32_t *counts);

/* Prepare the program's own device behind a guard whose queue has `n_slots`, at most MAX_SLOTS. */
uint32_t ictus_guard_start(uint32_t n_slots, uint32_t queues_from)
{
    ictus_status status = ictus_main_init();
    if (status == ICTUS_OK)
        status = ictus_guard_init(&guard, &ictus_main_device, slots, n_slots <= MAX_SLOTS ? n_slots : 0);
    guard.queues_from = (uint8_t)queues_from;
    ictus_check_init(&guard.check, ictus_model_data, ICTUS_MODEL_BYTES, ICTUS_MODEL_CRC32);
    return (uint32_t)status;
}

void ictus_guard_rails(int32_t low, int32_t high)
{
    guard.rail_low = (int16_t)low;
    guard.rail_high = (int16_t)high;
}

/* Take `n` samples, then send at most `n_link` events, WORDS words each: peak, reached, label, screen logit, samples
 * pushed when it was sent. Returns how many were sent. */
uint32_t ictus_guard_feed(const int16_t *samples, const uint32_t *ticks, uint32_t n, uint32_t n_link, int32_t *out)
{
    ictus_event event;
    uint32_t n_sent = 0;
    for (uint32_t i = 0; i < n; ++i)
        ictus_guard_push(&guard, ticks[i], samples[i]);
    for (; n_sent < n_link && ictus_queue_take(&guard.queue, &event); ++n_sent, out += WORDS) {
        out[0] = (int32_t)event.peak;
        out[1] = event.reached;
        out[2] = event.label;
        out[3] = event.screen_logit;
        out[4] = (int32_t)ictus_main_device.n_samples;
    }
    return n_sent;
}

/* COUNTS words, then LOSS_WORDS for every urgency. */
void ictus_guard_read(uint32_t *counts)
{
    const ictus_guard_counts *found = &guard.counts;
    const uint32_t words[COUNTS] = {found->missing,  found->gaps,      found->late,           found->railed,
                                    found->unjudged, found->broken_at, guard.check.n_passes, guard.queue.n_waiting,
                                    ictus_queue_lost(&guard.queue)};
    for (unsigned i = 0; i < COUNTS; ++i)
        counts[i] = words[i];
    counts += COUNTS;
    for (unsigned urgency = 0; urgency < ICTUS_URGENCIES; ++urgency, counts += LOSS_WORDS) {
        counts[0] = guard.queue.loss[urgency].n;
        counts[1] = guard.queue.loss[urgency].first_peak;
        counts[2] = guard.queue.loss[urgency].last_peak;
    }
}
