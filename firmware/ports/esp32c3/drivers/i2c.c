/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/drivers/i2c.h"

#include "ports/esp32c3/drivers/clock.h"
#include "ports/esp32c3/drivers/gpio.h"
#include "ports/esp32c3/drivers/registers.h"

#define BUS_HZ 100000u

/* Times in cycles of the crystal. The wait for a high clock line is part of
 * its high time; data change a quarter and are sampled half way in. */
#define HALF_BIT (BPG_CLOCK_XTAL_HZ / BUS_HZ / 2)
#define WAIT_HIGH (HALF_BIT / 2 - 2)
#define FILTER 7u

/* Two to its power in cycles: 1.6 ms that a slave may hold the clock. */
#define TIME_OUT 16u

#define RECOVERY_CLOCKS 9u
#define RECOVERY_POLLS (10u * BPG_I2C_POLLS_A_BYTE)

#define MASTER (I2C_MS_MODE | I2C_CLK_EN | I2C_SDA_FORCE_OUT | I2C_SCL_FORCE_OUT)
#define LOST                                                                                      \
  (I2C_TIME_OUT_INT | I2C_SCL_ST_TO_INT | I2C_SCL_MAIN_ST_TO_INT | I2C_ARBITRATION_LOST_INT)
#define DONE (I2C_TRANS_COMPLETE_INT | I2C_END_DETECT_INT)

static void
set_timing (void)
{
  bpg_reg_write (I2C_CLK_CONF_REG, I2C_SCLK_ACTIVE);
  bpg_reg_write (I2C_SCL_LOW_PERIOD_REG, HALF_BIT - 1);
  bpg_reg_write (I2C_SCL_HIGH_PERIOD_REG,
                 WAIT_HIGH << I2C_SCL_WAIT_HIGH_PERIOD_S | (HALF_BIT - WAIT_HIGH));
  bpg_reg_write (I2C_SDA_HOLD_REG, HALF_BIT / 4 - 1);
  bpg_reg_write (I2C_SDA_SAMPLE_REG, HALF_BIT / 2 - 1);
  bpg_reg_write (I2C_SCL_START_HOLD_REG, HALF_BIT - 1);
  bpg_reg_write (I2C_SCL_RSTART_SETUP_REG, HALF_BIT - 1);
  bpg_reg_write (I2C_SCL_STOP_HOLD_REG, HALF_BIT - 1);
  bpg_reg_write (I2C_SCL_STOP_SETUP_REG, HALF_BIT - 1);
  bpg_reg_write (I2C_TO_REG, I2C_TIME_OUT_EN | TIME_OUT);
  bpg_reg_write (I2C_FILTER_CFG_REG,
                 I2C_SDA_FILTER_EN | I2C_SCL_FILTER_EN | FILTER << 4 | FILTER);
}

static void
start_controller (void)
{
  bpg_clock_open (SYSTEM_I2C_EXT0);
  bpg_reg_write (I2C_INT_ENA_REG, 0);
  bpg_reg_write (I2C_CTR_REG, MASTER);
  set_timing ();
  bpg_reg_write (I2C_CTR_REG, MASTER | I2C_CONF_UPGATE);
}

bool
bpg_i2c_init (unsigned sda_pin, unsigned scl_pin)
{
  if (!bpg_gpio_is_usable (sda_pin) || !bpg_gpio_is_usable (scl_pin))
    return false;
  start_controller ();
  return bpg_gpio_lead_open_drain (BPG_SIGNAL_I2C0_SDA, sda_pin)
         && bpg_gpio_lead_open_drain (BPG_SIGNAL_I2C0_SCL, scl_pin);
}

bool
bpg_i2c_recover (void)
{
  bool freed;

  bpg_reg_write (I2C_CTR_REG, MASTER | I2C_FSM_RST);
  bpg_reg_write (I2C_SCL_SP_CONF_REG,
                 RECOVERY_CLOCKS << I2C_SCL_RST_SLV_NUM_S | I2C_SCL_RST_SLV_EN);
  bpg_reg_write (I2C_CTR_REG, MASTER | I2C_CONF_UPGATE);
  freed = bpg_reg_wait (I2C_SCL_SP_CONF_REG, I2C_SCL_RST_SLV_EN, 0, RECOVERY_POLLS);
  start_controller ();
  return freed && (bpg_reg_read (I2C_SR_REG) & I2C_BUS_BUSY) == 0;
}

static void
empty_fifos (void)
{
  bpg_reg_write (I2C_FIFO_CONF_REG, I2C_FIFO_PRT_EN | I2C_TX_FIFO_RST | I2C_RX_FIFO_RST);
  bpg_reg_write (I2C_FIFO_CONF_REG, I2C_FIFO_PRT_EN);
}

static void
go (void)
{
  bpg_reg_write (I2C_INT_CLR_REG, UINT32_MAX);
  bpg_reg_write (I2C_CTR_REG, MASTER | I2C_CONF_UPGATE);
  bpg_reg_write (I2C_CTR_REG, MASTER | I2C_TRANS_START);
}

/* Without an acknowledgement the list is left where it stands, without a stop. */
static enum bpg_i2c_result
stop_after_refusal (void)
{
  bpg_reg_write (I2C_COMD_REG (0), I2C_COMD_STOP);
  go ();
  if (bpg_reg_wait (I2C_INT_RAW_REG, I2C_TRANS_COMPLETE_INT, I2C_TRANS_COMPLETE_INT,
                    BPG_I2C_POLLS_A_BYTE))
    return BPG_I2C_NO_ACK;
  bpg_i2c_recover ();
  return BPG_I2C_STUCK;
}

/* Has the controller work its list of commands off; @bytes go over the bus. */
static enum bpg_i2c_result
run (size_t bytes)
{
  uint32_t polls = (uint32_t) (bytes + 2) * BPG_I2C_POLLS_A_BYTE;

  go ();
  while (polls-- > 0)
    {
      uint32_t seen = bpg_reg_read (I2C_INT_RAW_REG);

      if (seen & LOST)
        break;
      if (seen & I2C_NACK_INT)
        return stop_after_refusal ();
      if (seen & DONE)
        return BPG_I2C_OK;
    }
  bpg_i2c_recover ();
  return BPG_I2C_STUCK;
}

/* More than the FIFO holds goes in parts: each but the last ends with the
 * clock held low, and the next goes on from there. */
static enum bpg_i2c_result
write_parts (uint8_t address, const uint8_t *bytes, size_t length)
{
  enum bpg_i2c_result result;
  unsigned command = 0;
  size_t in_fifo = 1;

  empty_fifos ();
  bpg_reg_write (I2C_COMD_REG (command++), I2C_COMD_RESTART);
  bpg_reg_write (I2C_DATA_REG, (uint32_t) address << 1);
  for (;;)
    {
      while (length > 0 && in_fifo < BPG_I2C_FIFO_SIZE)
        {
          bpg_reg_write (I2C_DATA_REG, *bytes++);
          in_fifo++;
          length--;
        }
      bpg_reg_write (I2C_COMD_REG (command++),
                     I2C_COMD_WRITE | I2C_COMD_CHECK_ACK | (uint32_t) in_fifo);
      bpg_reg_write (I2C_COMD_REG (command), length > 0 ? I2C_COMD_END : I2C_COMD_STOP);
      result = run (in_fifo);
      if (result != BPG_I2C_OK || length == 0)
        return result;
      command = 0;
      in_fifo = 0;
    }
}

/* The list for one part of a reading: the last byte of all is not acknowledged. */
static void
list_read (unsigned command, size_t part, bool is_last)
{
  size_t acknowledged = is_last ? part - 1 : part;

  if (acknowledged > 0)
    bpg_reg_write (I2C_COMD_REG (command++), I2C_COMD_READ | (uint32_t) acknowledged);
  if (is_last)
    bpg_reg_write (I2C_COMD_REG (command++), I2C_COMD_READ | I2C_COMD_NACK | 1u);
  bpg_reg_write (I2C_COMD_REG (command), is_last ? I2C_COMD_STOP : I2C_COMD_END);
}

static enum bpg_i2c_result
read_parts (unsigned command, uint8_t address, uint8_t *bytes, size_t length)
{
  size_t written = command > 0 ? 2 : 0;

  bpg_reg_write (I2C_COMD_REG (command++), I2C_COMD_RESTART);
  bpg_reg_write (I2C_DATA_REG, (uint32_t) address << 1 | 1u);
  bpg_reg_write (I2C_COMD_REG (command++), I2C_COMD_WRITE | I2C_COMD_CHECK_ACK | 1u);
  for (;;)
    {
      size_t part = length < BPG_I2C_FIFO_SIZE ? length : BPG_I2C_FIFO_SIZE;
      enum bpg_i2c_result result;

      list_read (command, part, part == length);
      result = run (part + written + 1);
      if (result != BPG_I2C_OK)
        return result;
      if ((bpg_reg_read (I2C_SR_REG) >> I2C_RXFIFO_CNT_S & I2C_FIFO_CNT_MASK) != part)
        {
          bpg_i2c_recover ();
          return BPG_I2C_STUCK;
        }
      for (size_t i = 0; i < part; i++)
        *bytes++ = (uint8_t) bpg_reg_read (I2C_DATA_REG);
      length -= part;
      if (length == 0)
        return BPG_I2C_OK;
      command = 0;
      written = 0;
    }
}

enum bpg_i2c_result
bpg_i2c_write (uint8_t address, const uint8_t *bytes, size_t length)
{
  return write_parts (address, bytes, length);
}

enum bpg_i2c_result
bpg_i2c_read (uint8_t address, uint8_t *bytes, size_t length)
{
  if (length == 0)
    return BPG_I2C_OK;
  empty_fifos ();
  return read_parts (0, address, bytes, length);
}

enum bpg_i2c_result
bpg_i2c_read_register (uint8_t address, uint8_t number, uint8_t *bytes, size_t length)
{
  if (length == 0)
    return BPG_I2C_OK;
  empty_fifos ();
  bpg_reg_write (I2C_COMD_REG (0), I2C_COMD_RESTART);
  bpg_reg_write (I2C_DATA_REG, (uint32_t) address << 1);
  bpg_reg_write (I2C_DATA_REG, number);
  bpg_reg_write (I2C_COMD_REG (1), I2C_COMD_WRITE | I2C_COMD_CHECK_ACK | 2u);
  return read_parts (2, address, bytes, length);
}
