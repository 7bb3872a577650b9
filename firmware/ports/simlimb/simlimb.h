/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The virtual prosthesis: the arm's own program (firmware/control) on a port
 * of Linux files, a pty and GnuTLS. Time is emulated: samples come at their
 * ticks, N times faster than real when wished, and everything on the arm
 * counts that time. While a sample is being worked on, the arm's clock goes
 * on as the computing takes: so a decision's latency is the program's own.
 * Faster than real, time waits for a reader that cannot take the stream so
 * fast, but not for one that has stopped reading.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/control.h"
#include "sim-bench.h"
#include "sim-electrodes.h"
#include "sim-element.h"
#include "sim-flash.h"
#include "sim-line.h"

#define SIM_SPEED_MOST 1000.0
/* The watchdog resets an arm whose program does not feed it for so long. */
#define SIM_WATCHDOG_US 200000u

struct simlimb
{
  struct sim_flash flash;
  struct sim_element element;
  struct sim_electrodes electrodes;
  struct sim_bench bench;
  struct sim_bench next_bench; /* from the next start on */
  struct sim_line line;
  struct bpg_control control;
  bool powered;
  enum bpg_boot_reason boot_reason;
  uint8_t firmware_slot; /* that the second stage started */
  bool reset_wanted;
  double speed;
  gint64 waiting;   /* monotonic time since when the line's reader lags, or 0 */
  gint64 real;      /* monotonic time up to which the arm was emulated, µs */
  double emulated;  /* the arm's time at that moment, µs */
  double next_tick; /* of the next sample */
  gint64 origin;    /* monotonic time when the present event began */
  uint64_t event;   /* the arm's time of the present event */
  uint64_t last_now; /* what the clock last showed */
  unsigned battery_percent;
  bool worn;
  bool identifying;
  int32_t temperature_dc;
  uint32_t current_ma; /* added to what the actuators draw */
  uint16_t position[BPG_PORT_ACTUATORS];
  uint64_t actuator_commands;
  uint64_t watchdog_fed; /* the arm's time when it last was */
  uint32_t stood_us;     /* how long flash would have made the program stand since then */
  bool hung;             /* the program no longer gets anywhere */
  guint64 starts;
};

/* The one arm of this process, which the port's functions serve. */
extern struct simlimb *simlimb;

/* Turns the power on: boots from flash. Returns false when the arm was never
 * made. */
bool simlimb_power_on (struct simlimb *arm, enum bpg_boot_reason reason);

/* Turns the power off; @cut: in the middle of things. The line hangs up. */
void simlimb_power_off (struct simlimb *arm, bool cut);

/* Emulates so many microseconds of the arm's time. */
void simlimb_step (struct simlimb *arm, double microseconds);

/* Emulates up to the present moment, at the arm's speed, or as far towards it
 * as a twentieth of a second of work goes. */
void simlimb_advance (struct simlimb *arm);

/* Lets the arm look at what came on the line, and sends what waits. */
void simlimb_receive (struct simlimb *arm);

/* Presses the button. */
void simlimb_press (struct simlimb *arm);

/* Changes the speed from now on. */
void simlimb_set_speed (struct simlimb *arm, double speed);
