#ifndef ICTUS_NATIVE_SEIZURE_H
#define ICTUS_NATIVE_SEIZURE_H

#include "ictus_seizure.h"

/* Bytes of a device with `n_channels` channels behind it. */
uint32_t ictus_native_seizure_bytes(uint32_t n_channels);

/* `ictus_seizure_init` with the channels behind the device; returns an ictus_status. */
uint32_t ictus_native_seizure_open(ictus_seizure *seizure, uint32_t n_channels, const uint8_t *model,
                                   uint32_t n_bytes, uint32_t *arena, uint32_t arena_bytes);

/* Push `n` samples, int16[n][n_channels].
 *
 * seconds      room for one a second that ends
 * line_length  uint32[seconds][n_channels], sum of the magnitudes of the 63 steps inside each, in counts
 *
 * Returns the number of seconds. */
uint32_t ictus_native_seizure_push(ictus_seizure *seizure, const int16_t *samples, uint32_t n,
                                   ictus_seizure_second *seconds, uint32_t *line_length);

#endif
