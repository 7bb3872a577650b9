/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-emg-recording.h"
#include "bpg-model.h"

G_BEGIN_DECLS

/**
 * BpgDrift: how far a stretch of use is from what a model was trained on, without labels.
 * @decisions: it was measured over.
 * @distance: median distance of the decisions from the nearest movement's centre, in standard
 *   deviations within movements.
 * @figure: that distance over the typical one of the model's own training; 1 is like new.
 * @threshold: figure from which the model no longer fits; kept in the model.
 * @drifted: whether the figure is over the threshold.
 */
typedef struct
{
  guint decisions;
  double distance;
  double figure;
  double threshold;
  gboolean drifted;
} BpgDrift;

/** Fewer decisions than this say nothing: @drifted is never set. */
#define BPG_DRIFT_DECISIONS_MIN 50u

/**
 * bpg_drift_from_distances:
 * @distances: of decisions, Q8, as the recogniser and the arm's decision frames give them.
 */
void bpg_drift_from_distances (BpgModel     *model,
                               const gint32 *distances,
                               guint         n_distances,
                               BpgDrift     *drift);

/**
 * bpg_drift_measure: drift of samples @start to @start + @count of @recording (0 for all of it).
 *
 * Returns: %FALSE with #BpgTrainingError INCOMPATIBLE.
 */
gboolean bpg_drift_measure (BpgModel        *model,
                            BpgEmgRecording *recording,
                            gsize            start,
                            gsize            count,
                            BpgDrift        *drift,
                            GError         **error);

G_END_DECLS
