/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-training-set.h"

G_BEGIN_DECLS

/**
 * BpgScaling: what brings features to a common size before anything else is computed.
 * @centre: per feature, Q10.
 * @scale: per feature, Q8 of Q11 a Q10; 0 for a feature that never changes.
 */
typedef struct
{
  gint32 centre[BPG_FEATURES_MAX];
  guint16 scale[BPG_FEATURES_MAX];
} BpgScaling;

/**
 * BpgStatistics: means of each movement and the covariance within movements, all in standardised
 * features.
 * @features: F.
 * @movements: (element-type BpgTrainingMovement): K, in rising order of gesture code.
 * @windows: K, how many windows each mean stands for.
 * @repetitions: K, likewise repetitions.
 * @means: K x F.
 * @covariance: F x F, symmetric, over all movements.
 * @shapes: K x F x F, the covariance of each movement by itself.
 */
typedef struct
{
  guint features;
  BpgScaling scaling;
  GArray *movements;
  guint32 *windows;
  guint32 *repetitions;
  double *means;
  double *covariance;
  double *shapes;
} BpgStatistics;

/** bpg_statistics_new: K movements (copied), all numbers 0. */
BpgStatistics *bpg_statistics_new (guint   features,
                                   GArray *movements);
void bpg_statistics_free (BpgStatistics *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgStatistics, bpg_statistics_free)

/** bpg_scaling_from_set: mean and spread of each feature over all windows of @set. */
void bpg_scaling_from_set (const BpgTrainingSet *set,
                           BpgScaling           *scaling);

/** bpg_standardised: @feature as the recogniser standardises it, Q11, held to +-8. */
static inline gint32
bpg_standardised (const BpgScaling *scaling,
                  guint             index,
                  gint32            feature)
{
  gint32 away = CLAMP (feature - scaling->centre[index], -32767, 32767);

  return CLAMP (away * scaling->scale[index] >> 8, -16384, 16384);
}

/** bpg_scaling_apply: @feature (Q10) of index @index as the recogniser standardises it, in units of
 *  one spread. */
double bpg_scaling_apply (const BpgScaling *scaling,
                          guint             index,
                          gint32            feature);

/** bpg_statistics_from_set: means and covariance of @set's windows under @scaling.  Movements of
 *  @set without a window are left out. */
BpgStatistics *bpg_statistics_from_set (const BpgTrainingSet *set,
                                        const BpgScaling     *scaling);

/** bpg_statistics_find: index of @gesture, or -1. */
int bpg_statistics_find (const BpgStatistics *self,
                         guint8               gesture);

G_END_DECLS
