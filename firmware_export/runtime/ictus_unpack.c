#include "ictus_unpack.h"

#include "ictus_layer.h"

enum { STORED_HEADER_BYTES = 9, STORED_CRC_AT = 5, STORED_VERSION = 1 };
enum { HEADER_BYTES = 20, TOTAL_AT = 12, CRC_AT = 16, NARROW_VERSION = 2, WIDE_VERSION = 3 };
enum { N_TASKS = 3, MOST_BYTE = 255, MOST_TAPS = 65535, MOST_SHIFT = 15, LAST_NODE = 7 };
enum { MOST_WEIGHTS = (1 << 22) - 1, MOST_EXPONENT_CHOICE = 3, NUMBER_NODES = 8 };

/* Where the nodes of each name begin. */
enum {
    NODE_TASK = 0,
    NODE_SIZE = NODE_TASK + NUMBER_NODES,
    NODE_LAYERS = NODE_SIZE + NUMBER_NODES,
    NODE_KEPT = NODE_LAYERS + NUMBER_NODES,
    NODE_CHANNELS = NODE_KEPT + NUMBER_NODES,
    NODE_TAPS = NODE_CHANNELS + NUMBER_NODES,
    NODE_REST = NODE_TAPS + NUMBER_NODES,
    NODE_STEP = NODE_REST + NUMBER_NODES,
    NODE_LENGTH = NODE_STEP + NUMBER_NODES,
    NODE_BIAS = NODE_LENGTH + NUMBER_NODES,
    NODE_SOURCE = NODE_BIAS + NUMBER_NODES,
    NODE_EXPONENTS = NODE_SOURCE + 8,
    NODE_PACKER = NODE_EXPONENTS + 8,
    NODE_FINE = NODE_PACKER + 8,
    NODE_SHIFT = NODE_FINE + 8,
    NODE_FLAGS = NODE_SHIFT + (LAST_NODE + 1) * NUMBER_NODES,
    NODE_READS_ALL = NODE_FLAGS + 3,
    NODE_STEPS_OVER_ALL,
    NODE_AS_MANY_AS_FIT,
    NODE_ASCEND,
    N_NODES
};

/* What the next layer is given: `size` values, 0 for a stream, in positions of `channels` values. */
typedef struct {
    uint32_t size;
    uint32_t channels;
} flow;

typedef struct {
    ictus_unpacker weights;
    ictus_node node[N_NODES];
    uint32_t n_context;
    flow from[ICTUS_SOURCE_STREAM + 1]; /* by source of a stage */
    uint32_t shift;                     /* of the channel before */
    unsigned is_wide;                   /* whether a layer was */
} unpacking;

void ictus_unpack_byte(ictus_unpacker *unpacker, unsigned byte)
{
    if (unpacker->out == unpacker->out_end) {
        if (unpacker->decoder.status == ICTUS_OK)
            unpacker->decoder.status = ICTUS_ARENA_TOO_SMALL;
        return;
    }
    *unpacker->out++ = (uint8_t)byte;
}

static void put_u16(ictus_unpacker *unpacker, uint32_t value)
{
    ictus_unpack_byte(unpacker, value & 255u);
    ictus_unpack_byte(unpacker, value >> 8 & 255u);
}

static uint32_t get_u32(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void set_u32(uint8_t *bytes, uint32_t value)
{
    for (int i = 0; i < 4; ++i)
        bytes[i] = (uint8_t)(value >> (8 * i));
}

static void fail(unpacking *state, ictus_status status)
{
    if (state->weights.decoder.status == ICTUS_OK)
        state->weights.decoder.status = status;
}

static int is_sound(const unpacking *state)
{
    return state->weights.decoder.status == ICTUS_OK;
}

static uint32_t number(unpacking *state, unsigned node)
{
    return ictus_decode_number(&state->weights.decoder, &state->node[node]);
}

static unsigned symbol(unpacking *state, unsigned node, unsigned width)
{
    return ictus_decode_symbol(&state->weights.decoder, &state->node[node], width);
}

static unsigned bit(unpacking *state, unsigned node)
{
    return ictus_decode_node(&state->weights.decoder, &state->node[node]);
}

/* 0, 1, 2, 3, 4.. as 0, -1, 1, -2, 2.. */
static int32_t with_sign(uint32_t value)
{
    return (value & 1u) != 0 ? -(int32_t)(value / 2) - 1 : (int32_t)(value / 2);
}

/* Check magic, version, length and checksum; sets `*body` to where the decisions begin. */
static ictus_status check_header(const uint8_t *stored, size_t n_stored, const uint8_t **body)
{
    if (n_stored <= STORED_HEADER_BYTES || stored[0] != 'I' || stored[1] != 'C' || stored[2] != 'T' || stored[3] != 'Z')
        return ICTUS_NOT_A_MODEL;
    if (stored[4] != STORED_VERSION)
        return ICTUS_OTHER_VERSION;
    size_t at = STORED_HEADER_BYTES, left = n_stored;
    for (; left >> 7 != 0; left >>= 7, ++at) {
        if (at == n_stored || stored[at] != (left & 127u) + 128u)
            return ICTUS_WRONG_SIZE;
    }
    if (at == n_stored || stored[at] != left)
        return ICTUS_WRONG_SIZE;
    const uint32_t crc = ictus_crc32(0, stored, STORED_CRC_AT);
    if (get_u32(stored + STORED_CRC_AT) !=
        ictus_crc32(crc, stored + STORED_HEADER_BYTES, n_stored - STORED_HEADER_BYTES))
        return ICTUS_WRONG_CHECKSUM;
    *body = stored + at + 1;
    return ICTUS_OK;
}

/* A distance in values: whole positions and the rest. */
static uint32_t distance(unpacking *state, unsigned node)
{
    const uint32_t whole = number(state, node), channels = state->weights.in_channels;
    return whole * channels + number(state, NODE_REST);
}

static void unpack_shifts(unpacking *state)
{
    ictus_unpacker *weights = &state->weights;
    unsigned low = 0;
    for (uint32_t channel = 0; channel < weights->out_channels && is_sound(state); ++channel) {
        const uint32_t before = state->shift < LAST_NODE ? state->shift : LAST_NODE;
        ictus_node *node = &state->node[NODE_SHIFT + before * NUMBER_NODES];
        const int32_t step = with_sign(ictus_decode_unary(&weights->decoder, node, 2 * MOST_SHIFT));
        const int32_t shift = (int32_t)state->shift + step;
        if (shift < 0 || shift > MOST_SHIFT) {
            fail(state, ICTUS_BAD_LAYER);
            return;
        }
        state->shift = (uint32_t)shift;
        if (channel % 2 != 0)
            ictus_unpack_byte(weights, low | state->shift << 4);
        else
            low = state->shift;
    }
    if (weights->out_channels % 2 != 0)
        ictus_unpack_byte(weights, low);
}

static void unpack_biases(unpacking *state)
{
    ictus_unpacker *weights = &state->weights;
    const unsigned ascend = bit(state, NODE_ASCEND), fine = symbol(state, NODE_FINE, 3);
    int32_t bias = 0;
    for (uint32_t channel = 0; channel < weights->out_channels && is_sound(state); ++channel) {
        const uint32_t coarse = number(state, NODE_BIAS);
        const uint32_t value = coarse << fine | ictus_decode_plain(&weights->decoder, fine);
        if (ascend != 0)
            bias += channel == 0 ? with_sign(value) : (int32_t)value;
        else
            bias = with_sign(value);
        if (bias < INT8_MIN || bias > INT8_MAX)
            fail(state, ICTUS_BAD_LAYER);
        ictus_unpack_byte(weights, (uint8_t)bias);
    }
}

/* What the header of a layer says besides what `ictus_unpacker` holds. */
typedef struct {
    unsigned flags;
    uint32_t step;
    uint32_t length;
} layer_shape;

static int is_legal(const ictus_unpacker *weights, const layer_shape *shape)
{
    return weights->out_channels <= MOST_BYTE && weights->taps >= 1 && weights->taps <= MOST_TAPS &&
           shape->step >= 1 && shape->step <= MOST_TAPS && shape->length <= MOST_BYTE &&
           weights->out_channels * weights->taps <= MOST_WEIGHTS;
}

/* Taps, step and output positions, as what differs from the usual: see compression/stored_walk.py. */
static void read_geometry(unpacking *state, const flow *given, layer_shape *shape)
{
    ictus_unpacker *weights = &state->weights;
    const uint32_t context = (shape->flags & ICTUS_TAKES_CONTEXT) != 0 ? state->n_context : 0;
    const uint32_t size = given->size + context;
    weights->taps = bit(state, NODE_READS_ALL) != 0 ? size : distance(state, NODE_TAPS);
    shape->step = bit(state, NODE_STEPS_OVER_ALL) != 0 ? given->size : distance(state, NODE_STEP);
    shape->length = 0;
    if (given->size > 0 && size >= weights->taps && shape->step > 0)
        shape->length = (size - weights->taps) / shape->step + 1u;
    if (bit(state, NODE_AS_MANY_AS_FIT) == 0)
        shape->length = number(state, NODE_LENGTH);
}

static void read_shape(unpacking *state, const flow *given, layer_shape *shape)
{
    ictus_unpacker *weights = &state->weights;
    shape->flags = 0;
    for (unsigned i = 0; i < 3; ++i)
        shape->flags |= bit(state, NODE_FLAGS + i) << i;
    const unsigned choice = symbol(state, NODE_EXPONENTS, 3);
    weights->n_exponents = 1u << choice;
    weights->in_channels = given->channels > 0 ? given->channels : 1;
    weights->out_channels = number(state, NODE_CHANNELS) + 1u;
    read_geometry(state, given, shape);
    if (choice > MOST_EXPONENT_CHOICE || !is_legal(weights, shape))
        fail(state, ICTUS_BAD_LAYER);
    if (choice == MOST_EXPONENT_CHOICE) {
        shape->flags |= ICTUS_WIDE;
        state->is_wide = 1;
    }
}

/* Shifts, biases and weights; sets the length of the stream, which its header at `stream_bytes` has before them. */
static void unpack_numbers(unpacking *state, uint8_t *stream_bytes)
{
    ictus_unpacker *weights = &state->weights;
    unpack_shifts(state);
    unpack_biases(state);
    weights->stream_bytes = weights->row = weights->tap = 0;
    const unsigned packer = symbol(state, NODE_PACKER, 3);
    if (is_sound(state))
        ictus_unpack_weights(weights, packer);
    if (!is_sound(state))
        return;
    stream_bytes[0] = (uint8_t)(weights->stream_bytes & 255u);
    stream_bytes[1] = (uint8_t)(weights->stream_bytes >> 8);
}

/* Unpack a layer that is given `given`, and note there what it gives. */
static void unpack_layer(unpacking *state, flow *given)
{
    ictus_unpacker *weights = &state->weights;
    layer_shape shape;
    read_shape(state, given, &shape);
    if (!is_sound(state))
        return;
    put_u16(weights, weights->taps);
    put_u16(weights, shape.step);
    uint8_t *stream_bytes = weights->out;
    put_u16(weights, 0);
    ictus_unpack_byte(weights, shape.length);
    ictus_unpack_byte(weights, weights->out_channels);
    ictus_unpack_byte(weights, shape.flags);
    unpack_numbers(state, stream_bytes);
    given->channels = weights->out_channels;
    given->size = weights->out_channels * ((shape.flags & ICTUS_POOLS) != 0 ? 2u : shape.length);
}

static void unpack_stage(unpacking *state)
{
    ictus_unpacker *weights = &state->weights;
    const unsigned source = symbol(state, NODE_SOURCE, 3);
    const uint32_t n_layers = number(state, NODE_LAYERS), n_kept = number(state, NODE_KEPT);
    const uint32_t threshold = ictus_decode_plain(&weights->decoder, 8);
    if (source > ICTUS_SOURCE_STREAM || n_layers == 0 || n_layers > MOST_BYTE || n_kept > n_layers ||
        (n_kept != 0 && source == ICTUS_SOURCE_KEPT))
        fail(state, ICTUS_BAD_SHAPE);
    if (!is_sound(state))
        return;
    ictus_unpack_byte(weights, source);
    ictus_unpack_byte(weights, n_layers);
    ictus_unpack_byte(weights, n_kept);
    ictus_unpack_byte(weights, threshold);
    flow given = state->from[source];
    for (uint32_t i = 1; i <= n_layers && is_sound(state); ++i) {
        unpack_layer(state, &given);
        if (i == n_kept)
            state->from[ICTUS_SOURCE_KEPT] = given;
    }
}

/* The first sizes of the body, and the header of the device's form without its checksum. */
static void unpack_sizes(unpacking *state)
{
    static const uint8_t magic[] = {'I', 'C', 'T', 'S', NARROW_VERSION};
    ictus_unpacker *weights = &state->weights;
    const uint32_t task = number(state, NODE_TASK), n_features = number(state, NODE_SIZE);
    const uint32_t length = number(state, NODE_SIZE), channels = number(state, NODE_SIZE);
    state->n_context = number(state, NODE_SIZE);
    if (task == 0 || task > N_TASKS || n_features > MOST_BYTE || length > MOST_TAPS || channels > MOST_BYTE ||
        state->n_context > MOST_BYTE)
        fail(state, ICTUS_BAD_SHAPE);
    state->from[ICTUS_SOURCE_FEATURES] = (flow){n_features, n_features};
    state->from[ICTUS_SOURCE_WINDOW] = (flow){length * channels, channels};
    state->from[ICTUS_SOURCE_KEPT] = (flow){0, 0};
    state->from[ICTUS_SOURCE_CONTEXT] = (flow){state->n_context, state->n_context};
    state->from[ICTUS_SOURCE_STREAM] = (flow){0, channels};
    for (size_t i = 0; i < sizeof magic; ++i)
        ictus_unpack_byte(weights, magic[i]);
    ictus_unpack_byte(weights, task);
    ictus_unpack_byte(weights, ICTUS_MAX_STAGES);
    ictus_unpack_byte(weights, state->n_context);
    put_u16(weights, length);
    ictus_unpack_byte(weights, channels);
    ictus_unpack_byte(weights, n_features);
    for (int i = TOTAL_AT; i < HEADER_BYTES; ++i)
        ictus_unpack_byte(weights, 0);
}

static void finish(const unpacking *state, uint8_t *out, size_t n_out)
{
    if (state->is_wide != 0)
        out[4] = WIDE_VERSION;
    set_u32(out + TOTAL_AT, (uint32_t)n_out);
    const uint32_t crc = ictus_crc32(0, out, CRC_AT);
    set_u32(out + CRC_AT, ictus_crc32(crc, out + HEADER_BYTES, n_out - HEADER_BYTES));
}

ictus_status ictus_unpack(const uint8_t *stored, size_t n_stored, uint8_t *out, size_t out_bytes,
                          uint16_t *scratch, size_t n_scratch, size_t *n_out)
{
    unpacking state = {.n_context = 0};
    const uint8_t *body = NULL;
    if (stored == NULL || out == NULL || scratch == NULL || n_out == NULL)
        return ICTUS_NULL_ARGUMENT;
    *n_out = 0;
    const ictus_status status = check_header(stored, n_stored, &body);
    if (status != ICTUS_OK)
        return status;
    ictus_decoder_begin(&state.weights.decoder, body, (size_t)(stored + n_stored - body));
    state.weights.out = out;
    state.weights.out_end = out + out_bytes;
    state.weights.counts = scratch;
    state.weights.n_counts = n_scratch;
    unpack_sizes(&state);
    for (unsigned i = 0; i < ICTUS_MAX_STAGES && is_sound(&state); ++i)
        unpack_stage(&state);
    if (is_sound(&state) && state.weights.decoder.next != state.weights.decoder.end)
        fail(&state, ICTUS_WRONG_SIZE);
    if (!is_sound(&state))
        return state.weights.decoder.status;
    *n_out = (size_t)(state.weights.out - out);
    finish(&state, out, *n_out);
    return ICTUS_OK;
}
