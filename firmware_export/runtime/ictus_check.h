/* A checksum over constant memory, a few bytes at a time: finds the bit that flipped in flash since the start.
 *
 *     static ictus_check check;
 *     ictus_check_init(&check, ictus_model_data, ICTUS_MODEL_BYTES, ICTUS_MODEL_CRC32);
 *     after every second of signal:
 *         if (ictus_check_step(&check, ICTUS_CHECK_BYTES)) ...   the model is broken: trust no further decision
 *
 * CRC-32 finds every single flipped bit, and every burst of up to 32. A bit that flips behind the place that is being
 * checked is found in the next pass: at the latest after twice n_bytes / ICTUS_CHECK_BYTES steps. */
#ifndef ICTUS_CHECK_H
#define ICTUS_CHECK_H

#include <stddef.h>
#include <stdint.h>

enum { ICTUS_CHECK_BYTES = 64 }; /* a step: about 4,000 instructions of a Cortex-M4 */

typedef struct {
    const uint8_t *bytes;
    size_t n_bytes;
    size_t n_done;     /* of this pass */
    uint32_t crc;      /* of these */
    uint32_t expected; /* of all bytes */
    uint32_t n_passes; /* that found what was expected */
    uint8_t is_broken; /* a pass found something else; stays so */
} ictus_check;

/* `bytes` stay in place; `expected` is ictus_crc32(0, bytes, n_bytes) when they were whole. */
void ictus_check_init(ictus_check *check, const uint8_t *bytes, size_t n_bytes, uint32_t expected);

/* Check the next `n_bytes`, at most to the end of a pass. Returns 1 once the memory is known to be broken, else 0. */
int ictus_check_step(ictus_check *check, size_t n_bytes);

#endif
