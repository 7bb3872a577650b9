/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-firmware-policy.h"

#include "bpg-error.h"

gboolean
bpg_firmware_policy_check_fit (const BpgFirmware *firmware, const char *hardware, const char *side, GError **error)
{
  if (!g_str_equal (firmware->hardware, hardware)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INCOMPATIBLE, "The firmware is for the board '%s', the arm has '%s'",
                 firmware->hardware, hardware);
    return FALSE;
  }
  if (g_str_equal (firmware->side, "any") || g_str_equal (firmware->side, side))
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_INCOMPATIBLE, "The firmware is for a %s arm", firmware->side);
  return FALSE;
}

/* After the restart the arm must still be able to decide. */
static gboolean
check_schema (const BpgFirmwarePolicy *self, GError **error)
{
  if (self->firmware->schema >= self->arm.model_schema || self->override)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_INCOMPATIBLE,
               "The firmware understands models up to schema %u, and the arm's model has schema %u: the arm would "
               "stand still until it is trained anew. Insist with 'override'",
               self->firmware->schema, self->arm.model_schema);
  return FALSE;
}

static gboolean
check_version (const BpgFirmwarePolicy *self, GError **error)
{
  if (self->firmware->packed >= self->arm.version || self->downgrade)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_VERSION_TOO_OLD,
               "Version %s is older than what runs on the arm. Go back with 'downgrade'", self->firmware->version);
  return FALSE;
}

static gboolean
check_charge (const BpgFirmwarePolicy *self, GError **error)
{
  if (self->override)
    return TRUE;
  if (self->arm.battery < BPG_FIRMWARE_ARM_PERCENT) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_BATTERY_TOO_LOW,
                 "The prosthesis's battery is at %u %%, firmware is written from %u %% on. Charge it first",
                 self->arm.battery, BPG_FIRMWARE_ARM_PERCENT);
    return FALSE;
  }
  if (self->power.on_battery && self->power.percent < BPG_FIRMWARE_PC_PERCENT) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_BATTERY_TOO_LOW,
                 "This PC runs on its battery, which is at %u %%; firmware is written from %u %% on. Plug the PC in "
                 "first",
                 self->power.percent, BPG_FIRMWARE_PC_PERCENT);
    return FALSE;
  }
  return TRUE;
}

gboolean
bpg_firmware_policy_check_restart (const BpgFirmwarePolicy *self, GError **error)
{
  if (!self->arm.worn || self->worn)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_NEEDS_USER_ACTION,
               "The arm is worn, and stands still while it restarts. Take it off, or ask the patient and say so with "
               "'worn'");
  return FALSE;
}

gboolean
bpg_firmware_policy_check (const BpgFirmwarePolicy *self, GError **error)
{
  if (self->firmware != NULL &&
      (!bpg_firmware_policy_check_fit (self->firmware, self->arm.hardware, self->arm.side, error) ||
       !check_schema (self, error) || !check_version (self, error)))
    return FALSE;
  return check_charge (self, error) && bpg_firmware_policy_check_restart (self, error);
}
