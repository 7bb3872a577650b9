/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lib/bpg-training-set.h"

/**
 * BpgTrainingMaterial:
 * @recordings: (element-type BpgEmgRecording): each segment spans what the muscle did, not what was prompted
 * @selections: (element-type BpgSelection): one a recording
 * @repetitions: the most repetitions that any movement has
 *
 * Recordings made ready for training.
 */
typedef struct {
  GPtrArray *recordings;
  GArray *selections;
  guint repetitions;
} BpgTrainingMaterial;

/** bpg_training_material_new: nothing yet. */
BpgTrainingMaterial *bpg_training_material_new (void);
void bpg_training_material_free (BpgTrainingMaterial *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgTrainingMaterial, bpg_training_material_free)

/**
 * bpg_training_material_add:
 * @container: a .bpr
 * @numbers: (nullable) (element-type guint): use only repetitions with these numbers
 *
 * Reads a recording and narrows each repetition from what was prompted to what was done: from the onset of the contraction
 * to its release, as the rules of bpg-verdict.h find them against the recording's own rest. What lies outside is rest that
 * was called a movement.
 *
 * Returns: %FALSE with a #BpgTrainingError.
 */
gboolean bpg_training_material_add (BpgTrainingMaterial *self, GBytes *container, GArray *numbers, GError **error);

/**
 * bpg_training_material_halve:
 *
 * Returns: (transfer full): the same with each repetition cut in two, numbered 1 and 2, for evaluation where there is only
 *   one repetition of each movement.
 */
BpgTrainingMaterial *bpg_training_material_halve (const BpgTrainingMaterial *self);

/**
 * bpg_training_material_choose:
 * @wanted: (array): one boolean a recording
 *
 * Returns: (transfer full): only those recordings.
 */
BpgTrainingMaterial *bpg_training_material_choose (const BpgTrainingMaterial *self, const gboolean *wanted);
