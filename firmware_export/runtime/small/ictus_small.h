/* The smallest form of the library: one model, compiled in, and no other.
 *
 * `ictus_small.c` takes the place of `ictus_model.c`, with the same calls. What `ictus_model_open` there finds out
 * about any bytes is constant data here, `ictus_small_program`, which the exporter wrote and checked. Therefore the
 * program's own bytes are accepted and no others, after their CRC-32: a model that came over the air needs
 * `ictus_model.c`.
 *
 * The bytes of a layer are those of its channels, one behind the other: shift, as so much more than the layer's
 * smallest one; bias, int8; weights. With `b` bits for a code (ICTUS_SMALL_CODE_BITS) a weight is gap << b | code:
 * `gap` taps behind the last one, the first tap counting from 1. The upper half of the codes is negative, the rest of a
 * code its exponent. The byte of gap 0 and the largest code, -2^n, takes back the +2^n before it, which only carried a
 * gap too long for a byte. Smaller bytes hold no weight: they are the shift of the next channel, and one of them ends
 * the model.
 */
#ifndef ICTUS_SMALL_H
#define ICTUS_SMALL_H

#include "ictus_model.h"

enum { ICTUS_SMALL_TILE = 4 };       /* pairs of positions that are summed together */
enum { ICTUS_SMALL_INPUT = 0xFFFF };  /* in place of an offset: what the stage is given */

/* A layer; offsets are bytes into the arena, at whose beginning lie the words of a layer of pairs. */
typedef struct {
    uint16_t taps;     /* of a channel, the context included */
    uint16_t step;     /* inputs between two positions */
    uint16_t in, out;  /* offsets of the maps that it reads and writes */
    uint8_t length;    /* positions */
    uint8_t channels;
    uint8_t distance;  /* between the positions of a pair; length - distance is at least ICTUS_SMALL_TILE */
    uint8_t shift;     /* the smallest of its channels */
    uint8_t in_pairs;  /* every sum fits 16 bits, and two share a word */
    uint8_t n_context; /* values that are copied behind its input */
    int8_t relu;       /* -1 or 0 */
} ictus_small_layer;

typedef struct {
    const uint8_t *bytes; /* of the model */
    uint32_t n_bytes, crc32;
    const ictus_small_layer *layers; /* of all stages */
    ictus_model model; /* before its arena; stage.layers are the bytes of a stage's channels */
} ictus_small;

extern const ictus_small ictus_small_program;

#endif
