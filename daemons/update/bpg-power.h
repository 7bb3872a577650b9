/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#define BPG_POWER_FOLDER "/sys/class/power_supply"

/**
 * BpgPower:
 * @on_battery: nothing but batteries feeds this PC
 * @percent: charge of the fullest battery, 100 when there is none
 */
typedef struct {
  gboolean on_battery;
  guint percent;
} BpgPower;

/**
 * bpg_power_read:
 * @folder: BPG_POWER_FOLDER, or one like it
 *
 * Looks what this PC runs on (Linux, Documentation/ABI/testing/sysfs-class-power). A battery of something that is only
 * attached, as a mouse, does not count. What cannot be read is taken for mains: a PC without a battery says as little.
 * Blocks, for moments; for workers.
 */
BpgPower bpg_power_read (const char *folder);
