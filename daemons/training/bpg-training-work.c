/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-training-work.h"

#include "bpg-error.h"
#include "bpg-movement.h"
#include "lib/bpg-run.h"
#include "lib/bpg-training-error.h"

/* Where the rival cannot decide on the same windows, the two evaluations still rest on much the same signal. */
#define FIGURES_CLEARLY_WORSE 0.03

void
bpg_training_outcome_free (BpgTrainingOutcome *self)
{
  g_clear_object (&self->model);
  g_clear_pointer (&self->evaluation, bpg_evaluation_free);
  g_free (self);
}

/* Between two steps: how far it is, and whether to go on. */
static gboolean
step (const BpgTrainingTask *task, double done, const char *phase, GError **error)
{
  if (task->progress != NULL)
    task->progress (task->user_data, done, phase);
  return !g_cancellable_set_error_if_cancelled (task->cancellable, error);
}

static BpgTrainingMaterial *
read_material (const BpgTrainingTask *task, GError **error)
{
  g_autoptr (BpgTrainingMaterial) material = bpg_training_material_new ();

  for (guint i = 0; i < task->containers->len; i++) {
    if (!step (task, 0.2 * i / task->containers->len, "reading", error) ||
        !bpg_training_material_add (material, task->containers->pdata[i], task->repetitions, error))
      return NULL;
  }
  return g_steal_pointer (&material);
}

static const BpgSelection *
selections_of (const BpgTrainingMaterial *material)
{
  return (const BpgSelection *) (void *) material->selections->data;
}

static BpgTrainOptions
options_of (const BpgTrainingTask *task)
{
  BpgTrainOptions options = {.window_ms = task->window_ms, .hop_ms = task->hop_ms, .notes = task->note};

  return options;
}

/* Refuses recordings that contradict what the older model knows of this person: what adapting it refuses. A day on which
 * everything has moved contradicts nothing, so the trainer's test is asked, which knows the shift common to all. */
static gboolean
check_consistent (const BpgTrainingTask *task, const BpgTrainingMaterial *material, GError **error)
{
  BpgModel *older = task->rival != NULL ? task->rival : task->from;
  BpgTrainOptions options = options_of (task);
  g_autoptr (BpgModel) adapted = NULL;
  g_autoptr (GError) local = NULL;

  if (older == NULL)
    return TRUE;
  adapted = bpg_train (selections_of (material), material->selections->len, older, &options, NULL, &local);
  if (g_error_matches (local, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_INCONSISTENT)) {
    g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  /* Whatever else keeps the older model from being adapted is not for this test to say. */
  return TRUE;
}

/* What the training is judged on. */
static BpgTrainingMaterial *
choose_evaluated (const BpgTrainingTask *task, const BpgTrainingMaterial *material, gboolean without_seen)
{
  g_autofree gboolean *wanted = g_new (gboolean, material->recordings->len);
  g_autoptr (BpgTrainingMaterial) chosen = NULL;

  for (guint i = 0; i < material->recordings->len; i++)
    wanted[i] = !(without_seen && task->seen != NULL && task->seen[i]);
  chosen = bpg_training_material_choose (material, wanted);
  if (chosen->recordings->len > 0 && (chosen->repetitions < 2 || !task->holdout))
    return bpg_training_material_halve (chosen);
  return g_steal_pointer (&chosen);
}

static gboolean
evaluate_alone (const BpgTrainingTask *task, const BpgTrainingMaterial *material, BpgTrainingOutcome *outcome,
                GError **error)
{
  g_autoptr (BpgTrainingMaterial) chosen = choose_evaluated (task, material, FALSE);
  BpgTrainOptions options = options_of (task);

  outcome->evaluation =
    bpg_evaluate_held_out (selections_of (chosen), chosen->selections->len, task->from, &options, error);
  return outcome->evaluation != NULL;
}

static const char *
judge_figures (const BpgEvaluation *candidate, const BpgTrainingTask *task)
{
  double difference = candidate->error - (1 - task->rival_accuracy);
  gboolean apart = 1 - candidate->error_low < task->rival_low;

  if (difference > FIGURES_CLEARLY_WORSE || (difference > BPG_COMPARISON_NEGLIGIBLE && apart))
    return "worse";
  return 1 - candidate->error_high > task->rival_accuracy ? "better" : "not-worse";
}

/* The rival knows every recording: to let it decide on them would flatter it, so its own evaluation stands for it. */
static gboolean
compare_figures (const BpgTrainingTask *task, const BpgTrainingMaterial *material, BpgTrainingOutcome *outcome,
                 GError **error)
{
  if (!evaluate_alone (task, material, outcome, error))
    return FALSE;
  outcome->compared_accuracy = task->rival_accuracy;
  outcome->verdict = task->rival_accuracy < 0 ? "not-worse" : judge_figures (outcome->evaluation, task);
  return TRUE;
}

static gboolean
compare_decisions (const BpgTrainingTask *task, const BpgTrainingMaterial *material, BpgTrainingOutcome *outcome,
                   GError **error)
{
  g_autoptr (BpgTrainingMaterial) chosen = choose_evaluated (task, material, TRUE);
  g_autoptr (BpgComparison) comparison = NULL;
  BpgTrainOptions options = options_of (task);

  if (chosen->recordings->len == 0)
    return compare_figures (task, material, outcome, error);
  comparison = bpg_compare_held_out (selections_of (chosen), chosen->selections->len, task->from, task->rival, &options,
                                     error);
  if (comparison == NULL)
    return FALSE;
  outcome->compared_accuracy = 1 - comparison->active->error;
  outcome->verdict = bpg_comparison_verdict_name (comparison->verdict);
  outcome->evaluation = g_steal_pointer (&comparison->candidate);
  return TRUE;
}

static gboolean
judge (const BpgTrainingTask *task, const BpgTrainingMaterial *material, BpgTrainingOutcome *outcome, GError **error)
{
  GError *local = NULL;

  outcome->verdict = "first";
  outcome->compared_accuracy = -1;
  if (task->mode == BPG_COMPARE_NONE || task->rival == NULL)
    return evaluate_alone (task, material, outcome, error);
  if (compare_decisions (task, material, outcome, &local))
    return TRUE;
  if (task->mode == BPG_COMPARE_IF_FITS &&
      g_error_matches (local, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_INCOMPATIBLE)) {
    g_clear_error (&local);
    return evaluate_alone (task, material, outcome, error);
  }
  g_propagate_error (error, local);
  return FALSE;
}

/* A model made for other electrodes has no say when nobody asked for it. */
static gboolean
rival_fits (const BpgTrainingTask *task, const BpgTrainingMaterial *material)
{
  return task->rival == NULL || material->recordings->len == 0 ||
         bpg_check_compatible (material->recordings->pdata[0], bpg_model_get_bpm (task->rival), NULL);
}

BpgTrainingOutcome *
bpg_training_work (const BpgTrainingTask *given, GError **error)
{
  BpgTrainingTask task = *given;
  BpgTrainOptions options = options_of (&task);
  g_autoptr (BpgTrainingMaterial) material = read_material (&task, error);
  g_autoptr (BpgTrainingOutcome) outcome = g_new0 (BpgTrainingOutcome, 1);

  if (material == NULL)
    return NULL;
  if (task.mode == BPG_COMPARE_IF_FITS && !rival_fits (&task, material)) {
    task.rival = NULL;
    task.mode = BPG_COMPARE_NONE;
  }
  if (!step (&task, 0.2, "evaluating", error) || !check_consistent (&task, material, error) ||
      !judge (&task, material, outcome, error) || !step (&task, 0.7, "training", error))
    return NULL;
  outcome->model =
    bpg_train (selections_of (material), material->selections->len, task.from, &options, NULL, error);
  if (outcome->model == NULL || !step (&task, 0.9, "keeping", error))
    return NULL;
  return g_steal_pointer (&outcome);
}

static void
collect (const struct bpg_decision *decision, gpointer user_data)
{
  BpgDriftDecision entry = {decision->distance, decision->confidence};

  if (decision->raw != BPG_MOVEMENT_REST)
    g_array_append_val ((GArray *) user_data, entry);
}

BpgEvaluation *
bpg_evaluation_work (const BpgTrainingTask *task, BpgModel *model, BpgDrift *drift, GError **error)
{
  g_autoptr (BpgTrainingMaterial) material = read_material (task, error);
  g_autoptr (GArray) decisions = g_array_new (FALSE, FALSE, sizeof (BpgDriftDecision));

  if (material == NULL || !step (task, 0.3, "evaluating", error))
    return NULL;
  for (guint i = 0; i < material->recordings->len; i++) {
    if (!bpg_run (model, material->recordings->pdata[i], collect, decisions, error))
      return NULL;
  }
  bpg_drift_from_decisions (model, (const BpgDriftDecision *) (void *) decisions->data, decisions->len, drift);
  if (!step (task, 0.8, "evaluating", error))
    return NULL;
  return bpg_evaluate (model, selections_of (material), material->selections->len, 0, 0, error);
}
