/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BPG_RECOGNITION_FEATURE_SET_H
#define BPG_RECOGNITION_FEATURE_SET_H

/*
 * What is computed of a window of C electrodes and n samples, in this order:
 *
 *   C (C + 1) / 2  entries i <= j, row by row, of the binary logarithm of the covariance matrix
 *                  (floor on the variances, ridge; see spectral.h), Q10;
 *   C  log2 of the mean absolute value about the mean (+ floor), up to a constant, Q10;
 *   C  log2 of the mean absolute step ("waveform length", + floor), up to a constant, Q10;
 *   C  share of zero crossings about the mean whose step is at least the least step, Q10;
 *   C  share of slope sign changes one of whose steps is at least the least step, Q10.
 *
 * The last four are those of Hudgins, Parker and Scott, A new strategy for multifunction
 * myoelectric control, IEEE Trans. Biomed. Eng. 40 (1993), the amplitudes on a logarithmic scale.
 */

#include "bpm.h"
#include "spectral.h"
#include "window.h"

#define BPG_FEATURE_KINDS 4u /* of each electrode by itself */

struct bpg_feature_scratch
{
  bpg_matrix matrix; /* X, then its logarithm */
  struct bpg_spectral_scratch spectral;
};

/**
 * bpg_features: features of a full window.
 * @window: full; bpg_window_settle() is called on it.
 * @parameters: floors, least step and polynomial of the model.
 * @scratch: overwritten.
 * @features: receives BPG_FEATURE_COUNT (channels) numbers, all within +-2^18.
 * @strength: receives the mean absolute value over the electrodes in use, counts in Q4.
 */
void bpg_features (struct bpg_window                   *window,
                   const struct bpg_feature_parameters *parameters,
                   struct bpg_feature_scratch          *scratch,
                   int32_t                             *features,
                   uint32_t                            *strength);

/**
 * bpg_features_of: what is computed with an electrode: its row of the matrix logarithm, and its features of time.
 * @indices: receives @channels + BPG_FEATURE_KINDS places among the features.
 */
void bpg_features_of (unsigned channels,
                      unsigned electrode,
                      uint16_t indices[BPG_CHANNELS_MAX + BPG_FEATURE_KINDS]);

#endif
