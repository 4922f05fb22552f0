#include "ictus_decode.h"

#include "ictus_fixed.h"

enum { FIRST_BYTES = 4, MOST_SEEN = 255, LAST_UNARY = 7 };
enum { UNIT = 256, BEND = 88, MAX_LOG_ODDS = 12 * UNIT - 1, ONE = 4096 };

static void take_byte(ictus_decoder *decoder)
{
    uint32_t byte = 0;
    if (decoder->next != decoder->end)
        byte = *decoder->next++;
    else if (decoder->n_missing++ == FIRST_BYTES)
        decoder->status = ICTUS_WRONG_SIZE;
    decoder->value = decoder->value << 8 | byte;
}

void ictus_decoder_begin(ictus_decoder *decoder, const uint8_t *bytes, size_t n)
{
    decoder->next = bytes;
    decoder->end = bytes + n;
    decoder->range = UINT32_MAX;
    decoder->value = 0;
    decoder->n_missing = 0;
    decoder->status = ICTUS_OK;
    for (int i = 0; i < FIRST_BYTES; ++i)
        take_byte(decoder);
}

unsigned ictus_decode_bit(ictus_decoder *decoder, uint32_t one)
{
    const uint32_t bound = (decoder->range >> 12) * one;
    const unsigned bit = decoder->value < bound;
    if (decoder->status != ICTUS_OK)
        return 0;
    if (bit != 0) {
        decoder->range = bound;
    } else {
        decoder->value -= bound;
        decoder->range -= bound;
    }
    while (decoder->range < UINT32_C(1) << 24) {
        decoder->range <<= 8;
        take_byte(decoder);
    }
    return bit;
}

uint32_t ictus_decode_plain(ictus_decoder *decoder, unsigned width)
{
    uint32_t field = 0;
    for (; width > 0; --width)
        field = field << 1 | ictus_decode_bit(decoder, ICTUS_EVEN);
    return field;
}

/* f * (1 - f) in 256ths, as much as log2(1 + f) bends away from f. */
static uint32_t bend(uint32_t f)
{
    return f * (UNIT - f) * BEND >> 16;
}

int32_t ictus_log2(uint32_t value)
{
    const uint32_t exponent = ictus_floor_log2(value);
    const uint32_t f = (exponent > 8 ? value >> (exponent - 8) : value << (8 - exponent)) - UNIT;
    return (int32_t)(exponent * UNIT + f + bend(f));
}

uint32_t ictus_probability(int32_t log_odds)
{
    uint32_t size = (uint32_t)(log_odds < 0 ? -log_odds : log_odds);
    size = size > MAX_LOG_ODDS ? MAX_LOG_ODDS : size;
    const uint32_t f = size % UNIT;
    const uint32_t smaller = ONE * UNIT / (UNIT + ((UNIT + f - bend(f)) << size / UNIT));
    return log_odds > 0 ? ONE - smaller : smaller;
}

unsigned ictus_decode_node(ictus_decoder *decoder, ictus_node *node)
{
    const int32_t log_odds = ictus_log2(2u * node->seen[1] + 1u) - ictus_log2(2u * node->seen[0] + 1u);
    const unsigned bit = ictus_decode_bit(decoder, ictus_probability(log_odds));
    node->seen[bit]++;
    if (node->seen[0] + node->seen[1] == MOST_SEEN) {
        node->seen[0] >>= 1;
        node->seen[1] >>= 1;
    }
    return bit;
}

unsigned ictus_decode_symbol(ictus_decoder *decoder, ictus_node *node, unsigned width)
{
    unsigned at = 1;
    while (at >> width == 0)
        at = at << 1 | ictus_decode_node(decoder, &node[at]);
    return at - (1u << width);
}

unsigned ictus_decode_unary(ictus_decoder *decoder, ictus_node *node, unsigned most)
{
    unsigned n = 0;
    while (ictus_decode_node(decoder, &node[n < LAST_UNARY ? n : LAST_UNARY]) != 0) {
        if (n == most) {
            decoder->status = ICTUS_BAD_LAYER;
            return 0;
        }
        ++n;
    }
    return n;
}

uint32_t ictus_decode_number(ictus_decoder *decoder, ictus_node *node)
{
    const unsigned width = ictus_decode_unary(decoder, node, ICTUS_MAX_NUMBER_BITS);
    return (UINT32_C(1) << width | ictus_decode_plain(decoder, width)) - 1u;
}
