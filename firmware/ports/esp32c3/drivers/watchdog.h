/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Three nets under the loop. The watchdog of timer group 0 resets the core,
 * which leaves the pulses of the actuators as they are, and when the core
 * stays hung the digital part too; the RTC's, on a clock of its own, resets
 * the chip when even that did not help. The super watchdog feeds itself: it
 * guards the RTC's clock, not the program.
 */

#include <stdbool.h>
#include <stdint.h>

#include "ports/esp32c3/drivers/soc.h"

/* Watchdog Timers; Timer Group: timer group 0's */
#define TIMG0_BASE 0x6001F000u
#define TIMG_WDTCONFIG0_REG (TIMG0_BASE + 0x48)
#define TIMG_WDT_EN BPG_BIT (31)
#define TIMG_WDT_STG0_S 29
#define TIMG_WDT_STG1_S 27
#define TIMG_WDT_CONF_UPDATE_EN BPG_BIT (22)
#define TIMG_WDT_USE_XTAL BPG_BIT (21)
#define TIMG_WDT_CPU_RESET_LENGTH_S 18
#define TIMG_WDT_SYS_RESET_LENGTH_S 15
#define TIMG_WDT_PROCPU_RESET_EN BPG_BIT (13)
#define TIMG_WDTCONFIG1_REG (TIMG0_BASE + 0x4C)
#define TIMG_WDT_CLK_PRESCALE_S 16
#define TIMG_WDTCONFIG2_REG (TIMG0_BASE + 0x50) /* length of stage 0 */
#define TIMG_WDTCONFIG3_REG (TIMG0_BASE + 0x54) /* length of stage 1 */
#define TIMG_WDTFEED_REG (TIMG0_BASE + 0x60)
#define TIMG_WDTWPROTECT_REG (TIMG0_BASE + 0x64)
#define TIMG_REGCLK_REG (TIMG0_BASE + 0xFC)
#define TIMG_WDT_CLK_IS_ACTIVE BPG_BIT (29)

/* Watchdog Timers; Low-power Management: the RTC's and the super watchdog */
#define RTC_CNTL_WDTCONFIG0_REG (RTC_CNTL_BASE + 0x90)
#define RTC_CNTL_WDT_EN BPG_BIT (31)
#define RTC_CNTL_WDT_STG0_S 28
#define RTC_CNTL_WDT_CPU_RESET_LENGTH_S 16
#define RTC_CNTL_WDT_SYS_RESET_LENGTH_S 13
#define RTC_CNTL_WDT_PROCPU_RESET_EN BPG_BIT (11)
#define RTC_CNTL_WDT_PAUSE_IN_SLP BPG_BIT (9)
#define RTC_CNTL_WDTCONFIG1_REG (RTC_CNTL_BASE + 0x94) /* length of stage 0 */
#define RTC_CNTL_WDTFEED_REG (RTC_CNTL_BASE + 0xA4)
#define RTC_CNTL_WDT_FEED BPG_BIT (31)
#define RTC_CNTL_WDTWPROTECT_REG (RTC_CNTL_BASE + 0xA8)
#define RTC_CNTL_SWD_CONF_REG (RTC_CNTL_BASE + 0xAC)
#define RTC_CNTL_SWD_AUTO_FEED_EN BPG_BIT (31)
#define RTC_CNTL_SWD_WPROTECT_REG (RTC_CNTL_BASE + 0xB0)

/* eFuse Controller: what stage 0 of the RTC's watchdog is multiplied by */
#define EFUSE_RD_REPEAT_DATA1_REG 0x60008834u
#define EFUSE_WDT_DELAY_SEL_S 16
#define EFUSE_WDT_DELAY_SEL_MASK 3u

/* What opens the registers for writing; any other value closes them */
#define BPG_WATCHDOG_KEY 0x50D83AA1u
#define BPG_SUPER_WATCHDOG_KEY 0x8F1D312Au

/* What a stage does when its time is over */
#define BPG_WATCHDOG_STAGE_OFF 0u
#define BPG_WATCHDOG_STAGE_RESET_CPU 2u
#define BPG_WATCHDOG_STAGE_RESET_SYSTEM 3u
#define BPG_WATCHDOG_STAGE_RESET_RTC 4u /* with the RTC's part; the RTC's watchdog only */

/* Stops the watchdogs that the ROM started for the time of the boot, and lets
 * the super watchdog feed itself. */
void bpg_watchdogs_stop_boot (void);

/* Starts them for the program. Not fed for @core_ms the core is reset, for
 * twice that the digital part, for about @chip_ms (its clock is within a
 * fifth of what it should be) the chip. */
void bpg_watchdogs_start (uint32_t core_ms, uint32_t chip_ms);

/* Feeds both. */
void bpg_watchdogs_feed (void);
