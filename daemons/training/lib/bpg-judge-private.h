/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-verdict.h"

/* Between bpg-verdict.c, which keeps the session, and bpg-verdict-rules.c, which looks at one repetition. */

#define BPG_N_SHAPES_MAX (BPG_CHANNELS_MAX + BPG_CHANNELS_MAX * (BPG_CHANNELS_MAX - 1u) / 2u)

/**
 * BpgMovementFigures:
 * @frames: frames it rests on
 * @mean: @variance: of each feature over the frames between onset and release
 * @contraction: mean over the repetitions of the best electrode's level over rest
 */
typedef struct {
  guint8 code;
  guint repetitions;
  guint frames;
  double mean[BPG_N_SHAPES_MAX];
  double variance[BPG_N_SHAPES_MAX];
  double contraction;
} BpgMovementFigures;

/**
 * bpg_movement_figures:
 * @except_repetition: leave this one out, 0 for none
 *
 * Returns: (transfer full) (nullable): what the accepted repetitions of @code have in common.
 */
BpgMovementFigures *bpg_movement_figures (GPtrArray *accepted, guint8 code, guint except_repetition);

/**
 * bpg_verdict_apply_rules:
 * @verdict: code, repetition and signal are set
 * @accepted: (element-type BpgVerdict): the session so far
 */
void bpg_verdict_apply_rules (BpgVerdict *verdict, GPtrArray *accepted);

/** bpg_verdict_is_active: whether the frame lies between onset and release. */
gboolean bpg_verdict_is_active (const BpgVerdict *verdict, guint frame);

/** bpg_verdict_advise: (transfer full): the sentence for the first rule that spoke. */
char *bpg_verdict_advise (const BpgVerdict *verdict);
