/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-emg-recording.h"
#include "bpg-model.h"

G_BEGIN_DECLS

/**
 * BpgDriftDecision: what drift needs of a decision in which the hand was to move.
 * @distance: Q8, as the recogniser and the arm's decision frames give it.
 * @confidence: 0..1000.
 */
typedef struct
{
  gint32 distance;
  guint16 confidence;
} BpgDriftDecision;

/**
 * BpgDrift: how far a stretch of use is from what a model was trained on, without labels.
 * @decisions: it was measured over.
 * @distance: upper quartile of the decisions' distances, in standard deviations within movements.
 * @figure: that distance over the same of the model's own training, plus half the
 *   logarithm of how much more doubt there is (mean of -ln (confidence)): signals that are far from
 *   everything, and signals between two movements.  1 is like new.
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
 * bpg_drift_from_decisions:
 * @decisions: those whose raw movement is not rest; rest is alike every day and says little.
 */
void bpg_drift_from_decisions (BpgModel               *model,
                               const BpgDriftDecision *decisions,
                               guint                   n_decisions,
                               BpgDrift               *drift);

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
