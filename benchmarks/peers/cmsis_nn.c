/* Dense int8 layers by CMSIS-NN: through its public functions, and by the matrix product behind them, which can read
 * the rows of a convolution over time where they lie. */
#include "arm_nnfunctions.h"
#include "arm_nnsupportfunctions.h"
#include "dense.h"

static int32_t scratch[PEERS_SCRATCH_BYTES / 4 + 1];
static const int32_t multipliers[DENSE_MAX_CHANNELS] = PEERS_MULTIPLIERS;

static cmsis_nn_per_channel_quant_params scales(const dense_layer *layer)
{
    /* The parameters are not written to, but the types are not const. */
    const cmsis_nn_per_channel_quant_params found = {(int32_t *)multipliers, (int32_t *)layer->shifts};
    return found;
}

void dense_convolve(const dense_layer *layer, const int8_t *in, int8_t *out)
{
    const int32_t in_length = ((layer->out_length - 1) * layer->step + layer->taps) / layer->channels;
    const cmsis_nn_context context = {scratch, (int32_t)sizeof scratch};
    const cmsis_nn_conv_params how = {
        0, 0, {layer->step / layer->channels, 1}, {0, 0}, {1, 1}, {layer->lowest, 127}};
    const cmsis_nn_per_channel_quant_params quant = scales(layer);
    const cmsis_nn_dims in_dims = {1, 1, in_length, layer->channels};
    const cmsis_nn_dims filter = {layer->out_channels, 1, layer->taps / layer->channels, layer->channels};
    const cmsis_nn_dims bias = {1, 1, 1, layer->out_channels};
    const cmsis_nn_dims out_dims = {1, 1, layer->out_length, layer->out_channels};
    (void)arm_convolve_wrapper_s8(&context, &how, &quant, &in_dims, in, &filter, layer->weights, &bias, layer->biases,
                                  &out_dims, out);
}

void dense_multiply(const dense_layer *layer, const int8_t *in, int8_t *out)
{
    (void)arm_nn_mat_mult_nt_t_s8(in, layer->weights, layer->biases, out, multipliers, layer->shifts,
                                  layer->out_length, layer->out_channels, layer->taps, 0, 0, layer->lowest, 127,
                                  layer->out_channels, layer->step);
}

void dense_connect(const dense_layer *layer, const int8_t *in, int8_t *out)
{
    const cmsis_nn_context context = {scratch, (int32_t)sizeof scratch};
    const cmsis_nn_fc_params how = {0, 0, 0, {layer->lowest, 127}};
    const cmsis_nn_per_channel_quant_params quant = scales(layer);
    const cmsis_nn_dims in_dims = {layer->out_length, 1, 1, layer->taps};
    const cmsis_nn_dims filter = {layer->taps, 1, 1, layer->out_channels};
    const cmsis_nn_dims bias = {1, 1, 1, layer->out_channels};
    const cmsis_nn_dims out_dims = {layer->out_length, 1, 1, layer->out_channels};
    (void)arm_fully_connected_per_channel_s8(&context, &how, &quant, &in_dims, in, &filter, layer->weights, &bias,
                                             layer->biases, &out_dims, out);
}

void dense_pool(const int8_t *in, int32_t n, int32_t channels, int8_t *out)
{
    const cmsis_nn_context context = {scratch, (int32_t)sizeof scratch};
    const cmsis_nn_pool_params how = {{1, 1}, {0, 0}, {-128, 127}};
    const cmsis_nn_dims in_dims = {1, 1, n, channels}, filter = {1, 1, n, 1}, out_dims = {1, 1, 1, channels};
    (void)arm_avgpool_s8(&context, &how, &in_dims, in, &filter, &out_dims, out);
    (void)arm_max_pool_s8(&context, &how, &in_dims, in, &filter, &out_dims, out + channels);
}
