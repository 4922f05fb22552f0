/* The program of the emulated ECG wearable: its one device, and a loop that waits for the front end. */
#include "main.h"

#if !ICTUS_MODEL_SEIZURES

/* A front end with one register: bit 16 is set when a new sample lies in the low half. */
#define FRONT_END ((volatile const uint32_t *)0x40000000u)

ictus_device ictus_main_device;
uint32_t ictus_main_arena[ICTUS_ARENA_BYTES / sizeof(uint32_t)];
#if ICTUS_MODEL_STREAMS
ictus_rhythm ictus_main_rhythm;
volatile ictus_rhythm_event ictus_main_latest; /* where a radio driver would fetch it */
#else
volatile ictus_event ictus_main_latest;
#endif

ictus_status ictus_main_init(void)
{
    const ictus_status status = ictus_init(&ictus_main_device, ictus_model_data, ICTUS_MODEL_BYTES,
                                           ictus_main_arena, sizeof ictus_main_arena);
#if ICTUS_MODEL_STREAMS
    if (status == ICTUS_OK)
        return ictus_add_rhythm(&ictus_main_device, &ictus_main_rhythm, ictus_model_data, ICTUS_MODEL_BYTES,
                                ictus_main_arena, sizeof ictus_main_arena);
#endif
    return status;
}

static void send(int n_events)
{
#if ICTUS_MODEL_STREAMS
    (void)n_events;
    if (ictus_main_rhythm.decided)
        ictus_main_latest = ictus_main_rhythm.event;
#else
    for (int i = 0; i < n_events; ++i)
        ictus_main_latest = ictus_main_device.event[i];
#endif
}

void ictus_main(void)
{
    if (ictus_main_init() != ICTUS_OK)
        return;
    for (;;) {
        const uint32_t word = *FRONT_END;
        if ((word & 0x10000u) == 0)
            continue;
        send(ictus_push_sample(&ictus_main_device, (int16_t)(uint16_t)word));
    }
}

#endif
