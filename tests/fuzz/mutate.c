/* A fuzzer that needs no library and repeats exactly: hands a target each file, then N mutations of it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 1 << 14 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t state = 1;

static uint32_t next_random(uint32_t below)
{
    state = state * UINT32_C(1664525) + UINT32_C(1013904223);
    return (state >> 8) % below;
}

/* Change one to four bytes, and now and then cut the end off. */
static size_t mutate(uint8_t *bytes, size_t n)
{
    for (uint32_t left = 1 + next_random(4); left > 0; --left)
        bytes[next_random((uint32_t)n)] = (uint8_t)next_random(256);
    return next_random(8) == 0 ? 1 + next_random((uint32_t)n) : n;
}

int main(int argc, char **argv)
{
    static uint8_t original[MOST_BYTES], bytes[MOST_BYTES];
    for (int i = 2; i < argc; ++i) {
        FILE *file = fopen(argv[i], "rb");
        if (file == NULL)
            return 2;
        const size_t n = fread(original, 1, MOST_BYTES, file);
        fclose(file);
        LLVMFuzzerTestOneInput(original, n);
        for (long left = strtol(argv[1], NULL, 10); left > 0; --left) {
            memcpy(bytes, original, n);
            LLVMFuzzerTestOneInput(bytes, mutate(bytes, n));
        }
    }
    puts("done");
    return 0;
}
