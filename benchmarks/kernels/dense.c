/* A dense int8 layer in two ways, for counting on the emulated core: to compare the cycle model with what others have
 * measured. Neither is part of the firmware. */
#include <stdint.h>

void ictus_main(void);
void dense_plain(const int8_t *x, const int8_t *w, int32_t *out, uint32_t n_out, uint32_t n_in);
void dense_pairs(const int8_t *x, const int8_t *w, int32_t *out, uint32_t n_out, uint32_t n_in);

/* So that the linker keeps both. */
static void (*volatile kernel)(const int8_t *, const int8_t *, int32_t *, uint32_t, uint32_t);

void ictus_main(void)
{
    kernel = dense_plain;
    kernel = dense_pairs;
}

/* out[n_out] = w[n_out][n_in] x[n_in], one multiply-accumulate at a time. */
void dense_plain(const int8_t *x, const int8_t *w, int32_t *out, uint32_t n_out, uint32_t n_in)
{
    for (uint32_t k = 0; k < n_out; ++k) {
        int32_t sum = 0;
        for (uint32_t i = 0; i < n_in; ++i)
            sum += w[k * n_in + i] * x[i];
        out[k] = sum;
    }
}

static uint32_t word(const int8_t *p)
{
    return *(const uint32_t *)(const void *)p;
}

static int32_t low_pair(uint32_t four)
{
    int32_t pair;
    __asm__("sxtb16 %0, %1" : "=r"(pair) : "r"(four));
    return pair;
}

static int32_t high_pair(uint32_t four)
{
    int32_t pair;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(four));
    return pair;
}

static int32_t add_products(int32_t a, int32_t b, int32_t sum)
{
    __asm__("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(a), "r"(b));
    return sum;
}

/* The same, four inputs and two outputs at a time with the core's dual multiplier, as optimised libraries do; n_in is a
 * multiple of 4 and n_out of 2, and everything is aligned. */
void dense_pairs(const int8_t *x, const int8_t *w, int32_t *out, uint32_t n_out, uint32_t n_in)
{
    for (uint32_t k = 0; k < n_out; k += 2) {
        const int8_t *first = w + k * n_in, *second = first + n_in;
        int32_t a = 0, b = 0;
        for (uint32_t i = 0; i < n_in; i += 4) {
            const int32_t even = low_pair(word(x + i)), odd = high_pair(word(x + i));
            a = add_products(low_pair(word(first + i)), even, a);
            a = add_products(high_pair(word(first + i)), odd, a);
            b = add_products(low_pair(word(second + i)), even, b);
            b = add_products(high_pair(word(second + i)), odd, b);
        }
        out[k] = a;
        out[k + 1] = b;
    }
}
