/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The I2C bus as its only master, at 100 kHz, of which the secure element's
 * wake-up pulse is made. A transfer is waited for: about 0.1 ms a byte, and
 * never longer than BPG_I2C_POLLS_A_BYTE register reads a byte.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ports/esp32c3/drivers/soc.h"

/* I2C Controller */
#define I2C0_BASE 0x60013000u
#define I2C_SCL_LOW_PERIOD_REG (I2C0_BASE + 0x00)
#define I2C_CTR_REG (I2C0_BASE + 0x04)
#define I2C_CONF_UPGATE BPG_BIT (11)
#define I2C_FSM_RST BPG_BIT (10)
#define I2C_CLK_EN BPG_BIT (8)
#define I2C_TRANS_START BPG_BIT (5)
#define I2C_MS_MODE BPG_BIT (4)
#define I2C_SCL_FORCE_OUT BPG_BIT (1)
#define I2C_SDA_FORCE_OUT BPG_BIT (0)
#define I2C_SR_REG (I2C0_BASE + 0x08)
#define I2C_RXFIFO_CNT_S 8
#define I2C_FIFO_CNT_MASK 0x3Fu
#define I2C_BUS_BUSY BPG_BIT (4)
#define I2C_TO_REG (I2C0_BASE + 0x0C)
#define I2C_TIME_OUT_EN BPG_BIT (5)
#define I2C_FIFO_CONF_REG (I2C0_BASE + 0x18)
#define I2C_FIFO_PRT_EN BPG_BIT (14)
#define I2C_TX_FIFO_RST BPG_BIT (13)
#define I2C_RX_FIFO_RST BPG_BIT (12)
#define I2C_DATA_REG (I2C0_BASE + 0x1C)
#define I2C_INT_RAW_REG (I2C0_BASE + 0x20)
#define I2C_INT_CLR_REG (I2C0_BASE + 0x24)
#define I2C_SCL_MAIN_ST_TO_INT BPG_BIT (14)
#define I2C_SCL_ST_TO_INT BPG_BIT (13)
#define I2C_NACK_INT BPG_BIT (10)
#define I2C_TIME_OUT_INT BPG_BIT (8)
#define I2C_TRANS_COMPLETE_INT BPG_BIT (7)
#define I2C_ARBITRATION_LOST_INT BPG_BIT (5)
#define I2C_END_DETECT_INT BPG_BIT (3)
#define I2C_INT_ENA_REG (I2C0_BASE + 0x28)
#define I2C_SDA_HOLD_REG (I2C0_BASE + 0x30)
#define I2C_SDA_SAMPLE_REG (I2C0_BASE + 0x34)
#define I2C_SCL_HIGH_PERIOD_REG (I2C0_BASE + 0x38)
#define I2C_SCL_WAIT_HIGH_PERIOD_S 9
#define I2C_SCL_START_HOLD_REG (I2C0_BASE + 0x40)
#define I2C_SCL_RSTART_SETUP_REG (I2C0_BASE + 0x44)
#define I2C_SCL_STOP_HOLD_REG (I2C0_BASE + 0x48)
#define I2C_SCL_STOP_SETUP_REG (I2C0_BASE + 0x4C)
#define I2C_FILTER_CFG_REG (I2C0_BASE + 0x50)
#define I2C_SDA_FILTER_EN BPG_BIT (9)
#define I2C_SCL_FILTER_EN BPG_BIT (8)
#define I2C_CLK_CONF_REG (I2C0_BASE + 0x54)
#define I2C_SCLK_ACTIVE BPG_BIT (21)
#define I2C_COMD_REG(n) (I2C0_BASE + 0x58 + 4u * (n))
#define I2C_COMD_OPCODE_S 11
#define I2C_COMD_RESTART (6u << I2C_COMD_OPCODE_S)
#define I2C_COMD_WRITE (1u << I2C_COMD_OPCODE_S)
#define I2C_COMD_READ (3u << I2C_COMD_OPCODE_S)
#define I2C_COMD_STOP (2u << I2C_COMD_OPCODE_S)
#define I2C_COMD_END (4u << I2C_COMD_OPCODE_S)
#define I2C_COMD_NACK BPG_BIT (10)      /* what the master answers a byte that it reads */
#define I2C_COMD_CHECK_ACK BPG_BIT (8)  /* that the slave acknowledges what is written */
#define I2C_SCL_SP_CONF_REG (I2C0_BASE + 0x80)
#define I2C_SCL_RST_SLV_NUM_S 1
#define I2C_SCL_RST_SLV_EN BPG_BIT (0)

#define BPG_I2C_FIFO_SIZE 32u

/* A byte takes 90 us, a poll no less than eight cycles of at most 160 MHz. */
#define BPG_I2C_POLLS_A_BYTE 4000u

enum bpg_i2c_result
{
  BPG_I2C_OK,
  BPG_I2C_NO_ACK, /* nobody has the address, or who has it wants no more */
  BPG_I2C_STUCK,  /* a line is held, or the controller does not end; the bus was recovered */
};

/* Sets the bus up on two pins, with the chip's weak pull-ups besides the
 * board's. Returns false when a pin is not usable. */
bool bpg_i2c_init (unsigned sda_pin, unsigned scl_pin);

/* Writes @length bytes to the 7-bit @address. None: the address alone. */
enum bpg_i2c_result bpg_i2c_write (uint8_t address, const uint8_t *bytes, size_t length);

/* Reads @length bytes, at least one, from @address. */
enum bpg_i2c_result bpg_i2c_read (uint8_t address, uint8_t *bytes, size_t length);

/* Writes the number of a register, then reads @length bytes from there. */
enum bpg_i2c_result bpg_i2c_read_register (uint8_t address, uint8_t number, uint8_t *bytes,
                                           size_t length);

/* Frees a bus whose data line a slave holds: nine clocks and a stop, and the
 * controller from its beginning. Returns false when it is still held. */
bool bpg_i2c_recover (void);
