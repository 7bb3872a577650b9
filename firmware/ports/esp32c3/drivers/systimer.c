/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/drivers/systimer.h"

#include "ports/esp32c3/drivers/clock.h"
#include "ports/esp32c3/drivers/registers.h"

/* A read takes a few cycles of the timer's clock. */
#define POLLS 64u

#define TICKS_A_US (BPG_SYSTIMER_HZ / 1000000u)
#define HIGH_MASK 0x000FFFFFu

/* The high word stays for 268 s: it can differ once, not twice. */
#define READS 2u

void
bpg_systimer_init (void)
{
  bpg_clock_keep (SYSTEM_SYSTIMER);
  bpg_reg_set (SYSTIMER_CONF_REG, SYSTIMER_CLK_EN | SYSTIMER_TIMER_UNIT0_WORK_EN);
}

uint64_t
bpg_systimer_ticks (void)
{
  uint32_t high = 0;
  uint32_t low = 0;

  bpg_reg_write (SYSTIMER_UNIT0_OP_REG, SYSTIMER_TIMER_UNIT0_UPDATE);
  bpg_reg_wait (SYSTIMER_UNIT0_OP_REG, SYSTIMER_TIMER_UNIT0_VALUE_VALID,
                SYSTIMER_TIMER_UNIT0_VALUE_VALID, POLLS);
  /* An interrupt may have had the value renewed between its words. */
  for (unsigned i = 0; i < READS; i++)
    {
      high = bpg_reg_read (SYSTIMER_UNIT0_VALUE_HI_REG) & HIGH_MASK;
      low = bpg_reg_read (SYSTIMER_UNIT0_VALUE_LO_REG);
      if ((bpg_reg_read (SYSTIMER_UNIT0_VALUE_HI_REG) & HIGH_MASK) == high)
        break;
    }
  return (uint64_t) high << 32 | low;
}

uint64_t
bpg_systimer_us (void)
{
  return bpg_systimer_ticks () / TICKS_A_US;
}

bool
bpg_systimer_start_tick (uint32_t period_us)
{
  uint32_t period = period_us * TICKS_A_US;

  if (period_us == 0 || period_us > BPG_SYSTIMER_LONGEST_TICK_US)
    return false;

  bpg_reg_clear (SYSTIMER_CONF_REG, SYSTIMER_TARGET0_WORK_EN);
  /* The period is taken with the load, the mode with the change of its bit. */
  bpg_reg_write (SYSTIMER_TARGET0_CONF_REG, period);
  bpg_reg_write (SYSTIMER_COMP0_LOAD_REG, 1);
  bpg_reg_write (SYSTIMER_TARGET0_CONF_REG, period | SYSTIMER_TARGET0_PERIOD_MODE);
  bpg_reg_write (SYSTIMER_INT_CLR_REG, SYSTIMER_TARGET0_INT);
  bpg_reg_set (SYSTIMER_INT_ENA_REG, SYSTIMER_TARGET0_INT);
  bpg_reg_set (SYSTIMER_CONF_REG, SYSTIMER_TARGET0_WORK_EN);
  return true;
}

void
bpg_systimer_clear_tick (void)
{
  bpg_reg_write (SYSTIMER_INT_CLR_REG, SYSTIMER_TARGET0_INT);
}
