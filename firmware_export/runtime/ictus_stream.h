/* Convolutions over a signal of any length, row by row, with pooling over all positions at the end.
 *
 *     ictus_stream stream;
 *     ictus_stream_reset(&stream, &model, ICTUS_SPECIALIST);
 *     while there is signal:
 *         ictus_stream_push(&stream, rows, n_rows);
 *     ictus_stream_finish(&stream, context, &logits);
 *
 * Each convolution keeps the rows that it has yet to read in the model's arena. With just the arena that the model
 * needs, it hands on every position at once; whatever more is lent, the first ones use to wait until they can compute
 * ICTUS_TILE positions together, which takes half the instructions for each. However the rows are cut into calls, the
 * logits are those of the whole map at once: `CompactModel.run_strip` of ictus.compression. From reset to finish the
 * whole arena belongs to the stream: run no stage of a model in it meanwhile.
 *
 *     pooled = [mean_0 .. mean_(C-1), max_0 .. max_(C-1)]     mean = (2 sum + n) / (2 n), rounded down, n positions
 */
#ifndef ICTUS_STREAM_H
#define ICTUS_STREAM_H

#include "ictus_model.h"

enum {
    ICTUS_STREAM_MAX_LAYERS = 12,
    ICTUS_STREAM_MAX_ROWS = 1 << 24 /* between two resets: 3 days at 64 Hz; so that 2 sum + n stays in 32 bits */
};

/* One convolution at work. */
typedef struct {
    const uint8_t *header; /* of the layer, in the model */
    int8_t *rows;          /* int8[][channels], oldest first */
    uint32_t filled;       /* rows there */
    uint32_t skip;         /* coming rows that no position reads: the stride is longer than the kernel */
    uint32_t ready;        /* rows that it waits for, at least `kernel` */
    uint16_t kernel, stride;
    uint8_t channels;      /* of a row, 1..255 */
    uint8_t at_once;       /* positions that it hands on in one go, at most; 1..ICTUS_TILE */
} ictus_stream_layer;

typedef struct {
    const ictus_model *model;
    uint32_t *sums;       /* uint32[C] of the last convolution's outputs */
    uint32_t *scratch;    /* for convolutions that are code */
    int8_t *pooled;       /* int8[2][C]: the maxima so far lie in the second half */
    int8_t *last;         /* int8[at_once][C], what the last convolution has just given */
    uint32_t n_rows;      /* pushed since the reset */
    uint32_t n_positions; /* of the last convolution */
    uint8_t stage;
    uint8_t n_layers;     /* 1..ICTUS_STREAM_MAX_LAYERS */
    uint8_t n_pooled;     /* C, 1..255 */
    ictus_stream_layer layer[ICTUS_STREAM_MAX_LAYERS];
} ictus_stream;

/* What the convolutions of a checked stage need. */
typedef struct {
    uint32_t row_bytes;  /* of the arena, for rows that are yet to be read */
    uint32_t pool_bytes; /* and for what is pooled */
    uint32_t shortest;   /* rows of the shortest signal that reaches through all, or ICTUS_STREAM_MAX_ROWS if more */
} ictus_stream_need;

/* At least; `channels` is the width of the stream's rows, 1..255. */
ictus_stream_need ictus_stream_needs(const ictus_stage *stage, unsigned channels);

/* Begin a signal. `model` is open and attached, `stage` the number of one of its stages that reads a stream; both
 * stay in place until the signal ends. ICTUS_NO_SUCH_STAGE if it does not. */
ictus_status ictus_stream_reset(ictus_stream *stream, const ictus_model *model, unsigned stage);

/* Take rows, int8[n_rows][window_channels]. Those beyond ICTUS_STREAM_MAX_ROWS are ignored. */
void ictus_stream_push(ictus_stream *stream, const int8_t *rows, uint32_t n_rows);

/* End the signal: pool, and run the layers behind.
 *
 * context  int8[n_context]
 * logits   set to int8[n_logits] in the arena, valid until the next reset or run of a stage
 *
 * ICTUS_TOO_SHORT if the signal does not reach through every convolution. */
ictus_status ictus_stream_finish(ictus_stream *stream, const int8_t *context, const int8_t **logits);

#endif
