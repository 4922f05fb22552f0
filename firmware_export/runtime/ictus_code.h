/* Layers whose weights became instructions: what `ictus.firmware_export.codegen` writes, and how a model finds it.
 *
 * The header of such a layer has the flag ICTUS_IS_CODE, nothing behind it, and its number in the code's table in the
 * place of its stream_bytes. Code and model belong together by the CRC-32 in the model's header.
 */
#ifndef ICTUS_CODE_H
#define ICTUS_CODE_H

#include <stdint.h>

/* What a layer works on. A stream's layer computes two positions at a time, which have an input and an output each, and
 * then goes on to the next position of both; any other one computes its whole map, and uses only the first of each. */
typedef struct {
    const int8_t *in[2];   /* as for ictus_layer_run, or as the generated layer before it left it */
    int8_t *out[2];        /* of ictus_code_layer.map_bytes, 4-byte aligned unless it is a stream's */
    const int8_t *context; /* int8[n_context] */
    uint32_t *scratch;     /* ictus_code_layer.scratch_bytes */
    uint32_t n_pairs;      /* of a stream's positions, 1 or 2 */
} ictus_code_call;

typedef struct {
    void (*run)(const ictus_code_call *call);
    uint16_t scratch_bytes; /* RAM that it needs while it runs, a multiple of 4 */
    uint16_t map_bytes;     /* of its map if only generated layers read it; 0 if it is int8[T][C] */
} ictus_code_layer;

/* A stage whose layers are all code, of a stream those behind its pooling: returns where its logits lie. Arguments as for
 * ictus_model_run_stage, and the model's arena. */
typedef const int8_t *(*ictus_code_stage)(const int8_t *input, const int8_t *context, uint32_t *arena);

typedef struct {
    uint32_t crc32; /* in the header of the model that the code belongs to */
    uint32_t n_layers;
    const ictus_code_layer *layer; /* [n_layers] */
    const ictus_code_stage *stage; /* of each of the model's stages, NULL where a layer is no code */
} ictus_code;

/* All code of this program, NULL behind the last: ictus_code.c here has none, a generated one takes its place. */
extern const ictus_code *const ictus_codes[];

#endif
