/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/drivers/regi2c.h"

#include "ports/esp32c3/drivers/registers.h"

/* A transfer takes a few microseconds. */
#define POLLS 1000u

#define DATA_MASK 0xFFu

/* Where the two blocks stand in ANA_CONFIG and ANA_CONFIG2. */
static uint32_t
silence_bit (enum bpg_regi2c_block block)
{
  return block == BPG_REGI2C_BBPLL ? BPG_BIT (17) : BPG_BIT (18);
}

static uint32_t
master_bit (enum bpg_regi2c_block block)
{
  return block == BPG_REGI2C_BBPLL ? BPG_BIT (14) : BPG_BIT (16);
}

static bool
transfer (enum bpg_regi2c_block block, uint32_t command)
{
  bpg_reg_set (I2C_MST_ANA_CONFIG2_REG, master_bit (block));
  if (!bpg_reg_wait (I2C_MST_CTRL_REG, I2C_MST_CTRL_BUSY, 0, POLLS))
    return false;
  bpg_reg_write (I2C_MST_CTRL_REG, command | I2C_MST_CTRL_GO | (uint32_t) block);
  return bpg_reg_wait (I2C_MST_CTRL_REG, I2C_MST_CTRL_BUSY, 0, POLLS);
}

bool
bpg_regi2c_read (enum bpg_regi2c_block block, uint8_t address, uint8_t *value)
{
  /* Two blocks that answer at once would be read as one. */
  bpg_reg_write (I2C_MST_ANA_CONFIG_REG, ~silence_bit (block));
  if (!transfer (block, (uint32_t) address << I2C_MST_CTRL_REGISTER_S))
    return false;
  *value = (uint8_t) (bpg_reg_read (I2C_MST_CTRL_REG) >> I2C_MST_CTRL_DATA_S & DATA_MASK);
  return true;
}

bool
bpg_regi2c_write (enum bpg_regi2c_block block, uint8_t address, uint8_t value)
{
  bpg_reg_clear (I2C_MST_ANA_CONFIG_REG, silence_bit (block));
  return transfer (block, I2C_MST_CTRL_WRITE | (uint32_t) address << I2C_MST_CTRL_REGISTER_S
                            | (uint32_t) value << I2C_MST_CTRL_DATA_S);
}

bool
bpg_regi2c_modify (enum bpg_regi2c_block block, uint8_t address, uint8_t mask, uint8_t value)
{
  uint8_t old;

  if (!bpg_regi2c_read (block, address, &old))
    return false;
  return bpg_regi2c_write (block, address, (uint8_t) ((old & ~mask) | value));
}
