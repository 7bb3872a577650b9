/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/drivers/reset.h"

#include "ports/esp32c3/drivers/registers.h"

enum bpg_reset_reason
bpg_reset_reason (void)
{
  switch (bpg_reg_read (RTC_CNTL_RESET_STATE_REG) & RTC_CNTL_RESET_CAUSE_PROCPU_MASK)
    {
    case 0x03: /* RTC_CNTL_SW_SYS_RST */
    case 0x0C: /* RTC_CNTL_SW_PROCPU_RST */
    case 0x15: /* USB-Serial-JTAG, its serial part */
    case 0x16: /* USB-Serial-JTAG, its JTAG part */
      return BPG_RESET_SOFTWARE;
    case 0x07: /* timer group 0, digital part */
    case 0x08: /* timer group 1, digital part */
    case 0x09: /* RTC, digital part */
    case 0x0B: /* timer group 0, core */
    case 0x0D: /* RTC, core */
    case 0x10: /* RTC, with its own part */
    case 0x11: /* timer group 1, core */
    case 0x12: /* super watchdog */
      return BPG_RESET_WATCHDOG;
    case 0x0F: /* brown-out */
    case 0x13: /* glitch on the clock */
    case 0x17: /* glitch on the supply */
      return BPG_RESET_BROWN_OUT;
    default:
      return BPG_RESET_POWER_ON;
    }
}

void
bpg_reset_chip (void)
{
  bpg_reg_set (RTC_CNTL_OPTIONS0_REG, RTC_CNTL_SW_SYS_RST);
}
