/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * From a peripheral's request to a function. The matrix leads each source to
 * one of the core's 31 lines; a line has a priority, and only those at or
 * above the core's threshold interrupt. All lines are level-triggered: a
 * handler takes its peripheral's request back before it returns.
 */

#include <stdbool.h>
#include <stdint.h>

#include "ports/esp32c3/drivers/soc.h"

/* Interrupt Matrix; ESP-RISC-V CPU */
#define INTERRUPT_CORE0_BASE 0x600C2000u
#define INTERRUPT_CORE0_MAP_REG(source) (INTERRUPT_CORE0_BASE + 4u * (source))
#define INTERRUPT_CORE0_CPU_INT_ENABLE_REG (INTERRUPT_CORE0_BASE + 0x104)
#define INTERRUPT_CORE0_CPU_INT_TYPE_REG (INTERRUPT_CORE0_BASE + 0x108)
#define INTERRUPT_CORE0_CPU_INT_CLEAR_REG (INTERRUPT_CORE0_BASE + 0x10C)
#define INTERRUPT_CORE0_CPU_INT_PRI_REG(line) (INTERRUPT_CORE0_BASE + 0x114 + 4u * (line))
#define INTERRUPT_CORE0_CPU_INT_THRESH_REG (INTERRUPT_CORE0_BASE + 0x194)

#define BPG_INTERRUPT_LINES 32u /* line 0 is none */
#define BPG_INTERRUPT_PRIORITIES 16u

enum bpg_interrupt_source
{
  BPG_INTERRUPT_GPIO = 16,
  BPG_INTERRUPT_SPI2 = 19,
  BPG_INTERRUPT_UART0 = 21,
  BPG_INTERRUPT_UART1 = 22,
  BPG_INTERRUPT_USB = 26,
  BPG_INTERRUPT_I2C0 = 29,
  BPG_INTERRUPT_SYSTIMER0 = 37,
  BPG_INTERRUPT_SOURCES = 62, /* how many the chip has */
};

typedef void (*bpg_interrupt_handler) (void *data);

/* Leads no source anywhere, with every line disabled and every priority from
 * 1 on let through. */
void bpg_interrupt_init (void);

/* Leads @source to @line, 1..31, with @priority, 1..15, and enables the line:
 * @handler is called with @data. Returns false when one of them is not what
 * it may be, or the line has a handler. */
bool bpg_interrupt_attach (enum bpg_interrupt_source source, unsigned line, unsigned priority,
                           bpg_interrupt_handler handler, void *data);

/* Disables or enables a line; it keeps its handler. */
void bpg_interrupt_disable (unsigned line);
void bpg_interrupt_enable (unsigned line);

/* Lets only priorities from @threshold on through, 0..15. Returns the
 * threshold before. */
unsigned bpg_interrupt_set_threshold (unsigned threshold);

/* Calls the handler of the line that the trap's cause names. A line without
 * one is disabled, so that it cannot stop the program. Returns false for
 * such a line. */
bool bpg_interrupt_dispatch (unsigned cause);
