/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BPG_RECOGNITION_FILTER_H
#define BPG_RECOGNITION_FILTER_H

/*
 * From windows to movements: the forward algorithm of a hidden Markov model (Rabiner, A tutorial on
 * hidden Markov models, Proc. IEEE 77, 1989, equations 19 and 20) whose states are the movements.
 * Movements last and rarely change, so what the windows before said counts; windows overlap, so each
 * counts less than it would alone (the model's filter.scale).
 */

#include "classifier.h"

struct bpg_filter
{
  uint32_t probability[BPG_MOVEMENTS_MAX]; /* of each movement after all windows so far, Q30 */
};

/** bpg_filter_init: all movements alike. */
void bpg_filter_init (struct bpg_filter    *filter,
                      const struct bpg_bpm *model);

/**
 * bpg_filter_step: fold one window in.
 * @quiet: whether it is no stronger than rest, which speaks for rest whatever the places of the centres.
 * Returns: index of the most probable movement.
 */
unsigned bpg_filter_step (struct bpg_filter               *filter,
                          const struct bpg_bpm            *model,
                          const struct bpg_classification *classification,
                          bool                             quiet);

/** bpg_filter_confidence: probability of @movement, 0..1000. */
unsigned bpg_filter_confidence (const struct bpg_filter *filter,
                                unsigned                 movement);

#endif
