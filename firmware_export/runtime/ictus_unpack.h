/* The stored form of a model (compression/storage.py) back to the form that the device runs.
 *
 *     size_t n;
 *     static uint8_t model_bytes[ICTUS_MODEL_BYTES];            as many as the device form has
 *     static uint16_t scratch[ICTUS_UNPACK_SCRATCH];            may be the arena, which is free at that time
 *     ictus_unpack(stored, n_stored, model_bytes, sizeof model_bytes, scratch, ICTUS_UNPACK_SCRATCH, &n);
 *     ictus_model_open(model_bytes, n, &model);
 *
 * What it writes equals `to_bytes(from_stored(stored))` byte for byte. That the stages fit together is for
 * ictus_model_open to check. Nothing is written outside `out` and `scratch`, whatever the bytes are; a decision of
 * the stream takes a bounded time, and there are at most 23,000 of them for each stored byte. */
#ifndef ICTUS_UNPACK_H
#define ICTUS_UNPACK_H

#include <stddef.h>
#include <stdint.h>

#include "ictus_decode.h"

/* Unpack a model.
 *
 * stored     uint8[n_stored], not changed
 * out        uint8[out_bytes]
 * scratch    uint16[n_scratch]: for each layer that is packed with contexts, the places of its kernel and twice its
 *            input channels (`scratch_counts` in firmware_export/unpacking.py)
 * n_out      set to the bytes of the device form
 *
 * ICTUS_ARENA_TOO_SMALL says that `out` or `scratch` is too small; every other status but ICTUS_OK that the stored
 * bytes are damaged, or of another version. */
ictus_status ictus_unpack(const uint8_t *stored, size_t n_stored, uint8_t *out, size_t out_bytes,
                          uint16_t *scratch, size_t n_scratch, size_t *n_out);

/* The weights of a layer, from the decoder to the device's stream (ictus_unpack_layer.c). */
typedef struct {
    ictus_decoder decoder;
    uint8_t *out;
    uint8_t *out_end;
    uint16_t *counts;      /* for contexts */
    size_t n_counts;
    uint32_t stream_bytes; /* of this layer so far */
    uint32_t row;          /* output channel that is being written */
    uint32_t tap;          /* behind the last weight of the row */
    /* what is known of the layer */
    uint32_t out_channels; /* 1..255 */
    uint32_t taps;         /* 1..65535 */
    uint32_t in_channels;  /* 1..65025 */
    uint32_t n_exponents;  /* 1, 2, 4 or 8 */
} ictus_unpacker;

/* Append a byte; sets decoder.status if there is no room. */
void ictus_unpack_byte(ictus_unpacker *unpacker, unsigned byte);

/* Append the weight `value`, 0 .. 2 * n_exponents - 1, at a row and tap behind the last one. */
void ictus_unpack_put(ictus_unpacker *unpacker, uint32_t row, uint32_t tap, unsigned value);

/* Unpack the weights of a layer that were packed with contexts (ictus_unpack_contexts.c). */
void ictus_unpack_contexts(ictus_unpacker *unpacker);

/* Unpack the weights of a layer that packer `number` packed; sets decoder.status if they are not sound. */
void ictus_unpack_weights(ictus_unpacker *unpacker, unsigned number);

#endif
