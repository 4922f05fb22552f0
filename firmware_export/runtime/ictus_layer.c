#include "ictus_layer.h"

#include "ictus_fixed.h"

static const int8_t narrow_weight[8] = {1, 2, 4, 8, -1, -2, -4, -8};
static const int16_t wide_weight[16] = {1, 2, 4, 8, 16, 32, 64, 128, -1, -2, -4, -8, -16, -32, -64, -128};

/* Everything that walks a stream is compiled twice: `code_bits` is a constant where it is called. */
static inline int32_t weight_of(unsigned byte, unsigned code_bits)
{
    const unsigned code = byte & ictus_code_mask(code_bits);
    return code_bits == ICTUS_WIDE_CODE_BITS ? wide_weight[code] : narrow_weight[code];
}

/* How the accumulators of one output channel become int8. They start at `start`, which holds the bias and half a
 * unit of the output, so that one shift adds the one and rounds by the other. */
typedef struct {
    int32_t start;  /* bias * 2^shift + 2^(shift - 1), the latter 0 for shift 0; below 2^23 */
    unsigned shift; /* 0..15 */
    int32_t low;    /* 0 with ReLU, else -128 */
} output_scale;

static output_scale scale_of(const ictus_layer *layer, unsigned channel)
{
    output_scale scale;
    scale.shift = (unsigned)layer->shifts[channel / 2] >> (channel % 2 * 4) & 15u;
    scale.start = layer->biases[channel] * (int32_t)(1u << scale.shift) + (int32_t)(1u << scale.shift >> 1);
    scale.low = (layer->flags & ICTUS_RELU) != 0 ? 0 : INT8_MIN;
    return scale;
}

/* The one rounding rule; `acc` began at scale.start. */
static inline int8_t requantise(int32_t acc, output_scale scale)
{
    return (int8_t)ictus_max32(ictus_sat8(ictus_asr32(acc, scale.shift)), scale.low);
}

static uint16_t read_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

const uint8_t *ictus_layer_read(const uint8_t *bytes, ictus_layer *layer)
{
    layer->taps = read_u16(bytes);
    layer->step = read_u16(bytes + 2);
    layer->stream_bytes = read_u16(bytes + 4);
    layer->out_length = bytes[6];
    layer->out_channels = bytes[7];
    layer->flags = bytes[8];
    layer->shifts = bytes + ICTUS_LAYER_HEADER_BYTES;
    layer->biases = (const int8_t *)layer->shifts + (layer->out_channels + 1) / 2;
    layer->stream = (const uint8_t *)layer->biases + layer->out_channels;
    if ((layer->flags & ICTUS_IS_CODE) != 0)
        return bytes + ICTUS_LAYER_HEADER_BYTES;
    return layer->stream + layer->stream_bytes;
}

static inline int32_t sum_weighted(const uint8_t *next, const int8_t *in, unsigned code_bits, const uint8_t **behind)
{
    int32_t acc = 0;
    for (;;) {
        const unsigned byte = *next++;
        if (byte < ictus_channel_end(code_bits)) {
            in += byte >> code_bits;
            acc += *in++ * weight_of(byte, code_bits);
        } else if (byte > ictus_channel_end(code_bits)) {
            in += ictus_skipped(byte, code_bits);
        } else {
            *behind = next;
            return acc;
        }
    }
}

/* Weighted sum at one position of one channel: walks the channel's stream from `next` to behind its end, `*behind`. */
static ICTUS_NOINLINE int32_t narrow_sum(const uint8_t *next, const int8_t *in, const uint8_t **behind)
{
    return sum_weighted(next, in, ICTUS_NARROW_CODE_BITS, behind);
}

static ICTUS_NOINLINE int32_t wide_sum(const uint8_t *next, const int8_t *in, const uint8_t **behind)
{
    return sum_weighted(next, in, ICTUS_WIDE_CODE_BITS, behind);
}

/* Fewer than ICTUS_TILE positions, as in a dense layer: each walks the stream itself. */
static void run_few(const ictus_layer *layer, const int8_t *in, size_t n, int8_t *out)
{
    const size_t width = layer->out_channels, step = layer->step;
    const uint8_t *stream = layer->stream, *behind = stream;
    const int is_wide = (layer->flags & ICTUS_WIDE) != 0;
    for (unsigned channel = 0; channel < width; ++channel, stream = behind) {
        const output_scale scale = scale_of(layer, channel);
        for (size_t t = 0; t < n; ++t) {
            const int8_t *x = in + t * step;
            const int32_t sum = is_wide ? wide_sum(stream, x, &behind) : narrow_sum(stream, x, &behind);
            out[t * width + channel] = requantise(scale.start + sum, scale);
        }
    }
}

static inline uint32_t *decode(const uint8_t **stream, unsigned code_bits, uint32_t *weights)
{
    const uint8_t *next = *stream;
    uint32_t index = 0;
    for (unsigned byte = *next++; byte != ictus_channel_end(code_bits); byte = *next++) {
        if (byte > ictus_channel_end(code_bits)) {
            index += ictus_skipped(byte, code_bits);
            continue;
        }
        index += byte >> code_bits;
        *weights++ = index++ << 16 | (uint16_t)weight_of(byte, code_bits);
    }
    *stream = next;
    return weights;
}

/* Surviving weights of a channel as `index << 16 | uint16 weight`; returns their end, moves `*stream` behind. */
static uint32_t *decode_channel(const uint8_t **stream, unsigned flags, uint32_t *weights)
{
    return (flags & ICTUS_WIDE) != 0 ? decode(stream, ICTUS_WIDE_CODE_BITS, weights)
                                     : decode(stream, ICTUS_NARROW_CODE_BITS, weights);
}

/* All positions of one output channel, ICTUS_TILE at a time: each decoded weight meets ICTUS_TILE inputs. The last tile
 * overlaps the one before it. */
static void run_channel(const ictus_layer *layer, const int8_t *in, const uint32_t *weights, const uint32_t *end,
                        output_scale scale, int8_t *out)
{
    const size_t length = layer->out_length, step = layer->step, out_step = layer->out_channels;
    for (size_t t = 0; t < length; t += ICTUS_TILE) {
        t = t + ICTUS_TILE > length ? length - ICTUS_TILE : t;
        const int8_t *tile = in + t * step;
        int8_t *to = out + t * out_step;
        int32_t acc0 = scale.start, acc1 = acc0, acc2 = acc0, acc3 = acc0;
        for (const uint32_t *w = weights; w != end; ++w) {
            const int8_t *x = tile + (*w >> 16);
            const int16_t weight = (int16_t)*w;
            acc0 += x[0] * weight;
            acc1 += x[step] * weight;
            acc2 += x[2 * step] * weight;
            acc3 += x[3 * step] * weight;
        }
        to[0] = requantise(acc0, scale);
        to[out_step] = requantise(acc1, scale);
        to[2 * out_step] = requantise(acc2, scale);
        to[3 * out_step] = requantise(acc3, scale);
    }
}

void ictus_layer_run(const ictus_layer *layer, const int8_t *in, uint32_t *weights, int8_t *out)
{
    const uint8_t *stream = layer->stream;
    if (layer->out_length < ICTUS_TILE) {
        run_few(layer, in, layer->out_length, out);
        return;
    }
    for (unsigned channel = 0; channel < layer->out_channels; ++channel) {
        const output_scale scale = scale_of(layer, channel);
        const uint32_t *end = decode_channel(&stream, layer->flags, weights);
        run_channel(layer, in, weights, end, scale, out + channel);
    }
}

static inline const uint8_t *add_weighted(const uint8_t *next, const int8_t *in, size_t step, unsigned code_bits,
                                          int32_t acc[ICTUS_TILE])
{
    int32_t acc0 = acc[0], acc1 = acc[1], acc2 = acc[2], acc3 = acc[3];
    for (;;) {
        const unsigned byte = *next++;
        if (byte < ictus_channel_end(code_bits)) {
            in += byte >> code_bits;
            const int32_t weight = weight_of(byte, code_bits);
            const int8_t *x = in++;
            acc0 += *x * weight;
            acc1 += *(x += step) * weight;
            acc2 += *(x += step) * weight;
            acc3 += *(x += step) * weight;
        } else if (byte > ictus_channel_end(code_bits)) {
            in += ictus_skipped(byte, code_bits);
        } else {
            break;
        }
    }
    acc[0] = acc0;
    acc[1] = acc1;
    acc[2] = acc2;
    acc[3] = acc3;
    return next;
}

/* Adds the weighted sums at ICTUS_TILE positions of one channel: each weight of the stream meets as many inputs.
 * Returns the channel's end. */
static ICTUS_NOINLINE const uint8_t *add_narrow(const uint8_t *next, const int8_t *in, size_t step,
                                                int32_t acc[ICTUS_TILE])
{
    return add_weighted(next, in, step, ICTUS_NARROW_CODE_BITS, acc);
}

static ICTUS_NOINLINE const uint8_t *add_wide(const uint8_t *next, const int8_t *in, size_t step,
                                              int32_t acc[ICTUS_TILE])
{
    return add_weighted(next, in, step, ICTUS_WIDE_CODE_BITS, acc);
}

void ictus_layer_run_tile(const ictus_layer *layer, const int8_t *in, size_t n, int8_t *out)
{
    const ictus_layer own = *layer; /* which no write to `out` can change */
    const size_t width = own.out_channels;
    const int is_wide = (own.flags & ICTUS_WIDE) != 0;
    const uint8_t *stream = own.stream;
    if (n < ICTUS_TILE) {
        run_few(&own, in, n, out);
        return;
    }
    for (unsigned channel = 0; channel < width; ++channel, ++out) {
        const output_scale scale = scale_of(&own, channel);
        int32_t acc[ICTUS_TILE] = {scale.start, scale.start, scale.start, scale.start};
        stream = is_wide ? add_wide(stream, in, own.step, acc) : add_narrow(stream, in, own.step, acc);
        out[0] = requantise(acc[0], scale);
        out[width] = requantise(acc[1], scale);
        out[2 * width] = requantise(acc[2], scale);
        out[3 * width] = requantise(acc[3], scale);
    }
}
