/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-arm-watch.h"
#include "bpg-history.h"
#include "bpg-slots.h"

#define BPG_TYPE_FLEET (bpg_fleet_get_type ())
G_DECLARE_FINAL_TYPE (BpgFleet, bpg_fleet, BPG, FLEET, GObject)

/**
 * bpg_fleet_new:
 *
 * Keeps a Slots1 object for every bound prosthesis, and in step with the arm: read when it connects, when it decides
 * with another model, when a trial has ended, and after each job.
 *
 * Signal "arm" (path): a prosthesis has appeared or changed. Signal "ready": once, when those that were there at the
 * beginning are known.
 */
BpgFleet *bpg_fleet_new (BpgService *service, BpgHistory *history);

/**
 * bpg_fleet_is_ready:
 *
 * Returns: whether it is known which prostheses there are.
 */
gboolean bpg_fleet_is_ready (BpgFleet *self);

/**
 * bpg_fleet_get_arm:
 *
 * Returns: (transfer full) (nullable): the prosthesis at @path.
 */
BpgArm *bpg_fleet_get_arm (BpgFleet *self, const char *path);

/**
 * bpg_fleet_get_slots:
 *
 * Returns: (transfer none) (nullable): the slots of the prosthesis at @path, %NULL when it is not bound.
 */
BpgSlots *bpg_fleet_get_slots (BpgFleet *self, const char *path);

/**
 * bpg_fleet_look:
 *
 * Reads the slots of an arm, now or when the job that works on it has ended.
 */
void bpg_fleet_look (BpgFleet *self, BpgSlots *slots);
