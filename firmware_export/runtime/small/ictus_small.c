#include "ictus_small.h"

#include "ictus_code_parts.h"
#include "ictus_small_plan.h"

enum { CODE_MASK = (1 << ICTUS_SMALL_CODE_BITS) - 1, TILE = ICTUS_SMALL_TILE, HEAD_BYTES = 2 };

#if ICTUS_SMALL_CODE_BITS == 3
static const int8_t weight_of[] = {1, 2, 4, 8, -1, -2, -4, -8};
#else
static const int16_t weight_of[] = {1, 2, 4, 8, 16, 32, 64, 128, -1, -2, -4, -8, -16, -32, -64, -128};
#endif

/* How the sums of a channel become int8; they begin at `start`, as in ictus_layer.c. */
typedef struct {
    int32_t start;
    unsigned shift;
    int32_t relu; /* -1 where what is negative becomes 0, else 0 */
} output_scale;

/* From the two bytes before a channel's weights. */
static inline output_scale scale_of(const ictus_small_layer *layer, const uint8_t *head)
{
    output_scale scale;
    scale.shift = (unsigned)layer->shift + head[0];
    scale.start = ((const int8_t *)head)[1] * (int32_t)(1u << scale.shift) + (int32_t)(1u << scale.shift >> 1);
    scale.relu = layer->relu;
    return scale;
}

static inline int8_t limited(int32_t value, output_scale scale)
{
    const int32_t found = ictus_sat8(value);
    return (int8_t)(found & ~(ictus_asr32(found, 31) & scale.relu));
}

/* Weighted sum at one position of one channel; `*stream` moves behind its weights. */
static ICTUS_NOINLINE int32_t weighted_sum(const uint8_t **stream, const int8_t *in)
{
    const uint8_t *next = *stream;
    int32_t sum = 0;
    for (unsigned byte = *next; byte >= CODE_MASK; byte = *++next) {
        in += byte >> ICTUS_SMALL_CODE_BITS;
        sum += in[-1] * weight_of[byte & CODE_MASK];
    }
    *stream = next;
    return sum;
}

/* The same at TILE pairs of positions, beginning at `start`; returns the end of the weights. */
static ICTUS_NOINLINE const uint8_t *sum_pairs(const uint8_t *next, const uint32_t *in, size_t step, uint32_t start,
                                               uint32_t sums[TILE])
{
    uint32_t sum0 = start, sum1 = start, sum2 = start, sum3 = start;
    for (unsigned byte = *next; byte >= CODE_MASK; byte = *++next) {
        const uint32_t weight = (uint32_t)weight_of[byte & CODE_MASK];
        in += byte >> ICTUS_SMALL_CODE_BITS;
        const uint32_t *x = in - 1;
        sum0 += x[0] * weight;
        sum1 += x[step] * weight;
        sum2 += x[2 * step] * weight;
        sum3 += x[3 * step] * weight;
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
    return next;
}

/* One position after the other. Returns the end of the layer's bytes. */
static ICTUS_NOINLINE const uint8_t *run_positions(const ictus_small_layer *layer, const uint8_t *stream,
                                                   const int8_t *in, int8_t *out)
{
    const uint8_t *next = stream;
    for (unsigned t = 0; t < layer->length; ++t, in += layer->step) {
        next = stream;
        for (unsigned channel = 0; channel < layer->channels; ++channel) {
            const output_scale scale = scale_of(layer, next);
            next += HEAD_BYTES;
            *out++ = limited(ictus_asr32(scale.start + weighted_sum(&next, in), scale.shift), scale);
        }
    }
    return next;
}

/* Pairs of positions, TILE at a time; the last tile overlaps the one before it. A sum of pairs is low + high * 2^16
 * modulo 2^32, and begins with 2^15 so that nothing is borrowed from the high half. */
static ICTUS_NOINLINE const uint8_t *run_pairs(const ictus_small_layer *layer, const uint8_t *stream,
                                               const int8_t *in, uint32_t *words, int8_t *out)
{
    const uint32_t step = layer->step, width = layer->channels, n_pairs = (uint32_t)layer->length - layer->distance;
    const int8_t *second = in + layer->distance * step;
    const uint8_t *next = stream;
    const uint32_t n_words = (n_pairs - 1u) * step + layer->taps, ahead = layer->distance * width;
    for (uint32_t i = 0; i < n_words; ++i)
        words[i] = (uint32_t)in[i] + ((uint32_t)second[i] << 16);
    for (uint32_t t = 0; t < n_pairs; t += TILE) {
        t = t + TILE > n_pairs ? n_pairs - TILE : t;
        next = stream;
        for (unsigned channel = 0; channel < width; ++channel) {
            int8_t *to = out + t * width + channel;
            const output_scale scale = scale_of(layer, next);
            const uint32_t start = (uint32_t)scale.start * 0x10001u + 0x8000u;
            uint32_t sums[TILE];
            next = sum_pairs(next + HEAD_BYTES, words + t * step, step, start, sums);
            for (unsigned i = 0; i < TILE; ++i, to += width) {
                to[0] = limited(ictus_asr32((int32_t)(sums[i] & 0xFFFFu) - 0x8000, scale.shift), scale);
                to[ahead] = limited(ictus_asr32(ictus_signed(sums[i]), 16u + scale.shift), scale);
            }
        }
    }
    return next;
}

ictus_status ictus_model_open(const uint8_t *bytes, size_t n_bytes, ictus_model *model)
{
    const ictus_small *program = &ictus_small_program;
    if (bytes == NULL || model == NULL)
        return ICTUS_NULL_ARGUMENT;
    if (bytes != program->bytes)
        return ICTUS_NOT_A_MODEL;
    if (n_bytes != program->n_bytes)
        return ICTUS_WRONG_SIZE;
    if (ictus_crc32(0, bytes, n_bytes) != program->crc32)
        return ICTUS_WRONG_CHECKSUM;
    for (size_t i = 0; i < sizeof *model; ++i)
        ((uint8_t *)model)[i] = ((const uint8_t *)&program->model)[i];
    return ICTUS_OK;
}

ictus_status ictus_model_run_stage(const ictus_model *model, unsigned number, const int8_t *input,
                                   const int8_t *context, const int8_t **logits)
{
    if (model == NULL || context == NULL || logits == NULL || model->arena == NULL)
        return ICTUS_NULL_ARGUMENT;
    if (number >= model->n_stages)
        return ICTUS_NO_SUCH_STAGE;
    const ictus_stage *stage = &model->stage[number];
    if (input == NULL && stage->source != ICTUS_SOURCE_KEPT)
        return ICTUS_NULL_ARGUMENT;
    int8_t *arena = (int8_t *)model->arena, *out = arena;
    const ictus_small_layer *layer = ictus_small_program.layers;
    const uint8_t *next = stage->layers;
    for (unsigned before = 0; before < number; ++before)
        layer += model->stage[before].n_layers;
    for (const ictus_small_layer *end = layer + stage->n_layers; layer != end; ++layer) {
        const int8_t *in = layer->in == ICTUS_SMALL_INPUT ? input : arena + layer->in;
        for (unsigned i = 0; i < layer->n_context; ++i)
            arena[(uint32_t)layer->in + layer->taps - layer->n_context + i] = context[i];
        out = arena + layer->out;
        next = layer->in_pairs != 0 ? run_pairs(layer, next, in, model->arena, out)
                                    : run_positions(layer, next, in, out);
    }
    *logits = out;
    return ICTUS_OK;
}
