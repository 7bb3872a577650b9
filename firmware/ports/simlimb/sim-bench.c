/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim-bench.h"

#include <string.h>

#include "recognition/unit.h"

void
sim_bench_set (struct sim_bench *bench, const struct bpg_port_electrodes *electrodes)
{
  memset (bench, 0, sizeof *bench);
  if (electrodes == NULL)
    return;
  bench->on = true;
  bench->electrodes = *electrodes;
  bench->electrodes.unit = bpg_unit_name (electrodes->unit_code);
}

void
sim_bench_push (struct sim_bench *bench, const gint16 *values)
{
  if (bench->count == SIM_BENCH_QUEUE)
    return;
  memcpy (bench->samples[(bench->first + bench->count++) % SIM_BENCH_QUEUE], values,
          sizeof bench->samples[0]);
}

bool
sim_bench_next (struct sim_bench *bench, gint16 *values)
{
  if (bench->count == 0)
    return false;
  memcpy (values, bench->samples[bench->first], sizeof bench->samples[0]);
  bench->first = (bench->first + 1) % SIM_BENCH_QUEUE;
  bench->count--;
  return true;
}
