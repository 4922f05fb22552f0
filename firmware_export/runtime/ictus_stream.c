#include "ictus_stream.h"

#include "ictus_fixed.h"
#include "ictus_layer.h"

enum { MAX_SPACING = 0xFFFF };

/* Where a chain of convolutions has come to. */
typedef struct {
    uint32_t at_once;  /* rows that come in one go */
    uint32_t spacing;  /* rows of the signal between two of them, at most MAX_SPACING */
    unsigned channels; /* of each */
} chain;

static uint32_t whole_words(uint32_t n_bytes)
{
    return (n_bytes + 3u) & ~UINT32_C(3);
}

/* Lay out the next convolution, which waits for a whole tile or not; returns the end of its bytes in the model. */
static const uint8_t *plan(const uint8_t *header, int waits, chain *now, ictus_stream_layer *at)
{
    ictus_layer layer;
    const uint8_t *end = ictus_layer_read(header, &layer);
    at->header = header;
    at->filled = at->skip = 0;
    at->channels = (uint8_t)now->channels;
    at->kernel = (uint16_t)(layer.taps / now->channels);
    at->stride = (uint16_t)(layer.step / now->channels);
    at->ready = at->kernel + (waits ? (ICTUS_TILE - 1u) * at->stride : 0u);
    const uint32_t most = (at->ready - 1u + now->at_once - at->kernel) / at->stride + 1u;
    at->at_once = (uint8_t)(most < ICTUS_TILE ? most : ICTUS_TILE);
    now->channels = layer.out_channels;
    return end;
}

/* Bytes of a convolution's rows, `at_once` of which come in one go. */
static uint32_t row_bytes(const ictus_stream_layer *at, uint32_t at_once)
{
    return whole_words((at->ready - 1u + at_once) * at->channels);
}

/* Lay out all; bit i of `waits` says whether convolution i waits for a tile. `layer` is NULL or has room for all. */
static ictus_stream_need plan_all(const ictus_stage *stage, unsigned channels, uint32_t waits,
                                  ictus_stream_layer *layer)
{
    ictus_stream_need need = {0, 0, 1};
    chain now = {1, 1, channels};
    const uint8_t *next = stage->convolutions;
    for (unsigned i = 0; i < stage->n_convolutions; ++i) {
        ictus_stream_layer own, *at = layer != NULL ? &layer[i] : &own;
        next = plan(next, (int)(waits >> i & 1u), &now, at);
        need.row_bytes += row_bytes(at, now.at_once);
        need.shortest += (at->kernel - 1u) * now.spacing;
        if (need.shortest > ICTUS_STREAM_MAX_ROWS)
            need.shortest = ICTUS_STREAM_MAX_ROWS;
        now.at_once = at->at_once;
        now.spacing = now.spacing * at->stride < MAX_SPACING ? now.spacing * at->stride : MAX_SPACING;
    }
    need.pool_bytes = now.channels * ((uint32_t)sizeof(uint32_t) + 2u + now.at_once);
    return need;
}

ictus_stream_need ictus_stream_needs(const ictus_stage *stage, unsigned channels)
{
    return plan_all(stage, channels, 0, NULL);
}

/* Let as many convolutions wait, from the first one on, as the arena has room for. */
static ictus_stream_need plan_within(const ictus_model *model, const ictus_stage *stage, ictus_stream_layer *layer)
{
    uint32_t waits = 0;
    for (unsigned i = 0; i < stage->n_convolutions; ++i) {
        (void)plan_all(stage, model->window_channels, waits, layer);
        if (layer[i].at_once == ICTUS_TILE)
            continue; /* it is given enough without waiting */
        const uint32_t more = waits | UINT32_C(1) << i;
        const ictus_stream_need need = plan_all(stage, model->window_channels, more, layer);
        const uint32_t below = need.row_bytes > model->map_bytes ? need.row_bytes : model->map_bytes;
        if (whole_words(below) + model->scratch_bytes + whole_words(need.pool_bytes) <= model->lent_bytes)
            waits = more;
    }
    return plan_all(stage, model->window_channels, waits, layer);
}

ictus_status ictus_stream_reset(ictus_stream *stream, const ictus_model *model, unsigned stage)
{
    if (stream == NULL || model == NULL || model->arena == NULL)
        return ICTUS_NULL_ARGUMENT;
    if (stage >= model->n_stages || model->stage[stage].n_convolutions == 0)
        return ICTUS_NO_SUCH_STAGE;
    const ictus_stream_need need = plan_within(model, &model->stage[stage], stream->layer);
    const uint32_t pool_at = model->lent_bytes - whole_words(need.pool_bytes);
    int8_t *rows = (int8_t *)model->arena;
    uint32_t at_once = 1;
    stream->model = model;
    stream->stage = (uint8_t)stage;
    stream->n_layers = model->stage[stage].n_convolutions;
    for (unsigned i = 0; i < stream->n_layers; ++i) {
        stream->layer[i].rows = rows;
        rows += row_bytes(&stream->layer[i], at_once);
        at_once = stream->layer[i].at_once;
    }
    stream->n_pooled = (uint8_t)(model->stage[stage].in_size / 2);
    stream->sums = model->arena + pool_at / sizeof(uint32_t);
    stream->scratch = stream->sums - model->scratch_bytes / sizeof(uint32_t);
    stream->pooled = (int8_t *)(stream->sums + stream->n_pooled);
    stream->last = stream->pooled + 2u * stream->n_pooled;
    stream->n_rows = stream->n_positions = 0;
    for (unsigned c = 0; c < stream->n_pooled; ++c) {
        stream->sums[c] = 0;
        stream->pooled[stream->n_pooled + c] = 0;
    }
    return ICTUS_OK;
}

/* Bytes of the arena to a lower address in it. */
static void move_down(int8_t *to, const int8_t *from, uint32_t n)
{
    if ((((uintptr_t)to | (uintptr_t)from) & 3u) == 0) {
        for (; n >= 16u; n -= 16u, to += 16, from += 16) {
            const uint32_t *x = (const uint32_t *)(const void *)from;
            const uint32_t a = x[0], b = x[1], c = x[2], d = x[3];
            uint32_t *y = (uint32_t *)(void *)to;
            y[0] = a;
            y[1] = b;
            y[2] = c;
            y[3] = d;
        }
        for (; n >= 4u; n -= 4u, to += 4, from += 4)
            *(uint32_t *)(void *)to = *(const uint32_t *)(const void *)from;
    }
    for (; n > 0; --n)
        *to++ = *from++;
}

/* Forget the oldest `n` rows, some of which may be yet to come. */
static void drop(ictus_stream_layer *at, uint32_t n)
{
    const uint32_t gone = n < at->filled ? n : at->filled;
    const uint32_t left = (at->filled - gone) * at->channels;
    move_down(at->rows, at->rows + gone * at->channels, left);
    at->filled -= gone;
    at->skip = n - gone;
}

/* Forget rows that no position reads: a stride longer than the kernel is rare. */
static ICTUS_NOINLINE void skip(ictus_stream_layer *at)
{
    drop(at, at->skip);
}

/* `n` rows were written behind those that were there. */
static void accept(ictus_stream_layer *at, uint32_t n)
{
    at->filled += n;
    if (at->skip != 0)
        skip(at);
}

static void raise_to(uint8_t *largest, uint32_t value)
{
    if (*largest < value)
        *largest = (uint8_t)value;
}

static void pool(ictus_stream *stream, uint32_t n)
{
    const unsigned width = stream->n_pooled;
    const uint8_t *x = (const uint8_t *)stream->last; /* not negative: a pooled layer has ReLU */
    uint8_t *largest = (uint8_t *)stream->pooled + width;
    uint32_t *sums = stream->sums; /* which no write to `largest` can change */
    stream->n_positions += n;
    for (; n >= 2u; n -= 2u, x += 2u * width) {
        for (unsigned c = 0; c < width; ++c) {
            const uint32_t a = x[c], b = x[c + width];
            sums[c] += a + b;
            raise_to(&largest[c], a > b ? a : b);
        }
    }
    for (unsigned c = 0; n > 0 && c < width; ++c) {
        sums[c] += x[c];
        raise_to(&largest[c], x[c]);
    }
}

/* Compute two pairs of positions of a convolution that is code, which are so many positions apart, or one pair. */
static void run_pairs(const ictus_stream *stream, const ictus_stream_layer *at, uint32_t n_pairs, uint32_t apart,
                      const int8_t *in, int8_t *out)
{
    const uint8_t *header = at->header;
    const uint32_t step = (uint32_t)at->stride * at->channels, width = header[7];
    const ictus_code_call call = {{in, in + apart * step}, {out, out + apart * width}, NULL, stream->scratch, n_pairs};
    stream->model->code->layer[header[4] | (uint32_t)header[5] << 8].run(&call);
}

/* Compute `n` positions of a convolution that is code, 1..ICTUS_TILE: 0 and 2 together, then 1 and 3, or 0 and 1. A lone
 * one is computed twice. */
static void run_code(const ictus_stream *stream, const ictus_stream_layer *at, uint32_t n, int8_t *out)
{
    const int8_t *in = at->rows;
    if (n == ICTUS_TILE) {
        run_pairs(stream, at, 2, 2, in, out);
        return;
    }
    run_pairs(stream, at, 1, n > 1u ? 1u : 0u, in, out);
    if (n == 3u)
        run_pairs(stream, at, 1, 0, in + 2u * at->stride * at->channels, out + 2u * at->header[7]);
}

/* Compute `n` positions of a convolution and hand them on. */
static void run(ictus_stream *stream, ictus_stream_layer *at, uint32_t n)
{
    ictus_stream_layer *behind = at + 1;
    const int is_last = behind == &stream->layer[stream->n_layers];
    int8_t *out = is_last ? stream->last : behind->rows + behind->filled * behind->channels;
    if ((at->header[8] & ICTUS_IS_CODE) != 0) {
        run_code(stream, at, n, out);
    } else {
        ictus_layer layer;
        (void)ictus_layer_read(at->header, &layer);
        ictus_layer_run_tile(&layer, at->rows, n, out);
    }
    drop(at, n * at->stride);
    if (is_last)
        pool(stream, n);
    else
        accept(behind, n);
}

/* Positions for which a convolution has rows, at most a tile. */
static uint32_t waiting(const ictus_stream_layer *at)
{
    const uint32_t stride = at->stride;
    if (at->filled < at->kernel)
        return 0;
    const uint32_t beyond = at->filled - at->kernel;
    return beyond < (ICTUS_TILE - 1u) * stride ? beyond / stride + 1u : ICTUS_TILE;
}

/* Run every convolution from `first` on that has the rows it waits for, the last ones before the first ones, so
 * that each finds room behind it. */
static void settle(ictus_stream *stream, ictus_stream_layer *first)
{
    const ictus_stream_layer *end = &stream->layer[stream->n_layers];
    ictus_stream_layer *at = first;
    for (;;) {
        if (at != end && at->filled >= at->ready) {
            run(stream, at, waiting(at));
            ++at;
        } else if (at != first) {
            --at;
        } else {
            return;
        }
    }
}

void ictus_stream_push(ictus_stream *stream, const int8_t *rows, uint32_t n_rows)
{
    ictus_stream_layer *first = &stream->layer[0];
    const uint32_t room = ICTUS_STREAM_MAX_ROWS - stream->n_rows;
    n_rows = n_rows < room ? n_rows : room;
    stream->n_rows += n_rows;
    while (n_rows > 0) {
        const uint32_t wanted = first->ready - first->filled, n = wanted < n_rows ? wanted : n_rows;
        const uint32_t n_values = n * first->channels;
        int8_t *to = first->rows + first->filled * first->channels;
        for (uint32_t i = 0; i < n_values; ++i)
            to[i] = rows[i];
        rows += n_values;
        n_rows -= n;
        accept(first, n);
        if (first->filled >= first->ready)
            settle(stream, first);
    }
}

ictus_status ictus_stream_finish(ictus_stream *stream, const int8_t *context, const int8_t **logits)
{
    const unsigned width = stream->n_pooled;
    for (ictus_stream_layer *at = stream->layer; at != &stream->layer[stream->n_layers]; ++at) {
        for (uint32_t n = waiting(at); n > 0; n = waiting(at)) {
            run(stream, at, n);
            settle(stream, at + 1);
        }
    }
    if (stream->n_positions == 0)
        return ICTUS_TOO_SHORT;
    for (unsigned c = 0; c < width; ++c)
        stream->pooled[c] = (int8_t)((2u * stream->sums[c] + stream->n_positions) / (2u * stream->n_positions));
    return ictus_model_run_stage(stream->model, stream->stage, stream->pooled, context, logits);
}
