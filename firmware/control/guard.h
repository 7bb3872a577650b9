/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What must not be done now. No movement, no write and no update below the
 * battery's limits; over-current, over-temperature and an electrode that is missed
 * stop the actuators.
 */

#include <stdbool.h>
#include <stdint.h>

/* Percent; a limit once crossed holds until the charge is 2 above it. */
#define BPG_GUARD_MOVE_PERCENT 5u
#define BPG_GUARD_WRITE_PERCENT 15u
#define BPG_GUARD_CURRENT_MA 3000u
#define BPG_GUARD_TEMPERATURE_DC 700
/* A stop for current or temperature holds this long after its cause. */
#define BPG_GUARD_HOLD_US 1000000u

enum bpg_guard_stop
{
  BPG_GUARD_BATTERY = 1u << 0,
  BPG_GUARD_CURRENT = 1u << 1,
  BPG_GUARD_TEMPERATURE = 1u << 2,
  BPG_GUARD_ELECTRODE = 1u << 3,
};

struct bpg_guard
{
  uint8_t stops; /* enum bpg_guard_stop, all that hold now */
  bool write_low;
  uint64_t current_until;
  uint64_t temperature_until;
};

/* What a look at the board found. */
struct bpg_guard_reading
{
  unsigned battery_percent;
  uint32_t current_ma;
  int32_t temperature_dc;
  uint16_t dead; /* mask of electrodes that are missed */
};

/* Starts with no stop and a battery that may be written on. */
void bpg_guard_init (struct bpg_guard *guard);

/* Judges a reading; returns the stops that began with it. */
uint8_t bpg_guard_update (struct bpg_guard *guard, const struct bpg_guard_reading *reading,
                          uint64_t now_us);

/* Whether the actuators may move. */
bool bpg_guard_may_move (const struct bpg_guard *guard);

/* Whether flash may be written at somebody's request. */
bool bpg_guard_may_write (const struct bpg_guard *guard);
