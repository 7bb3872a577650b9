/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-arm-error.h"

#include "bpg-error.h"

#include "link/messages.h"

static const BpgError arm_codes[] = {
  [BPG_ARM_OK] = BPG_ERROR_FAILED,
  [BPG_ARM_ERROR_UNKNOWN] = BPG_ERROR_FAILED,
  [BPG_ARM_ERROR_INVALID] = BPG_ERROR_INVALID_ARGUMENT,
  [BPG_ARM_ERROR_WRONG_STATE] = BPG_ERROR_WRONG_STATE,
  [BPG_ARM_ERROR_BUSY] = BPG_ERROR_BUSY,
  [BPG_ARM_ERROR_BATTERY_LOW] = BPG_ERROR_BATTERY_TOO_LOW,
  [BPG_ARM_ERROR_NOT_BOUND] = BPG_ERROR_WRONG_STATE,
  [BPG_ARM_ERROR_SIGNATURE] = BPG_ERROR_SIGNATURE_INVALID,
  [BPG_ARM_ERROR_INCOMPATIBLE] = BPG_ERROR_INCOMPATIBLE,
  [BPG_ARM_ERROR_NO_SPACE] = BPG_ERROR_NO_SPACE,
  [BPG_ARM_ERROR_VERSION_OLD] = BPG_ERROR_VERSION_TOO_OLD,
  [BPG_ARM_ERROR_CORRUPT] = BPG_ERROR_CORRUPT,
  /* Of an upload: larger than the slot. */
  [BPG_ARM_ERROR_LIMIT] = BPG_ERROR_NO_SPACE,
  [BPG_ARM_ERROR_NOT_AUTHORISED] = BPG_ERROR_NOT_AUTHORIZED,
};

static const BpgError smp_codes[] = {
  [BPG_SMP_OK] = BPG_ERROR_FAILED,
  [BPG_SMP_ERROR_UNKNOWN] = BPG_ERROR_FAILED,
  [BPG_SMP_ERROR_NO_MEMORY] = BPG_ERROR_NO_SPACE,
  [BPG_SMP_ERROR_INVALID] = BPG_ERROR_INVALID_ARGUMENT,
  [BPG_SMP_ERROR_TIMEOUT] = BPG_ERROR_TIMED_OUT,
  [BPG_SMP_ERROR_NO_ENTRY] = BPG_ERROR_NOT_FOUND,
  [BPG_SMP_ERROR_BAD_STATE] = BPG_ERROR_WRONG_STATE,
  [BPG_SMP_ERROR_TOO_LARGE] = BPG_ERROR_NO_SPACE,
  [BPG_SMP_ERROR_NOT_SUPPORTED] = BPG_ERROR_NOT_SUPPORTED,
  [BPG_SMP_ERROR_CORRUPT] = BPG_ERROR_CORRUPT,
  [BPG_SMP_ERROR_BUSY] = BPG_ERROR_BUSY,
  [BPG_SMP_ERROR_ACCESS_DENIED] = BPG_ERROR_NOT_AUTHORIZED,
};

static BpgError
find_code (guint16 group, guint16 rc)
{
  if (group == BPG_GROUP_ARM)
    return rc < G_N_ELEMENTS (arm_codes) ? arm_codes[rc] : BPG_ERROR_FAILED;
  return rc < G_N_ELEMENTS (smp_codes) ? smp_codes[rc] : BPG_ERROR_FAILED;
}

gboolean
bpg_arm_error_check (const guint8 *payload, gsize length, guint16 group, GError **error)
{
  guint16 their_group, rc;

  if (!bpg_error_decode (payload, length, group, &their_group, &rc)) {
    g_set_error_literal (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The reply is not one the protocol knows");
    return FALSE;
  }
  if (rc == 0)
    return TRUE;

  if (their_group == BPG_GROUP_ARM)
    g_set_error (error, BPG_ERROR, find_code (their_group, rc), "The arm refuses: %s", bpg_arm_strerror (rc));
  else
    g_set_error (error, BPG_ERROR, find_code (their_group, rc), "The arm refuses: error %u of group %u", rc, their_group);
  return FALSE;
}
