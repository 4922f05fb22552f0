/* Binary decisions from a range-coded stream: what compression/coding does, in C.
 *
 * A decision has a probability in 4096ths. Numbers are written as decisions whose probabilities follow from those of
 * the same kind before them; see compression/coding/fields.py. A stream that ends too early, or a number that is too
 * large, sets `status`, after which every decision is 0. */
#ifndef ICTUS_DECODE_H
#define ICTUS_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "ictus_model.h"

enum { ICTUS_EVEN = 2048 }; /* the probability of a plain bit */
enum { ICTUS_MAX_NUMBER_BITS = 22 };

/* Counts of the decisions under one name and node: the 0s and the 1s. */
typedef struct {
    uint8_t seen[2];
} ictus_node;

typedef struct {
    const uint8_t *next;
    const uint8_t *end;
    uint32_t range;
    uint32_t value;      /* below range */
    unsigned n_missing;  /* zero bytes that the coder left out, 0..4 */
    ictus_status status; /* ICTUS_OK, or what is wrong with the stream */
} ictus_decoder;

void ictus_decoder_begin(ictus_decoder *decoder, const uint8_t *bytes, size_t n);

/* The next decision, whose 1 has the probability one / 4096, 1 <= one <= 4095. */
unsigned ictus_decode_bit(ictus_decoder *decoder, uint32_t one);

/* An unsigned field of `width` plain bits, 0..31, the highest first. */
uint32_t ictus_decode_plain(ictus_decoder *decoder, unsigned width);

/* A decision that is as likely as it was before at this node. */
unsigned ictus_decode_node(ictus_decoder *decoder, ictus_node *node);

/* A symbol of `width` bits; node[2^width]. */
unsigned ictus_decode_symbol(ictus_decoder *decoder, ictus_node *node, unsigned width);

/* A number of at most `most`, as 1s and a 0; node[8]. */
unsigned ictus_decode_unary(ictus_decoder *decoder, ictus_node *node, unsigned most);

/* A number below 2^23; node[8]. */
uint32_t ictus_decode_number(ictus_decoder *decoder, ictus_node *node);

/* Logarithm to the base 2 in 256ths, value > 0. */
int32_t ictus_log2(uint32_t value);

/* Probability in 4096ths, 1..4095, of log-odds in 256ths. */
uint32_t ictus_probability(int32_t log_odds);

#endif
