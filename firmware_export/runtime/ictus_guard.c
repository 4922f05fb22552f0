#include "ictus_guard.h"

ictus_status ictus_guard_init(ictus_guard *guard, ictus_device *device, ictus_queue_slot *slots, uint32_t n_slots)
{
    static const ictus_guard_counts none = {0, 0, 0, 0, 0, 0};
    if (guard == NULL || device == NULL)
        return ICTUS_NULL_ARGUMENT;
    guard->device = device;
    guard->counts = none;
    guard->next_tick = 0;
    guard->last = 0;
    guard->rail_low = INT16_MIN;
    guard->rail_high = INT16_MAX;
    guard->queues_from = ICTUS_UNJUDGED;
    guard->has_started = guard->is_catching_up = 0;
    ictus_check_init(&guard->check, NULL, 0, 0);
    return ictus_queue_init(&guard->queue, slots, n_slots);
}

static void put(ictus_guard *guard, const ictus_event *event)
{
    const ictus_urgency urgency = ictus_urgency_of(event);
    if ((unsigned)urgency >= guard->queues_from)
        ictus_queue_put(&guard->queue, event, urgency);
}

static void put_unjudged(ictus_guard *guard, uint32_t peak)
{
    static const ictus_event none = {.reached = ICTUS_AT_GATE, .label = -1};
    ictus_event event = none;
    event.peak = peak;
    guard->counts.unjudged++;
    put(guard, &event);
}

/* The model must not be run again: beats that wait for a decision, and all that follow, get none. */
static void give_up_model(ictus_guard *guard)
{
    ictus_device *device = guard->device;
    for (uint32_t i = 0; i < device->n_pending; ++i)
        put_unjudged(guard, device->pending[i]);
    device->n_pending = 0;
}

/* What needs no model: filter and detector. */
static void push_without_model(ictus_guard *guard, int16_t sample)
{
    ictus_device *device = guard->device;
    int32_t peak_age = 0;
    (void)ictus_filter_push(&device->filter, sample);
    if (ictus_qrs_push(&device->qrs, &device->filter, &peak_age))
        put_unjudged(guard, device->n_samples - (uint32_t)peak_age);
    device->n_samples++;
}

static void check_model(ictus_guard *guard)
{
    if (guard->check.n_bytes != 0 && ictus_check_step(&guard->check, ICTUS_CHECK_BYTES)) {
        guard->counts.broken_at = guard->device->n_samples;
        give_up_model(guard);
    }
}

static void push(ictus_guard *guard, int16_t sample)
{
    ictus_device *device = guard->device;
    if (guard->check.is_broken) {
        push_without_model(guard, sample);
        return;
    }
    const int n_events = ictus_push_sample(device, sample);
    for (int i = 0; i < n_events; ++i)
        put(guard, &device->event[i]);
    if (device->n_samples % ICTUS_GATE_BLOCK == 0u)
        check_model(guard);
}

/* Push the latest sample in place of up to ICTUS_GUARD_FILL missing ones. */
static void fill(ictus_guard *guard, uint32_t n_missing)
{
    const uint32_t n = n_missing < ICTUS_GUARD_FILL ? n_missing : ICTUS_GUARD_FILL;
    for (uint32_t i = 0; i < n; ++i)
        push(guard, guard->last);
    if (n > 0 && !guard->is_catching_up)
        guard->counts.gaps++;
    guard->counts.missing += n;
    guard->next_tick += n;
    guard->is_catching_up = n < n_missing;
}

void ictus_guard_push(ictus_guard *guard, uint32_t tick, int16_t sample)
{
    if (!guard->has_started) {
        guard->next_tick = tick;
        guard->has_started = 1;
    }
    const uint32_t n_missing = tick - guard->next_tick;
    if (n_missing > INT32_MAX) {
        guard->counts.late++;
        return;
    }
    guard->counts.railed += sample <= guard->rail_low || sample >= guard->rail_high;
    fill(guard, n_missing);
    if (guard->is_catching_up)
        return; /* the call has done enough; the next one counts this sample as missing */
    guard->last = sample;
    push(guard, sample);
    guard->next_tick++;
}
