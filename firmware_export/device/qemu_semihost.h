/* What a program on a board of QEMU asks of the host: files and its own end. ARM's semihosting, no part of the
 * firmware. */
#ifndef QEMU_SEMIHOST_H
#define QEMU_SEMIHOST_H

#include <stdint.h>

/* Files of the program's folder; reading returns how many of `n` bytes were left. */
uint32_t ictus_host_open(const char *name, uint32_t writes);
uint32_t ictus_host_read(uint32_t file, void *bytes, uint32_t n);
void ictus_host_write(uint32_t file, const void *bytes, uint32_t n);

/* Write how deep the stack was to the file `stack`, and end with status 0. */
void ictus_host_done(void);

/* End with status 1 and a line for people. */
void ictus_host_fail(const char *why);

#endif
