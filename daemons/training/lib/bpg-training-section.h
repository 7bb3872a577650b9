/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-discriminant.h"
#include "bpg-model.h"
#include "bpg-statistics.h"

G_BEGIN_DECLS

/*
 * The training section of a `.bpm`, little-endian:
 *
 *   "TRN1"
 *   u32 n, per movement n: u32 windows, u32 repetitions
 *   i16 means, K x F, Q11
 *   per feature f32: standard deviation within movements
 *   i16 correlations, Q14, of the strict lower triangle, row by row
 *   with shapes, per movement: i16 its own covariance in the directions of the model, Q9, lower
 *   triangle, row by row
 */

/** bpg_training_section_encode: (transfer full): the section for @statistics. */
GByteArray *bpg_training_section_encode (const BpgStatistics   *statistics,
                                         const BpgDiscriminant *discriminant);

/** bpg_training_section_length: its length in bytes. */
gsize bpg_training_section_length (guint    movements,
                                   guint    features,
                                   guint    dimensions,
                                   gboolean shapes);

/**
 * bpg_training_section_decode:
 *
 * A movement's own covariance is kept in the model's few directions only; outside them it is taken
 * to be the common one.
 *
 * Returns: (transfer full): what @model remembers of its training, or %NULL with #BpgTrainingError
 *   CORRUPT when the section is not there or not whole.
 */
BpgStatistics *bpg_training_section_decode (BpgModel *model,
                                            GError  **error);

G_END_DECLS
