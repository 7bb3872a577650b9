/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-training-convert.h"

#include "lib/bpg-training-error.h"

GError *
bpg_training_convert (GError *error)
{
  static const BpgError codes[] = {
    [BPG_TRAINING_ERROR_FAILED] = BPG_ERROR_FAILED,
    [BPG_TRAINING_ERROR_NOT_FOUND] = BPG_ERROR_NOT_FOUND,
    [BPG_TRAINING_ERROR_CORRUPT] = BPG_ERROR_CORRUPT,
    [BPG_TRAINING_ERROR_LIMIT] = BPG_ERROR_LIMIT_EXCEEDED,
    [BPG_TRAINING_ERROR_INCOMPATIBLE] = BPG_ERROR_INCOMPATIBLE,
    [BPG_TRAINING_ERROR_NO_SAMPLES] = BPG_ERROR_INVALID_ARGUMENT,
    [BPG_TRAINING_ERROR_TOO_FEW_MOVEMENTS] = BPG_ERROR_INVALID_ARGUMENT,
    [BPG_TRAINING_ERROR_SIGNAL_POOR] = BPG_ERROR_SIGNAL_POOR,
    [BPG_TRAINING_ERROR_INCONSISTENT] = BPG_ERROR_SIGNAL_POOR,
    [BPG_TRAINING_ERROR_INVALID_ARGUMENT] = BPG_ERROR_INVALID_ARGUMENT,
    [BPG_TRAINING_ERROR_CANCELLED] = BPG_ERROR_CANCELLED,
  };
  g_autoptr (GError) foreign = error;

  if (foreign->domain != BPG_TRAINING_ERROR || (guint) foreign->code >= G_N_ELEMENTS (codes))
    return bpg_error_convert (g_steal_pointer (&foreign), NULL);
  return g_error_new_literal (BPG_ERROR, codes[foreign->code], foreign->message);
}
