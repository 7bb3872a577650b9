/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The battery's gauge: a MAX17048-class one on the I2C bus (Maxim's data
 * sheet 19-6171), which measures the voltage of a cell and models its charge.
 *
 * A gauge that does not answer, or answers what no battery can be, is absent;
 * what that means is for the caller to say. A battery guard must not take
 * "absent" for "full": without a gauge the board's own limits protect it, and
 * movements are allowed only on an outside supply.
 */

#include <stdbool.h>
#include <stdint.h>

#define BPG_GAUGE_ADDRESS 0x36u

/* Failed readings in a row after which the gauge is absent; until then the
 * last good one counts. */
#define BPG_GAUGE_PATIENCE 3u

/* What a cell can have, in millivolts. */
#define BPG_GAUGE_CELL_MIN_MV 2500u
#define BPG_GAUGE_CELL_MAX_MV 4400u

struct bpg_gauge
{
  unsigned cells; /* in series, of which the gauge sees one */
  unsigned failures;
  bool present;
  uint32_t battery_mv;
  unsigned percent; /* 0..100 */
};

/* Starts absent, for a battery of @cells in series. */
void bpg_gauge_init (struct bpg_gauge *gauge, unsigned cells);

/* Reads the gauge: about 1.5 ms on the bus. Returns whether it is present,
 * with battery_mv and percent. */
bool bpg_gauge_read (struct bpg_gauge *gauge);
