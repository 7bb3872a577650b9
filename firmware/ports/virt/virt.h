/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BPG_VIRT_H
#define BPG_VIRT_H

/* What start.S and virt.ld give to the program. */

#include <stdint.h>

/* With what QEMU exits. */
#define VIRT_STATUS_DONE 0u
#define VIRT_STATUS_REFUSED 1u
#define VIRT_STATUS_TRAP 2u
#define VIRT_STATUS_NOBODY 3u

/** virt_semihost: ask QEMU for @operation.  Returns its answer. */
uintptr_t virt_semihost (uintptr_t  operation,
                         uintptr_t *arguments);

/**
 * virt_measure: call @function on the measured stack.
 * @function: takes up to three words and returns one.
 * @instructions: receives how many it took, the call among them; exact with QEMU's -icount shift=0.
 * Returns what @function returned.
 */
uintptr_t virt_measure (void      (*function) (void),
                        uintptr_t   first,
                        uintptr_t   second,
                        uintptr_t   third,
                        uint32_t   *instructions);

/** virt_loop: called with a number of turns, of two instructions each; to see whether the count is right. */
void virt_loop (void);

/* Where things are; their addresses are what is meant. */
extern uint32_t virt_stack_low[];  /* of the measured stack */
extern uint32_t virt_stack_high[];
extern uint8_t virt_image_begin[]; /* of code and constants */
extern uint8_t virt_image_end[];
extern uint8_t virt_data_begin[]; /* of variables with a value */
extern uint8_t virt_data_end[];
extern uint8_t virt_bss_begin[]; /* of variables without */
extern uint8_t virt_bss_end[];

#endif
