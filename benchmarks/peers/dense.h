/* A layer of a network whose weights are all kept, pruned ones as zeros; see `ictus.compression.compact`.
 *
 *     out[t][c] = sat8((sum_i in[t * step + i] * weights[c][i] + biases[c] + 2^(shift[c]-1)) >> shift[c])
 */
#ifndef DENSE_H
#define DENSE_H

#include "peers.h"

#ifdef PEERS_CMSIS_NN
typedef int32_t dense_shift; /* 1 - shift: the multiplier is 2^30 */
#else
typedef int8_t dense_shift;
#endif

typedef struct {
    const int8_t *weights;      /* int8[out_channels][taps] */
    const int32_t *biases;      /* int32[out_channels], on the scale of the sums */
    const dense_shift *shifts;  /* [out_channels] */
    int32_t channels;           /* of a row of the input */
    int32_t taps;               /* a multiple of `channels` unless out_length is 1 */
    int32_t step;               /* inputs between two outputs */
    int32_t out_length, out_channels;
    int32_t lowest;             /* 0 with ReLU, else -128 */
} dense_layer;

enum { DENSE_MAX_CHANNELS = 64 };

/* in: int8[(out_length - 1) * step + taps], out: int8[out_length][out_channels]. All three give the same bytes. */
void dense_convolve(const dense_layer *layer, const int8_t *in, int8_t *out);
void dense_multiply(const dense_layer *layer, const int8_t *in, int8_t *out);
void dense_connect(const dense_layer *layer, const int8_t *in, int8_t *out);

/* Mean, then maximum, of each channel; in: int8[n][channels], out: int8[2][channels]. */
void dense_pool(const int8_t *in, int32_t n, int32_t channels, int8_t *out);

/* Run a layer in one of the three ways: to find the cheapest. */
void peers_try(const dense_layer *layer, const int8_t *in, int8_t *out, uint32_t way);

extern const dense_layer peers_layers[];

#endif
