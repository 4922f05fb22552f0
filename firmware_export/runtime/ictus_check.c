#include "ictus_check.h"

#include "ictus_model.h"

void ictus_check_init(ictus_check *check, const uint8_t *bytes, size_t n_bytes, uint32_t expected)
{
    check->bytes = bytes;
    check->n_bytes = n_bytes;
    check->n_done = 0;
    check->crc = 0;
    check->expected = expected;
    check->n_passes = 0;
    check->is_broken = 0;
}

static void end_pass(ictus_check *check)
{
    if (check->crc == check->expected)
        check->n_passes++;
    else
        check->is_broken = 1;
    check->n_done = 0;
    check->crc = 0;
}

int ictus_check_step(ictus_check *check, size_t n_bytes)
{
    const size_t n_left = check->n_bytes - check->n_done;
    const size_t n = n_bytes < n_left ? n_bytes : n_left;
    check->crc = ictus_crc32(check->crc, check->bytes + check->n_done, n);
    check->n_done += n;
    if (check->n_done == check->n_bytes)
        end_pass(check);
    return check->is_broken;
}
