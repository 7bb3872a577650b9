/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "training/lib/bpg-training-set.h"

G_BEGIN_DECLS

/**
 * bpg_lab_parse_selections:
 * @words: "REC.json" or "REC.json:reps=1,2".
 * @n_words: how many.
 *
 * Reads the recordings named on a command line.
 *
 * Returns: (transfer full) (element-type BpgSelection): owns the recordings; or %NULL with a
 *   #BpgTrainingError.
 */
GArray *bpg_lab_parse_selections (char   **words,
                                  guint    n_words,
                                  GError **error);

G_END_DECLS
