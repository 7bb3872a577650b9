/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/drivers/clock.h"

#include "ports/esp32c3/drivers/regi2c.h"
#include "ports/esp32c3/drivers/registers.h"

#define MHZ 1000000u
#define RC_FAST_HZ (17500u * 1000u)

/* Calibration takes tens of microseconds, a read of the bus a few. */
#define CALIBRATION_POLLS 200u

struct setting
{
  uint8_t address;
  uint8_t mask;
  uint8_t value;
};

/* 40 MHz to 480 MHz: divider, charge pump and loop currents as ESP-IDF's
 * clk_ll_bbpll_set_config() has them for this crystal. */
static const struct setting settings[] = {
  { I2C_BBPLL_MODE_HF, 0xFF, 0x6B },
  { I2C_BBPLL_OC_REF_DIV, 0xFF, 5u << 4 | 0u },
  { I2C_BBPLL_OC_DIV_7_0, 0xFF, 8 },
  { I2C_BBPLL_OC_DR, I2C_BBPLL_OC_DR_MASK, 0 },
  { I2C_BBPLL_OC_DCUR, 0xFF, 1u << 6 | 2u << 4 | 3u },
  { I2C_BBPLL_OC_VCO_DBIAS, I2C_BBPLL_OC_VCO_DBIAS_MASK, 2 },
};

static void
run_from (uint32_t source)
{
  bpg_reg_modify (SYSTEM_SYSCLK_CONF_REG, SYSTEM_SOC_CLK_SEL_MASK | SYSTEM_PRE_DIV_CNT_MASK,
                  source);
}

static uint32_t
source (void)
{
  return bpg_reg_read (SYSTEM_SYSCLK_CONF_REG) & SYSTEM_SOC_CLK_SEL_MASK;
}

static bool
runs_from_480mhz (void)
{
  return source () == SYSTEM_SOC_CLK_PLL
         && (bpg_reg_read (SYSTEM_CPU_PER_CONF_REG) & SYSTEM_PLL_FREQ_SEL) != 0;
}

static bool
configure_pll (void)
{
  bpg_reg_clear (RTC_CNTL_OPTIONS0_REG, RTC_CNTL_BB_I2C_FORCE_PD | RTC_CNTL_BBPLL_FORCE_PD
                                          | RTC_CNTL_BBPLL_I2C_FORCE_PD);
  bpg_reg_set (SYSTEM_CPU_PER_CONF_REG, SYSTEM_PLL_FREQ_SEL);
  bpg_reg_clear (I2C_MST_ANA_CONF0_REG, I2C_MST_BBPLL_STOP_FORCE_HIGH);
  bpg_reg_set (I2C_MST_ANA_CONF0_REG, I2C_MST_BBPLL_STOP_FORCE_LOW);
  for (unsigned i = 0; i < sizeof settings / sizeof settings[0]; i++)
    {
      const struct setting *setting = &settings[i];

      if (!bpg_regi2c_modify (BPG_REGI2C_BBPLL, setting->address, setting->mask, setting->value))
        return false;
    }
  return true;
}

static bool
wait_for_pll (void)
{
  for (unsigned i = 0; i < CALIBRATION_POLLS; i++)
    {
      uint8_t state;

      if (!bpg_regi2c_read (BPG_REGI2C_BBPLL, I2C_BBPLL_OR_CAL, &state))
        return false;
      if (state & I2C_BBPLL_OR_CAL_END)
        return true;
    }
  return false;
}

bool
bpg_clock_start (void)
{
  /* A PLL that the core runs from must not be touched, and need not. */
  if (!runs_from_480mhz ())
    {
      run_from (SYSTEM_SOC_CLK_XTAL);
      if (!configure_pll () || !wait_for_pll ())
        return false;
    }
  bpg_reg_modify (SYSTEM_CPU_PER_CONF_REG, SYSTEM_CPUPERIOD_SEL_MASK, SYSTEM_CPUPERIOD_160);
  run_from (SYSTEM_SOC_CLK_PLL);
  return bpg_clock_cpu_hz () == 160u * MHZ;
}

uint32_t
bpg_clock_cpu_hz (void)
{
  uint32_t divider = (bpg_reg_read (SYSTEM_SYSCLK_CONF_REG) & SYSTEM_PRE_DIV_CNT_MASK) + 1;

  switch (source ())
    {
    case SYSTEM_SOC_CLK_XTAL:
      return BPG_CLOCK_XTAL_HZ / divider;
    case SYSTEM_SOC_CLK_PLL:
      return (bpg_reg_read (SYSTEM_CPU_PER_CONF_REG) & SYSTEM_CPUPERIOD_SEL_MASK)
                 == SYSTEM_CPUPERIOD_160
               ? 160u * MHZ
               : 80u * MHZ;
    default:
      return RC_FAST_HZ / divider;
    }
}

void
bpg_clock_keep (uint32_t bits)
{
  bpg_reg_set (SYSTEM_PERIP_CLK_EN0_REG, bits);
  bpg_reg_clear (SYSTEM_PERIP_RST_EN0_REG, bits);
}

void
bpg_clock_open (uint32_t bits)
{
  bpg_reg_set (SYSTEM_PERIP_CLK_EN0_REG, bits);
  bpg_reg_set (SYSTEM_PERIP_RST_EN0_REG, bits);
  bpg_reg_clear (SYSTEM_PERIP_RST_EN0_REG, bits);
}
