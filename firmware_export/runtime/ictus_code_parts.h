/* What generated layers are made of besides additions (see ictus_code.h).
 *
 * A pair is a word that holds one value at two positions: low + high * 2^16 modulo 2^32, both 16 bits with a sign. Sums of
 * pairs, and pairs shifted left, are pairs again. A pair of sums is biased: 2^15 more keep its low half from being
 * negative, so that nothing is borrowed from the high one.
 */
#ifndef ICTUS_CODE_PARTS_H
#define ICTUS_CODE_PARTS_H

#include <stddef.h>

#include "ictus_code.h"
#include "ictus_fixed.h"

/* Keeps a compiler from loading the inputs of a later tile while it computes an earlier one, which only spills them. */
#if defined(__GNUC__)
#define ICTUS_END_TILE() __asm__ volatile("" ::: "memory")
#else
#define ICTUS_END_TILE() ((void)0)
#endif

/* A map of words. */
static inline uint32_t *ictus_words(int8_t *map)
{
    return (uint32_t *)(void *)map;
}

static inline const uint32_t *ictus_const_words(const int8_t *map)
{
    return (const uint32_t *)(const void *)map;
}

/* The number that `bits` hold. */
static inline int32_t ictus_signed(uint32_t bits)
{
    return bits <= INT32_MAX ? (int32_t)bits : -(int32_t)~bits - 1;
}

/* Values of a pair that is not biased. */
static inline int32_t ictus_low(uint32_t pair)
{
    return (int32_t)((pair & 0xFFFFu) ^ 0x8000u) - 0x8000;
}

static inline int32_t ictus_high(uint32_t pair)
{
    return ictus_low((pair + 0x8000u) >> 16);
}

/* words[i] = a[i], b[i] for i < n. */
static inline void ictus_pack_pairs(const int8_t *a, const int8_t *b, uint32_t *words, size_t n)
{
    for (size_t i = 0; i < n; ++i)
        words[i] = (uint32_t)a[i] + ((uint32_t)b[i] << 16);
}

/* An accumulator's value, shifted and limited to 0..127 or to -128..127. */
static inline int8_t ictus_relu8(int32_t value, unsigned shift)
{
    return (int8_t)ictus_clamp32(ictus_asr32(value, shift), 0, INT8_MAX);
}

static inline int8_t ictus_limit8(int32_t value, unsigned shift)
{
    return ictus_sat8(ictus_asr32(value, shift));
}

/* Values of a biased pair of sums, each shifted and limited to 0..127. */
static inline int8_t ictus_low_relu8(uint32_t sums, unsigned shift)
{
    return ictus_relu8((int32_t)(sums & 0xFFFFu) - 0x8000, shift);
}

static inline int8_t ictus_high_relu8(uint32_t sums, unsigned shift)
{
    return ictus_relu8(ictus_low(sums >> 16), shift);
}

/* The same as a pair of values << stored. */
static inline uint32_t ictus_pair_relu(uint32_t sums, unsigned shift, unsigned stored)
{
    const uint32_t low = (uint32_t)ictus_low_relu8(sums, shift), high = (uint32_t)ictus_high_relu8(sums, shift);
    return (low | high << 16) << stored;
}

#endif
