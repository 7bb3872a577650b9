/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-training-error.h"

G_DEFINE_QUARK (bpg-training-error-quark, bpg_training_error)

static const char *const names[] = {
  [BPG_TRAINING_ERROR_FAILED] = "Failed",
  [BPG_TRAINING_ERROR_NOT_FOUND] = "NotFound",
  [BPG_TRAINING_ERROR_CORRUPT] = "Corrupt",
  [BPG_TRAINING_ERROR_LIMIT] = "LimitExceeded",
  [BPG_TRAINING_ERROR_INCOMPATIBLE] = "Incompatible",
  [BPG_TRAINING_ERROR_NO_SAMPLES] = "NoSamples",
  [BPG_TRAINING_ERROR_TOO_FEW_MOVEMENTS] = "TooFewMovements",
  [BPG_TRAINING_ERROR_SIGNAL_POOR] = "SignalPoor",
  [BPG_TRAINING_ERROR_INCONSISTENT] = "Inconsistent",
  [BPG_TRAINING_ERROR_INVALID_ARGUMENT] = "InvalidArgument",
  [BPG_TRAINING_ERROR_CANCELLED] = "Cancelled",
};

G_STATIC_ASSERT (G_N_ELEMENTS (names) == BPG_TRAINING_ERROR_CANCELLED + 1);

const char *
bpg_training_error_name (int code)
{
  return code >= 0 && code < (int) G_N_ELEMENTS (names) ? names[code] : names[BPG_TRAINING_ERROR_FAILED];
}
