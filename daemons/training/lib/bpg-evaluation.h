/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-trainer.h"

G_BEGIN_DECLS

/**
 * BpgEvaluation: what a model did on windows whose movement is known.
 * @movements: (element-type BpgTrainingMovement): rows and columns of @confusion, rising gesture code.
 * @confusion: K x K counts, row: what the person did, column: what was decided.
 * @windows: decisions scored.
 * @wrong: of them, wrong ones.
 * @active: decisions while the person moved (gesture code not 0).
 * @active_wrong: of them, wrong ones.
 * @repetitions: stretches of signal they come from.
 * @repetition_errors: (element-type double): share of wrong decisions in each.
 * @error: share of wrong decisions, 0..1.
 * @active_error: share of wrong decisions while the person moved, 0..1.
 * @error_low: lower end of the 95 % confidence interval of the error.
 * @error_high: upper end.
 *
 * The interval takes repetitions, not windows, as independent (windows of one contraction are not):
 * Student's t over repetition errors, held to 0..1; with no error at all, the upper end is that of
 * the rule of three, 3 / repetitions.
 */
typedef struct
{
  GArray *movements;
  guint32 *confusion;
  guint windows;
  guint wrong;
  guint active;
  guint active_wrong;
  guint repetitions;
  GArray *repetition_errors;
  double error;
  double active_error;
  double error_low;
  double error_high;
} BpgEvaluation;

void bpg_evaluation_free (BpgEvaluation *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgEvaluation, bpg_evaluation_free)

/**
 * bpg_evaluate:
 * @model: what is evaluated: its classifier, before post-processing, in the arm's own integers.
 * @selections: repetitions the model was not trained on.
 * @trim_start_ms: left out at the start of each segment.
 * @trim_end_ms: left out at its end.
 *
 * Returns: (transfer full): or %NULL with a #BpgTrainingError.
 */
BpgEvaluation *bpg_evaluate (BpgModel           *model,
                             const BpgSelection *selections,
                             guint               n_selections,
                             guint               trim_start_ms,
                             guint               trim_end_ms,
                             GError            **error);

/**
 * bpg_evaluate_held_out:
 * @selections: all repetitions there are.
 * @from: (nullable): the model each training adapts.
 * @options: of each training.
 *
 * Leave one repetition out: for each repetition number, trains on the others and decides on it, so
 * that every window is scored by a model that never saw its repetition.  Repetitions without a
 * number are numbered in the order they were recorded.
 *
 * Returns: (transfer full): or %NULL with a #BpgTrainingError; NO_SAMPLES when there is only one
 *   repetition.
 */
BpgEvaluation *bpg_evaluate_held_out (const BpgSelection    *selections,
                                      guint                  n_selections,
                                      BpgModel              *from,
                                      const BpgTrainOptions *options,
                                      GError               **error);

/**
 * bpg_evaluate_by_number: bpg_evaluate(), with the repetitions in the order of
 * bpg_evaluate_held_out(), so that the two can be paired.
 * @options: the trims are used.
 */
BpgEvaluation *bpg_evaluate_by_number (BpgModel              *model,
                                       const BpgSelection    *selections,
                                       guint                  n_selections,
                                       const BpgTrainOptions *options,
                                       GError               **error);

/** bpg_evaluate_set: bpg_evaluate() when the features are there already. */
BpgEvaluation *bpg_evaluate_set (BpgModel             *model,
                                 const BpgTrainingSet *set);

G_END_DECLS
