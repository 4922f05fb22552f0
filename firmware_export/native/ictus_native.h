#ifndef ICTUS_NATIVE_H
#define ICTUS_NATIVE_H

#include "ictus.h"

/* An `ictus_event`, and the number of samples after which it was given. */
typedef struct {
    uint32_t peak;
    uint32_t decided;
    int8_t reached;
    int8_t label;
    int8_t screen_logit;
    int8_t unused;
    int8_t class_logits[ICTUS_MAX_CLASSES];
} ictus_native_beat;

/* A device with both of its optional parts; those that are not added stay unused. */
typedef struct {
    ictus_device device;
    ictus_rhythm rhythm;
    ictus_alarm alarm;
    ictus_alarm_model alarm_model;
} ictus_native_wearable;

/* What a stretch of samples gives, written behind one another; `push` moves the pointers on. */
typedef struct {
    ictus_native_beat *beat;   /* room for ICTUS_MAX_PENDING a block that ends */
    ictus_rhythm_event *strip; /* room for one every ICTUS_RHYTHM_STRIP_BLOCKS blocks, and one more */
    uint8_t *rejected;         /* one for each block that ends: 1 if the gate rejected it */
    uint8_t *positive;         /* likewise: 1 if it counts for the alarm, 0 without one */
} ictus_native_found;

/* The filter and the QRS detector without the rest. */
typedef struct {
    ictus_filter filter;
    ictus_qrs qrs;
} ictus_native_detector;

enum { ICTUS_NATIVE_TILE = 32 }; /* periods of a polyphase filter that are worked on side by side */

/* A polyphase filter: input i and output k lie at i * up and k * down of a common rate. */
typedef struct {
    const float *taps; /* [up][n_taps]: of each phase, the tap for the oldest input first */
    int64_t up, down, n_taps;
} ictus_native_polyphase;

uint32_t ictus_native_wearable_bytes(void);

/* RAM that the stages of a model need; returns an ictus_status. */
uint32_t ictus_native_arena_bytes(const uint8_t *model, uint32_t n_bytes, uint32_t *arena_bytes);

/* `ictus_init`; returns an ictus_status. */
uint32_t ictus_native_open(ictus_native_wearable *w, const uint8_t *model, uint32_t n_bytes, uint32_t *arena,
                           uint32_t arena_bytes);

/* `ictus_add_rhythm`; returns an ictus_status. */
uint32_t ictus_native_add_rhythm(ictus_native_wearable *w, const uint8_t *model, uint32_t n_bytes, uint32_t *arena,
                                 uint32_t arena_bytes);

/* `ictus_add_alarm` with a copy of the model; returns an ictus_status. */
uint32_t ictus_native_add_alarm(ictus_native_wearable *w, const ictus_alarm_model *model);

/* Push `n` samples, whole blocks. */
void ictus_native_push(ictus_native_wearable *w, const int16_t *samples, uint32_t n, ictus_native_found *found);

uint32_t ictus_native_detector_bytes(void);
void ictus_native_detector_init(ictus_native_detector *state);

/* Detect beats in the next `n` samples; `peaks` and `reported`, sample counts, have room for n / 30 + 1.
 * Returns how many there were. */
uint32_t ictus_native_detect(ictus_native_detector *state, const int16_t *samples, uint32_t n, uint32_t *peaks,
                             uint32_t *reported);

/* Filter x, float[n_x], zero outside; out is float[n_out].
 *
 * rows  scratch, float[(down + n_taps - 1) * ICTUS_NATIVE_TILE] */
void ictus_native_resample(const ictus_native_polyphase *f, const float *x, int64_t n_x, float *rows, float *out,
                           int64_t n_out);

#endif
