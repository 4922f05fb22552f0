/* The compact model: gate, screen and specialist, run from the bytes in flash.
 *
 * The bytes are what `to_bytes` in compression/model_file.py writes. Nothing is unpacked ahead of time; the
 * caller lends one block of RAM (the arena) and the model itself stays where it is, usually in flash.
 *
 *     ictus_model model;
 *     static uint32_t arena[ICTUS_ARENA_WORDS];
 *     ictus_model_open(bytes, n_bytes, &model);
 *     ictus_model_attach(&model, arena, sizeof arena);
 *     ictus_model_run_stage(&model, ICTUS_GATE, features, context, &logits);
 *
 * Activations are int8, Q2.5 (1.0 is 32), -128..127, laid out [T][C]; logits are int8, Q4.3 (1.0 is 8).
 */
#ifndef ICTUS_MODEL_H
#define ICTUS_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "ictus_code.h"

typedef enum {
    ICTUS_OK = 0,
    ICTUS_NULL_ARGUMENT,   /* a pointer that must not be null is null */
    ICTUS_NOT_A_MODEL,     /* shorter than a header, or another magic */
    ICTUS_OTHER_VERSION,   /* a format version that this runtime does not read */
    ICTUS_WRONG_SIZE,      /* more or fewer bytes than the header or the layers say */
    ICTUS_WRONG_CHECKSUM,  /* the CRC-32 does not fit the bytes */
    ICTUS_BAD_LAYER,       /* a layer's header is not defined, or its weights leave their bounds */
    ICTUS_BAD_SHAPE,       /* a stage reads more values than it is given */
    ICTUS_ARENA_TOO_SMALL, /* fewer bytes than ictus_model.arena_bytes */
    ICTUS_NO_SUCH_STAGE,   /* the model has no stage of that number */
    ICTUS_OTHER_INPUTS,    /* the model does not take what this device computes (see ictus.h) */
    ICTUS_TOO_SHORT,       /* a stream ended before every layer had a position (see ictus_stream.h) */
    ICTUS_NO_CODE          /* layers are code that this program does not have (see ictus_code.h) */
} ictus_status;

enum { ICTUS_GATE = 0, ICTUS_SCREEN = 1, ICTUS_SPECIALIST = 2, ICTUS_MAX_STAGES = 3 };

/* Where a stage's input comes from. */
enum {
    ICTUS_SOURCE_FEATURES = 0,
    ICTUS_SOURCE_WINDOW = 1,
    ICTUS_SOURCE_KEPT = 2,
    ICTUS_SOURCE_CONTEXT = 3,
    ICTUS_SOURCE_STREAM = 4
};

/* A stage of a stream begins with convolutions, which ictus_stream.h runs row by row; its other fields describe
 * what follows their pooling, and its input here is what was pooled. */
typedef struct {
    const uint8_t *convolutions; /* the first one's header */
    const uint8_t *layers; /* the first layer's header */
    uint32_t in_size;      /* values it is given, the context not counted */
    uint16_t n_logits;     /* outputs of the last layer, 1..65025 */
    uint8_t source;        /* ICTUS_SOURCE_... */
    uint8_t n_convolutions; /* 1..ICTUS_STREAM_MAX_LAYERS in a stream, else 0 */
    uint8_t n_layers;      /* 1..255; 0 if nothing follows the pooling */
    uint8_t n_kept;        /* the map after this many layers is kept for the next stage, 0 for none */
    int8_t threshold;      /* a unit goes on to the next stage if logit 0 is >= threshold */
} ictus_stage;

/* A checked model. Fields are read-only for the caller. */
typedef struct {
    uint32_t *arena;         /* RAM, lent by ictus_model_attach */
    const ictus_code *code;  /* of those layers that are code; NULL if none is */
    uint32_t scratch_bytes;  /* of the arena, behind a stream's rows, for its layers that are code */
    uint32_t lent_bytes;     /* of it, a multiple of 4 */
    uint32_t arena_bytes;    /* what the model needs; a stream gets faster with more */
    uint32_t map_bytes;      /* of the maps, at its beginning; a stream's rows lie there before */
    uint32_t map_offset[2];  /* bytes into the arena: the maps of even and of odd layers (the first is 1), */
    uint32_t kept_offset;    /* and the kept map; each has room for the context behind it */
    uint16_t window_length;  /* T; 0 in a model with a stream */
    uint8_t window_channels; /* C: the window is int8[T][C] */
    uint8_t n_features;      /* int8[n_features], what the gate is given */
    uint8_t n_context;       /* int8[n_context] */
    uint8_t n_stages;        /* 0..3 */
    uint8_t version;         /* of the format: 2, or 3 if a layer may be wide */
    ictus_stage stage[ICTUS_MAX_STAGES];
} ictus_model;

/* Check every byte of a model and fill `model`. After ICTUS_OK no call can leave the bytes, the arena or the
 * inputs. `bytes` must stay in place and unchanged as long as the model is used. */
ictus_status ictus_model_open(const uint8_t *bytes, size_t n_bytes, ictus_model *model);

/* Lend RAM to an open model: `n_bytes` >= model->arena_bytes. */
ictus_status ictus_model_attach(ictus_model *model, uint32_t *arena, size_t n_bytes);

/* Run one stage.
 *
 * input    int8[stage.in_size]: features, window, context, or what a stream pooled; ignored if the source is the
 *          kept map
 * context  int8[n_context]
 * logits   set to int8[stage.n_logits] in the arena, valid until the next run
 *
 * A stage that reads the kept map must follow the run of the stage that kept it. Accumulators are int32 and
 * cannot overflow: 65535 weights of at most 2^7 times inputs of at most 2^7 stay below 2^30, and they start below
 * 2^23 (see ictus_layer.c). The exporter checks it too. */
ictus_status ictus_model_run_stage(const ictus_model *model, unsigned number, const int8_t *input,
                                   const int8_t *context, const int8_t **logits);

/* CRC-32 (IEEE 802.3) of `n` bytes, continuing from `crc`; 0 to begin. */
uint32_t ictus_crc32(uint32_t crc, const uint8_t *bytes, size_t n);

#endif
