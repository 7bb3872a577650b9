/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Watchdogs and resets, against a model of: the write protection of the three
 * watchdogs (a write without the key is lost), and timer group 0's taking
 * over of its settings only with the update bit.
 */
#include <glib.h>

#include "model.h"
#include "ports/esp32c3/drivers/reset.h"
#include "ports/esp32c3/drivers/watchdog.h"

typedef struct
{
  guint core_feeds;
  guint chip_feeds;
  guint lost;       /* writes without the key */
  guint32 active;   /* what timer group 0 runs with */
} Dogs;

static void
write_timer_group (gpointer data,
                   guint32  address,
                   guint32  before,
                   guint32  value)
{
  Dogs *dogs = data;

  if (address == TIMG_WDTWPROTECT_REG || address == TIMG_REGCLK_REG)
    return;
  if (model_peek (TIMG_WDTWPROTECT_REG) != BPG_WATCHDOG_KEY)
    {
      dogs->lost++;
      model_poke (address, before);
    }
  else if (address == TIMG_WDTFEED_REG)
    {
      dogs->core_feeds++;
    }
  else if (address == TIMG_WDTCONFIG0_REG && (value & TIMG_WDT_CONF_UPDATE_EN) != 0)
    {
      /* It does not run before its stages are what they shall be, and it is fed. */
      if (value & TIMG_WDT_EN)
        {
          g_assert_cmphex (value & ~(TIMG_WDT_EN | TIMG_WDT_CONF_UPDATE_EN), ==, dogs->active);
          g_assert_cmpuint (dogs->core_feeds, >, 0);
          g_assert_true (model_peek (TIMG_REGCLK_REG) & TIMG_WDT_CLK_IS_ACTIVE);
        }
      dogs->active = value & ~TIMG_WDT_CONF_UPDATE_EN;
      model_poke (address, dogs->active);
    }
}

static void
write_rtc (gpointer data,
           guint32  address,
           guint32  before,
           guint32  value)
{
  Dogs *dogs = data;
  gboolean open;

  if (address == RTC_CNTL_SWD_CONF_REG)
    open = model_peek (RTC_CNTL_SWD_WPROTECT_REG) == BPG_SUPER_WATCHDOG_KEY;
  else if (address >= RTC_CNTL_WDTCONFIG0_REG && address <= RTC_CNTL_WDTFEED_REG)
    open = model_peek (RTC_CNTL_WDTWPROTECT_REG) == BPG_WATCHDOG_KEY;
  else
    return;
  if (!open)
    {
      dogs->lost++;
      model_poke (address, before);
    }
  else if (address == RTC_CNTL_WDTFEED_REG && value == RTC_CNTL_WDT_FEED)
    {
      dogs->chip_feeds++;
    }
}

static void
set_up (Dogs *dogs)
{
  const ModelPeripheral group = {
    .base = TIMG0_BASE, .size = 0x100, .after_write = write_timer_group, .data = dogs,
  };
  const ModelPeripheral rtc = {
    .base = RTC_CNTL_BASE, .size = 0x140, .after_write = write_rtc, .data = dogs,
  };

  model_reset ();
  model_add (&group);
  model_add (&rtc);
  model_add_memory (SYSTEM_BASE, 0x100);
  model_add_memory (EFUSE_RD_REPEAT_DATA1_REG, 4);
  /* As the ROM leaves them, with the protection of the boot on. */
  model_poke (TIMG_WDTCONFIG0_REG, 1u << 14);
  dogs->active = 1u << 14;
  model_poke (RTC_CNTL_WDTCONFIG0_REG, 1u << 12 | RTC_CNTL_WDT_EN);
}

static void
expect_closed (const Dogs *dogs)
{
  g_assert_cmpuint (dogs->lost, ==, 0);
  g_assert_cmphex (model_peek (TIMG_WDTWPROTECT_REG), !=, BPG_WATCHDOG_KEY);
  g_assert_cmphex (model_peek (RTC_CNTL_WDTWPROTECT_REG), !=, BPG_WATCHDOG_KEY);
  g_assert_cmphex (model_peek (RTC_CNTL_SWD_WPROTECT_REG), !=, BPG_SUPER_WATCHDOG_KEY);
}

static void
test_stop_boot (void)
{
  Dogs dogs = { 0 };

  set_up (&dogs);
  bpg_watchdogs_stop_boot ();
  expect_closed (&dogs);
  g_assert_cmphex (dogs.active, ==, 0);
  g_assert_cmphex (model_peek (SYSTEM_PERIP_CLK_EN0_REG), ==, SYSTEM_TIMERGROUP);
  g_assert_cmphex (model_peek (RTC_CNTL_WDTCONFIG0_REG), ==, 0);
  g_assert_cmphex (model_peek (RTC_CNTL_SWD_CONF_REG), ==, RTC_CNTL_SWD_AUTO_FEED_EN);
}

static void
test_start (void)
{
  static const guint delays[] = { 0, 1, 2, 3 };

  for (guint i = 0; i < G_N_ELEMENTS (delays); i++)
    {
      Dogs dogs = { 0 };
      guint64 chip_steps;

      set_up (&dogs);
      model_poke (EFUSE_RD_REPEAT_DATA1_REG, 0xFFFCFFFFu | delays[i] << 16);
      bpg_watchdogs_start (250, 2000);
      expect_closed (&dogs);

      g_assert_true (dogs.active & TIMG_WDT_EN);
      g_assert_true (dogs.active & TIMG_WDT_USE_XTAL);
      g_assert_true (dogs.active & TIMG_WDT_PROCPU_RESET_EN);
      g_assert_cmpuint (dogs.chip_feeds, >, 0);
      g_assert_cmphex (model_peek (RTC_CNTL_SWD_CONF_REG), ==, RTC_CNTL_SWD_AUTO_FEED_EN);
      g_assert_cmphex (dogs.active & 1u << 14, ==, 0);
      g_assert_cmpuint (dogs.active >> TIMG_WDT_STG0_S & 3, ==, BPG_WATCHDOG_STAGE_RESET_CPU);
      g_assert_cmpuint (dogs.active >> TIMG_WDT_STG1_S & 3, ==, BPG_WATCHDOG_STAGE_RESET_SYSTEM);
      g_assert_cmpuint (model_peek (TIMG_WDTCONFIG1_REG) >> 16, ==, 40000);
      g_assert_cmpuint (model_peek (TIMG_WDTCONFIG2_REG), ==, 250);
      g_assert_cmpuint (model_peek (TIMG_WDTCONFIG3_REG), ==, 250);

      g_assert_true (model_peek (RTC_CNTL_WDTCONFIG0_REG) & RTC_CNTL_WDT_EN);
      g_assert_cmpuint (model_peek (RTC_CNTL_WDTCONFIG0_REG) >> RTC_CNTL_WDT_STG0_S & 7, ==,
                        BPG_WATCHDOG_STAGE_RESET_RTC);
      /* 2 s of 136 kHz, less what the eFuse multiplies it by. */
      chip_steps = (guint64) model_peek (RTC_CNTL_WDTCONFIG1_REG) << (1 + delays[i]);
      g_assert_cmpuint (chip_steps, ==, 272000);
    }
}

static void
test_feed (void)
{
  Dogs dogs = { 0 };

  set_up (&dogs);
  bpg_watchdogs_start (250, 2000);
  dogs.core_feeds = 0;
  dogs.chip_feeds = 0;
  for (guint i = 0; i < 10; i++)
    bpg_watchdogs_feed ();
  expect_closed (&dogs);
  g_assert_cmpuint (dogs.core_feeds, ==, 10);
  g_assert_cmpuint (dogs.chip_feeds, ==, 10);
}

static void
test_reasons (void)
{
  Dogs dogs = { 0 };
  guint counts[4] = { 0 };

  set_up (&dogs);
  for (guint cause = 0; cause < 64; cause++)
    {
      model_poke (RTC_CNTL_RESET_STATE_REG, 0xFFFFFFC0u | cause);
      counts[bpg_reset_reason ()]++;
    }
  g_assert_cmpuint (counts[BPG_RESET_SOFTWARE], ==, 4);
  g_assert_cmpuint (counts[BPG_RESET_WATCHDOG], ==, 8);
  g_assert_cmpuint (counts[BPG_RESET_BROWN_OUT], ==, 3);
  model_poke (RTC_CNTL_RESET_STATE_REG, 0x01);
  g_assert_cmpint (bpg_reset_reason (), ==, BPG_RESET_POWER_ON);
  model_poke (RTC_CNTL_RESET_STATE_REG, 0x0B);
  g_assert_cmpint (bpg_reset_reason (), ==, BPG_RESET_WATCHDOG);

  bpg_reset_chip ();
  g_assert_cmphex (model_peek (RTC_CNTL_OPTIONS0_REG), ==, RTC_CNTL_SW_SYS_RST);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/esp32c3/watchdog/stop-boot", test_stop_boot);
  g_test_add_func ("/esp32c3/watchdog/start", test_start);
  g_test_add_func ("/esp32c3/watchdog/feed", test_feed);
  g_test_add_func ("/esp32c3/reset/reasons", test_reasons);
  return g_test_run ();
}
