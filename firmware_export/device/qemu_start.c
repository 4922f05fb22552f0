/* Start-up and semihosting for the boards of QEMU: an access that is not aligned and an instruction that the core does
 * not have end the program with status 1. */
#include "qemu_semihost.h"

enum { SYS_OPEN = 1, SYS_WRITE0 = 4, SYS_WRITE = 5, SYS_READ = 6, SYS_EXIT = 0x18, EXITED = 0x20026, FAILED = 0x20023 };
enum { READS_BYTES = 1, WRITES_BYTES = 5, PAINT = 0x5AC35AC3 };

extern uint32_t ictus_data_load[], ictus_data_start[], ictus_data_end[], ictus_bss_start[], ictus_bss_end[];
extern uint32_t ictus_stack_top[];

int main(void);
void ictus_reset(void);
void ictus_fault(void);

static uint32_t ask_host(uint32_t operation, uintptr_t argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register uintptr_t r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

uint32_t ictus_host_open(const char *name, uint32_t writes)
{
    uintptr_t request[3] = {(uintptr_t)name, writes ? WRITES_BYTES : READS_BYTES, 0};
    while (name[request[2]] != 0)
        ++request[2];
    const uint32_t file = ask_host(SYS_OPEN, (uintptr_t)request);
    if (file == UINT32_MAX)
        ictus_host_fail("a file is missing");
    return file;
}

uint32_t ictus_host_read(uint32_t file, void *bytes, uint32_t n)
{
    const uintptr_t request[3] = {file, (uintptr_t)bytes, n};
    return n - ask_host(SYS_READ, (uintptr_t)request);
}

void ictus_host_write(uint32_t file, const void *bytes, uint32_t n)
{
    const uintptr_t request[3] = {file, (uintptr_t)bytes, n};
    if (ask_host(SYS_WRITE, (uintptr_t)request) != 0)
        ictus_host_fail("the output cannot be written");
}

void ictus_host_done(void)
{
    const uint32_t *deepest = ictus_bss_end;
    while (*deepest == PAINT)
        ++deepest;
    const uint32_t stack_bytes = (uint32_t)(ictus_stack_top - deepest) * (uint32_t)sizeof(uint32_t);
    ictus_host_write(ictus_host_open("stack", 1), &stack_bytes, sizeof stack_bytes);
    (void)ask_host(SYS_EXIT, EXITED);
}

void ictus_host_fail(const char *why)
{
    (void)ask_host(SYS_WRITE0, (uintptr_t)why);
    (void)ask_host(SYS_WRITE0, (uintptr_t) "\n");
    (void)ask_host(SYS_EXIT, FAILED);
}

void ictus_fault(void)
{
    ictus_host_fail("fault: an access that is not aligned, memory that is not there, or no instruction of this core");
}

void ictus_reset(void)
{
    const uint32_t *from = ictus_data_load;
    for (uint32_t *to = ictus_data_start; to != ictus_data_end;)
        *to++ = *from++;
    for (uint32_t *to = ictus_bss_start; to != ictus_bss_end;)
        *to++ = 0;
    uint32_t *top = __builtin_frame_address(0);
    for (uint32_t *to = ictus_bss_end; to < top - 16;)
        *to++ = PAINT;
#if __ARM_ARCH >= 7
    *(volatile uint32_t *)0xE000ED14u |= 8u; /* CCR.UNALIGN_TRP; a Cortex-M0 always traps */
#endif
    (void)main();
    ictus_host_done();
    for (;;) {
    }
}

__attribute__((section(".vectors"), used)) static const struct {
    uint32_t *stack_top;
    void (*handler[6])(void);
} ictus_vectors = {ictus_stack_top, {ictus_reset, ictus_fault, ictus_fault, ictus_fault, ictus_fault, ictus_fault}};
