/* One layer of a compact model: a sparse convolution whose weights are signed powers of two.
 *
 *     acc       = sum_i in[t * step + i] * weight[c][i]      int32, weight = 0 or +-2^0..2^3, of a wide layer 2^7
 *     out[t][c] = sat8(bias[c] + ((acc + 2^(shift[c]-1)) >> shift[c]))
 *
 * with 0 instead of -128 as the lower limit of a layer with ReLU. A dense layer has out_length 1, a convolution over
 * a stream has out_length 0: as many positions as there are (see ictus_stream.h).
 *
 * Bytes of the weight stream are gap << 3 | code:
 *     gap 0..30           skip `gap` pruned weights, then one weight: +2^0..+2^3 for code 0..3, -2^0..-2^3 for 4..7
 *     gap 31, code 1..7   skip 31 * code pruned weights
 *     gap 31, code 0      end of the output channel
 *
 * A wide layer has eight exponents, +-2^0..2^7, and bytes of gap << 4 | code:
 *     gap 0..14           skip `gap` pruned weights, then one weight: +2^0..+2^7 for code 0..7, -2^0..-2^7 for 8..15
 *     gap 15, code 1..15  skip 15 * code pruned weights
 *     gap 15, code 0      end of the output channel
 */
#ifndef ICTUS_LAYER_H
#define ICTUS_LAYER_H

#include <stddef.h>
#include <stdint.h>

enum { ICTUS_LAYER_HEADER_BYTES = 9 };
enum { ICTUS_RELU = 1, ICTUS_TAKES_CONTEXT = 2, ICTUS_POOLS = 4, ICTUS_WIDE = 8, ICTUS_IS_CODE = 16 };
enum { ICTUS_NARROW_CODE_BITS = 3, ICTUS_WIDE_CODE_BITS = 4 };
enum { ICTUS_TILE = 4 }; /* output positions whose accumulators stay in registers */

typedef struct {
    const uint8_t *shifts; /* 0..15, two to a byte, the even channel low */
    const int8_t *biases;  /* int8[out_channels], in units of the output */
    const uint8_t *stream; /* uint8[stream_bytes] */
    uint16_t taps;         /* weights of a channel, pruned ones included, 1..65535 */
    uint16_t step;         /* inputs between two output positions, 1..65535 */
    uint16_t stream_bytes; /* 1..65535; of a layer that is code its number (see ictus_code.h) */
    uint8_t out_length;    /* T, 1..255; 0 in a stream */
    uint8_t out_channels;  /* C, 1..255 */
    uint8_t flags;         /* ICTUS_RELU ... ICTUS_IS_CODE */
} ictus_layer;

/* How the bytes of a weight stream are split. */
static inline unsigned ictus_code_bits(unsigned flags)
{
    return (flags & ICTUS_WIDE) != 0 ? ICTUS_WIDE_CODE_BITS : ICTUS_NARROW_CODE_BITS;
}

static inline unsigned ictus_code_mask(unsigned code_bits)
{
    return (1u << code_bits) - 1u;
}

/* The byte that ends a channel: the largest gap, code 0. The larger ones skip, the smaller ones hold a weight. */
static inline unsigned ictus_channel_end(unsigned code_bits)
{
    return 0xFFu & ~ictus_code_mask(code_bits);
}

/* Pruned weights that a byte above the channel's end skips. */
static inline uint32_t ictus_skipped(unsigned byte, unsigned code_bits)
{
    return (0xFFu >> code_bits) * (byte & ictus_code_mask(code_bits));
}

/* Read the header at `bytes`, ICTUS_LAYER_HEADER_BYTES long; returns the end of the whole layer. */
const uint8_t *ictus_layer_read(const uint8_t *bytes, ictus_layer *layer);

/* Run a checked layer that is no code and whose out_length is not 0.
 *
 * in       int8[(out_length - 1) * step + taps], the context appended if the layer takes it
 * weights  uint32[], room for the surviving weights of the fullest channel; not used if out_length is 1
 * out      int8[out_length][out_channels], must not overlap `in` */
void ictus_layer_run(const ictus_layer *layer, const int8_t *in, uint32_t *weights, int8_t *out);

/* Run `n` positions of a checked layer that is no code, 1..ICTUS_TILE, whatever its out_length.
 *
 * in       int8[(n - 1) * step + taps]
 * out      int8[n][out_channels], must not overlap `in` */
void ictus_layer_run_tile(const ictus_layer *layer, const int8_t *in, size_t n, int8_t *out);

#endif
