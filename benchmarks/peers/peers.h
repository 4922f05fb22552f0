/* A network whoever runs it: what the benchmark calls. */
#ifndef PEERS_H
#define PEERS_H

#include <stdint.h>

/* Get ready, with `arena` of `n_bytes` for those that ask for one. Returns the bytes of it that are used from now on,
 * UINT32_MAX if something is refused. */
uint32_t peers_init(uint8_t *arena, uint32_t n_bytes);

/* Screen and specialist of one unit, neither left out; the logits of the one behind those of the other. */
void peers_infer(const int8_t *window, const int8_t *context, int8_t *logits);

#endif
