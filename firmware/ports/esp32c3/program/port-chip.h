/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the chip's port gives to its main() besides port.h. */

#include <stdbool.h>
#include <stdint.h>

/* Sets up what the port's functions stand on; @slot: that was started. */
void bpg_chip_port_init (uint32_t slot);

/* Not fed for so long the core is reset; at the speed the chip is meant to run
 * at, a slower one is given longer. The loop lives with BPG_CHIP_WATCHDOG_MS. */
#define BPG_CHIP_WATCHDOG_MS 250u
void bpg_chip_watchdog (uint32_t milliseconds);

/* Whether the button is down. */
bool bpg_chip_button (void);

/* Whether bpg_port_reset() was called. */
bool bpg_chip_reset_wanted (void);

/* Resets the chip. */
void bpg_chip_reset (void) __attribute__ ((noreturn));
