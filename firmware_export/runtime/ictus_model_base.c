/* What does not depend on how a model lies in flash. */
#include "ictus_model.h"

uint32_t ictus_crc32(uint32_t crc, const uint8_t *bytes, size_t n)
{
    crc = ~crc;
    for (size_t i = 0; i < n; ++i) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; ++bit)
            crc = crc >> 1 ^ (UINT32_C(0xEDB88320) & (0u - (crc & 1u)));
    }
    return ~crc;
}

ictus_status ictus_model_attach(ictus_model *model, uint32_t *arena, size_t n_bytes)
{
    if (model == NULL || arena == NULL)
        return ICTUS_NULL_ARGUMENT;
    if (n_bytes < model->arena_bytes)
        return ICTUS_ARENA_TOO_SMALL;
    model->arena = arena;
    model->lent_bytes = n_bytes < UINT32_MAX ? (uint32_t)n_bytes & ~UINT32_C(3) : ~UINT32_C(3);
    return ICTUS_OK;
}
