/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BPG_RECOGNITION_CLASSIFIER_H
#define BPG_RECOGNITION_CLASSIFIER_H

/*
 * Linear discriminant analysis (Fisher 1936; Rao 1948) as distances: features are standardised,
 * projected on directions in which the covariance within a movement is the identity, and compared
 * with the centre of each movement there.  With shapes, each movement has its own covariance in
 * those directions (quadratic discriminant; Friedman, Regularized discriminant analysis, 1989).
 *
 * One electrode may be lost: its features count as average, and the model's map for that electrode
 * brings the place to where it is expected with the electrode, given the others (linear regression).
 */

#include "bpm.h"

#define BPG_NO_ELECTRODE BPG_CHANNELS_MAX

/* How far centres have been moved since the model was trained, standard deviations in Q16. */
struct bpg_shift
{
  int32_t common[BPG_DIMENSIONS_MAX];                   /* of all movements */
  int32_t own[BPG_MOVEMENTS_MAX * BPG_DIMENSIONS_MAX];  /* of each movement beyond that, row by row */
};

struct bpg_classification
{
  uint8_t nearest;       /* index of the movement */
  uint32_t score;        /* of the nearest: squared distance and offset, Q8 */
  uint16_t confidence;   /* posterior probability of the nearest by this window alone, 0..1000 */
  uint32_t squares[BPG_MOVEMENTS_MAX]; /* squared distance of each movement, Q8 */
  uint32_t behind[BPG_MOVEMENTS_MAX];  /* how much farther each is than the nearest, offsets included, Q8 */
  int32_t place[BPG_DIMENSIONS_MAX];   /* of the window among the directions, Q8 */
};

/** bpg_standardise: feature @index, Q10, in units of its own spread, Q11, held to +-8. */
int32_t bpg_standardise (const struct bpg_bpm *model,
                         unsigned              index,
                         int32_t               feature);

/**
 * bpg_classify: place one window's features.
 * @features: as bpg_features() gives them; overwritten with the standardised ones.
 * @shift: how centres have moved; NULL when they have not.
 * @lost: electrode that is lost, in a model with maps; else BPG_NO_ELECTRODE.
 */
void bpg_classify (const struct bpg_bpm      *model,
                   int32_t                   *features,
                   const struct bpg_shift    *shift,
                   unsigned                   lost,
                   struct bpg_classification *classification);

/** bpg_centre: coordinate @direction of the centre of @movement, Q8, with what it has moved. */
int32_t bpg_centre (const struct bpg_bpm   *model,
                    const struct bpg_shift *shift,
                    unsigned                movement,
                    unsigned                direction);

/** bpg_distance: square root of a squared distance in Q8; Q8. */
int32_t bpg_distance (uint32_t square);

#endif
