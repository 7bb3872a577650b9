/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The chip's pins: outputs, inputs with interrupts, and the matrix that leads
 * a peripheral's signal to a pin. The pins of the flash (11 to 17) and of the
 * USB port (18, 19) are refused: to lose one of them is to lose the arm.
 */

#include <stdbool.h>
#include <stdint.h>

#include "ports/esp32c3/drivers/soc.h"

/* IO MUX and GPIO Matrix */
#define GPIO_BASE 0x60004000u
#define GPIO_OUT_REG (GPIO_BASE + 0x04)
#define GPIO_OUT_W1TS_REG (GPIO_BASE + 0x08)
#define GPIO_OUT_W1TC_REG (GPIO_BASE + 0x0C)
#define GPIO_ENABLE_REG (GPIO_BASE + 0x20)
#define GPIO_ENABLE_W1TS_REG (GPIO_BASE + 0x24)
#define GPIO_ENABLE_W1TC_REG (GPIO_BASE + 0x28)
#define GPIO_IN_REG (GPIO_BASE + 0x3C)
#define GPIO_STATUS_W1TC_REG (GPIO_BASE + 0x4C)
#define GPIO_PCPU_INT_REG (GPIO_BASE + 0x5C)
#define GPIO_PIN_REG(pin) (GPIO_BASE + 0x74 + 4u * (pin))
#define GPIO_PIN_INT_ENA BPG_BIT (13)
#define GPIO_PIN_INT_TYPE_S 7
#define GPIO_PIN_PAD_DRIVER BPG_BIT (2)
#define GPIO_FUNC_IN_SEL_CFG_REG(signal) (GPIO_BASE + 0x154 + 4u * (signal))
#define GPIO_SIG_IN_SEL BPG_BIT (6)
#define GPIO_FUNC_OUT_SEL_CFG_REG(pin) (GPIO_BASE + 0x554 + 4u * (pin))
#define IO_MUX_GPIO_REG(pin) (0x60009004u + 4u * (pin))
#define IO_MUX_FUN_PD BPG_BIT (7)
#define IO_MUX_FUN_PU BPG_BIT (8)
#define IO_MUX_FUN_IE BPG_BIT (9)
#define IO_MUX_FUN_DRV_S 10
#define IO_MUX_MCU_SEL_S 12

/* Signals of peripherals in the matrix (gpio_sig_map.h) */
enum bpg_gpio_signal
{
  BPG_SIGNAL_U0RXD = 6,
  BPG_SIGNAL_U0TXD = 6,
  BPG_SIGNAL_U1RXD = 9,
  BPG_SIGNAL_U1TXD = 9,
  BPG_SIGNAL_LEDC0 = 45, /* and five more behind it */
  BPG_SIGNAL_I2C0_SCL = 53,
  BPG_SIGNAL_I2C0_SDA = 54,
  BPG_SIGNAL_SPI2_CLK = 63,
  BPG_SIGNAL_SPI2_Q = 64, /* to the master */
  BPG_SIGNAL_SPI2_D = 65, /* from the master */
  BPG_SIGNAL_SPI2_CS0 = 68,
  BPG_SIGNAL_OUTPUT = 128, /* what bpg_gpio_set() says */
};

enum bpg_gpio_pull
{
  BPG_GPIO_FLOATING,
  BPG_GPIO_PULL_UP,
  BPG_GPIO_PULL_DOWN,
};

enum bpg_gpio_edge
{
  BPG_GPIO_RISING = 1,
  BPG_GPIO_FALLING = 2,
  BPG_GPIO_BOTH = 3,
};

#define BPG_GPIO_PINS 22u

/* A signal that the board does not lead to any pin: what is done with it comes
 * to nothing, and is no error. */
#define BPG_GPIO_NONE 0xFFu

/* Whether a pin is there for the board to use. The flash has 14 to 17, USB has
 * 18 and 19; 11 to 13 are there where the flash is beside the chip and read
 * over two lines. */
bool bpg_gpio_is_usable (unsigned pin);

/* Makes @pin an output at @level, without another level before. Returns false
 * for a pin that is not usable. */
bool bpg_gpio_output (unsigned pin, bool level);

/* Sets an output. */
void bpg_gpio_set (unsigned pin, bool level);

/* Whether @pin drives a high level, as the registers say. */
bool bpg_gpio_is_driven_high (unsigned pin);

/* Whether @pin is an output. */
bool bpg_gpio_is_output (unsigned pin);

/* Makes @pin an input. Returns false for a pin that is not usable. */
bool bpg_gpio_input (unsigned pin, enum bpg_gpio_pull pull);

/* Frees @pin of all that is digital, for the converter. Returns false for a
 * pin that is not usable. */
bool bpg_gpio_analog (unsigned pin);

/* Reads an input. */
bool bpg_gpio_get (unsigned pin);

/* Leads a peripheral's output to @pin. Returns false for a pin that is not
 * usable. */
bool bpg_gpio_lead_out (enum bpg_gpio_signal signal, unsigned pin);

/* Makes @pin an input with @pull and leads it to a peripheral. Returns false
 * for a pin that is not usable. */
bool bpg_gpio_lead_in (enum bpg_gpio_signal signal, unsigned pin, enum bpg_gpio_pull pull);

/* Leads both ways of a peripheral's open-drain signal to @pin, pulled up.
 * Returns false for a pin that is not usable. */
bool bpg_gpio_lead_open_drain (enum bpg_gpio_signal signal, unsigned pin);

/* Interrupts (BPG_INTERRUPT_GPIO) on edges of an input from now on. */
void bpg_gpio_watch (unsigned pin, enum bpg_gpio_edge edge);

/* Ends that. */
void bpg_gpio_ignore (unsigned pin);

/* The pins whose interrupts wait, a bit a pin; takes them back. */
uint32_t bpg_gpio_take (void);
