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

/* The filter and the QRS detector without the rest. */
typedef struct {
    ictus_filter filter;
    ictus_qrs qrs;
} ictus_native_detector;

/* The filter and the features of the gate without the rest. */
typedef struct {
    ictus_filter filter;
    ictus_gate gate;
} ictus_native_judge;

enum { ICTUS_NATIVE_TILE = 32 }; /* periods of a polyphase filter that are worked on side by side */

/* A polyphase filter: input i and output k lie at i * up and k * down of a common rate. */
typedef struct {
    const float *taps; /* [up][n_taps]: of each phase, the tap for the oldest input first */
    int64_t up, down, n_taps;
} ictus_native_polyphase;

uint32_t ictus_native_device_bytes(void);

/* RAM that the stages of a model need; returns an ictus_status. */
uint32_t ictus_native_arena_bytes(const uint8_t *model, uint32_t n_bytes, uint32_t *arena_bytes);

/* `ictus_init`; returns an ictus_status. */
uint32_t ictus_native_open(ictus_device *device, const uint8_t *model, uint32_t n_bytes, uint32_t *arena,
                           uint32_t arena_bytes);

/* Push `n` samples. `beats` has room for ICTUS_MAX_PENDING a block that ends; `rejected` gets one byte for each, 1 if
 * the gate rejected it. Returns the number of beats. */
uint32_t ictus_native_push(ictus_device *device, const int16_t *samples, uint32_t n, ictus_native_beat *beats,
                           uint8_t *rejected);

uint32_t ictus_native_gate_bytes(void);
void ictus_native_gate_init(ictus_native_judge *state);

/* The gate's features alone, of whole blocks: int8[n / ICTUS_GATE_BLOCK][ICTUS_GATE_FEATURES]. */
void ictus_native_features(ictus_native_judge *state, const int16_t *samples, uint32_t n, int8_t *features);

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
