/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/drivers/saradc.h"

#include "ports/esp32c3/drivers/clock.h"
#include "ports/esp32c3/drivers/gpio.h"
#include "ports/esp32c3/drivers/regi2c.h"
#include "ports/esp32c3/drivers/registers.h"

/* 16 cycles of the bus clock make one of the converter's controller, and a
 * conversion takes some twenty of those. */
#define DIVIDER (15u | 1u << APB_SARADC_CLKM_DIV_B_S)
#define POLLS 2000u

/* The start must stand for three of the controller's cycles to be seen. */
#define START_READS 16u

#define TSENS_DIVIDER (6u << APB_SARADC_TSENS_CLK_DIV_S)

/* At attenuation 3 a voltage of 1,370 mV gives 2,000 counts, more or less;
 * how many exactly is in the eFuse. */
#define ATTENUATION 3u
#define CALIBRATION_MV 1370u
#define CALIBRATION_COUNTS 2000
#define INITIAL_CODE 1000u
#define TEN_BITS 0x3FFu
#define SIGN_BIT 0x200u

/* 0.4386 degrees a count from -20.52 on (ESP-IDF, temperature_sensor_ll.h). */
#define TSENS_COUNT 4386
#define TSENS_ZERO 205200
#define TSENS_A_DC 1000

static bool
has_calibration (void)
{
  return (bpg_reg_read (EFUSE_RD_SYS_PART1_DATA4_REG) & EFUSE_BLK_VERSION_MAJOR_MASK) == 1;
}

static bool
set_initial_code (void)
{
  uint32_t code = INITIAL_CODE
                  + (bpg_reg_read (EFUSE_RD_SYS_PART1_DATA5_REG) >> EFUSE_ADC1_INIT_CODE_ATTEN3_S
                     & TEN_BITS);

  return bpg_regi2c_modify (BPG_REGI2C_SAR, I2C_SARADC_INITIAL_CODE_HIGH,
                            I2C_SARADC_INITIAL_CODE_HIGH_MASK, (uint8_t) (code >> 8))
         && bpg_regi2c_write (BPG_REGI2C_SAR, I2C_SARADC_INITIAL_CODE_LOW, (uint8_t) code);
}

static bool
set_trims (void)
{
  bpg_reg_set (RTC_CNTL_ANA_CONF_REG, RTC_CNTL_SAR_I2C_PU);
  return bpg_regi2c_modify (BPG_REGI2C_SAR, I2C_SARADC_TSENS_DAC, I2C_SARADC_TSENS_DAC_MASK,
                            I2C_SARADC_TSENS_DAC_0)
         && bpg_regi2c_modify (BPG_REGI2C_SAR, I2C_SARADC_DREF, I2C_SARADC_DREF_MASK,
                               I2C_SARADC_DREF_1)
         && (!has_calibration () || set_initial_code ());
}

bool
bpg_saradc_init (void)
{
  bpg_clock_open (SYSTEM_APB_SARADC);
  bpg_reg_set (SYSTEM_PERIP_CLK_EN1_REG, SYSTEM_TSENS);
  bpg_reg_clear (SYSTEM_PERIP_RST_EN1_REG, SYSTEM_TSENS);
  bpg_reg_write (APB_SARADC_APB_ADC_CLKM_CONF_REG,
                 APB_SARADC_CLK_SEL_APB | APB_SARADC_CLK_EN | DIVIDER);
  bpg_reg_write (APB_SARADC_CTRL_REG, APB_SARADC_XPD_SAR_FORCE_ON | APB_SARADC_SAR_CLK_GATED
                                        | 1u << APB_SARADC_SAR_CLK_DIV_S);
  bpg_reg_set (APB_SARADC_APB_TSENS_CTRL2_REG, APB_SARADC_TSENS_CLK_XTAL);
  bpg_reg_write (APB_SARADC_APB_TSENS_CTRL_REG, APB_SARADC_TSENS_PU | TSENS_DIVIDER);
  return set_trims ();
}

/* Nine bits, of which the highest is the sign and the others the value. */
static int32_t
temperature_correction (void)
{
  uint32_t bits = bpg_reg_read (EFUSE_RD_SYS_PART1_DATA4_REG) >> EFUSE_TEMP_CALIB_S
                  & EFUSE_TEMP_CALIB_MASK;
  int32_t value = (int32_t) (bits & 0xFFu);

  return (bits & 0x100u) != 0 ? -value : value;
}

bool
bpg_saradc_temperature (int32_t *temperature_dc)
{
  uint32_t counts = bpg_reg_read (APB_SARADC_APB_TSENS_CTRL_REG) & APB_SARADC_TSENS_OUT_MASK;

  *temperature_dc = ((int32_t) counts * TSENS_COUNT - TSENS_ZERO) / TSENS_A_DC;
  if (has_calibration ())
    *temperature_dc -= temperature_correction ();
  /* The lowest and the highest count are what a dead sensor gives. */
  return counts != 0 && counts != APB_SARADC_TSENS_OUT_MASK
         && *temperature_dc >= BPG_TEMPERATURE_MIN_DC && *temperature_dc <= BPG_TEMPERATURE_MAX_DC;
}

bool
bpg_saradc_use (unsigned channel)
{
  return channel < BPG_SARADC_CHANNELS && bpg_gpio_analog (channel);
}

/* How many counts CALIBRATION_MV gives on this chip. */
static uint32_t
calibration_counts (void)
{
  uint32_t bits;
  int32_t difference;

  if (!has_calibration ())
    return CALIBRATION_COUNTS;
  bits = (bpg_reg_read (EFUSE_RD_SYS_PART1_DATA6_REG) >> EFUSE_ADC1_CAL_VOL_ATTEN3_S
          | bpg_reg_read (EFUSE_RD_SYS_PART1_DATA7_REG) << (32 - EFUSE_ADC1_CAL_VOL_ATTEN3_S))
         & TEN_BITS;
  difference = (int32_t) (bits & ~SIGN_BIT);
  return (uint32_t) (CALIBRATION_COUNTS + ((bits & SIGN_BIT) != 0 ? -difference : difference));
}

static bool
convert (unsigned channel, uint32_t *counts)
{
  uint32_t sample = APB_SARADC1_ONETIME_SAMPLE | channel << APB_SARADC_ONETIME_CHANNEL_S
                    | ATTENUATION << APB_SARADC_ONETIME_ATTEN_S;
  bool is_done;

  bpg_reg_write (APB_SARADC_INT_CLR_REG, APB_SARADC_ADC1_DONE_INT);
  bpg_reg_write (APB_SARADC_ONETIME_SAMPLE_REG, sample);
  bpg_reg_write (APB_SARADC_ONETIME_SAMPLE_REG, sample | APB_SARADC_ONETIME_START);
  for (unsigned i = 0; i < START_READS; i++)
    bpg_reg_read (APB_SARADC_ONETIME_SAMPLE_REG);
  bpg_reg_write (APB_SARADC_ONETIME_SAMPLE_REG, sample);
  is_done = bpg_reg_wait (APB_SARADC_INT_RAW_REG, APB_SARADC_ADC1_DONE_INT,
                          APB_SARADC_ADC1_DONE_INT, POLLS);
  *counts = bpg_reg_read (APB_SARADC_1_DATA_STATUS_REG) & APB_SARADC_ADC1_DATA_MASK;
  bpg_reg_write (APB_SARADC_ONETIME_SAMPLE_REG, 0);
  return is_done;
}

bool
bpg_saradc_millivolts (unsigned channel, uint32_t *millivolts)
{
  uint32_t counts;

  if (channel >= BPG_SARADC_CHANNELS || !convert (channel, &counts))
    return false;
  *millivolts = counts * CALIBRATION_MV / calibration_counts ();
  return true;
}

bool
bpg_current_read (const struct bpg_current_sense *sense, uint32_t *milliamperes)
{
  uint32_t millivolts;

  if (sense->microvolt_a_ma == 0 || !bpg_saradc_millivolts (sense->channel, &millivolts))
    return false;
  *milliamperes = millivolts > sense->zero_mv
                    ? (millivolts - sense->zero_mv) * 1000u / sense->microvolt_a_ma
                    : 0;
  return true;
}
