/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define BPG_TRAINING_ERROR (bpg_training_error_quark ())

/**
 * BpgTrainingError:
 * @BPG_TRAINING_ERROR_FAILED: none of the others; the message says what.
 * @BPG_TRAINING_ERROR_NOT_FOUND: a file is not there or cannot be read.
 * @BPG_TRAINING_ERROR_CORRUPT: a recording or model does not hold what its format demands.
 * @BPG_TRAINING_ERROR_LIMIT: larger than any sensible input.
 * @BPG_TRAINING_ERROR_INCOMPATIBLE: rate, channels, scale or window differ from the model's.
 * @BPG_TRAINING_ERROR_NO_SAMPLES: nothing is left after selection and trimming.
 * @BPG_TRAINING_ERROR_TOO_FEW_MOVEMENTS: fewer than two movements.
 * @BPG_TRAINING_ERROR_SIGNAL_POOR: too few usable electrodes.
 * @BPG_TRAINING_ERROR_INCONSISTENT: the new recording contradicts the model it would adapt.
 * @BPG_TRAINING_ERROR_INVALID_ARGUMENT: an option is outside what it may be.
 * @BPG_TRAINING_ERROR_CANCELLED: the caller's cancellable fired.
 *
 * What goes wrong between recordings and models.  Every message ends in what to do next.
 */
typedef enum
{
  BPG_TRAINING_ERROR_FAILED,
  BPG_TRAINING_ERROR_NOT_FOUND,
  BPG_TRAINING_ERROR_CORRUPT,
  BPG_TRAINING_ERROR_LIMIT,
  BPG_TRAINING_ERROR_INCOMPATIBLE,
  BPG_TRAINING_ERROR_NO_SAMPLES,
  BPG_TRAINING_ERROR_TOO_FEW_MOVEMENTS,
  BPG_TRAINING_ERROR_SIGNAL_POOR,
  BPG_TRAINING_ERROR_INCONSISTENT,
  BPG_TRAINING_ERROR_INVALID_ARGUMENT,
  BPG_TRAINING_ERROR_CANCELLED,
} BpgTrainingError;

GQuark bpg_training_error_quark (void);

/** bpg_training_error_name: the code's name as front ends and logs show it, e.g. "Incompatible". */
const char *bpg_training_error_name (int code);

G_END_DECLS
