/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/drivers/interrupt.h"

#include <stddef.h>

#include "ports/esp32c3/drivers/registers.h"

#define CAUSE_LINE_MASK 0x1Fu

static struct
{
  bpg_interrupt_handler handler;
  void *data;
} table[BPG_INTERRUPT_LINES];

void
bpg_interrupt_init (void)
{
  bpg_reg_write (INTERRUPT_CORE0_CPU_INT_ENABLE_REG, 0);
  bpg_reg_write (INTERRUPT_CORE0_CPU_INT_TYPE_REG, 0);
  bpg_reg_write (INTERRUPT_CORE0_CPU_INT_CLEAR_REG, UINT32_MAX);
  bpg_reg_write (INTERRUPT_CORE0_CPU_INT_CLEAR_REG, 0);
  for (unsigned source = 0; source < BPG_INTERRUPT_SOURCES; source++)
    bpg_reg_write (INTERRUPT_CORE0_MAP_REG (source), 0);
  for (unsigned line = 0; line < BPG_INTERRUPT_LINES; line++)
    {
      bpg_reg_write (INTERRUPT_CORE0_CPU_INT_PRI_REG (line), 0);
      table[line].handler = NULL;
    }
  bpg_reg_write (INTERRUPT_CORE0_CPU_INT_THRESH_REG, 1);
}

bool
bpg_interrupt_attach (enum bpg_interrupt_source source, unsigned line, unsigned priority,
                      bpg_interrupt_handler handler, void *data)
{
  if (source >= BPG_INTERRUPT_SOURCES || line == 0 || line >= BPG_INTERRUPT_LINES || priority == 0
      || priority >= BPG_INTERRUPT_PRIORITIES || handler == NULL || table[line].handler != NULL)
    return false;

  table[line].data = data;
  table[line].handler = handler;
  bpg_reg_write (INTERRUPT_CORE0_CPU_INT_PRI_REG (line), priority);
  bpg_reg_write (INTERRUPT_CORE0_MAP_REG (source), line);
  bpg_interrupt_enable (line);
  return true;
}

void
bpg_interrupt_disable (unsigned line)
{
  bpg_reg_clear (INTERRUPT_CORE0_CPU_INT_ENABLE_REG, BPG_BIT (line % BPG_INTERRUPT_LINES));
}

void
bpg_interrupt_enable (unsigned line)
{
  bpg_reg_set (INTERRUPT_CORE0_CPU_INT_ENABLE_REG, BPG_BIT (line % BPG_INTERRUPT_LINES));
}

unsigned
bpg_interrupt_set_threshold (unsigned threshold)
{
  unsigned before = bpg_reg_read (INTERRUPT_CORE0_CPU_INT_THRESH_REG);

  bpg_reg_write (INTERRUPT_CORE0_CPU_INT_THRESH_REG, threshold % BPG_INTERRUPT_PRIORITIES);
  return before;
}

bool
bpg_interrupt_dispatch (unsigned cause)
{
  unsigned line = cause & CAUSE_LINE_MASK;

  if (table[line].handler == NULL)
    {
      bpg_interrupt_disable (line);
      return false;
    }
  table[line].handler (table[line].data);
  return true;
}
