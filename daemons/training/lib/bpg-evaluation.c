/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-evaluation.h"

#include <math.h>
#include <string.h>

#include "bpg-interval.h"
#include "bpg-training-error.h"
#include "recognition/classifier.h"

void
bpg_evaluation_free (BpgEvaluation *self)
{
  g_array_unref (self->movements);
  g_array_unref (self->repetition_errors);
  g_free (self->confusion);
  g_free (self);
}

static guint
find_or_insert (GArray                    *movements,
                const BpgTrainingMovement *movement)
{
  guint at = 0;

  while (at < movements->len && g_array_index (movements, BpgTrainingMovement, at).gesture < movement->gesture)
    at++;
  if (at == movements->len || g_array_index (movements, BpgTrainingMovement, at).gesture != movement->gesture)
    g_array_insert_vals (movements, at, movement, 1);
  return at;
}

/* Everything the person did or the model can decide. */
static BpgEvaluation *
new_evaluation (BpgModel             *model,
                const BpgTrainingSet *set)
{
  BpgEvaluation *self = g_new0 (BpgEvaluation, 1);
  const struct bpg_bpm *bpm = bpg_model_get_bpm (model);

  self->movements = g_array_new (FALSE, TRUE, sizeof (BpgTrainingMovement));
  self->repetition_errors = g_array_new (FALSE, FALSE, sizeof (double));
  for (guint i = 0; i < set->movements->len; i++)
    find_or_insert (self->movements, &g_array_index (set->movements, BpgTrainingMovement, i));
  for (guint i = 0; i < bpm->movements; i++)
    {
      BpgTrainingMovement movement = { .gesture = bpg_bpm_gesture (bpm, i) };

      g_strlcpy (movement.name, bpg_bpm_name (bpm, i), sizeof movement.name);
      find_or_insert (self->movements, &movement);
    }
  self->confusion = g_new0 (guint32, (gsize) self->movements->len * self->movements->len);
  return self;
}

static guint
place_of (const BpgEvaluation *self,
          guint8               gesture)
{
  guint at = 0;

  while (g_array_index (self->movements, BpgTrainingMovement, at).gesture != gesture)
    at++;
  return at;
}

static guint8
decide (BpgModel     *model,
        const gint32 *row)
{
  const struct bpg_bpm *bpm = bpg_model_get_bpm (model);
  struct bpg_classification classification;
  gint32 features[BPG_FEATURES_MAX];

  memcpy (features, row, bpm->features * sizeof *features);
  bpg_classify (bpm, features, NULL, BPG_NO_ELECTRODE, &classification);
  return bpg_bpm_gesture (bpm, classification.nearest);
}

static void
score_repetition (BpgEvaluation               *self,
                  BpgModel                    *model,
                  const BpgTrainingSet        *set,
                  const BpgTrainingRepetition *repetition)
{
  guint8 truth = g_array_index (set->movements, BpgTrainingMovement, repetition->movement).gesture;
  guint row = place_of (self, truth), wrong = 0, count = 0;
  double share;

  for (guint i = repetition->first; i < repetition->first + repetition->count; i++)
    {
      guint8 decided;

      if (g_array_index (set->windows, BpgTrainingWindow, i).transition)
        continue;
      decided = decide (model, bpg_training_set_row (set, i));
      count++;
      self->confusion[(gsize) row * self->movements->len + place_of (self, decided)]++;
      wrong += decided != truth;
    }
  if (count == 0)
    return;
  self->windows += count;
  self->wrong += wrong;
  if (truth != 0)
    {
      self->active += count;
      self->active_wrong += wrong;
    }
  share = (double) wrong / count;
  g_array_append_val (self->repetition_errors, share);
}

static void
summarise (BpgEvaluation *self)
{
  const double *errors = (const double *) (void *) self->repetition_errors->data;

  self->repetitions = self->repetition_errors->len;
  self->error = self->windows > 0 ? (double) self->wrong / self->windows : 0;
  self->active_error = self->active > 0 ? (double) self->active_wrong / self->active : 0;
  bpg_mean_interval (errors, self->repetitions, &self->error_low, &self->error_high);
  self->error_low = CLAMP (self->error_low, 0, 1);
  self->error_high = CLAMP (self->error_high, 0, 1);
  if (self->wrong == 0 && self->repetitions > 0)
    self->error_high = MIN (1, 3.0 / self->repetitions);
}

BpgEvaluation *
bpg_evaluate_set (BpgModel             *model,
                  const BpgTrainingSet *set)
{
  BpgEvaluation *self = new_evaluation (model, set);

  for (guint r = 0; r < set->repetitions->len; r++)
    score_repetition (self, model, set, &g_array_index (set->repetitions, BpgTrainingRepetition, r));
  summarise (self);
  return self;
}

BpgEvaluation *
bpg_evaluate (BpgModel           *model,
              const BpgSelection *selections,
              guint               n_selections,
              guint               trim_start_ms,
              guint               trim_end_ms,
              GError            **error)
{
  const struct bpg_bpm *bpm = bpg_model_get_bpm (model);
  BpgFraming framing = { bpm->window, bpm->hop, trim_start_ms, trim_end_ms, FALSE };
  g_autoptr (BpgTrainingSet) set = bpg_training_set_new (selections, n_selections, &framing, model, error);

  return set != NULL ? bpg_evaluate_set (model, set) : NULL;
}

BpgEvaluation *
bpg_evaluate_held_out (const BpgSelection    *selections,
                       guint                  n_selections,
                       BpgModel              *from,
                       const BpgTrainOptions *options,
                       GError               **error)
{
  g_autoptr (BpgTrainingSet) set = bpg_train_features (selections, n_selections, from, options, error);
  g_autoptr (GArray) numbers = NULL;
  BpgEvaluation *self = NULL;

  if (set == NULL)
    return NULL;
  numbers = bpg_training_set_numbers (set);
  if (numbers->len < 2)
    {
      g_set_error_literal (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_NO_SAMPLES,
                           "With one repetition nothing is left to evaluate on; record a second one");
      return NULL;
    }
  for (guint i = 0; i < numbers->len; i++)
    {
      guint number = g_array_index (numbers, guint, i);
      g_autoptr (BpgTrainingSet) others = bpg_training_set_split (set, number, FALSE);
      g_autoptr (BpgTrainingSet) held_out = bpg_training_set_split (set, number, TRUE);
      g_autoptr (BpgModel) model = bpg_train_on_set (others, from, options, NULL, error);

      if (model == NULL)
        {
          g_clear_pointer (&self, bpg_evaluation_free);
          return NULL;
        }
      if (self == NULL)
        self = new_evaluation (model, set);
      for (guint r = 0; r < held_out->repetitions->len; r++)
        score_repetition (self, model, held_out, &g_array_index (held_out->repetitions, BpgTrainingRepetition, r));
    }
  summarise (self);
  return self;
}

BpgEvaluation *
bpg_evaluate_by_number (BpgModel              *model,
                        const BpgSelection    *selections,
                        guint                  n_selections,
                        const BpgTrainOptions *options,
                        GError               **error)
{
  const struct bpg_bpm *bpm = bpg_model_get_bpm (model);
  BpgFraming framing = { bpm->window, bpm->hop, options->trim_start_ms, options->trim_end_ms, FALSE };
  g_autoptr (BpgTrainingSet) set = bpg_training_set_new (selections, n_selections, &framing, model, error);
  g_autoptr (GArray) numbers = NULL;
  BpgEvaluation *self;

  if (set == NULL)
    return NULL;
  numbers = bpg_training_set_numbers (set);
  self = new_evaluation (model, set);
  for (guint i = 0; i < numbers->len; i++)
    {
      g_autoptr (BpgTrainingSet) part = bpg_training_set_split (set, g_array_index (numbers, guint, i), TRUE);

      for (guint r = 0; r < part->repetitions->len; r++)
        score_repetition (self, model, part, &g_array_index (part->repetitions, BpgTrainingRepetition, r));
    }
  summarise (self);
  return self;
}
