/* Reset of the emulated wearable: copy .data, clear .bss, call the program. */
#include <stdint.h>

extern uint32_t ictus_data_load[], ictus_data_start[], ictus_data_end[], ictus_bss_start[], ictus_bss_end[];
extern uint32_t ictus_stack_top[];

void ictus_main(void);
void ictus_reset(void);

void ictus_reset(void)
{
    const uint32_t *from = ictus_data_load;
    for (uint32_t *to = ictus_data_start; to != ictus_data_end;)
        *to++ = *from++;
    for (uint32_t *to = ictus_bss_start; to != ictus_bss_end;)
        *to++ = 0;
    ictus_main();
    for (;;) {
    }
}

/* The first two words of flash. */
__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack_top;
    void (*reset)(void);
} ictus_vectors = {ictus_stack_top, ictus_reset};
