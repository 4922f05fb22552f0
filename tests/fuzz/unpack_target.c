/* Stored forms for a fuzzer: any body behind a header that fits, unpacked into buffers that may be too small; what
 * unpacks is opened and run. */
#include "ictus_unpack.h"
#include "run_model.h"

enum { STORED_HEADER_BYTES = 9, STORED_CRC_AT = 5, MOST_OUT = 1 << 15, SCRATCH = 700 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Behind "ICTZ", version 1 and the checksum: the length in groups of seven bits, which are two for these sizes. */
static void mend_header(uint8_t *stored, size_t n)
{
    static const uint8_t start[] = {'I', 'C', 'T', 'Z', 1};
    memcpy(stored, start, sizeof start);
    stored[STORED_HEADER_BYTES] = (uint8_t)(128u | (n & 127u));
    stored[STORED_HEADER_BYTES + 1] = (uint8_t)(n >> 7);
    const uint32_t crc = ictus_crc32(0, stored, STORED_CRC_AT);
    set_u32(stored + STORED_CRC_AT, ictus_crc32(crc, stored + STORED_HEADER_BYTES, n - STORED_HEADER_BYTES));
}

static void unpack(const uint8_t *stored, size_t n, size_t out_bytes, size_t n_scratch)
{
    uint8_t *out = malloc(out_bytes + 1u);
    uint16_t *scratch = malloc(n_scratch * sizeof *scratch + 1u);
    size_t n_out = 0;
    const ictus_status status = ictus_unpack(stored, n, out, out_bytes, scratch, n_scratch, &n_out);
    if ((status == ICTUS_OK) != (n_out > 0) || n_out > out_bytes)
        abort();
    uint8_t *model = malloc(n_out + 1u);
    memcpy(model, out, n_out);
    free(out);
    free(scratch);
    if (status == ICTUS_OK)
        (void)run_model(model, n_out);
    free(model);
}

/* The first two bytes say how much room there is, the others are the file; of its header only the length is kept. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t n = size - 2;
    if (size < 128 + 2 || n >= 1 << 14)
        return 0;
    uint8_t *stored = malloc(n);
    memcpy(stored, data + 2, n);
    mend_header(stored, n);
    unpack(stored, n, MOST_OUT >> data[0] % 16, SCRATCH >> data[1] % 8);
    free(stored);
    return 0;
}
