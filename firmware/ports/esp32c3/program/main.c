/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The arm's program on the chip: sets the board up and runs the loop. */
#include "control/control.h"
#include "ports/esp32c3/board.h"
#include "ports/esp32c3/chip-flash.h"
#include "ports/esp32c3/drivers/clock.h"
#include "ports/esp32c3/drivers/interrupt.h"
#include "ports/esp32c3/drivers/systimer.h"
#include "ports/esp32c3/drivers/watchdog.h"
#include "ports/esp32c3/program/devices.h"
#include "ports/esp32c3/program/links.h"
#include "ports/esp32c3/program/port-chip.h"
#include "ports/esp32c3/program/samples.h"
#include "ports/esp32c3/rom.h"

#define LOOP_TICK_US 1000u
/* How often an arm that was never made says so. */
#define SAY_US 5000000u
/* A button that has been the same for so long has settled. */
#define BUTTON_US 20000u
/* Replies get so long to leave before a reset. */
#define DRAIN_US 50000u

void bpg_program_main (uint32_t slot) __attribute__ ((noreturn));
void bpg_program_exception (uint32_t cause, uint32_t where, uint32_t value)
  __attribute__ ((noreturn));

static struct bpg_control control;

BPG_IN_RAM static void
on_tick (void *data)
{
  bpg_systimer_clear_tick ();
  bpg_samples_tick (&control);
}

BPG_IN_RAM void
bpg_program_exception (uint32_t cause, uint32_t where, uint32_t value)
{
  ets_printf ("bionicpro: exception %u at %08x, %08x\n", (unsigned) cause, (unsigned) where,
              (unsigned) value);
  /* The watchdog ends this. */
  for (;;)
    ;
}

static void
enable_interrupts (void)
{
  __asm__ volatile ("csrsi mstatus, 8" ::: "memory");
}

/* On battery the core sleeps until something happens; a bare board has current
 * to spare, and looks again at once. It does so by enabling interrupts anew,
 * for the sake of emulators of the chip that take notice of a waiting one only
 * then. */
static void
wait_for_interrupt (void)
{
  if (bpg_devices_is_bare ())
    __asm__ volatile ("csrci mstatus, 8\n\tcsrsi mstatus, 8" ::: "memory");
  else
    __asm__ volatile ("wfi" ::: "memory");
}

/* In bench mode the tick is the samples' rate; else it only keeps the loop
 * from sleeping for too long. */
static void
start_tick (void)
{
  uint32_t period = bpg_port_is_bench () ? 1000000u / bpg_port_electrodes ()->rate : LOOP_TICK_US;

  bpg_interrupt_attach (BPG_INTERRUPT_SYSTIMER0, BPG_LINE_TICK, BPG_PRIORITY_TICK, on_tick, NULL);
  bpg_systimer_start_tick (period);
}

/* Nothing but the loader helps an arm that was never made. It says so, and
 * which key it is to be made with. */
static void __attribute__ ((noreturn))
wait_to_be_made (void)
{
  uint64_t said = 0;

  for (;;)
    {
      uint64_t now = bpg_systimer_us ();

      if (said == 0 || now - said >= SAY_US)
        {
          said = now;
          ets_printf ("bionicpro: this arm was never made: it has no factory sector\n");
          bpg_devices_tell_key ();
        }
      bpg_watchdogs_feed ();
      wait_for_interrupt ();
    }
}

static void
look_at_button (uint64_t now)
{
  static bool was_pressed;
  static bool settled;
  static uint64_t since;
  bool pressed = bpg_chip_button ();

  if (pressed != was_pressed)
    {
      was_pressed = pressed;
      settled = false;
      since = now;
    }
  else if (!settled && now - since >= BUTTON_US)
    {
      settled = true;
      if (pressed)
        bpg_control_button (&control);
    }
}

static void
look_at_reset (uint64_t now)
{
  static uint64_t since;

  if (!bpg_chip_reset_wanted ())
    return;
  if (since == 0)
    since = now;
  if (bpg_links_are_drained () || now - since > DRAIN_US)
    bpg_chip_reset ();
}

void
bpg_program_main (uint32_t slot)
{
  bool made;

  /* What the second stage started guards this until the clock is known. */
  bpg_interrupt_init ();
  bpg_systimer_init ();
  /* Without its PLL the chip is slower, and still an arm. */
  bpg_clock_start ();
  ets_update_cpu_frequency (bpg_clock_cpu_hz () / 1000000u);
  bpg_chip_watchdog (BPG_CHIP_WATCHDOG_MS);
  bpg_chip_port_init (slot);
  bpg_links_init ();
  bpg_watchdogs_feed ();
  made = bpg_control_init (&control);
  start_tick ();
  enable_interrupts ();
  if (!made)
    wait_to_be_made ();
  if (!bpg_port_is_bench ())
    bpg_devices_start_converter (&control);

  for (;;)
    {
      uint64_t now = bpg_systimer_us ();

      bpg_links_service (now);
      bpg_devices_step (now);
      bpg_control_run (&control);
      look_at_button (now);
      look_at_reset (now);
      wait_for_interrupt ();
    }
}
