/* Device forms for a fuzzer: any bytes with a length and checksum that fit, opened and run. */
#include "run_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < MODEL_HEADER_BYTES)
        return 0;
    uint8_t *bytes = malloc(size); /* its own block, so that a byte beyond it is noticed */
    memcpy(bytes, data, size);
    mend_model(bytes, size);
    (void)run_model(bytes, size);
    free(bytes);
    return 0;
}
