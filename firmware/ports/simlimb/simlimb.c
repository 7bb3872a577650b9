/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "simlimb.h"

#include "boot/second-stage.h"
#include "control/flash.h"

/* The arm's clock goes with this machine's, also when the process had to wait
 * for its turn; but it does not catch up on a long sleep. */
#define REAL_STEP_MOST_US 2000000
#define TRANSFERS_MOST 8u
#define WAIT_MOST_US 500000
/* Time that is behind is made up for in pieces of so much of the arm's time,
 * for so long at once: who talks to the process is not to wait. */
#define PIECE_US 20000.0
#define WORK_MOST_US 50000

struct simlimb *simlimb;

/* The arm's clock stands at @time when work on an event begins. */
static void
begin_event (struct simlimb *arm, double time)
{
  arm->event = (uint64_t) time;
  arm->origin = g_get_monotonic_time ();
}

static void
start_clock (struct simlimb *arm)
{
  arm->real = g_get_monotonic_time ();
  arm->emulated = 0;
  arm->last_now = 0;
  arm->next_tick = 1e6 / bpg_port_electrodes ()->rate;
  begin_event (arm, 0);
}

static bool
replace_copy (unsigned copy, const uint8_t bytes[BPG_BOOT_RECORD_SIZE])
{
  return bpg_flash_replace_sector (BPG_FLASH_BOOT, copy * BPG_FLASH_SECTOR, bytes,
                                   BPG_BOOT_RECORD_SIZE);
}

/* What the chip does before its program: this process is the program whatever
 * the slots hold, and stands for the one that was chosen. */
static void
run_second_stage (struct simlimb *arm)
{
  static const struct bpg_image_crypto crypto = {
    .sha256 = bpg_port_sha256,
    .rsa_pss_verify = bpg_port_rsa_pss_verify,
  };
  const uint8_t *copies = bpg_port_flash_map (BPG_FLASH_BOOT);
  struct bpg_second_stage_machine machine = {
    .copies = { copies, copies + BPG_FLASH_SECTOR },
    .slots = { bpg_port_flash_map (BPG_FLASH_FIRMWARE_A), bpg_port_flash_map (BPG_FLASH_FIRMWARE_B) },
    .slot_size = bpg_port_flash_size (BPG_FLASH_FIRMWARE_A),
    .replace_copy = replace_copy,
    .crypto = &crypto,
    .built_in = true,
  };
  struct bpg_second_stage_result result;
  struct bpg_factory factory;

  if (bpg_factory_load (&factory))
    {
      machine.key = factory.release.bytes;
      machine.key_length = factory.release.length;
      machine.hardware = factory.hw.bytes;
      machine.hardware_length = factory.hw.length;
    }
  bpg_second_stage_run (&machine, &result);
  arm->firmware_slot = result.slot;
}

bool
simlimb_power_on (struct simlimb *arm, enum bpg_boot_reason reason)
{
  bool was_cut = sim_flash_power_on (&arm->flash);

  arm->boot_reason = was_cut && reason == BPG_BOOT_POWER_ON ? BPG_BOOT_POWER_CUT : reason;
  arm->reset_wanted = false;
  if (reason == BPG_BOOT_POWER_ON)
    sim_bench_set (&arm->next_bench, NULL);
  arm->bench = arm->next_bench;
  arm->hung = false;
  arm->watchdog_fed = 0;
  arm->stood_us = 0;
  sim_electrodes_restart (&arm->electrodes);
  start_clock (arm);
  run_second_stage (arm);
  arm->powered = bpg_control_init (&arm->control);
  arm->starts++;
  return arm->powered;
}

void
simlimb_power_off (struct simlimb *arm, bool cut)
{
  if (cut)
    sim_flash_power_off (&arm->flash);
  arm->powered = false;
  sim_line_unplug (&arm->line);
}

/* What the last round may have led to: a cut in flash, a reset. */
static void
look_after (struct simlimb *arm)
{
  if (arm->flash.dead)
    {
      simlimb_power_off (arm, true);
      return;
    }
  if (arm->reset_wanted)
    {
      sim_line_transfer (&arm->line);
      simlimb_power_on (arm, BPG_BOOT_RESET);
    }
}

static void
run_control (struct simlimb *arm)
{
  if (!arm->hung)
    bpg_control_run (&arm->control);
  else if (arm->event - arm->watchdog_fed > SIM_WATCHDOG_US)
    simlimb_power_on (arm, BPG_BOOT_WATCHDOG);
  look_after (arm);
}

static void
deliver_sample (struct simlimb *arm)
{
  gint16 values[BPG_PORT_MAX_CHANNELS];
  bool has_sample = true;

  begin_event (arm, arm->next_tick);
  if (arm->bench.on)
    has_sample = sim_bench_next (&arm->bench, values);
  else
    sim_electrodes_next (&arm->electrodes, values);
  /* What the electrodes cost to make up is not the arm's time. */
  arm->origin = g_get_monotonic_time ();
  if (has_sample)
    bpg_control_sample (&arm->control, values, arm->event);
  arm->next_tick += 1e6 / bpg_port_electrodes ()->rate;
  run_control (arm);
}

/* Whether hurried time has to wait for the reader. */
static bool
must_wait (struct simlimb *arm)
{
  gint64 now;

  if (!sim_line_is_congested (&arm->line) || arm->speed <= 1)
    {
      arm->waiting = 0;
      return false;
    }
  now = g_get_monotonic_time ();
  if (arm->waiting == 0)
    arm->waiting = now;
  return now - arm->waiting < WAIT_MOST_US;
}

void
simlimb_step (struct simlimb *arm, double microseconds)
{
  double target = arm->emulated + microseconds;
  guint64 starts = arm->starts;

  sim_line_advance (&arm->line, (uint64_t) microseconds);
  while (arm->powered && arm->starts == starts && arm->next_tick <= target)
    {
      if (must_wait (arm))
        target = arm->next_tick - 1;
      else
        deliver_sample (arm);
    }
  /* A restart in between has set the clock anew. */
  if (arm->starts == starts)
    arm->emulated = target;
}

void
simlimb_advance (struct simlimb *arm)
{
  gint64 now = g_get_monotonic_time ();
  double left = (double) MIN (now - arm->real, REAL_STEP_MOST_US) * arm->speed;
  guint64 starts = arm->starts;

  while (left > 0 && arm->powered && arm->starts == starts)
    {
      double piece = MIN (left, PIECE_US);

      simlimb_step (arm, piece);
      left -= piece;
      /* Time that waits for a reader is not made up for. */
      if (arm->waiting != 0)
        left = 0;
      if (g_get_monotonic_time () - now > WORK_MOST_US)
        break;
    }
  if (arm->starts == starts)
    arm->real = now - (gint64) (MAX (left, 0) / arm->speed);
}

void
simlimb_receive (struct simlimb *arm)
{
  /* A flood must not keep time from going on. */
  for (unsigned i = 0; i < TRANSFERS_MOST && arm->powered && sim_line_transfer (&arm->line); i++)
    {
      begin_event (arm, arm->emulated);
      run_control (arm);
    }
  sim_line_transfer (&arm->line);
}

void
simlimb_press (struct simlimb *arm)
{
  if (!arm->powered)
    return;
  begin_event (arm, arm->emulated);
  bpg_control_button (&arm->control);
  run_control (arm);
}

void
simlimb_set_speed (struct simlimb *arm, double speed)
{
  simlimb_advance (arm);
  arm->speed = speed;
}
