/* Fixed-point helpers shared by every part of the runtime.
 *
 * All of them are defined for every argument in the stated range; none relies on how the
 * compiler shifts negative numbers, and compilers reduce each to one or two instructions.
 */
#ifndef ICTUS_FIXED_H
#define ICTUS_FIXED_H

#include <stdint.h>

/* Marks a function that stays one: for a profiler, or since a small loop gets its registers that way. */
#if defined(__GNUC__)
#define ICTUS_NOINLINE __attribute__((noinline))
#else
#define ICTUS_NOINLINE
#endif

/* floor(x / 2^shift), any x, 0 <= shift <= 31. */
static inline int32_t ictus_asr32(int32_t x, unsigned shift)
{
    return x < 0 ? ~(~x >> shift) : x >> shift;
}

/* x clamped to low..high; needs low <= high. */
static inline int32_t ictus_clamp32(int32_t x, int32_t low, int32_t high)
{
    return x < low ? low : (x > high ? high : x);
}

/* x clamped to -128..127. */
static inline int8_t ictus_sat8(int32_t x)
{
    return (int8_t)ictus_clamp32(x, INT8_MIN, INT8_MAX);
}

/* x clamped to -32768..32767. */
static inline int16_t ictus_sat16(int32_t x)
{
    return (int16_t)ictus_clamp32(x, INT16_MIN, INT16_MAX);
}

/* |x|; needs x > INT32_MIN. */
static inline int32_t ictus_abs32(int32_t x)
{
    return x < 0 ? -x : x;
}

/* The larger and the smaller of two. */
static inline int32_t ictus_max32(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static inline int32_t ictus_min32(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* Place of the highest bit that is set, 0..31; needs x > 0. */
static inline uint32_t ictus_floor_log2(uint32_t x)
{
#if defined(__GNUC__)
    return 31u - (uint32_t)__builtin_clz(x);
#else
    uint32_t place = 0;
    while (x >>= 1)
        ++place;
    return place;
#endif
}

/* How many bits are set. */
static inline uint32_t ictus_count_bits(uint32_t bits)
{
    uint32_t n = 0;
    for (; bits != 0; bits &= bits - 1u)
        ++n;
    return n;
}

#endif
