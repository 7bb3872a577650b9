/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BPG_VIRT_SEMIHOST_H
#define BPG_VIRT_SEMIHOST_H

/* The files of the machine that QEMU runs on (RISC-V Semihosting, with the operations of Arm's). */

#include <stddef.h>
#include <stdint.h>

/**
 * semihost_open: open a file.
 * @write: to write, else to read.
 * Returns a handle, negative on failure.
 */
int semihost_open (const char *path,
                   int         write);

/** semihost_read: read until @length bytes are there or the file ends.  Returns how many are there. */
size_t semihost_read (int    handle,
                      void  *bytes,
                      size_t length);

/** semihost_write: write all.  Without anyone to take it the machine is ended. */
void semihost_write (int         handle,
                     const void *bytes,
                     size_t      length);

/** semihost_exit: end the machine; QEMU exits with @status. */
void semihost_exit (uint32_t status) __attribute__ ((noreturn));

#endif
