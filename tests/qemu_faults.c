/* Does on a board of QEMU what must end it with a fault, named by the one byte of its input: the witness is worth what
 * its traps are. */
#include <stdint.h>

#include "qemu_semihost.h"

int main(void)
{
    static volatile uint32_t words[2];
    char fault = 0;
    (void)ictus_host_read(ictus_host_open("in", 0), &fault, 1);
    (void)ictus_host_open("out", 1);
    if (fault == 'a') /* reads across words */
        return (int)*(volatile uint32_t *)((uintptr_t)words + 1);
    if (fault == 'd') /* sdiv r0, r0, r1: a Cortex-M0 has none */
        __asm__ volatile("movs r1, #1\n.inst.w 0xfb90f0f1" : : : "r0", "r1");
    if (fault == 'f') /* vadd.f32 s0, s0, s1: switched off at the reset */
        __asm__ volatile(".inst.w 0xee300a20");
    if (fault == 'm') /* where no memory is */
        *(volatile uint32_t *)0xA0000000u = 1;
    return 0;
}
