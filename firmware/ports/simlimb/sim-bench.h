/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Bench mode's electrodes: samples from the link wait here for their time. */

#include <glib.h>
#include <stdbool.h>

#include "control/port.h"

#define SIM_BENCH_QUEUE 128u

struct sim_bench
{
  bool on;
  struct bpg_port_electrodes electrodes;
  gint16 samples[SIM_BENCH_QUEUE][BPG_PORT_MAX_CHANNELS];
  unsigned first;
  unsigned count;
};

/* Puts such electrodes in place, %NULL for none, with nothing waiting. */
void sim_bench_set (struct sim_bench *bench, const struct bpg_port_electrodes *electrodes);

/* Adds a sample, if there is room. */
void sim_bench_push (struct sim_bench *bench, const gint16 *values);

/* The next sample; false when none waits. */
bool sim_bench_next (struct sim_bench *bench, gint16 *values);
