/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-training-set.h"

G_BEGIN_DECLS

/**
 * BpgTrainOptions: zero-initialise for the defaults.
 * @window_ms: length of a window; 0: the old model's, or BPG_WINDOW_MS_DEFAULT.
 * @hop_ms: between decisions; 0: the old model's, or BPG_HOP_MS_DEFAULT.
 * @trim_start_ms: left out at the start of each segment.
 * @trim_end_ms: left out at its end.
 * @created_us: stamp of the real clock, µs; 0 for now.
 * @notes: (nullable): up to 127 bytes.
 * @accept_swapped: adapt although two movements look swapped; today's labels then count alone for
 *   those two.
 */
typedef struct
{
  guint window_ms;
  guint hop_ms;
  guint trim_start_ms;
  guint trim_end_ms;
  guint64 created_us;
  const char *notes;
  gboolean accept_swapped;
} BpgTrainOptions;

#define BPG_WINDOW_MS_DEFAULT 80
#define BPG_HOP_MS_DEFAULT 10

/**
 * BpgTrainReport: what a front end should say about a training.
 * @movements: in the model.
 * @repetitions: trained on now.
 * @windows: trained on now.
 * @excluded: mask of electrodes the model does without.
 * @clipped: mask of electrodes that were often at the end of their range.
 * @turned: electrodes the band was found turned by since the model that was adapted.
 * @swapped: whether two movements looked swapped and were accepted.
 * @swapped_gestures: their gesture codes.
 */
typedef struct
{
  guint movements;
  guint repetitions;
  guint windows;
  guint16 excluded;
  guint16 clipped;
  int turned;
  gboolean swapped;
  guint8 swapped_gestures[2];
} BpgTrainReport;

/**
 * bpg_train:
 * @selections: recordings and repetitions to train on.
 * @n_selections: at least 1.
 * @from: (nullable): the model to adapt instead of starting anew.
 * @options: see there.
 * @report: (out caller-allocates) (nullable): what was trained on.
 *
 * Trains a linear discriminant on the features of the recogniser's own code.  With @from, its means
 * and covariance are the prior: new means count TAU, the new covariance LAMBDA (Vidovic et al.,
 * Improving the robustness of myoelectric pattern recognition for upper limb prostheses by
 * covariate shift adaptation, IEEE Trans. Neural Syst. Rehabil. Eng. 24, 2016).
 *
 * A day with two movements swapped is refused as INCONSISTENT unless the options accept it; a ring of
 * electrodes turned by whole electrodes is turned back first.
 *
 * Blocking and pure computation: call it from a worker thread.
 *
 * Returns: (transfer full): the model, or %NULL with a #BpgTrainingError.
 */
BpgModel *bpg_train (const BpgSelection    *selections,
                     guint                  n_selections,
                     BpgModel              *from,
                     const BpgTrainOptions *options,
                     BpgTrainReport        *report,
                     GError               **error);

/** bpg_train_features: the windows bpg_train() would train on. */
BpgTrainingSet *bpg_train_features (const BpgSelection    *selections,
                                    guint                  n_selections,
                                    BpgModel              *from,
                                    const BpgTrainOptions *options,
                                    GError               **error);

/** bpg_train_on_set: bpg_train() when the features are there already. */
BpgModel *bpg_train_on_set (const BpgTrainingSet  *set,
                            BpgModel              *from,
                            const BpgTrainOptions *options,
                            BpgTrainReport        *report,
                            GError               **error);

G_END_DECLS
