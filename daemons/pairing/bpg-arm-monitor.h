/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-arm-identity.h"
#include "bpg-dbus.h"
#include "bpg-link.h"

#define BPG_TYPE_ARM_MONITOR (bpg_arm_monitor_get_type ())
G_DECLARE_FINAL_TYPE (BpgArmMonitor, bpg_arm_monitor, BPG, ARM_MONITOR, GObject)

typedef enum {
  BPG_ARM_STATUS_PART = 1 << 0,
  BPG_ARM_PARAMETERS_PART = 1 << 1,
  BPG_ARM_IDENTITY_PART = 1 << 2,
  BPG_ARM_EVERY_PART = 7,
} BpgArmParts;

/**
 * bpg_arm_monitor_new:
 * @identity: what was proved on @link
 * @skeleton: whose properties are kept up to date
 *
 * Asks the arm of one connection how it is and puts the answers into the properties; regularly from
 * bpg_arm_monitor_start() on. Closes the link when the arm does not answer any more (TimedOut), was started anew
 * (Disconnected), or shows another identity than the proved one (WrongProsthesis).
 */
BpgArmMonitor *bpg_arm_monitor_new (BpgLink *link, const BpgArmIdentity *identity, BpgDBusProsthesis1 *skeleton);

/**
 * bpg_arm_monitor_refresh_async:
 *
 * Reads these parts now. Errors: TimedOut, Disconnected, Corrupt, and what the arm answers.
 */
void bpg_arm_monitor_refresh_async (BpgArmMonitor *self, BpgArmParts parts, GAsyncReadyCallback callback,
                                    gpointer user_data);

gboolean bpg_arm_monitor_refresh_finish (BpgArmMonitor *self, GAsyncResult *result, GError **error);

/**
 * bpg_arm_monitor_start:
 */
void bpg_arm_monitor_start (BpgArmMonitor *self);

/**
 * bpg_arm_monitor_set_busy:
 * @busy: somebody works with the arm: ask more often
 */
void bpg_arm_monitor_set_busy (BpgArmMonitor *self, gboolean busy);

/**
 * bpg_arm_monitor_hint:
 *
 * These parts have probably changed: reads them soon, at most a few times a second however often it is hinted.
 */
void bpg_arm_monitor_hint (BpgArmMonitor *self, BpgArmParts parts);

/**
 * bpg_arm_monitor_stop:
 *
 * Nothing is asked and no property is touched any more.
 *
 * Signal "polled": after each regular poll, for what is to be published at the same pace.
 */
void bpg_arm_monitor_stop (BpgArmMonitor *self);
