/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/drivers/spi.h"

#include "ports/esp32c3/drivers/clock.h"
#include "ports/esp32c3/drivers/gpio.h"
#include "ports/esp32c3/drivers/registers.h"

#define COMMANDS_HZ 2000000u
#define DATA_HZ 8000000u

/* Divides the crystal by n, high for about half of it. */
#define DIVIDE(n)                                                                                 \
  (((n) - 1u) << SPI_CLKCNT_N_S | ((n) / 2u - 1u) << SPI_CLKCNT_H_S | ((n) - 1u) << SPI_CLKCNT_L_S)

/* The converter wants to stay selected for 2 us after the last bit. */
#define HOLD(hz) ((hz) / 500000u << SPI_CS_HOLD_TIME_S)

#define USER                                                                                      \
  (SPI_DOUTDIN | SPI_USR_MISO | SPI_USR_MOSI | SPI_CK_OUT_EDGE | SPI_CS_SETUP | SPI_CS_HOLD)

/* 64 bytes at 2 MHz take 256 us; a poll no less than eight cycles of 160 MHz. */
#define POLLS 10000u

static const struct
{
  uint32_t clock;
  uint32_t select;
} speeds[] = {
  [BPG_SPI_COMMANDS] = { DIVIDE (BPG_CLOCK_XTAL_HZ / COMMANDS_HZ), HOLD (COMMANDS_HZ) },
  [BPG_SPI_DATA] = { DIVIDE (BPG_CLOCK_XTAL_HZ / DATA_HZ), HOLD (DATA_HZ) },
};

bool
bpg_spi_init (unsigned clock_pin, unsigned to_master_pin, unsigned from_master_pin,
              unsigned select_pin)
{
  if (!bpg_gpio_is_usable (clock_pin) || !bpg_gpio_is_usable (to_master_pin)
      || !bpg_gpio_is_usable (from_master_pin) || !bpg_gpio_is_usable (select_pin))
    return false;

  bpg_clock_open (SYSTEM_SPI2);
  bpg_reg_write (SPI_CLK_GATE_REG, SPI_CLK_EN | SPI_MST_CLK_ACTIVE);
  bpg_reg_write (SPI_SLAVE_REG, 0);
  bpg_reg_write (SPI_CTRL_REG, 0);
  bpg_reg_write (SPI_USER_REG, USER);
  bpg_reg_write (SPI_MISC_REG, SPI_CS1_TO_CS5_DIS);
  bpg_reg_write (SPI_DMA_CONF_REG, 0);
  return bpg_gpio_lead_out (BPG_SIGNAL_SPI2_CS0, select_pin)
         && bpg_gpio_lead_out (BPG_SIGNAL_SPI2_CLK, clock_pin)
         && bpg_gpio_lead_out (BPG_SIGNAL_SPI2_D, from_master_pin)
         && bpg_gpio_lead_in (BPG_SIGNAL_SPI2_Q, to_master_pin, BPG_GPIO_PULL_DOWN);
}

/* The first byte is the lowest of a word. What was received last is still in
 * the buffer: all of it that is sent is written. */
static void
fill_buffer (const uint8_t *out, size_t length)
{
  for (size_t word = 0; word * 4 < length; word++)
    {
      uint32_t value = 0;

      for (size_t i = 0; out != NULL && i < 4 && word * 4 + i < length; i++)
        value |= (uint32_t) out[word * 4 + i] << 8 * i;
      bpg_reg_write (SPI_W_REG (word), value);
    }
}

static void
read_buffer (uint8_t *in, size_t length)
{
  uint32_t value = 0;

  for (size_t i = 0; i < length; i++)
    {
      if (i % 4 == 0)
        value = bpg_reg_read (SPI_W_REG (i / 4));
      in[i] = (uint8_t) (value >> 8 * (i % 4));
    }
}

bool
bpg_spi_transfer (enum bpg_spi_speed speed, const uint8_t *out, uint8_t *in, size_t length)
{
  if (length == 0 || length > BPG_SPI_MAX)
    return false;
  if (!bpg_reg_wait (SPI_CMD_REG, SPI_USR, 0, POLLS))
    return false;

  bpg_reg_write (SPI_CLOCK_REG, speeds[speed].clock);
  bpg_reg_write (SPI_USER1_REG, speeds[speed].select);
  bpg_reg_write (SPI_MS_DLEN_REG, (uint32_t) length * 8 - 1);
  bpg_reg_write (SPI_DMA_CONF_REG, SPI_BUF_AFIFO_RST | SPI_RX_AFIFO_RST);
  bpg_reg_write (SPI_DMA_CONF_REG, 0);
  fill_buffer (out, length);
  bpg_reg_write (SPI_CMD_REG, SPI_UPDATE);
  if (!bpg_reg_wait (SPI_CMD_REG, SPI_UPDATE, 0, POLLS))
    return false;
  bpg_reg_write (SPI_CMD_REG, SPI_USR);
  if (!bpg_reg_wait (SPI_CMD_REG, SPI_USR, 0, POLLS))
    return false;
  if (in != NULL)
    read_buffer (in, length);
  return true;
}
