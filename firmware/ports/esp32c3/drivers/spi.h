/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * SPI2 as the master of the one converter on it: mode 1, most significant bit
 * first, both ways at once. A transfer is waited for, 10 us for each byte of
 * a command and 1 us for each byte of data, never longer than a bounded
 * number of register reads.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ports/esp32c3/drivers/soc.h"

/* SPI Controller: GP-SPI2 */
#define SPI2_BASE 0x60024000u
#define SPI_CMD_REG (SPI2_BASE + 0x00)
#define SPI_USR BPG_BIT (24)
#define SPI_UPDATE BPG_BIT (23)
#define SPI_CTRL_REG (SPI2_BASE + 0x08)
#define SPI_CLOCK_REG (SPI2_BASE + 0x0C)
#define SPI_CLKCNT_N_S 12
#define SPI_CLKCNT_H_S 6
#define SPI_CLKCNT_L_S 0
#define SPI_USER_REG (SPI2_BASE + 0x10)
#define SPI_USR_MISO BPG_BIT (28)
#define SPI_USR_MOSI BPG_BIT (27)
#define SPI_CK_OUT_EDGE BPG_BIT (9)
#define SPI_CS_SETUP BPG_BIT (7)
#define SPI_CS_HOLD BPG_BIT (6)
#define SPI_DOUTDIN BPG_BIT (0)
#define SPI_USER1_REG (SPI2_BASE + 0x14)
#define SPI_CS_HOLD_TIME_S 22
#define SPI_CS_SETUP_TIME_S 17
#define SPI_MS_DLEN_REG (SPI2_BASE + 0x1C)
#define SPI_MISC_REG (SPI2_BASE + 0x20)
#define SPI_CS1_TO_CS5_DIS 0x3Eu
#define SPI_DMA_CONF_REG (SPI2_BASE + 0x30)
#define SPI_BUF_AFIFO_RST BPG_BIT (30)
#define SPI_RX_AFIFO_RST BPG_BIT (29)
#define SPI_W_REG(n) (SPI2_BASE + 0x98 + 4u * (n))
#define SPI_SLAVE_REG (SPI2_BASE + 0xE0)
#define SPI_CLK_GATE_REG (SPI2_BASE + 0xE8)
#define SPI_MST_CLK_ACTIVE BPG_BIT (1)
#define SPI_CLK_EN BPG_BIT (0)

#define BPG_SPI_MAX 64u /* bytes a transfer */

enum bpg_spi_speed
{
  BPG_SPI_COMMANDS, /* 2 MHz: the converter takes 2 us to understand a byte */
  BPG_SPI_DATA,     /* 8 MHz */
};

/* Sets the bus up. Returns false when a pin is not usable. */
bool bpg_spi_init (unsigned clock_pin, unsigned to_master_pin, unsigned from_master_pin,
                   unsigned select_pin);

/* Sends and receives @length bytes, 1..BPG_SPI_MAX, with the converter
 * selected from the first to the last. @out may be NULL: zeros; @in may be
 * NULL: dropped. Returns false when the controller does not end. */
bool bpg_spi_transfer (enum bpg_spi_speed speed, const uint8_t *out, uint8_t *in, size_t length);
