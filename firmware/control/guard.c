/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control/guard.h"

#define HYSTERESIS_PERCENT 2u

void
bpg_guard_init (struct bpg_guard *guard)
{
  *guard = (struct bpg_guard){ 0 };
}

static bool
below (bool was_below, unsigned percent, unsigned limit)
{
  return percent < limit + (was_below ? HYSTERESIS_PERCENT : 0);
}

uint8_t
bpg_guard_update (struct bpg_guard *guard, const struct bpg_guard_reading *reading, uint64_t now_us)
{
  uint8_t before = guard->stops;
  uint8_t stops = 0;

  if (below (before & BPG_GUARD_BATTERY, reading->battery_percent, BPG_GUARD_MOVE_PERCENT))
    stops |= BPG_GUARD_BATTERY;
  guard->write_low = below (guard->write_low, reading->battery_percent, BPG_GUARD_WRITE_PERCENT);

  if (reading->current_ma > BPG_GUARD_CURRENT_MA)
    guard->current_until = now_us + BPG_GUARD_HOLD_US;
  if (reading->temperature_dc > BPG_GUARD_TEMPERATURE_DC)
    guard->temperature_until = now_us + BPG_GUARD_HOLD_US;
  if (now_us < guard->current_until)
    stops |= BPG_GUARD_CURRENT;
  if (now_us < guard->temperature_until)
    stops |= BPG_GUARD_TEMPERATURE;
  if (reading->dead != 0)
    stops |= BPG_GUARD_ELECTRODE;

  guard->stops = stops;
  return stops & (uint8_t) ~before;
}

bool
bpg_guard_may_move (const struct bpg_guard *guard)
{
  return guard->stops == 0;
}

bool
bpg_guard_may_write (const struct bpg_guard *guard)
{
  return !guard->write_low;
}
