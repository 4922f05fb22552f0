/* The whole wearable: samples in, one event per heart beat out, and if asked for one per strip of rhythm and an alarm
 * of ventricular fibrillation.
 *
 *     static ictus_device device;
 *     static uint32_t arena[ICTUS_ARENA_BYTES / 4];
 *     ictus_init(&device, ictus_model_data, ICTUS_MODEL_BYTES, arena, sizeof arena);
 *     for each sample of the front end, int16 at 128 Hz and 5 uV per count:
 *         for (int i = 0, n = ictus_push_sample(&device, sample); i < n; ++i)
 *             use(&device.event[i]);
 *
 * Samples are kept until there are 16, and filtered and searched for beats together: the other 15 calls take some
 * twenty instructions. The signal is cut into blocks of 128 samples. At the end of each the gate judges the block, and every beat whose
 * next beat is known, or has not come in time, is decided: a beat in a rejected block is gated, any other goes to
 * the screen, and on to the specialist if the screen finds it abnormal. All state lies in `ictus_device` and in the
 * arena. Equal to the Python of ictus.signals and ictus.compression, bit for bit.
 *
 * Optional parts (ictus_rhythm.h, ictus_alarm.h) follow the same samples. One that is not added costs neither RAM nor
 * flash but for two pointers: the device reaches it by those that only `ictus_add_...` sets.
 */
#ifndef ICTUS_H
#define ICTUS_H

#include "ictus_alarm.h"
#include "ictus_beat.h"
#include "ictus_filter.h"
#include "ictus_gate.h"
#include "ictus_model.h"
#include "ictus_qrs.h"
#include "ictus_rhythm.h"

enum {
    ICTUS_MAX_CLASSES = 8, /* outputs of the specialist that an event has room for */
    ICTUS_MAX_PENDING = 16 /* beats that wait for a block to end; the detector announces no more in that time */
};

typedef enum {
    ICTUS_AT_GATE = 0,      /* the block of the beat was rejected; no class */
    ICTUS_AT_SCREEN = 1,    /* normal by the screen */
    ICTUS_AT_SPECIALIST = 2 /* class by the specialist */
} ictus_exit;

typedef struct {
    uint32_t peak;                          /* sample number of the R peak, the first sample is 0 */
    uint8_t reached;                        /* ictus_exit: the stage that decided */
    int8_t label;                           /* index of the class, 0 is normal; -1 if gated */
    int8_t screen_logit;                    /* Q4.3; 0 if gated */
    int8_t class_logits[ICTUS_MAX_CLASSES]; /* Q4.3; 0 unless the specialist ran */
} ictus_event;

/* How often each stage ran. */
typedef struct {
    uint32_t blocks;     /* runs of the gate */
    uint32_t rejected;   /* blocks that it rejected */
    uint32_t beats;      /* beats decided, one event each */
    uint32_t screened;   /* runs of the screen */
    uint32_t specialist; /* runs of the specialist */
    uint32_t dropped;    /* beats lost because ICTUS_MAX_PENDING were waiting; always 0 with this detector */
} ictus_counts;

typedef struct {
    ictus_filter filter;
    ictus_qrs qrs;
    ictus_gate gate;
    ictus_beat beat;
    ictus_model model;
    ictus_counts counts;
    int16_t filtered[ICTUS_BEAT_RING];    /* b of sample t at t % ICTUS_BEAT_RING */
    int16_t piece[ICTUS_FILTER_PIECE];    /* the latest samples, sample t at t % ICTUS_FILTER_PIECE */
    uint32_t n_samples;                   /* pushed so far; wraps after 388 days */
    uint32_t n_done;                      /* of these, filtered */
    uint32_t rejected_blocks;             /* bit k: the gate rejected the block k before the latest one */
    uint32_t last_peak;                   /* of the latest decided beat */
    uint32_t pending[ICTUS_MAX_PENDING];  /* R peaks that wait for a decision, oldest first */
    uint32_t n_pending;                   /* 0..ICTUS_MAX_PENDING */
    ictus_event event[ICTUS_MAX_PENDING]; /* decided by the latest sample */
    uint8_t decides_beats;                /* 0 if the model has only its gate in common with a model of beats */
    ictus_rhythm *rhythm;                 /* NULL unless added */
    void (*end_rhythm_block)(ictus_rhythm *rhythm, const int16_t *ring, uint32_t ring_size, uint32_t rejected);
    ictus_alarm *alarm; /* NULL unless added */
    void (*push_alarm)(ictus_alarm *alarm, const int8_t *features);
} ictus_device;

/* Prepare a device. `model` stays in place; `arena` is lent, `arena_bytes` at least what the model needs.
 * ICTUS_OTHER_INPUTS if the model is not gate, screen and specialist for the features, window and context here. With
 * a model for rhythm, which shares the gate, beats get no events; `ictus_add_rhythm` then takes the same model. */
ictus_status ictus_init(ictus_device *device, const uint8_t *model, size_t model_bytes, uint32_t *arena,
                        size_t arena_bytes);

/* Add the rhythm of strips, see ictus_rhythm.h: after ictus_init, before the first sample. `rhythm` and `model` stay in
 * place; `arena` is lent, and may be the device's own if that is large enough for both models. The device's own gate
 * says which seconds are analysable. ICTUS_OTHER_INPUTS if the model is not one for the strips here. */
ictus_status ictus_add_rhythm(ictus_device *device, ictus_rhythm *rhythm, const uint8_t *model, size_t model_bytes,
                              uint32_t *arena, size_t arena_bytes);

/* Add the alarm of ventricular fibrillation, see ictus_alarm.h: after ictus_init, before the first sample. `alarm` and
 * `model` stay in place. */
ictus_status ictus_add_alarm(ictus_device *device, ictus_alarm *alarm, const ictus_alarm_model *model);

/* Take one sample, any int16. Returns the number of events in `device->event`, valid until the next sample: 0 but at
 * the end of a block, at most ICTUS_MAX_PENDING. */
int ictus_push_sample(ictus_device *device, int16_t sample);

#endif
