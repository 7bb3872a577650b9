/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/drivers/gpio.h"

#include "ports/esp32c3/drivers/registers.h"

#define FIRST_FLASH_PIN 14u
#define LAST_USB_PIN 19u

#define FUNCTION_GPIO (1u << IO_MUX_MCU_SEL_S)
#define DRIVE_20_MA (2u << IO_MUX_FUN_DRV_S)

bool
bpg_gpio_is_usable (unsigned pin)
{
  if (pin == BPG_GPIO_NONE)
    return true;
  return pin < BPG_GPIO_PINS && !(pin >= FIRST_FLASH_PIN && pin <= LAST_USB_PIN);
}

static void
set_pad (unsigned pin, uint32_t bits)
{
  bpg_reg_write (IO_MUX_GPIO_REG (pin), FUNCTION_GPIO | DRIVE_20_MA | bits);
}

static uint32_t
pull_bits (enum bpg_gpio_pull pull)
{
  switch (pull)
    {
    case BPG_GPIO_PULL_UP:
      return IO_MUX_FUN_PU;
    case BPG_GPIO_PULL_DOWN:
      return IO_MUX_FUN_PD;
    default:
      return 0;
    }
}

bool
bpg_gpio_output (unsigned pin, bool level)
{
  if (!bpg_gpio_is_usable (pin))
    return false;
  bpg_gpio_set (pin, level);
  return bpg_gpio_lead_out (BPG_SIGNAL_OUTPUT, pin);
}

void
bpg_gpio_set (unsigned pin, bool level)
{
  if (pin == BPG_GPIO_NONE)
    return;
  bpg_reg_write (level ? GPIO_OUT_W1TS_REG : GPIO_OUT_W1TC_REG, BPG_BIT (pin));
}

bool
bpg_gpio_is_driven_high (unsigned pin)
{
  if (pin == BPG_GPIO_NONE)
    return false;
  return (bpg_reg_read (GPIO_OUT_REG) & bpg_reg_read (GPIO_ENABLE_REG) & BPG_BIT (pin)) != 0;
}

bool
bpg_gpio_is_output (unsigned pin)
{
  return pin != BPG_GPIO_NONE && (bpg_reg_read (GPIO_ENABLE_REG) & BPG_BIT (pin)) != 0;
}

bool
bpg_gpio_input (unsigned pin, enum bpg_gpio_pull pull)
{
  if (!bpg_gpio_is_usable (pin))
    return false;
  bpg_reg_write (GPIO_ENABLE_W1TC_REG, BPG_BIT (pin));
  bpg_reg_write (GPIO_PIN_REG (pin), 0);
  set_pad (pin, IO_MUX_FUN_IE | pull_bits (pull));
  return true;
}

bool
bpg_gpio_analog (unsigned pin)
{
  if (!bpg_gpio_input (pin, BPG_GPIO_FLOATING))
    return false;
  set_pad (pin, 0);
  return true;
}

bool
bpg_gpio_get (unsigned pin)
{
  return (bpg_reg_read (GPIO_IN_REG) & BPG_BIT (pin)) != 0;
}

bool
bpg_gpio_lead_out (enum bpg_gpio_signal signal, unsigned pin)
{
  if (!bpg_gpio_is_usable (pin))
    return false;
  if (pin == BPG_GPIO_NONE)
    return true;
  bpg_reg_write (GPIO_FUNC_OUT_SEL_CFG_REG (pin), signal);
  bpg_reg_write (GPIO_PIN_REG (pin), 0);
  set_pad (pin, 0);
  bpg_reg_write (GPIO_ENABLE_W1TS_REG, BPG_BIT (pin));
  return true;
}

bool
bpg_gpio_lead_in (enum bpg_gpio_signal signal, unsigned pin, enum bpg_gpio_pull pull)
{
  if (!bpg_gpio_input (pin, pull))
    return false;
  bpg_reg_write (GPIO_FUNC_IN_SEL_CFG_REG (signal), GPIO_SIG_IN_SEL | pin);
  return true;
}

bool
bpg_gpio_lead_open_drain (enum bpg_gpio_signal signal, unsigned pin)
{
  if (!bpg_gpio_is_usable (pin))
    return false;
  /* The signal drives the pin low, or not at all; released until then. */
  bpg_gpio_set (pin, true);
  bpg_reg_write (GPIO_PIN_REG (pin), GPIO_PIN_PAD_DRIVER);
  bpg_reg_write (GPIO_FUNC_OUT_SEL_CFG_REG (pin), signal);
  set_pad (pin, IO_MUX_FUN_IE | IO_MUX_FUN_PU);
  bpg_reg_write (GPIO_FUNC_IN_SEL_CFG_REG (signal), GPIO_SIG_IN_SEL | pin);
  bpg_reg_write (GPIO_ENABLE_W1TS_REG, BPG_BIT (pin));
  return true;
}

void
bpg_gpio_watch (unsigned pin, enum bpg_gpio_edge edge)
{
  /* An edge that was seen before is not of interest. */
  bpg_reg_write (GPIO_STATUS_W1TC_REG, BPG_BIT (pin));
  bpg_reg_write (GPIO_PIN_REG (pin), GPIO_PIN_INT_ENA | (uint32_t) edge << GPIO_PIN_INT_TYPE_S);
}

void
bpg_gpio_ignore (unsigned pin)
{
  bpg_reg_write (GPIO_PIN_REG (pin), 0);
  bpg_reg_write (GPIO_STATUS_W1TC_REG, BPG_BIT (pin));
}

uint32_t
bpg_gpio_take (void)
{
  uint32_t pins = bpg_reg_read (GPIO_PCPU_INT_REG);

  bpg_reg_write (GPIO_STATUS_W1TC_REG, pins);
  return pins;
}
