/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

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
 */

/** bpg_training_section_encode: (transfer full): the section for @statistics. */
GByteArray *bpg_training_section_encode (const BpgStatistics *statistics);

/**
 * bpg_training_section_decode:
 *
 * Returns: (transfer full): what @model remembers of its training, or %NULL with #BpgTrainingError
 *   CORRUPT when the section is not there or not whole.
 */
BpgStatistics *bpg_training_section_decode (BpgModel *model,
                                            GError  **error);

G_END_DECLS
