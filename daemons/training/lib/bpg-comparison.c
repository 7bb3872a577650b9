/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-comparison.h"

#include "bpg-interval.h"
#include "bpg-training-error.h"

void
bpg_comparison_free (BpgComparison *self)
{
  g_clear_pointer (&self->candidate, bpg_evaluation_free);
  g_clear_pointer (&self->active, bpg_evaluation_free);
  g_free (self);
}

const char *
bpg_comparison_verdict_name (BpgComparisonVerdict verdict)
{
  switch (verdict)
    {
    case BPG_COMPARISON_BETTER:
      return "better";
    case BPG_COMPARISON_WORSE:
      return "worse";
    case BPG_COMPARISON_NOT_WORSE:
    default:
      return "not-worse";
    }
}

static void
judge (BpgComparison *self)
{
  guint n = self->candidate->repetitions;
  g_autofree double *differences = g_new (double, MAX (n, 1));

  for (guint i = 0; i < n; i++)
    differences[i] = g_array_index (self->candidate->repetition_errors, double, i) -
                     g_array_index (self->active->repetition_errors, double, i);
  self->difference = bpg_mean_interval (differences, n, &self->low, &self->high);

  if (self->difference > BPG_COMPARISON_CLEARLY_WORSE ||
      (self->difference > BPG_COMPARISON_NEGLIGIBLE && self->low > 0))
    self->verdict = BPG_COMPARISON_WORSE;
  else if (self->difference < 0 && self->high < 0)
    self->verdict = BPG_COMPARISON_BETTER;
  else
    self->verdict = BPG_COMPARISON_NOT_WORSE;
}

static BpgComparison *
compare (BpgEvaluation *candidate,
         BpgEvaluation *active,
         GError       **error)
{
  BpgComparison *self;

  if (candidate->repetitions != active->repetitions)
    {
      bpg_evaluation_free (candidate);
      bpg_evaluation_free (active);
      g_set_error_literal (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_INCOMPATIBLE,
                           "The two models do not cut the recordings into the same repetitions; "
                           "train the new one with the window of the one in force");
      return NULL;
    }
  self = g_new0 (BpgComparison, 1);
  self->candidate = candidate;
  self->active = active;
  judge (self);
  return self;
}

BpgComparison *
bpg_compare (BpgModel           *candidate,
             BpgModel           *active,
             const BpgSelection *selections,
             guint               n_selections,
             guint               trim_start_ms,
             guint               trim_end_ms,
             GError            **error)
{
  g_autoptr (BpgEvaluation) first = NULL;
  g_autoptr (BpgEvaluation) second = NULL;

  first = bpg_evaluate (candidate, selections, n_selections, trim_start_ms, trim_end_ms, error);
  if (first == NULL)
    return NULL;
  second = bpg_evaluate (active, selections, n_selections, trim_start_ms, trim_end_ms, error);
  if (second == NULL)
    return NULL;
  return compare (g_steal_pointer (&first), g_steal_pointer (&second), error);
}

BpgComparison *
bpg_compare_held_out (const BpgSelection    *selections,
                      guint                  n_selections,
                      BpgModel              *from,
                      BpgModel              *active,
                      const BpgTrainOptions *options,
                      GError               **error)
{
  g_autoptr (BpgEvaluation) first = NULL;
  g_autoptr (BpgEvaluation) second = NULL;

  first = bpg_evaluate_held_out (selections, n_selections, from, options, error);
  if (first == NULL)
    return NULL;
  second = bpg_evaluate_by_number (active, selections, n_selections, options, error);
  if (second == NULL)
    return NULL;
  return compare (g_steal_pointer (&first), g_steal_pointer (&second), error);
}
