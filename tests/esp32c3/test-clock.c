/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The clock driver and the internal bus, against a model of: the clock's
 * selectors, and the bus with the PLL on its other end, which ends its
 * calibration some reads after all its settings are right.
 */
#include <glib.h>
#include <string.h>

#include "model.h"
#include "ports/esp32c3/drivers/clock.h"
#include "ports/esp32c3/drivers/regi2c.h"

typedef struct
{
  guint8 registers[16];
  guint busy_reads;    /* that a transfer takes */
  gboolean stuck;      /* busy for ever */
  gboolean deaf;       /* does not take what is written */
  gint reads_to_lock;  /* of the state, once the settings are right; never when negative */
  guint busy;
} Pll;

static void
before_read (gpointer data,
             guint32  address)
{
  Pll *pll = data;
  guint32 value = model_peek (address);

  if (address != I2C_MST_CTRL_REG)
    return;
  if (pll->stuck)
    model_poke (address, value | I2C_MST_CTRL_BUSY);
  else if (pll->busy > 0 && --pll->busy > 0)
    model_poke (address, value | I2C_MST_CTRL_BUSY);
  else
    model_poke (address, value & ~I2C_MST_CTRL_BUSY);
}

static gboolean
is_calibrating (void)
{
  return (model_peek (I2C_MST_ANA_CONF0_REG)
          & (I2C_MST_BBPLL_STOP_FORCE_HIGH | I2C_MST_BBPLL_STOP_FORCE_LOW))
         == I2C_MST_BBPLL_STOP_FORCE_LOW;
}

static gboolean
is_configured (const Pll *pll)
{
  static const guint8 right[] = { 0x50, 8, 0x6B, 0, 0x63 };

  return memcmp (pll->registers + I2C_BBPLL_OC_REF_DIV, right, sizeof right) == 0
         && (pll->registers[I2C_BBPLL_OC_VCO_DBIAS] & 3) == 2;
}

static void
after_write (gpointer data,
             guint32  address,
             guint32  before,
             guint32  value)
{
  Pll *pll = data;
  guint8 *cell = &pll->registers[value >> 8 & 15];

  if (address != I2C_MST_CTRL_REG)
    return;
  g_assert_cmphex (value & 0xFF, ==, BPG_REGI2C_BBPLL);
  g_assert_cmphex (value & I2C_MST_CTRL_GO, !=, 0);
  g_assert_cmphex (before & I2C_MST_CTRL_BUSY, ==, 0);
  /* The first master has the block, and the block is on the bus. */
  g_assert_true (model_peek (I2C_MST_ANA_CONFIG2_REG) & 1u << 14);
  g_assert_false (model_peek (I2C_MST_ANA_CONFIG_REG) & 1u << 17);
  pll->busy = pll->busy_reads;
  if (value & I2C_MST_CTRL_WRITE)
    {
      if (!pll->deaf)
        *cell = value >> 16 & 0xFF;
      return;
    }
  /* All others are silent while one is read. */
  g_assert_cmphex (model_peek (I2C_MST_ANA_CONFIG_REG), ==, ~(1u << 17));
  if (cell == &pll->registers[I2C_BBPLL_OR_CAL] && is_configured (pll) && is_calibrating ()
      && pll->reads_to_lock >= 0)
    {
      *cell = 0;
      if (pll->reads_to_lock-- == 0)
        *cell = I2C_BBPLL_OR_CAL_END;
    }
  model_poke (address, (value & 0xFFFF) | (guint32) *cell << 16);
}

static void
set_up (Pll *pll)
{
  const ModelPeripheral bus = {
    .base = I2C_MST_BASE,
    .size = 0x100,
    .before_read = before_read,
    .after_write = after_write,
    .data = pll,
  };

  model_reset ();
  model_add (&bus);
  model_add_memory (SYSTEM_BASE, 0x100);
  model_add_memory (RTC_CNTL_BASE, 0x100);
  /* As the ROM leaves it: the crystal's half, the PLL without power. */
  model_poke (SYSTEM_SYSCLK_CONF_REG, 40u << 12 | 1);
  model_poke (I2C_MST_ANA_CONF0_REG, I2C_MST_BBPLL_STOP_FORCE_HIGH);
  model_poke (I2C_MST_ANA_CONFIG_REG, 0xFFFFFFFF);
  model_poke (RTC_CNTL_OPTIONS0_REG, RTC_CNTL_BB_I2C_FORCE_PD | RTC_CNTL_BBPLL_FORCE_PD
                                       | RTC_CNTL_BBPLL_I2C_FORCE_PD);
  pll->busy_reads = 3;
  pll->reads_to_lock = 5;
}

static void
test_start (void)
{
  Pll pll = { .registers = { [I2C_BBPLL_OC_DR] = 0xFF, [I2C_BBPLL_OC_VCO_DBIAS] = 0xFD } };

  set_up (&pll);
  pll.registers[I2C_BBPLL_OC_DR] = 0x77;
  g_assert_cmpuint (bpg_clock_cpu_hz (), ==, 20000000);
  g_assert_true (bpg_clock_start ());
  g_assert_cmpuint (bpg_clock_cpu_hz (), ==, 160000000);
  g_assert_true (is_configured (&pll));
  /* The bits beside a field are kept. */
  g_assert_cmphex (pll.registers[I2C_BBPLL_OC_VCO_DBIAS], ==, 0xFE);
  g_assert_cmphex (model_peek (RTC_CNTL_OPTIONS0_REG), ==, 0);
  g_assert_cmphex (model_peek (SYSTEM_SYSCLK_CONF_REG), ==, 40u << 12 | 1u << 10);
  g_assert_cmphex (model_peek (SYSTEM_CPU_PER_CONF_REG), ==, SYSTEM_PLL_FREQ_SEL | 1);
}

static void
test_runs_already (void)
{
  Pll pll = { 0 };

  set_up (&pll);
  model_poke (SYSTEM_SYSCLK_CONF_REG, 40u << 12 | 1u << 10);
  model_poke (SYSTEM_CPU_PER_CONF_REG, SYSTEM_PLL_FREQ_SEL);
  g_assert_cmpuint (bpg_clock_cpu_hz (), ==, 80000000);
  g_assert_true (bpg_clock_start ());
  g_assert_cmpuint (bpg_clock_cpu_hz (), ==, 160000000);
  /* Nobody touched the PLL that the core ran from. */
  g_assert_cmphex (model_peek (I2C_MST_CTRL_REG), ==, 0);
}

static void
expect_crystal (Pll *pll)
{
  model_accesses ();
  g_assert_false (bpg_clock_start ());
  g_assert_cmpuint (model_accesses (), <, 20000);
  g_assert_cmpuint (bpg_clock_cpu_hz (), ==, BPG_CLOCK_XTAL_HZ);
}

static void
test_no_lock (void)
{
  Pll pll = { 0 };

  set_up (&pll);
  pll.reads_to_lock = -1;
  expect_crystal (&pll);
}

static void
test_bus_is_stuck (void)
{
  Pll pll = { .stuck = TRUE };

  set_up (&pll);
  expect_crystal (&pll);
}

static void
test_bus_is_deaf (void)
{
  Pll pll = { .deaf = TRUE };

  set_up (&pll);
  expect_crystal (&pll);
}

/* At 320 MHz the core's divider would give something else. */
static void
test_other_pll (void)
{
  Pll pll = { 0 };

  set_up (&pll);
  model_poke (SYSTEM_SYSCLK_CONF_REG, 40u << 12 | 1u << 10);
  g_assert_true (bpg_clock_start ());
  g_assert_true (is_configured (&pll));
}

/* The chip's own oscillator, as after a glitch of the crystal. */
static void
test_own_oscillator (void)
{
  Pll pll = { 0 };

  set_up (&pll);
  model_poke (SYSTEM_SYSCLK_CONF_REG, 2u << 10);
  g_assert_cmpuint (bpg_clock_cpu_hz (), ==, 17500000);
  g_assert_true (bpg_clock_start ());
}

static void
test_gates (void)
{
  Pll pll = { 0 };

  set_up (&pll);
  model_poke (SYSTEM_PERIP_RST_EN0_REG, SYSTEM_UART1);
  bpg_clock_keep (SYSTEM_UART1);
  g_assert_cmphex (model_peek (SYSTEM_PERIP_CLK_EN0_REG), ==, SYSTEM_UART1);
  g_assert_cmphex (model_peek (SYSTEM_PERIP_RST_EN0_REG), ==, 0);
  bpg_clock_open (SYSTEM_LEDC);
  g_assert_cmphex (model_peek (SYSTEM_PERIP_CLK_EN0_REG), ==, SYSTEM_UART1 | SYSTEM_LEDC);
  g_assert_cmphex (model_peek (SYSTEM_PERIP_RST_EN0_REG), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/esp32c3/clock/start", test_start);
  g_test_add_func ("/esp32c3/clock/runs-already", test_runs_already);
  g_test_add_func ("/esp32c3/clock/no-lock", test_no_lock);
  g_test_add_func ("/esp32c3/clock/bus-is-stuck", test_bus_is_stuck);
  g_test_add_func ("/esp32c3/clock/bus-is-deaf", test_bus_is_deaf);
  g_test_add_func ("/esp32c3/clock/other-pll", test_other_pll);
  g_test_add_func ("/esp32c3/clock/own-oscillator", test_own_oscillator);
  g_test_add_func ("/esp32c3/clock/gates", test_gates);
  return g_test_run ();
}
