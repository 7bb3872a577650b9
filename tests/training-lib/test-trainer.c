/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "generate.h"
#include "training/lib/bpg-comparison.h"
#include "training/lib/bpg-drift.h"
#include "training/lib/bpg-evaluation.h"
#include "training/lib/bpg-run.h"
#include "training/lib/bpg-training-error.h"

static const GeneratedSignal person = { 200, 8, 6, 4, 1500, 300, 1, 0 };
static const BpgTrainOptions steady = { .window_ms = 200, .hop_ms = 50, .created_us = 1 };

static GArray *
repetitions (guint first,
             guint last)
{
  GArray *numbers = g_array_new (FALSE, FALSE, sizeof (guint));

  for (guint number = first; number <= last; number++)
    g_array_append_val (numbers, number);
  return numbers;
}

static BpgModel *
train_on (const GeneratedSignal *signal,
          guint                  first,
          guint                  last,
          BpgModel              *from)
{
  g_autoptr (BpgEmgRecording) recording = generate_recording (signal);
  g_autoptr (GArray) numbers = repetitions (first, last);
  BpgSelection selection = { recording, numbers };
  g_autoptr (GError) error = NULL;
  BpgModel *model = bpg_train (&selection, 1, from, &steady, NULL, &error);

  g_assert_no_error (error);
  return model;
}

static double
error_on (BpgModel              *model,
          const GeneratedSignal *signal,
          guint                  first,
          guint                  last)
{
  g_autoptr (BpgEmgRecording) recording = generate_recording (signal);
  g_autoptr (GArray) numbers = repetitions (first, last);
  BpgSelection selection = { recording, numbers };
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgEvaluation) evaluation = bpg_evaluate (model, &selection, 1, 0, 0, &error);
  guint sum = 0;

  g_assert_no_error (error);
  for (guint i = 0; i < evaluation->movements->len * evaluation->movements->len; i++)
    sum += evaluation->confusion[i];
  g_assert_cmpuint (sum, ==, evaluation->windows);
  g_assert_cmpfloat (evaluation->error_low, <=, evaluation->error);
  g_assert_cmpfloat (evaluation->error_high, >=, evaluation->error);
  return evaluation->error;
}

static void
test_learns (void)
{
  g_autoptr (BpgModel) model = train_on (&person, 1, 2, NULL);

  g_assert_cmpfloat (error_on (model, &person, 3, 4), <, 0.02);
  g_assert_cmpuint (bpg_model_get_bpm (model)->movements, ==, 6);
  g_assert_cmpuint (g_bytes_get_size (bpg_model_get_bytes (model)), <=, 16384);
}

static void
test_is_repeatable (void)
{
  g_autoptr (BpgModel) first = train_on (&person, 1, 2, NULL);
  g_autoptr (BpgModel) second = train_on (&person, 1, 2, NULL);

  g_assert_true (g_bytes_equal (bpg_model_get_bytes (first), bpg_model_get_bytes (second)));
}

static void
test_adapts_to_a_turned_band (void)
{
  GeneratedSignal turned = person;
  g_autoptr (BpgModel) old = train_on (&person, 1, 4, NULL);
  g_autoptr (BpgModel) adapted = NULL;

  turned.shift = 1;
  turned.seed = 2;
  g_assert_cmpfloat (error_on (old, &turned, 2, 4), >, 0.2);
  adapted = train_on (&turned, 1, 1, old);
  g_assert_cmpfloat (error_on (adapted, &turned, 2, 4), <, 0.03);
  g_assert_cmpmem (bpg_model_get_bpm (adapted)->parent, 32, bpg_model_get_bpm (old)->digest, 32);
}

/* Day after day of adapting must not wear the model out. */
static void
test_chained_adaptation (void)
{
  g_autoptr (BpgModel) model = train_on (&person, 1, 4, NULL);
  GeneratedSignal day = person;

  for (guint i = 0; i < 30; i++)
    {
      BpgModel *next;

      day.seed = 100 + i;
      next = train_on (&day, 1, 1, model);
      g_object_unref (model);
      model = next;
    }
  g_assert_cmpfloat (error_on (model, &day, 2, 4), <, 0.02);
  g_assert_cmpfloat (error_on (model, &person, 1, 4), <, 0.03);
}

/* One bad day must not let everything pass from then on. */
static void
test_limit_comes_down (void)
{
  g_autoptr (BpgModel) good = train_on (&person, 1, 4, NULL);
  gsize length = g_bytes_get_size (bpg_model_get_bytes (good));
  guint8 *bytes = g_memdup2 (g_bytes_get_data (bpg_model_get_bytes (good), NULL), length);
  g_autoptr (GBytes) bad = NULL;
  BpgModel *model;
  g_autoptr (GError) error = NULL;
  GeneratedSignal day = person;

  bytes[132 + 2] = 0x80; /* a limit 200 times as far as any */
  bpg_bpm_digest (bytes + BPG_BPM_HASHED_FROM, length - BPG_BPM_HASHED_FROM, bytes + 12);
  bad = g_bytes_new_take (bytes, length);
  model = bpg_model_new (bad, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 60; i++)
    {
      BpgModel *next;

      day.seed = 200 + i;
      next = train_on (&day, 1, 1, model);
      g_object_unref (model);
      model = next;
    }
  g_assert_cmpuint (bpg_model_get_bpm (model)->decision.reject_score, <,
                    3 * bpg_model_get_bpm (good)->decision.reject_score);
  g_object_unref (model);
}

/* A model that has no room for shapes has room for the maps of lost electrodes. */
static void
test_maps_where_they_fit (void)
{
  static const guint movements[] = { 8, 16, 20 };

  for (guint i = 0; i < G_N_ELEMENTS (movements); i++)
    {
      const GeneratedSignal signal = { 200, 8, movements[i], 2, 1500, 300, 3, 0 };
      g_autoptr (BpgModel) model = train_on (&signal, 1, 2, NULL);

      g_assert_true (bpg_model_get_bpm (model)->map_table != NULL);
      g_assert_cmpuint (g_bytes_get_size (bpg_model_get_bytes (model)), <=, 16384);
    }
}

static void
test_adapting_one_movement_keeps_the_others (void)
{
  g_autoptr (BpgModel) old = train_on (&person, 1, 4, NULL);
  GeneratedSignal only_two = person;
  g_autoptr (BpgModel) adapted = NULL;

  only_two.movements = 2;
  only_two.seed = 5;
  adapted = train_on (&only_two, 1, 1, old);
  g_assert_cmpuint (bpg_model_get_bpm (adapted)->movements, ==, 6);
  g_assert_cmpfloat (error_on (adapted, &person, 1, 4), <, 0.05);
}

static void
test_new_movement_joins (void)
{
  GeneratedSignal fewer = person;
  g_autoptr (BpgModel) old = NULL;
  g_autoptr (BpgModel) adapted = NULL;

  fewer.movements = 4;
  old = train_on (&fewer, 1, 4, NULL);
  adapted = train_on (&person, 1, 2, old);
  g_assert_cmpuint (bpg_model_get_bpm (adapted)->movements, ==, 6);
  g_assert_cmpfloat (error_on (adapted, &person, 3, 4), <, 0.05);
}

static void
assert_training_fails (BpgEmgRecording       *recording,
                       GArray                *numbers,
                       BpgModel              *from,
                       const BpgTrainOptions *options,
                       int                    code)
{
  BpgSelection selection = { recording, numbers };
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgModel) model = bpg_train (&selection, 1, from, options, NULL, &error);

  g_assert_null (model);
  g_assert_error (error, BPG_TRAINING_ERROR, code);
}

static void
test_refusals (void)
{
  g_autoptr (BpgEmgRecording) recording = generate_recording (&person);
  g_autoptr (BpgModel) model = train_on (&person, 1, 2, NULL);
  g_autoptr (GArray) absent = repetitions (9, 9);
  GeneratedSignal other = person;
  BpgTrainOptions options = steady;
  g_autoptr (BpgEmgRecording) one_movement = NULL;
  g_autoptr (BpgEmgRecording) fewer_electrodes = NULL;
  g_autoptr (BpgEmgRecording) faster = NULL;

  other.movements = 1;
  one_movement = generate_recording (&other);
  other = person;
  other.channels = 6;
  fewer_electrodes = generate_recording (&other);
  other = person;
  other.rate = 1000;
  faster = generate_recording (&other);

  assert_training_fails (recording, absent, NULL, &steady, BPG_TRAINING_ERROR_NO_SAMPLES);
  assert_training_fails (one_movement, NULL, NULL, &steady, BPG_TRAINING_ERROR_TOO_FEW_MOVEMENTS);
  assert_training_fails (fewer_electrodes, NULL, model, &steady, BPG_TRAINING_ERROR_INCOMPATIBLE);
  assert_training_fails (faster, NULL, model, &steady, BPG_TRAINING_ERROR_INCOMPATIBLE);
  options.trim_start_ms = 1400;
  assert_training_fails (recording, NULL, NULL, &options, BPG_TRAINING_ERROR_NO_SAMPLES);
  options = steady;
  options.window_ms = 100;
  assert_training_fails (recording, NULL, model, &options, BPG_TRAINING_ERROR_INCOMPATIBLE);
  options.window_ms = 20000;
  assert_training_fails (recording, NULL, NULL, &options, BPG_TRAINING_ERROR_INVALID_ARGUMENT);
  options.window_ms = 5;
  assert_training_fails (recording, NULL, NULL, &options, BPG_TRAINING_ERROR_INVALID_ARGUMENT);
}

/* A copy of @recording whose electrodes in @mask read @value. */
static BpgEmgRecording *
with_stuck_electrodes (const GeneratedSignal *signal,
                       guint16                mask,
                       gint16                 value)
{
  BpgEmgRecording *recording = generate_recording (signal);

  for (gsize t = 0; t < bpg_emg_recording_get_n_samples (recording); t++)
    {
      gint16 *sample = (gint16 *) bpg_emg_recording_get_sample (recording, t);

      for (guint c = 0; c < signal->channels; c++)
        {
          if ((mask >> c & 1) != 0)
            sample[c] = value;
        }
    }
  return recording;
}

static void
test_constant_electrode (void)
{
  g_autoptr (BpgEmgRecording) one = with_stuck_electrodes (&person, 1u << 3, -7);
  g_autoptr (BpgEmgRecording) most = with_stuck_electrodes (&person, 0x7c, 0);
  g_autoptr (BpgEmgRecording) clipped = with_stuck_electrodes (&person, 0x7c, G_MAXINT16);
  g_autoptr (GArray) numbers = repetitions (1, 2);
  BpgSelection selection = { one, numbers };
  BpgTrainReport report = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgModel) model = bpg_train (&selection, 1, NULL, &steady, &report, &error);
  g_autoptr (BpgEvaluation) evaluation = NULL;

  g_assert_no_error (error);
  g_assert_cmpuint (report.excluded, ==, 1u << 3);
  g_assert_cmpuint (bpg_model_get_bpm (model)->excluded, ==, 1u << 3);
  selection.repetitions = NULL;
  evaluation = bpg_evaluate (model, &selection, 1, 0, 0, &error);
  g_assert_no_error (error);
  g_assert_cmpfloat (evaluation->error, <, 0.05);
  assert_training_fails (most, NULL, NULL, &steady, BPG_TRAINING_ERROR_SIGNAL_POOR);
  assert_training_fails (clipped, NULL, NULL, &steady, BPG_TRAINING_ERROR_SIGNAL_POOR);
}

static void
test_shapes_and_sizes (void)
{
  const struct
  {
    guint rate, channels, movements;
  } cases[] = { { 200, 4, 2 }, { 500, 4, 12 }, { 1000, 8, 32 }, { 2000, 8, 8 }, { 1000, 16, 10 }, { 2000, 16, 4 } };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const GeneratedSignal signal = { cases[i].rate, cases[i].channels, cases[i].movements, 2, 800, 4000, 3, 0 };
      g_autoptr (BpgModel) model = train_on (&signal, 1, 2, NULL);

      g_assert_cmpuint (bpg_model_get_bpm (model)->movements, ==, cases[i].movements);
      if (cases[i].channels <= 8)
        g_assert_cmpuint (g_bytes_get_size (bpg_model_get_bytes (model)), <=, 16384);
      g_assert_cmpfloat (error_on (model, &signal, 1, 2), <, 0.6);
    }
}

static void
count_right (const struct bpg_decision *decision,
             gpointer                   user_data)
{
  guint *counts = user_data;

  counts[0]++;
  if (decision->movement == 0)
    g_assert_cmpuint (decision->speed, ==, 0);
  counts[1] += decision->raw == decision->sample / 300 % 6;
}

static void
test_run_is_the_evaluation (void)
{
  g_autoptr (BpgModel) model = train_on (&person, 1, 2, NULL);
  g_autoptr (BpgEmgRecording) recording = generate_recording (&person);
  g_autoptr (GError) error = NULL;
  guint counts[2] = { 0 };

  g_assert_true (bpg_run (model, recording, count_right, counts, &error));
  g_assert_cmpuint (counts[0], ==, (bpg_emg_recording_get_n_samples (recording) - 40) / 10 + 1);
  g_assert_cmpuint (counts[1], >, counts[0] * 8 / 10);
}

static void
test_held_out (void)
{
  g_autoptr (BpgEmgRecording) recording = generate_recording (&person);
  g_autoptr (GArray) first = repetitions (1, 1);
  BpgSelection selection = { recording, NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgEvaluation) evaluation = bpg_evaluate_held_out (&selection, 1, NULL, &steady, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (evaluation->repetitions, ==, 24);
  g_assert_cmpuint (evaluation->windows, ==, 24 * 27);
  g_assert_cmpfloat (evaluation->error, <, 0.05);
  selection.repetitions = first;
  g_assert_null (bpg_evaluate_held_out (&selection, 1, NULL, &steady, &error));
  g_assert_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_NO_SAMPLES);
}

static void
test_comparison (void)
{
  GeneratedSignal turned = person;
  g_autoptr (BpgModel) good = train_on (&person, 1, 2, NULL);
  g_autoptr (BpgModel) bad = NULL;
  g_autoptr (BpgEmgRecording) recording = generate_recording (&person);
  g_autoptr (GArray) numbers = repetitions (3, 4);
  BpgSelection selection = { recording, numbers };
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgComparison) worse = NULL;
  g_autoptr (BpgComparison) better = NULL;
  g_autoptr (BpgComparison) same = NULL;

  turned.shift = 2;
  bad = train_on (&turned, 1, 2, NULL);
  worse = bpg_compare (bad, good, &selection, 1, 0, 0, &error);
  g_assert_no_error (error);
  g_assert_cmpint (worse->verdict, ==, BPG_COMPARISON_WORSE);
  g_assert_cmpfloat (worse->difference, >, 0.1);
  better = bpg_compare (good, bad, &selection, 1, 0, 0, &error);
  g_assert_cmpint (better->verdict, ==, BPG_COMPARISON_BETTER);
  same = bpg_compare (good, good, &selection, 1, 0, 0, &error);
  g_assert_cmpint (same->verdict, ==, BPG_COMPARISON_NOT_WORSE);
  g_assert_cmpfloat (same->difference, ==, 0);
}

static void
test_comparison_held_out (void)
{
  GeneratedSignal turned = person, today = person;
  g_autoptr (BpgModel) old = NULL;
  g_autoptr (BpgEmgRecording) recording = NULL;
  BpgSelection selection = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgComparison) comparison = NULL;

  turned.shift = 2;
  today.seed = 9;
  old = train_on (&turned, 1, 4, NULL);
  recording = generate_recording (&today);
  selection.recording = recording;
  comparison = bpg_compare_held_out (&selection, 1, old, old, &steady, &error);
  g_assert_no_error (error);
  g_assert_cmpint (comparison->verdict, ==, BPG_COMPARISON_BETTER);
  g_assert_cmpuint (comparison->candidate->windows, ==, comparison->active->windows);
}

static void
test_drift (void)
{
  GeneratedSignal turned = person, today = person;
  g_autoptr (BpgModel) model = train_on (&person, 1, 4, NULL);
  g_autoptr (BpgEmgRecording) same = NULL;
  g_autoptr (BpgEmgRecording) other = NULL;
  g_autoptr (GError) error = NULL;
  BpgDrift near, far;

  today.seed = 12;
  same = generate_recording (&today);
  turned.shift = 1;
  other = generate_recording (&turned);
  g_assert_true (bpg_drift_measure (model, same, 0, 0, &near, &error));
  g_assert_true (bpg_drift_measure (model, other, 0, 0, &far, &error));
  g_assert_false (near.drifted);
  g_test_message ("near %.2f far %.2f", near.figure, far.figure);
  g_assert_true (far.drifted);
  g_assert_cmpfloat (far.figure, >, near.figure);
  bpg_drift_from_decisions (model, NULL, 0, &near);
  g_assert_false (near.drifted);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/training-lib/trainer/learns", test_learns);
  g_test_add_func ("/training-lib/trainer/repeatable", test_is_repeatable);
  g_test_add_func ("/training-lib/trainer/turned-band", test_adapts_to_a_turned_band);
  g_test_add_func ("/training-lib/trainer/chained", test_chained_adaptation);
  g_test_add_func ("/training-lib/trainer/limit-comes-down", test_limit_comes_down);
  g_test_add_func ("/training-lib/trainer/maps-where-they-fit", test_maps_where_they_fit);
  g_test_add_func ("/training-lib/trainer/one-movement", test_adapting_one_movement_keeps_the_others);
  g_test_add_func ("/training-lib/trainer/new-movement", test_new_movement_joins);
  g_test_add_func ("/training-lib/trainer/refusals", test_refusals);
  g_test_add_func ("/training-lib/trainer/constant-electrode", test_constant_electrode);
  g_test_add_func ("/training-lib/trainer/shapes-and-sizes", test_shapes_and_sizes);
  g_test_add_func ("/training-lib/run/is-the-evaluation", test_run_is_the_evaluation);
  g_test_add_func ("/training-lib/evaluation/held-out", test_held_out);
  g_test_add_func ("/training-lib/comparison/three-verdicts", test_comparison);
  g_test_add_func ("/training-lib/comparison/held-out", test_comparison_held_out);
  g_test_add_func ("/training-lib/drift", test_drift);
  return g_test_run ();
}
