/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-training-material.h"
#include "lib/bpg-comparison.h"
#include "lib/bpg-drift.h"

#include <gio/gio.h>

/**
 * BpgCompareMode:
 * @BPG_COMPARE_NONE: there is no model to beat
 * @BPG_COMPARE_IF_FITS: compare, unless the model to beat is for other electrodes
 * @BPG_COMPARE: compare, and fail when that cannot be
 */
typedef enum {
  BPG_COMPARE_NONE,
  BPG_COMPARE_IF_FITS,
  BPG_COMPARE,
} BpgCompareMode;

/**
 * BpgTrainingTask:
 * @containers: (element-type GBytes): recordings
 * @repetitions: (nullable) (element-type guint): use only these
 * @from: (nullable): adapt this model
 * @rival: (nullable): the model to beat
 * @seen: (array): of each recording, whether @rival or an ancestor of it was trained on it
 * @rival_accuracy: @rival_low: what @rival reached when it was made, -1 when unknown
 * @holdout: keep whole repetitions out for the evaluation where there are several
 * @note: at most 127 bytes
 * @progress: called in the worker with 0 to 1 and a word for what comes next
 *
 * All that a worker needs.
 */
typedef struct {
  GPtrArray *containers;
  GArray *repetitions;
  BpgModel *from;
  BpgModel *rival;
  BpgCompareMode mode;
  const gboolean *seen;
  double rival_accuracy;
  double rival_low;
  guint window_ms;
  guint hop_ms;
  gboolean holdout;
  const char *note;
  GCancellable *cancellable;
  void (*progress) (gpointer user_data, double done, const char *phase);
  gpointer user_data;
} BpgTrainingTask;

/**
 * BpgTrainingOutcome:
 * @model: trained on everything
 * @evaluation: of the same training on repetitions it did not see
 * @verdict: `first`, `better`, `not-worse` or `worse`
 * @compared_accuracy: of the rival on the same repetitions; -1 without one
 */
typedef struct {
  BpgModel *model;
  BpgEvaluation *evaluation;
  const char *verdict;
  double compared_accuracy;
} BpgTrainingOutcome;

void bpg_training_outcome_free (BpgTrainingOutcome *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgTrainingOutcome, bpg_training_outcome_free)

/**
 * bpg_training_work:
 *
 * Trains, evaluates and compares. The evaluation is on repetitions that the judged training never saw: with several of
 * each movement each is decided by a model trained on the others; with one of each (recalibration) each half by a model
 * trained on the other half. The rival decides the same windows. The new model is worse when its error, averaged over
 * repetitions, is higher by more than five percentage points, or by more than one and the 95 % interval of the paired
 * difference (Student's t over repetitions, which are independent where windows are not) lies above zero: one unlucky
 * window refuses nothing, two swapped movements do. Recordings that the rival (or a model it was adapted from) was trained
 * on are left out of the comparison; when nothing else is there, the two models' own evaluations are compared: worse is then
 * more than three points, or more than one and intervals that do not touch.
 *
 * A recording in which two movements are swapped against what the model to be beaten (else the one that is adapted)
 * knows is SignalPoor, see bpg_find_swapped().
 *
 * Blocks; for a worker.
 *
 * Returns: (transfer full): or %NULL with an error of the training library or the gateway's domain.
 */
BpgTrainingOutcome *bpg_training_work (const BpgTrainingTask *task, GError **error);

/**
 * bpg_evaluation_work:
 * @model: what is run
 * @drift: how far the recordings are from its training
 *
 * Runs a model over recordings with the arm's own code.
 *
 * Returns: (transfer full): or %NULL as bpg_training_work().
 */
BpgEvaluation *bpg_evaluation_work (const BpgTrainingTask *task, BpgModel *model, BpgDrift *drift, GError **error);
