#include "ictus_unpack.h"

enum { MOST_STREAM_BYTES = 65535 };
enum { WIDTH_BITS = 3, K_BITS = 5, COUNT_BITS = 5, N_SYMBOLS_BITS = 6, LENGTH_BITS = 4 };
enum { MOST_QUOTIENT = 31, MOST_K = 22, MOST_LENGTH = 15, MOST_SYMBOLS = 23 };

/* A canonical Huffman code: symbols of one length follow one another, the shorter ones first. */
typedef struct {
    uint8_t n_of_length[MOST_LENGTH + 1];
    uint8_t symbol[MOST_SYMBOLS];
} prefix_code;

/* How a packer with an index reads a gap and a code. */
typedef struct {
    unsigned width;   /* relative index: bits of a gap; Rice: bits of the rest */
    prefix_code gaps; /* Huffman only */
    prefix_code codes;
} index_tables;

typedef uint32_t (*gap_reader)(ictus_unpacker *unpacker, const index_tables *tables);

static void fail(ictus_unpacker *unpacker)
{
    if (unpacker->decoder.status == ICTUS_OK)
        unpacker->decoder.status = ICTUS_BAD_LAYER;
}

static int is_sound(const ictus_unpacker *unpacker)
{
    return unpacker->decoder.status == ICTUS_OK;
}

/* Bits of a code in the device's stream: 3, or 4 in a wide one. */
static unsigned stream_code_bits(const ictus_unpacker *unpacker)
{
    return unpacker->n_exponents > 4 ? 4u : 3u;
}

/* Bits of a code 0 .. 2 * n_exponents - 1. */
static unsigned code_bits(const ictus_unpacker *unpacker)
{
    unsigned bits = 1;
    while (unpacker->n_exponents >> bits != 0)
        ++bits;
    return bits;
}

static void stream_byte(ictus_unpacker *unpacker, unsigned byte)
{
    if (unpacker->stream_bytes++ == MOST_STREAM_BYTES)
        fail(unpacker);
    else
        ictus_unpack_byte(unpacker, byte);
}

static void end_row(ictus_unpacker *unpacker)
{
    const unsigned bits = stream_code_bits(unpacker);
    stream_byte(unpacker, 0xFFu << bits & 0xFFu);
    unpacker->row++;
    unpacker->tap = 0;
}

void ictus_unpack_put(ictus_unpacker *unpacker, uint32_t row, uint32_t tap, unsigned value)
{
    const unsigned bits = stream_code_bits(unpacker), most = (1u << bits) - 1u, escape = 0xFFu >> bits;
    const unsigned is_negative = value >= unpacker->n_exponents;
    const unsigned exponent = is_negative ? value - unpacker->n_exponents : value;
    while (unpacker->row < row && is_sound(unpacker))
        end_row(unpacker);
    const uint32_t gap = tap - unpacker->tap;
    for (uint32_t left = gap / escape; left > 0 && is_sound(unpacker);) {
        const uint32_t n = left < most ? left : most;
        stream_byte(unpacker, escape << bits | n);
        left -= n;
    }
    stream_byte(unpacker, gap % escape << bits | is_negative << (bits - 1) | exponent);
    unpacker->tap = tap + 1;
}

static void unpack_dense(ictus_unpacker *unpacker)
{
    const unsigned width = code_bits(unpacker) + 1;
    for (uint32_t row = 0; row < unpacker->out_channels; ++row) {
        for (uint32_t tap = 0; tap < unpacker->taps && is_sound(unpacker); ++tap) {
            const unsigned code = ictus_decode_plain(&unpacker->decoder, width);
            if (code > 2 * unpacker->n_exponents)
                fail(unpacker);
            else if (code > 0)
                ictus_unpack_put(unpacker, row, tap, code - 1);
        }
    }
}

static void unpack_bitmap(ictus_unpacker *unpacker)
{
    const unsigned width = code_bits(unpacker);
    for (uint32_t row = 0; row < unpacker->out_channels; ++row) {
        for (uint32_t tap = 0; tap < unpacker->taps && is_sound(unpacker); ++tap) {
            if (ictus_decode_bit(&unpacker->decoder, ICTUS_EVEN) != 0)
                ictus_unpack_put(unpacker, row, tap, ictus_decode_plain(&unpacker->decoder, width));
        }
    }
}

static uint32_t relative_gap(ictus_unpacker *unpacker, const index_tables *tables)
{
    const uint32_t size = unpacker->out_channels * unpacker->taps, skip = (1u << tables->width) - 1u;
    uint32_t gap = 0, field = ictus_decode_plain(&unpacker->decoder, tables->width);
    while (field == skip && gap < size) {
        gap += field;
        field = ictus_decode_plain(&unpacker->decoder, tables->width);
    }
    return gap + field;
}

static uint32_t rice_gap(ictus_unpacker *unpacker, const index_tables *tables)
{
    uint32_t quotient = 0;
    while (quotient <= MOST_QUOTIENT && ictus_decode_bit(&unpacker->decoder, ICTUS_EVEN) != 0)
        ++quotient;
    return quotient << tables->width | ictus_decode_plain(&unpacker->decoder, tables->width);
}

static unsigned read_symbol(ictus_unpacker *unpacker, const prefix_code *table)
{
    uint32_t code = 0, first = 0;
    unsigned before = 0;
    for (unsigned length = 1; length <= MOST_LENGTH; ++length) {
        const unsigned n = table->n_of_length[length];
        code = code << 1 | ictus_decode_bit(&unpacker->decoder, ICTUS_EVEN);
        if (code - first < n) /* a code is never below the first of its length */
            return table->symbol[before + (code - first)];
        first = (first + n) << 1;
        before += n;
    }
    fail(unpacker);
    return 0;
}

static uint32_t huffman_gap(ictus_unpacker *unpacker, const index_tables *tables)
{
    const unsigned bits = read_symbol(unpacker, &tables->gaps);
    return (UINT32_C(1) << bits | ictus_decode_plain(&unpacker->decoder, bits)) - 1u;
}

static void read_prefix_code(ictus_unpacker *unpacker, prefix_code *table, unsigned most)
{
    uint8_t length[MOST_SYMBOLS] = {0};
    const unsigned n = ictus_decode_plain(&unpacker->decoder, N_SYMBOLS_BITS);
    unsigned filled = 0;
    uint32_t space = UINT32_C(1) << MOST_LENGTH;
    *table = (prefix_code){{0}, {0}};
    if (n > most) {
        fail(unpacker);
        return;
    }
    for (unsigned symbol = 0; symbol < n; ++symbol)
        length[symbol] = (uint8_t)ictus_decode_plain(&unpacker->decoder, LENGTH_BITS);
    for (unsigned bits = 1; bits <= MOST_LENGTH; ++bits) {
        for (unsigned symbol = 0; symbol < n; ++symbol) {
            if (length[symbol] != bits)
                continue;
            if (space < UINT32_C(1) << MOST_LENGTH >> bits) {
                fail(unpacker); /* more codes than fit */
                return;
            }
            space -= UINT32_C(1) << MOST_LENGTH >> bits;
            table->symbol[filled++] = (uint8_t)symbol;
            table->n_of_length[bits]++;
        }
    }
}

/* A count, then a gap and a code for each surviving weight. */
static void unpack_index(ictus_unpacker *unpacker, const index_tables *tables, gap_reader read_gap)
{
    const uint32_t size = unpacker->out_channels * unpacker->taps;
    const unsigned width = code_bits(unpacker);
    const int has_codes = read_gap == huffman_gap;
    uint32_t position = 0;
    uint32_t left = ictus_decode_plain(&unpacker->decoder, ictus_decode_plain(&unpacker->decoder, COUNT_BITS));
    if (left > size)
        fail(unpacker);
    for (; left > 0 && is_sound(unpacker); --left) {
        position += read_gap(unpacker, tables);
        if (position >= size) {
            fail(unpacker);
            return;
        }
        const unsigned value = has_codes ? read_symbol(unpacker, &tables->codes)
                                         : ictus_decode_plain(&unpacker->decoder, width);
        ictus_unpack_put(unpacker, position / unpacker->taps, position % unpacker->taps, value);
        ++position;
    }
}

static void unpack_relative(ictus_unpacker *unpacker)
{
    index_tables tables;
    tables.width = ictus_decode_plain(&unpacker->decoder, WIDTH_BITS) + 1;
    unpack_index(unpacker, &tables, relative_gap);
}

static void unpack_rice(ictus_unpacker *unpacker)
{
    index_tables tables;
    tables.width = ictus_decode_plain(&unpacker->decoder, K_BITS);
    if (tables.width > MOST_K)
        fail(unpacker);
    else
        unpack_index(unpacker, &tables, rice_gap);
}

static void unpack_huffman(ictus_unpacker *unpacker)
{
    index_tables tables;
    read_prefix_code(unpacker, &tables.gaps, MOST_SYMBOLS);
    read_prefix_code(unpacker, &tables.codes, 2 * unpacker->n_exponents);
    if (is_sound(unpacker))
        unpack_index(unpacker, &tables, huffman_gap);
}

void ictus_unpack_weights(ictus_unpacker *unpacker, unsigned number)
{
    static void (*const unpack[])(ictus_unpacker *) = {unpack_dense, unpack_bitmap,  unpack_relative,
                                                       unpack_rice,  unpack_huffman, ictus_unpack_contexts};
    if (number >= sizeof unpack / sizeof unpack[0])
        fail(unpacker);
    else
        unpack[number](unpacker);
    while (unpacker->row < unpacker->out_channels && is_sound(unpacker))
        end_row(unpacker);
}
