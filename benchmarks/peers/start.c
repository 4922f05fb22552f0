/* Reset of the emulated core: copy .data, clear .bss, construct, infer for ever. */
#include "peers.h"

extern uint32_t peers_data_load[], peers_data_start[], peers_data_end[], peers_bss_start[], ictus_bss_end[];
extern uint32_t peers_stack_top[];
extern void (*peers_constructors[])(void), (*peers_constructors_end[])(void);

#define FRONT_END ((const int8_t *)0x40000000u)
#define RADIO ((int8_t *)0x40010000u)

void peers_reset(void);
uint32_t peers_start(uint8_t *arena, uint32_t n_bytes);

/* What the reset does once memory is set up; the benchmark begins here, as its loader has set it up. */
__attribute__((noinline)) uint32_t peers_start(uint8_t *arena, uint32_t n_bytes)
{
    for (void (**construct)(void) = peers_constructors; construct != peers_constructors_end; ++construct)
        (*construct)();
    return peers_init(arena, n_bytes);
}

void peers_reset(void)
{
    const uint32_t *from = peers_data_load;
    for (uint32_t *to = peers_data_start; to != peers_data_end;)
        *to++ = *from++;
    for (uint32_t *to = peers_bss_start; to != ictus_bss_end;)
        *to++ = 0;
    (void)peers_start((uint8_t *)ictus_bss_end, 0);
    for (;;)
        peers_infer(FRONT_END, FRONT_END, RADIO);
}

/* The first two words of flash. */
__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack_top;
    void (*reset)(void);
} peers_vectors = {peers_stack_top, peers_reset};
