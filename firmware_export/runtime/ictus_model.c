#include "ictus_model.h"

#include "ictus_fixed.h"
#include "ictus_layer.h"
#include "ictus_stream.h"

enum { HEADER_BYTES = 20, STAGE_BYTES = 4, TOTAL_AT = 12, CRC_AT = 16, FIRST_VERSION = 2, WIDE_VERSION = 3 };
enum { LENGTH_AT = 6, CHANNELS_AT = 7, FLAGS_AT = 8, STREAM_BYTES_AT = 4 }; /* in the header of a layer */

/* What the layers need of the arena, in bytes. */
typedef struct {
    uint32_t weights; /* decoded weights of the fullest channel of a convolution, or scratch of a layer that is code */
    uint32_t map[2];  /* largest map of the even and of the odd layers, context included */
    uint32_t kept;    /* largest kept map, context included */
    uint32_t rows;    /* largest rows of a stream, which lie where the maps do */
    uint32_t pool;    /* largest of what a stream pools */
    uint32_t scratch; /* of a stream's layers that are code */
} arena_need;

static uint32_t read_u32(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static uint16_t read_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static void raise_to(uint32_t *largest, uint32_t value)
{
    if (*largest < value)
        *largest = value;
}

static uint32_t whole_words(uint32_t n_bytes)
{
    return (n_bytes + 3u) & ~UINT32_C(3);
}

/* Walk the stream of a layer as the kernel will: every index inside its channel, the end where it should be. */
static ictus_status check_stream(const ictus_layer *layer, uint32_t *n_fullest)
{
    const uint8_t *next = layer->stream;
    const uint8_t *end = layer->stream + layer->stream_bytes;
    const unsigned code_bits = ictus_code_bits(layer->flags), channel_end = ictus_channel_end(code_bits);
    unsigned channel = 0;
    uint32_t index = 0, n_weights = 0;
    while (next != end && channel < layer->out_channels) {
        const unsigned byte = *next++;
        if (byte == channel_end) {
            raise_to(n_fullest, n_weights);
            ++channel;
            index = n_weights = 0;
        } else if (byte > channel_end) {
            index += ictus_skipped(byte, code_bits);
        } else {
            index += (byte >> code_bits) + 1u;
            ++n_weights;
        }
        if (index > layer->taps)
            return ICTUS_BAD_LAYER;
    }
    return next == end && channel == layer->out_channels ? ICTUS_OK : ICTUS_BAD_LAYER;
}

/* The code of a checked layer. */
static const ictus_code_layer *code_of(const ictus_model *model, const uint8_t *header)
{
    return &model->code->layer[read_u16(header + STREAM_BYTES_AT)];
}

static ictus_status check_layer(const ictus_model *model, const uint8_t *bytes, size_t n_left, ictus_layer *layer,
                                uint32_t *n_fullest)
{
    if (n_left < ICTUS_LAYER_HEADER_BYTES)
        return ICTUS_WRONG_SIZE;
    const unsigned old = ICTUS_RELU | ICTUS_TAKES_CONTEXT | ICTUS_POOLS | ICTUS_IS_CODE;
    const unsigned known = model->version < WIDE_VERSION ? old : old | ICTUS_WIDE;
    const uint8_t flags = bytes[FLAGS_AT], out_channels = bytes[CHANNELS_AT];
    const size_t behind = (out_channels + 1u) / 2 + out_channels + (size_t)read_u16(bytes + STREAM_BYTES_AT);
    if ((flags & ICTUS_IS_CODE) == 0 && n_left < ICTUS_LAYER_HEADER_BYTES + behind)
        return ICTUS_WRONG_SIZE;
    (void)ictus_layer_read(bytes, layer);
    if (layer->taps == 0 || layer->step == 0 || out_channels == 0 || (flags & ~known) != 0)
        return ICTUS_BAD_LAYER;
    if ((flags & ICTUS_IS_CODE) == 0)
        return check_stream(layer, n_fullest);
    return model->code != NULL && layer->stream_bytes < model->code->n_layers ? ICTUS_OK : ICTUS_NO_CODE;
}

/* Check the convolutions that a stream's stage begins with; `*cursor` moves behind the one that pools. */
static ictus_status check_convolutions(const ictus_model *model, ictus_stage *stage, const uint8_t **cursor,
                                       const uint8_t *end, arena_need *need)
{
    uint32_t channels = model->window_channels;
    ictus_layer layer = {.flags = 0};
    stage->convolutions = *cursor;
    if (stage->n_kept != 0 || model->window_length != 0)
        return ICTUS_BAD_SHAPE;
    while ((layer.flags & ICTUS_POOLS) == 0) {
        uint32_t n_fullest = 0;
        if (stage->n_layers == 0 || stage->n_convolutions == ICTUS_STREAM_MAX_LAYERS)
            return ICTUS_BAD_SHAPE;
        const ictus_status status = check_layer(model, *cursor, (size_t)(end - *cursor), &layer, &n_fullest);
        if (status != ICTUS_OK)
            return status;
        if (layer.out_length != 0 || (layer.flags & ICTUS_TAKES_CONTEXT) != 0 || channels == 0 ||
            layer.taps % channels != 0 || layer.step % channels != 0)
            return ICTUS_BAD_SHAPE;
        if ((layer.flags & ICTUS_IS_CODE) != 0)
            raise_to(&need->scratch, code_of(model, *cursor)->scratch_bytes);
        *cursor = ictus_layer_read(*cursor, &layer);
        channels = layer.out_channels;
        stage->n_convolutions++;
        stage->n_layers--;
    }
    if ((layer.flags & ICTUS_RELU) == 0)
        return ICTUS_BAD_SHAPE;
    stage->in_size = 2u * channels;
    stage->layers = *cursor;
    const ictus_stream_need of_stream = ictus_stream_needs(stage, model->window_channels);
    raise_to(&need->rows, of_stream.row_bytes);
    raise_to(&need->pool, of_stream.pool_bytes);
    return ICTUS_OK;
}

/* Check a stage's layers and note what they need; `*cursor` moves behind the stage. */
static ictus_status check_layers(const ictus_model *model, ictus_stage *stage, const uint8_t **cursor,
                                 const uint8_t *end, arena_need *need)
{
    uint32_t size = stage->in_size;
    for (unsigned number = 1; number <= stage->n_layers; ++number) {
        ictus_layer layer;
        uint32_t n_fullest = 0;
        const ictus_status status = check_layer(model, *cursor, (size_t)(end - *cursor), &layer, &n_fullest);
        if (status != ICTUS_OK)
            return status;
        if (layer.out_length == 0 || (layer.flags & ICTUS_POOLS) != 0)
            return ICTUS_BAD_SHAPE;
        const ictus_code_layer *code = (layer.flags & ICTUS_IS_CODE) != 0 ? code_of(model, *cursor) : NULL;
        *cursor = ictus_layer_read(*cursor, &layer);
        const uint32_t context = (layer.flags & ICTUS_TAKES_CONTEXT) != 0 ? model->n_context : 0;
        if ((layer.out_length - 1u) * layer.step + layer.taps > size + context)
            return ICTUS_BAD_SHAPE;
        if (code == NULL && number == 1 && context != 0 && stage->source != ICTUS_SOURCE_KEPT)
            raise_to(&need->map[0], size + context); /* its input is copied there, to append the context */
        if (code != NULL)
            raise_to(&need->weights, code->scratch_bytes);
        else if (layer.out_length > 1)
            raise_to(&need->weights, n_fullest * (uint32_t)sizeof(uint32_t));
        size = (uint32_t)layer.out_length * layer.out_channels;
        const uint32_t map_bytes = code != NULL && code->map_bytes != 0 ? code->map_bytes : size + model->n_context;
        raise_to(number == stage->n_kept ? &need->kept : &need->map[number % 2], map_bytes);
    }
    stage->n_logits = (uint16_t)size;
    return ICTUS_OK;
}

/* Size of the map that a checked stage keeps, 0 if it keeps none. */
static uint32_t kept_size(const ictus_stage *stage)
{
    const uint8_t *next = stage->layers;
    ictus_layer layer = {0};
    for (unsigned number = 1; number <= stage->n_kept; ++number)
        next = ictus_layer_read(next, &layer);
    return (uint32_t)layer.out_length * layer.out_channels;
}

/* Values that a stage is given; a stream's follow from its convolutions. */
static uint32_t input_size(const ictus_model *model, unsigned source, uint32_t n_kept_values)
{
    switch (source) {
    case ICTUS_SOURCE_FEATURES:
        return model->n_features;
    case ICTUS_SOURCE_WINDOW:
        return (uint32_t)model->window_length * model->window_channels;
    case ICTUS_SOURCE_KEPT:
        return n_kept_values;
    default:
        return model->n_context;
    }
}

static ictus_status check_stage(const ictus_model *model, ictus_stage *stage, uint32_t n_kept_values,
                                const uint8_t **cursor, const uint8_t *end, arena_need *need)
{
    const uint8_t *bytes = *cursor;
    if (end - bytes < STAGE_BYTES)
        return ICTUS_WRONG_SIZE;
    stage->source = bytes[0];
    stage->n_layers = bytes[1];
    stage->n_kept = bytes[2];
    stage->threshold = (int8_t)bytes[3];
    stage->n_convolutions = 0;
    stage->convolutions = stage->layers = *cursor = bytes + STAGE_BYTES;
    if (stage->source > ICTUS_SOURCE_STREAM || stage->n_layers == 0 || stage->n_kept > stage->n_layers)
        return ICTUS_BAD_SHAPE;
    if (stage->source == ICTUS_SOURCE_KEPT && stage->n_kept != 0)
        return ICTUS_BAD_SHAPE; /* it would overwrite what it reads */
    stage->in_size = input_size(model, stage->source, n_kept_values);
    if (stage->source == ICTUS_SOURCE_STREAM) {
        const ictus_status status = check_convolutions(model, stage, cursor, end, need);
        if (status != ICTUS_OK)
            return status;
    }
    return check_layers(model, stage, cursor, end, need);
}

/* The code that belongs to a model, NULL if there is none. */
static const ictus_code *find_code(uint32_t crc32)
{
    for (const ictus_code *const *code = ictus_codes; *code != NULL; ++code)
        if ((*code)->crc32 == crc32)
            return *code;
    return NULL;
}

static ictus_status check_header(const uint8_t *bytes, size_t n_bytes, ictus_model *model)
{
    if (n_bytes < HEADER_BYTES || bytes[0] != 'I' || bytes[1] != 'C' || bytes[2] != 'T' || bytes[3] != 'S')
        return ICTUS_NOT_A_MODEL;
    if (bytes[4] < FIRST_VERSION || bytes[4] > WIDE_VERSION)
        return ICTUS_OTHER_VERSION;
    if (read_u32(bytes + TOTAL_AT) != n_bytes)
        return ICTUS_WRONG_SIZE;
    const uint32_t crc = ictus_crc32(0, bytes, CRC_AT);
    if (read_u32(bytes + CRC_AT) != ictus_crc32(crc, bytes + HEADER_BYTES, n_bytes - HEADER_BYTES))
        return ICTUS_WRONG_CHECKSUM;
    model->version = bytes[4];
    model->n_stages = bytes[6];
    model->n_context = bytes[7];
    model->window_length = (uint16_t)(bytes[8] | bytes[9] << 8);
    model->window_channels = bytes[10];
    model->n_features = bytes[11];
    model->code = find_code(read_u32(bytes + CRC_AT));
    return model->n_stages <= ICTUS_MAX_STAGES ? ICTUS_OK : ICTUS_BAD_SHAPE;
}

ictus_status ictus_model_open(const uint8_t *bytes, size_t n_bytes, ictus_model *model)
{
    arena_need need = {0, {0, 0}, 0, 0, 0, 0};
    uint32_t n_kept_values = 0;
    if (bytes == NULL || model == NULL)
        return ICTUS_NULL_ARGUMENT;
    model->arena = NULL;
    model->code = NULL;
    model->n_stages = 0;
    ictus_status status = check_header(bytes, n_bytes, model);
    const uint8_t *cursor = bytes + HEADER_BYTES, *end = bytes + n_bytes;
    for (unsigned i = 0; status == ICTUS_OK && i < model->n_stages; ++i) {
        ictus_stage *stage = &model->stage[i];
        status = check_stage(model, stage, n_kept_values, &cursor, end, &need);
        if (status == ICTUS_OK)
            n_kept_values = kept_size(stage);
    }
    if (status == ICTUS_OK && cursor != end)
        status = ICTUS_WRONG_SIZE;
    if (status != ICTUS_OK)
        model->n_stages = 0;
    model->map_offset[0] = whole_words(need.weights);
    model->map_offset[1] = model->map_offset[0] + whole_words(need.map[0]);
    model->kept_offset = model->map_offset[1] + whole_words(need.map[1]);
    model->map_bytes = model->kept_offset + whole_words(need.kept);
    raise_to(&need.rows, model->map_bytes);
    model->scratch_bytes = whole_words(need.scratch);
    model->arena_bytes = whole_words(need.rows) + model->scratch_bytes + whole_words(need.pool);
    return status;
}

static void copy(int8_t *to, const int8_t *from, uint32_t n)
{
    for (uint32_t i = 0; i < n; ++i)
        to[i] = from[i];
}

/* Run the layers of a stage. Odd layers write map 1 and even ones map 0, the kept one the kept map; a context
 * goes behind the map that the layer reads. */
static ICTUS_NOINLINE const int8_t *run_layers(const ictus_model *model, const ictus_stage *stage, const int8_t *input,
                                const int8_t *context)
{
    int8_t *arena = (int8_t *)model->arena;
    int8_t *kept = arena + model->kept_offset;
    int8_t *map = stage->source == ICTUS_SOURCE_KEPT ? kept : NULL;
    const int8_t *x = map != NULL ? map : input;
    const uint8_t *next = stage->layers;
    uint32_t size = stage->in_size;
    for (unsigned number = 1; number <= stage->n_layers; ++number) {
        int8_t *out = number == stage->n_kept ? kept : arena + model->map_offset[number % 2];
        const uint32_t out_size = (uint32_t)next[LENGTH_AT] * next[CHANNELS_AT];
        if ((next[FLAGS_AT] & ICTUS_IS_CODE) != 0) {
            const ictus_code_call call = {{x, x}, {out, out}, context, model->arena, 1};
            code_of(model, next)->run(&call);
            next += ICTUS_LAYER_HEADER_BYTES;
        } else {
            ictus_layer layer;
            next = ictus_layer_read(next, &layer);
            if ((layer.flags & ICTUS_TAKES_CONTEXT) != 0 && model->n_context != 0) {
                if (map == NULL) {
                    x = map = arena + model->map_offset[0];
                    copy(map, input, size);
                }
                copy(map + size, context, model->n_context);
            }
            ictus_layer_run(&layer, x, model->arena, out);
        }
        x = map = out;
        size = out_size;
    }
    return x;
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
    const ictus_code_stage whole = model->code != NULL ? model->code->stage[number] : NULL;
    *logits = whole != NULL ? whole(input, context, model->arena) : run_layers(model, stage, input, context);
    return ICTUS_OK;
}
