/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The chip's own converter, for what is slow: the temperature of the chip and
 * the current of the actuators, as a shunt's amplifier gives it on one of
 * GPIO0 to GPIO4 (channel is pin). Both are corrected by what the maker
 * measured at the end of the line and burnt into eFuses, where it did.
 */

#include <stdbool.h>
#include <stdint.h>

#include "ports/esp32c3/drivers/soc.h"

/* On-Chip Sensors and Analog Signal Processing */
#define APB_SARADC_BASE 0x60040000u
#define APB_SARADC_CTRL_REG (APB_SARADC_BASE + 0x00)
#define APB_SARADC_XPD_SAR_FORCE_ON (3u << 27)
#define APB_SARADC_SAR_CLK_DIV_S 7
#define APB_SARADC_SAR_CLK_GATED BPG_BIT (6)
#define APB_SARADC_ONETIME_SAMPLE_REG (APB_SARADC_BASE + 0x20)
#define APB_SARADC1_ONETIME_SAMPLE BPG_BIT (31)
#define APB_SARADC_ONETIME_START BPG_BIT (29)
#define APB_SARADC_ONETIME_CHANNEL_S 25
#define APB_SARADC_ONETIME_ATTEN_S 23
#define APB_SARADC_1_DATA_STATUS_REG (APB_SARADC_BASE + 0x2C)
#define APB_SARADC_ADC1_DATA_MASK 0xFFFu
#define APB_SARADC_INT_RAW_REG (APB_SARADC_BASE + 0x44)
#define APB_SARADC_INT_CLR_REG (APB_SARADC_BASE + 0x4C)
#define APB_SARADC_ADC1_DONE_INT BPG_BIT (31)
#define APB_SARADC_APB_ADC_CLKM_CONF_REG (APB_SARADC_BASE + 0x54)
#define APB_SARADC_CLK_SEL_APB (2u << 21)
#define APB_SARADC_CLK_EN BPG_BIT (20)
#define APB_SARADC_CLKM_DIV_B_S 8
#define APB_SARADC_APB_TSENS_CTRL_REG (APB_SARADC_BASE + 0x58)
#define APB_SARADC_TSENS_PU BPG_BIT (22)
#define APB_SARADC_TSENS_CLK_DIV_S 14
#define APB_SARADC_TSENS_OUT_MASK 0xFFu
#define APB_SARADC_APB_TSENS_CTRL2_REG (APB_SARADC_BASE + 0x5C)
#define APB_SARADC_TSENS_CLK_XTAL BPG_BIT (15)

/* Low-power Management */
#define RTC_CNTL_ANA_CONF_REG (RTC_CNTL_BASE + 0x34)
#define RTC_CNTL_SAR_I2C_PU BPG_BIT (22)

/* eFuse Controller: block 2, version 1 */
#define EFUSE_RD_SYS_PART1_DATA4_REG 0x6000886Cu
#define EFUSE_BLK_VERSION_MAJOR_MASK 3u
#define EFUSE_TEMP_CALIB_S 3
#define EFUSE_TEMP_CALIB_MASK 0x1FFu
#define EFUSE_RD_SYS_PART1_DATA5_REG 0x60008870u
#define EFUSE_ADC1_INIT_CODE_ATTEN3_S 18
#define EFUSE_RD_SYS_PART1_DATA6_REG 0x60008874u
#define EFUSE_ADC1_CAL_VOL_ATTEN3_S 26
#define EFUSE_RD_SYS_PART1_DATA7_REG 0x60008878u

/* The trims on the internal bus (regi2c_saradc.h) */
#define I2C_SARADC_INITIAL_CODE_LOW 0u
#define I2C_SARADC_INITIAL_CODE_HIGH 1u
#define I2C_SARADC_INITIAL_CODE_HIGH_MASK 0x0Fu
#define I2C_SARADC_DREF 2u
#define I2C_SARADC_DREF_MASK 0x70u
#define I2C_SARADC_DREF_1 0x10u
#define I2C_SARADC_TSENS_DAC 6u
#define I2C_SARADC_TSENS_DAC_MASK 0x0Fu
#define I2C_SARADC_TSENS_DAC_0 15u /* the range -10 to 80 degrees */

#define BPG_SARADC_CHANNELS 5u

/* What the sensor can mean, in 0.1 degrees Celsius. */
#define BPG_TEMPERATURE_MIN_DC (-400)
#define BPG_TEMPERATURE_MAX_DC 1250

/* Switches converter and sensor on. The sensor's first value comes 0.3 ms
 * later. Returns false when the internal bus does not answer. */
bool bpg_saradc_init (void);

/* The chip's temperature, in 0.1 degrees Celsius. Returns false for a value
 * that cannot be. */
bool bpg_saradc_temperature (int32_t *temperature_dc);

/* Frees the pin of @channel, 0..4, of all that is digital. Returns false for
 * another channel. */
bool bpg_saradc_use (unsigned channel);

/* What is on @channel, 0..4, in millivolts, 0 to about 2,500. Waits for the
 * conversion: some 10 us. Returns false when it does not end. */
bool bpg_saradc_millivolts (unsigned channel, uint32_t *millivolts);

/* The shunt's amplifier. */
struct bpg_current_sense
{
  unsigned channel;
  uint32_t zero_mv;         /* what it gives without a current */
  uint32_t microvolt_a_ma;  /* and how much more a milliampere */
};

/* The current, in mA; 0 when it is less than nothing. Returns false when
 * there is no reading. */
bool bpg_current_read (const struct bpg_current_sense *sense, uint32_t *milliamperes);
