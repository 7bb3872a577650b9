/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-archive.h"
#include "bpg-arm-watch.h"

#define BPG_TYPE_USAGE (bpg_usage_get_type ())
G_DECLARE_FINAL_TYPE (BpgUsage, bpg_usage, BPG, USAGE, GObject)

/**
 * bpg_usage_new:
 * @watch: tells whether the prosthesis is there
 *
 * Exports Usage1 of a prosthesis.
 */
BpgUsage *bpg_usage_new (BpgArchive *archive, BpgArmWatch *watch, const char *device_id);

/**
 * bpg_usage_take_arm:
 *
 * The prosthesis has told something new; when it has just connected and is bound, its log is fetched.
 */
void bpg_usage_take_arm (BpgUsage *self, const BpgArm *arm);

/**
 * bpg_usage_set_gone:
 *
 * The prosthesis is not on the bus any more.
 */
void bpg_usage_set_gone (BpgUsage *self);

/**
 * bpg_usage_publish:
 *
 * Reads the figures from the index anew, after records were deleted.
 */
void bpg_usage_publish (BpgUsage *self);
