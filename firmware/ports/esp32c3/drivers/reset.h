/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Why the core started, and starting it again. */

#include "ports/esp32c3/drivers/soc.h"

/* Reset and Clock; Low-power Management */
#define RTC_CNTL_RESET_STATE_REG (RTC_CNTL_BASE + 0x38)
#define RTC_CNTL_RESET_CAUSE_PROCPU_MASK 0x3Fu

enum bpg_reset_reason
{
  BPG_RESET_POWER_ON,
  BPG_RESET_SOFTWARE, /* by the program, or by the USB host */
  BPG_RESET_WATCHDOG,
  BPG_RESET_BROWN_OUT, /* the supply fell or a glitch was seen on it */
};

/* Why; what the manual does not name is a power-on. The answer stays until
 * the next reset. */
enum bpg_reset_reason bpg_reset_reason (void);

/* Resets the digital part of the chip, at once. */
void bpg_reset_chip (void);
