/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-discriminant.h"
#include "bpg-model.h"

G_BEGIN_DECLS

/**
 * BpgModelDraft: everything that goes into a `.bpm`, in the units the trainer computes in.
 * @statistics: what adaptation needs to remember.
 * @discriminant: the classifier.
 * @full_strength: K, counts in Q4.
 * @parent: (nullable): the model it was adapted from.
 * The other fields have the meaning of their namesakes in bpm.h.
 */
typedef struct
{
  guint rate;
  guint64 scale_nano;
  enum bpg_bpm_unit unit;
  guint channels;
  guint window;
  guint hop;
  guint16 excluded;
  struct bpg_feature_parameters feature;
  struct bpg_decision_parameters decision;
  struct bpg_filter_parameters filter;
  struct bpg_follow_parameters follow;
  struct bpg_interference_parameters interference;
  guint32 drift_threshold;
  guint32 drift_typical;
  guint32 drift_doubt;
  guint64 created_us;
  const char *subject;
  const char *notes;
  BpgModel *parent;
  const BpgStatistics *statistics;
  const BpgDiscriminant *discriminant;
  guint32 *full_strength;
} BpgModelDraft;

/**
 * bpg_model_draft_write:
 *
 * Rounds the draft to the recogniser's integers and lays it out with its hash.
 *
 * Returns: (transfer full): the model, or %NULL with #BpgTrainingError FAILED when a number does not
 *   fit its integer.
 */
BpgModel *bpg_model_draft_write (const BpgModelDraft *draft,
                                 GError             **error);

/** bpg_model_length: bytes of a model with these dimensions, training section included; @maps: electrodes that
 *  have a map for when they are lost. */
gsize bpg_model_length (guint    movements,
                        guint    features,
                        guint    dimensions,
                        gboolean shapes,
                        guint    maps);

#define BPG_TRAINER_VERSION 2u

G_END_DECLS
