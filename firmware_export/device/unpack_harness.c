/* Keeps the decoder of the stored form in a program that measures it; no part of the firmware. */
#include "ictus_unpack.h"

uint32_t ictus_harness_unpack(const uint8_t *stored, uint32_t n_stored, uint8_t *out, uint32_t out_bytes,
                              uint16_t *scratch, uint32_t n_scratch, size_t *n_out);

uint32_t ictus_harness_unpack(const uint8_t *stored, uint32_t n_stored, uint8_t *out, uint32_t out_bytes,
                              uint16_t *scratch, uint32_t n_scratch, size_t *n_out)
{
    return (uint32_t)ictus_unpack(stored, n_stored, out, out_bytes, scratch, n_scratch, n_out);
}
