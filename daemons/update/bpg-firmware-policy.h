/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-firmware.h"
#include "bpg-power.h"

/* What charge firmware is written with, percent. The arm itself has a lower limit, which nothing overrides. */
#define BPG_FIRMWARE_ARM_PERCENT 30u
#define BPG_FIRMWARE_PC_PERCENT 20u

/**
 * BpgFirmwareArm:
 * @hardware: @side: of the arm; @side empty when it is bound to none
 * @battery: charge, percent
 * @worn: somebody wears it
 * @model_schema: of the model that decides on it, 0 for none
 * @version: packed, of the firmware that runs
 *
 * What the arm says of itself.
 */
typedef struct {
  char hardware[64];
  char side[16];
  guint battery;
  gboolean worn;
  guint32 model_schema;
  guint64 version;
} BpgFirmwareArm;

/**
 * BpgFirmwarePolicy:
 * @firmware: (nullable): what is to run; %NULL when it is on the arm already and only a restart is asked for
 * @arm: @power: how things stand
 * @override: whoever asked may go below the limits of charge, and take a model's end into account
 * @downgrade: whoever asked may go back to an older version
 * @worn: the patient, who wears the arm, has agreed
 *
 * Everything on which it depends whether firmware is written to an arm, or started, now.
 */
typedef struct {
  const BpgFirmware *firmware;
  BpgFirmwareArm arm;
  BpgPower power;
  gboolean override;
  gboolean downgrade;
  gboolean worn;
} BpgFirmwarePolicy;

/**
 * bpg_firmware_policy_check_fit:
 *
 * Whether firmware was made for that board and side.
 *
 * Returns: %FALSE with Incompatible.
 */
gboolean bpg_firmware_policy_check_fit (const BpgFirmware *firmware, const char *hardware, const char *side,
                                        GError **error);

/**
 * bpg_firmware_policy_check:
 *
 * Returns: %FALSE with Incompatible (board, side, or a model it does not understand), VersionTooOld, BatteryTooLow (says
 *   whose), NeedsUserAction (the arm is worn and the patient was not asked).
 */
gboolean bpg_firmware_policy_check (const BpgFirmwarePolicy *self, GError **error);

/**
 * bpg_firmware_policy_check_restart:
 *
 * The part of it that is about restarting the arm: NeedsUserAction.
 */
gboolean bpg_firmware_policy_check_restart (const BpgFirmwarePolicy *self, GError **error);
