/* Sets every byte of a model file to every value, mends the checksum, opens it, and runs what opens on buffers of
 * exactly the stated sizes. Meant for -fsanitize=address,undefined. Prints how many opened. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_VALUES UINT32_MAX /* every model that opens is run */
#define STREAM_ROWS 300u
#include "fuzz/run_model.h"

enum { MOST_BYTES = 4096 };

/* Unlike mend_model it leaves the length as it is: that is one of the bytes that are set. */
static void mend(uint8_t *bytes, size_t n)
{
    const uint32_t crc = ictus_crc32(ictus_crc32(0, bytes, MODEL_CRC_AT), bytes + MODEL_HEADER_BYTES, n - MODEL_HEADER_BYTES);
    for (int i = 0; i < 4; ++i)
        bytes[MODEL_CRC_AT + i] = (uint8_t)(crc >> (8 * i));
}

int main(int argc, char **argv)
{
    static uint8_t original[MOST_BYTES];
    FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (file == NULL)
        return 2;
    const size_t n = fread(original, 1, MOST_BYTES, file);
    fclose(file);
    long opened = 0;
    for (size_t position = 0; position < n; ++position) {
        for (int value = 0; value < 256; ++value) {
            uint8_t *bytes = malloc(n); /* its own block, so that a byte beyond it is noticed */
            memcpy(bytes, original, n);
            bytes[position] = (uint8_t)value;
            mend(bytes, n);
            opened += run_model(bytes, n);
            free(bytes);
        }
    }
    printf("%ld\n", opened);
    return 0;
}
