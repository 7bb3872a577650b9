/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The time: unit 0 of the system timer counts 16 MHz from the crystal in 52
 * bits, whatever the core's clock does, and comparator 0 interrupts
 * periodically.
 */

#include <stdbool.h>
#include <stdint.h>

#include "ports/esp32c3/drivers/soc.h"

/* System Timer */
#define SYSTIMER_BASE 0x60023000u
#define SYSTIMER_CONF_REG (SYSTIMER_BASE + 0x00)
#define SYSTIMER_CLK_EN BPG_BIT (31)
#define SYSTIMER_TIMER_UNIT0_WORK_EN BPG_BIT (30)
#define SYSTIMER_TARGET0_WORK_EN BPG_BIT (24)
#define SYSTIMER_UNIT0_OP_REG (SYSTIMER_BASE + 0x04)
#define SYSTIMER_TIMER_UNIT0_UPDATE BPG_BIT (30)
#define SYSTIMER_TIMER_UNIT0_VALUE_VALID BPG_BIT (29)
#define SYSTIMER_TARGET0_CONF_REG (SYSTIMER_BASE + 0x34)
#define SYSTIMER_TARGET0_PERIOD_MASK 0x03FFFFFFu
#define SYSTIMER_TARGET0_PERIOD_MODE BPG_BIT (30)
#define SYSTIMER_UNIT0_VALUE_HI_REG (SYSTIMER_BASE + 0x40)
#define SYSTIMER_UNIT0_VALUE_LO_REG (SYSTIMER_BASE + 0x44)
#define SYSTIMER_COMP0_LOAD_REG (SYSTIMER_BASE + 0x50)
#define SYSTIMER_INT_ENA_REG (SYSTIMER_BASE + 0x64)
#define SYSTIMER_INT_CLR_REG (SYSTIMER_BASE + 0x6C)
#define SYSTIMER_TARGET0_INT BPG_BIT (0)

#define BPG_SYSTIMER_HZ 16000000u

/* The longest period of a tick, in microseconds. */
#define BPG_SYSTIMER_LONGEST_TICK_US (SYSTIMER_TARGET0_PERIOD_MASK / (BPG_SYSTIMER_HZ / 1000000u))

/* Lets the timer count, from where it stands. */
void bpg_systimer_init (void);

/* Ticks of BPG_SYSTIMER_HZ. Safe in an interrupt and under one. When the
 * timer does not answer it is the time of the last answer. */
uint64_t bpg_systimer_ticks (void);

/* Whole microseconds of the same; goes on for 8 years without a step back. */
uint64_t bpg_systimer_us (void);

/* Interrupts (BPG_INTERRUPT_SYSTIMER0) every @period_us from now on. Returns
 * false when that is 0 or longer than BPG_SYSTIMER_LONGEST_TICK_US. */
bool bpg_systimer_start_tick (uint32_t period_us);

/* Takes the interrupt back; its handler calls it first. */
void bpg_systimer_clear_tick (void);
