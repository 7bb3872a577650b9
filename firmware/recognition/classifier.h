/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BPG_RECOGNITION_CLASSIFIER_H
#define BPG_RECOGNITION_CLASSIFIER_H

/*
 * Linear discriminant analysis (Fisher 1936; Rao 1948) as distances: features are standardised,
 * projected on directions in which the covariance within a movement is the identity, and compared
 * with the centre of each movement there.  With shapes, each movement has its own covariance in
 * those directions (quadratic discriminant; Friedman, Regularized discriminant analysis, 1989).
 */

#include "bpm.h"

struct bpg_classification
{
  uint8_t nearest;       /* index of the movement */
  uint32_t square;       /* its squared distance without its offset, Q8 */
  int32_t distance;      /* square root of that, Q8 */
  uint16_t confidence;   /* posterior probability of the nearest, 0..1000 */
  uint32_t behind[BPG_MOVEMENTS_MAX]; /* evidence against each, bits in Q8; 0 for the nearest */
};

/** bpg_standardise: feature @index, Q10, in units of its own spread, Q11, held to +-8. */
int32_t bpg_standardise (const struct bpg_bpm *model,
                         unsigned              index,
                         int32_t               feature);

/**
 * bpg_classify: place one window's features.
 * @features: as bpg_features() gives them; overwritten with the standardised ones.
 */
void bpg_classify (const struct bpg_bpm      *model,
                   int32_t                   *features,
                   struct bpg_classification *classification);

#endif
