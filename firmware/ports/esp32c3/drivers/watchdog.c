/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/drivers/watchdog.h"

#include "ports/esp32c3/drivers/clock.h"
#include "ports/esp32c3/drivers/registers.h"

#define PRESCALE (BPG_CLOCK_XTAL_HZ / 1000u) /* one step a millisecond */
#define RC_SLOW_HZ 136000u
#define RESET_3200_NS 7u

#define CORE_STAGES                                                                               \
  (BPG_WATCHDOG_STAGE_RESET_CPU << TIMG_WDT_STG0_S                                                \
   | BPG_WATCHDOG_STAGE_RESET_SYSTEM << TIMG_WDT_STG1_S)

/* All bits that are not named are stages off, and the boot's protection off. */
#define CORE_CONFIG                                                                               \
  (CORE_STAGES | TIMG_WDT_USE_XTAL | RESET_3200_NS << TIMG_WDT_CPU_RESET_LENGTH_S                 \
   | RESET_3200_NS << TIMG_WDT_SYS_RESET_LENGTH_S | TIMG_WDT_PROCPU_RESET_EN)

#define CHIP_CONFIG                                                                               \
  (BPG_WATCHDOG_STAGE_RESET_RTC << RTC_CNTL_WDT_STG0_S                                            \
   | RESET_3200_NS << RTC_CNTL_WDT_CPU_RESET_LENGTH_S                                             \
   | RESET_3200_NS << RTC_CNTL_WDT_SYS_RESET_LENGTH_S | RTC_CNTL_WDT_PROCPU_RESET_EN              \
   | RTC_CNTL_WDT_PAUSE_IN_SLP)

static void
write_core (uint32_t address, uint32_t value)
{
  bpg_reg_write (TIMG_WDTWPROTECT_REG, BPG_WATCHDOG_KEY);
  bpg_reg_write (address, value);
  bpg_reg_write (TIMG_WDTWPROTECT_REG, 0);
}

static void
write_chip (uint32_t address, uint32_t value)
{
  bpg_reg_write (RTC_CNTL_WDTWPROTECT_REG, BPG_WATCHDOG_KEY);
  bpg_reg_write (address, value);
  bpg_reg_write (RTC_CNTL_WDTWPROTECT_REG, 0);
}

void
bpg_watchdogs_stop_boot (void)
{
  bpg_clock_keep (SYSTEM_TIMERGROUP);
  write_core (TIMG_WDTCONFIG0_REG, TIMG_WDT_CONF_UPDATE_EN);
  write_chip (RTC_CNTL_WDTCONFIG0_REG, 0);
  bpg_reg_write (RTC_CNTL_SWD_WPROTECT_REG, BPG_SUPER_WATCHDOG_KEY);
  bpg_reg_set (RTC_CNTL_SWD_CONF_REG, RTC_CNTL_SWD_AUTO_FEED_EN);
  bpg_reg_write (RTC_CNTL_SWD_WPROTECT_REG, 0);
}

static void
start_core (uint32_t milliseconds)
{
  bpg_reg_set (TIMG_REGCLK_REG, TIMG_WDT_CLK_IS_ACTIVE);
  write_core (TIMG_WDTCONFIG1_REG, PRESCALE << TIMG_WDT_CLK_PRESCALE_S);
  write_core (TIMG_WDTCONFIG2_REG, milliseconds);
  write_core (TIMG_WDTCONFIG3_REG, milliseconds);
  write_core (TIMG_WDTCONFIG0_REG, CORE_CONFIG | TIMG_WDT_CONF_UPDATE_EN);
  write_core (TIMG_WDTFEED_REG, 1);
  write_core (TIMG_WDTCONFIG0_REG, CORE_CONFIG | TIMG_WDT_EN | TIMG_WDT_CONF_UPDATE_EN);
}

static void
start_chip (uint32_t milliseconds)
{
  uint32_t multiplier = 1u + (bpg_reg_read (EFUSE_RD_REPEAT_DATA1_REG) >> EFUSE_WDT_DELAY_SEL_S
                              & EFUSE_WDT_DELAY_SEL_MASK);
  uint64_t steps = (uint64_t) milliseconds * (RC_SLOW_HZ / 1000u);

  write_chip (RTC_CNTL_WDTCONFIG1_REG, (uint32_t) (steps >> multiplier));
  write_chip (RTC_CNTL_WDTFEED_REG, RTC_CNTL_WDT_FEED);
  write_chip (RTC_CNTL_WDTCONFIG0_REG, CHIP_CONFIG | RTC_CNTL_WDT_EN);
}

void
bpg_watchdogs_start (uint32_t core_ms, uint32_t chip_ms)
{
  bpg_watchdogs_stop_boot ();
  start_core (core_ms);
  start_chip (chip_ms);
}

void
bpg_watchdogs_feed (void)
{
  write_core (TIMG_WDTFEED_REG, 1);
  write_chip (RTC_CNTL_WDTFEED_REG, RTC_CNTL_WDT_FEED);
}
