/* Dense int8 layers as plain C loops. */
#include "dense.h"

static int8_t requantise(int32_t sum, int32_t shift, int32_t lowest)
{
    const int32_t half = shift > 0 ? (int32_t)1 << (shift - 1) : 0;
    const int32_t value = (sum + half) >> shift;
    return (int8_t)(value < lowest ? lowest : (value > 127 ? 127 : value));
}

void dense_multiply(const dense_layer *layer, const int8_t *in, int8_t *out)
{
    for (int32_t t = 0; t < layer->out_length; ++t, in += layer->step) {
        const int8_t *weights = layer->weights;
        for (int32_t c = 0; c < layer->out_channels; ++c, weights += layer->taps) {
            int32_t sum = layer->biases[c];
            for (int32_t i = 0; i < layer->taps; ++i)
                sum += in[i] * weights[i];
            *out++ = requantise(sum, layer->shifts[c], layer->lowest);
        }
    }
}

void dense_pool(const int8_t *in, int32_t n, int32_t channels, int8_t *out)
{
    for (int32_t c = 0; c < channels; ++c) {
        int32_t sum = 0, largest = 0;
        for (int32_t t = 0; t < n; ++t) {
            const int32_t value = in[t * channels + c];
            sum += value;
            largest = value > largest ? value : largest;
        }
        out[c] = (int8_t)((2 * sum + n) / (2 * n));
        out[channels + c] = (int8_t)largest;
    }
}
