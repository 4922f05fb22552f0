#include "ictus_unpack.h"

#include "ictus_fixed.h"

enum { STRENGTH_BITS = 2, NOMINAL = 2, MEAN_SHIFT = 9, ONE = 4096, MOST_EXPONENTS = 8 };
enum { ROW_WEIGHT = 3, CHANNEL_WEIGHT = 4, PLACE_WEIGHT = 5, EXPONENT_WEIGHT = 8, SIGN_WEIGHT = 3 };

/* Earlier decisions of one kind. */
typedef struct {
    uint32_t zeros;
    uint32_t ones;
} seen;

/* A decision's probability while its contexts are added up: see compression/coding/chance.py. */
typedef struct {
    int32_t alone; /* log-odds of the layer */
    uint32_t mean; /* its probability */
    int32_t pull;  /* of the contexts, in eighths */
} chance;

/* What a layer has had so far; zeros follow from how many decisions there were. */
typedef struct {
    uint16_t *channel_ones;      /* weights that survived, by input channel */
    uint16_t *channel_negatives; /* of these */
    uint16_t *place_ones;
    uint32_t layer_ones, layer_negatives;
    uint32_t row_ones, row_negatives;
    uint16_t layer_exponents[MOST_EXPONENTS][2]; /* by node of the tree: 0s and 1s */
    uint16_t row_exponents[MOST_EXPONENTS][2];
} history;

static int32_t log_odds(uint32_t zeros, uint32_t ones)
{
    return ictus_log2(ones) - ictus_log2(zeros);
}

static chance begin(seen layer)
{
    chance sum;
    sum.alone = log_odds(2u * layer.zeros + 1u, 2u * layer.ones + 1u);
    sum.mean = ictus_probability(sum.alone);
    sum.pull = 0;
    return sum;
}

static void add(chance *sum, seen context, int32_t weight)
{
    const uint32_t ones = (context.ones << MEAN_SHIFT) + sum->mean;
    const uint32_t zeros = (context.zeros << MEAN_SHIFT) + ONE - sum->mean;
    sum->pull += weight * (log_odds(zeros, ones) - sum->alone);
}

static unsigned decide(ictus_unpacker *unpacker, const chance *sum, int32_t strength)
{
    const int32_t odds = sum->alone + ictus_asr32(sum->pull * strength, 4);
    return ictus_decode_bit(&unpacker->decoder, ictus_probability(odds));
}

/* The exponent, bit by bit from the highest. */
static unsigned read_exponent(ictus_unpacker *unpacker, history *past)
{
    unsigned node = 1;
    while (node < unpacker->n_exponents) {
        uint16_t *layer = past->layer_exponents[node], *row = past->row_exponents[node];
        chance sum = begin((seen){layer[0], layer[1]});
        add(&sum, (seen){row[0], row[1]}, EXPONENT_WEIGHT);
        const unsigned bit = decide(unpacker, &sum, NOMINAL);
        layer[bit]++;
        row[bit]++;
        node = node << 1 | bit;
    }
    return node - unpacker->n_exponents;
}

/* 1 if the weight is negative; it is already among the ones of its contexts. */
static unsigned read_sign(ictus_unpacker *unpacker, history *past, uint32_t channel)
{
    uint16_t *negatives = &past->channel_negatives[channel];
    chance sum = begin((seen){past->layer_ones - 1u - past->layer_negatives, past->layer_negatives});
    add(&sum, (seen){past->row_ones - 1u - past->row_negatives, past->row_negatives}, SIGN_WEIGHT);
    add(&sum, (seen){past->channel_ones[channel] - 1u - *negatives, *negatives}, SIGN_WEIGHT);
    const unsigned is_negative = decide(unpacker, &sum, NOMINAL);
    *negatives = (uint16_t)(*negatives + is_negative);
    past->row_negatives += is_negative;
    past->layer_negatives += is_negative;
    return is_negative;
}

static void unpack_weight(ictus_unpacker *unpacker, history *past, uint32_t row, uint32_t tap, uint32_t channel,
                          uint32_t place)
{
    past->channel_ones[channel]++;
    past->place_ones[place]++;
    past->row_ones++;
    past->layer_ones++;
    const unsigned exponent = read_exponent(unpacker, past);
    const unsigned is_negative = read_sign(unpacker, past, channel);
    ictus_unpack_put(unpacker, row, tap, is_negative * unpacker->n_exponents + exponent);
}

static void unpack_row(ictus_unpacker *unpacker, history *past, uint32_t row, int32_t strength)
{
    const uint32_t width = unpacker->in_channels, whole = unpacker->taps / width, rest = unpacker->taps % width;
    uint32_t channel = 0, place = 0;
    for (uint32_t tap = 0; tap < unpacker->taps && unpacker->decoder.status == ICTUS_OK; ++tap) {
        const uint32_t n_layer = row * unpacker->taps + tap;
        const uint32_t n_channel = row * (whole + (channel < rest)) + place;
        const uint32_t n_place = row * (place < whole ? width : rest) + channel;
        const uint32_t of_channel = past->channel_ones[channel], of_place = past->place_ones[place];
        chance sum = begin((seen){n_layer - past->layer_ones, past->layer_ones});
        add(&sum, (seen){tap - past->row_ones, past->row_ones}, ROW_WEIGHT);
        add(&sum, (seen){n_channel - of_channel, of_channel}, CHANNEL_WEIGHT);
        add(&sum, (seen){n_place - of_place, of_place}, PLACE_WEIGHT);
        if (decide(unpacker, &sum, strength) != 0)
            unpack_weight(unpacker, past, row, tap, channel, place);
        if (++channel == width) {
            channel = 0;
            ++place;
        }
    }
}

void ictus_unpack_contexts(ictus_unpacker *unpacker)
{
    const uint32_t width = unpacker->in_channels, taps = unpacker->taps;
    const uint32_t n_channels = width < taps ? width : taps, n_places = (taps - 1) / width + 1;
    history past = {.layer_ones = 0};
    if (unpacker->n_counts < 2 * n_channels + n_places) {
        unpacker->decoder.status = ICTUS_ARENA_TOO_SMALL;
        return;
    }
    for (uint32_t i = 0; i < 2 * n_channels + n_places; ++i)
        unpacker->counts[i] = 0;
    past.channel_ones = unpacker->counts;
    past.channel_negatives = unpacker->counts + n_channels;
    past.place_ones = unpacker->counts + 2 * n_channels;
    const int32_t strength = (int32_t)ictus_decode_plain(&unpacker->decoder, STRENGTH_BITS);
    for (uint32_t row = 0; row < unpacker->out_channels; ++row) {
        past.row_ones = past.row_negatives = 0;
        for (unsigned node = 0; node < MOST_EXPONENTS; ++node)
            past.row_exponents[node][0] = past.row_exponents[node][1] = 0;
        unpack_row(unpacker, &past, row, strength);
    }
}
