/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The internal bus to the analogue blocks: the PLL, the converters' and the
 * temperature sensor's trims. The manual names it in passing (Reset and
 * Clock, On-Chip Sensors); ESP-IDF has the registers in regi2c_defs.h and
 * calls the chip's ROM for the transfers, which are these.
 */

#include <stdbool.h>
#include <stdint.h>

#include "ports/esp32c3/drivers/soc.h"

#define I2C_MST_BASE 0x6000E000u
#define I2C_MST_CTRL_REG (I2C_MST_BASE + 0x00)
#define I2C_MST_CTRL_BUSY BPG_BIT (25)
#define I2C_MST_CTRL_GO BPG_BIT (26)
#define I2C_MST_CTRL_WRITE BPG_BIT (24)
#define I2C_MST_CTRL_DATA_S 16
#define I2C_MST_CTRL_REGISTER_S 8
#define I2C_MST_ANA_CONF0_REG (I2C_MST_BASE + 0x40)
#define I2C_MST_BBPLL_STOP_FORCE_HIGH BPG_BIT (2)
#define I2C_MST_BBPLL_STOP_FORCE_LOW BPG_BIT (3)
/* One bit a block, set while its read-back is off the bus */
#define I2C_MST_ANA_CONFIG_REG (I2C_MST_BASE + 0x44)
/* One bit a block, set when the first of the two masters has it */
#define I2C_MST_ANA_CONFIG2_REG (I2C_MST_BASE + 0x48)

enum bpg_regi2c_block
{
  BPG_REGI2C_BBPLL = 0x66,
  BPG_REGI2C_SAR = 0x69,
};

/* Reads a register of a block. Returns false when the bus stays busy. */
bool bpg_regi2c_read (enum bpg_regi2c_block block, uint8_t address, uint8_t *value);

/* Writes a register of a block. Returns false when the bus stays busy. */
bool bpg_regi2c_write (enum bpg_regi2c_block block, uint8_t address, uint8_t value);

/* Replaces the bits of @mask by those of @value, which has no others. Returns
 * false when the bus stays busy. */
bool bpg_regi2c_modify (enum bpg_regi2c_block block, uint8_t address, uint8_t mask, uint8_t value);
