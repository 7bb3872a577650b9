/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-evaluation.h"

G_BEGIN_DECLS

/**
 * BpgComparisonVerdict:
 * @BPG_COMPARISON_BETTER: errs less, and chance does not explain it.
 * @BPG_COMPARISON_NOT_WORSE: no difference that matters.
 * @BPG_COMPARISON_WORSE: errs more: keep the active model.
 */
typedef enum
{
  BPG_COMPARISON_BETTER,
  BPG_COMPARISON_NOT_WORSE,
  BPG_COMPARISON_WORSE,
} BpgComparisonVerdict;

/**
 * BpgComparison: two models on the same windows.
 * @candidate: how the new one did.
 * @active: how the one in force did.
 * @difference: mean over repetitions of the candidate's error less the active's; below 0 is better.
 * @low: lower end of the 95 % confidence interval of the difference (paired Student's t).
 * @high: upper end.
 */
typedef struct
{
  BpgComparisonVerdict verdict;
  BpgEvaluation *candidate;
  BpgEvaluation *active;
  double difference;
  double low;
  double high;
} BpgComparison;

/* Worse by this much is worse whatever the interval says ... */
#define BPG_COMPARISON_CLEARLY_WORSE 0.05
/* ... and by less than this much is never worth a refusal. */
#define BPG_COMPARISON_NEGLIGIBLE 0.01

void bpg_comparison_free (BpgComparison *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgComparison, bpg_comparison_free)

/**
 * bpg_compare:
 * @candidate: the new model.
 * @active: the one in force.
 * @selections: repetitions neither was trained on.
 *
 * Both must have the same window and electrodes; they may know different movements.
 *
 * Returns: (transfer full): or %NULL with a #BpgTrainingError.
 */
BpgComparison *bpg_compare (BpgModel           *candidate,
                            BpgModel           *active,
                            const BpgSelection *selections,
                            guint               n_selections,
                            guint               trim_start_ms,
                            guint               trim_end_ms,
                            GError            **error);

/**
 * bpg_compare_held_out: bpg_compare() for a candidate that was trained on these very repetitions.
 * @selections: all of today's repetitions.
 * @from: (nullable): the model the candidate adapts.
 * @active: the one in force.
 * @options: of the candidate's training.
 *
 * The candidate is represented by its training: each repetition is decided by a model trained in the
 * same way without it.
 *
 * Returns: (transfer full): or %NULL with a #BpgTrainingError; NO_SAMPLES when there is only one
 *   repetition.
 */
BpgComparison *bpg_compare_held_out (const BpgSelection    *selections,
                                     guint                  n_selections,
                                     BpgModel              *from,
                                     BpgModel              *active,
                                     const BpgTrainOptions *options,
                                     GError               **error);

/** bpg_comparison_verdict_name: "better", "not-worse" or "worse". */
const char *bpg_comparison_verdict_name (BpgComparisonVerdict verdict);

G_END_DECLS
