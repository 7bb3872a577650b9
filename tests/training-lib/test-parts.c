/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include <string.h>

#include "generate.h"
#include "training/lib/bpg-consistency.h"
#include "training/lib/bpg-interval.h"
#include "training/lib/bpg-matrix.h"
#include "training/lib/bpg-onset.h"
#include "training/lib/bpg-population.h"
#include "training/lib/bpg-rotation.h"
#include "training/lib/bpg-score.h"
#include "training/lib/bpg-training-section.h"

#define SIZE 9u

static const GeneratedSignal person = { 200, 8, 6, 4, 1500, 300, 1, 0 };
static const BpgTrainOptions steady = { .window_ms = 200, .hop_ms = 50, .created_us = 1 };

/* Symmetric and positive definite, and not simple. */
static void
fill_matrix (double *matrix)
{
  for (guint i = 0; i < SIZE; i++)
    {
      for (guint j = 0; j < SIZE; j++)
        matrix[i * SIZE + j] = (i == j ? 3.0 + i : 0.0) + 1.0 / (1 + i + j);
    }
}

static void
test_invert (void)
{
  double matrix[SIZE * SIZE], inverse[SIZE * SIZE];

  fill_matrix (matrix);
  g_assert_true (bpg_invert (matrix, SIZE, inverse));
  for (guint i = 0; i < SIZE; i++)
    {
      for (guint j = 0; j < SIZE; j++)
        {
          double sum = 0;

          for (guint k = 0; k < SIZE; k++)
            sum += matrix[i * SIZE + k] * inverse[k * SIZE + j];
          g_assert_cmpfloat_with_epsilon (sum, i == j, 1e-12);
        }
    }
  matrix[0] = -1;
  g_assert_false (bpg_invert (matrix, SIZE, inverse));
  matrix[0] = NAN;
  g_assert_false (bpg_invert (matrix, SIZE, inverse));
}

static void
test_orthonormalise (void)
{
  double basis[SIZE * SIZE] = { 0 }, matrix[SIZE * SIZE];
  guint rank = 0;

  fill_matrix (matrix);
  for (guint i = 0; i < SIZE; i++)
    rank = bpg_orthonormalise (basis, rank, SIZE, matrix + i * SIZE);
  g_assert_cmpuint (rank, ==, SIZE);
  for (guint i = 0; i < SIZE; i++)
    {
      for (guint j = 0; j < SIZE; j++)
        g_assert_cmpfloat_with_epsilon (bpg_dot (basis + i * SIZE, basis + j * SIZE, SIZE), i == j, 1e-12);
    }
  g_assert_cmpuint (bpg_orthonormalise (basis, 3, SIZE, basis), ==, 3);
}

static void
test_interval (void)
{
  const double values[] = { 1, 2, 3, 4, 5 };
  double low, high;

  g_assert_cmpfloat (bpg_mean_interval (values, 5, &low, &high), ==, 3);
  g_assert_cmpfloat_with_epsilon (high - 3, 2.776 * sqrt (2.5 / 5), 1e-9);
  g_assert_cmpfloat_with_epsilon (3 - low, high - 3, 1e-9);
  bpg_mean_interval (values, 1, &low, &high);
  g_assert_cmpfloat (low, ==, 0);
  g_assert_cmpfloat (high, ==, 2);
  g_assert_cmpfloat (bpg_mean_interval (NULL, 0, &low, &high), ==, 0);
}

/* Movement 2 of the made-up person begins 1.5 s after movement 1, rest comes first. */
static void
test_onset (void)
{
  GeneratedSignal signal = person;
  g_autoptr (BpgEmgRecording) recording = NULL;
  gsize onset = 0;

  signal.movements = 2;
  signal.repetitions = 2;
  signal.segment_ms = 4000;
  recording = generate_recording (&signal);
  g_assert_true (bpg_find_onset (recording, 800, &onset));
  g_assert_cmpint (ABS ((gint) onset - 800), <=, 10);
  g_assert_false (bpg_find_onset (recording, bpg_emg_recording_get_n_samples (recording) - 1, &onset));
}

static BpgStatistics *
statistics_of (const GeneratedSignal *signal,
               BpgScaling            *scaling)
{
  g_autoptr (BpgEmgRecording) recording = generate_recording (signal);
  BpgSelection selection = { recording, NULL };
  const BpgFraming framing = { 40, 10, 0, 0, FALSE };
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgTrainingSet) set = bpg_training_set_new (&selection, 1, &framing, NULL, &error);

  g_assert_no_error (error);
  if (scaling->scale[0] == 0)
    bpg_scaling_from_set (set, scaling);
  return bpg_statistics_from_set (set, scaling);
}

static void
test_rotation (void)
{
  for (int turn = -2; turn <= 2; turn++)
    {
      GeneratedSignal turned = person;
      BpgScaling scaling = { 0 };
      g_autoptr (BpgStatistics) old = statistics_of (&person, &scaling);
      g_autoptr (BpgStatistics) today = NULL;

      /* the signal of electrode c + shift comes out of electrode c */
      turned.shift = (guint) (8 - turn) % 8;
      turned.seed = 4;
      today = statistics_of (&turned, &scaling);
      g_assert_cmpint (bpg_rotation_find (old, today, 8), ==, turn);
      bpg_rotation_apply (old, 8, turn);
      g_assert_cmpint (bpg_rotation_find (old, today, 8), ==, 0);
    }
}

static void
test_rotation_comes_back (void)
{
  BpgScaling scaling = { 0 };
  g_autoptr (BpgStatistics) before = statistics_of (&person, &scaling);
  g_autoptr (BpgStatistics) after = statistics_of (&person, &scaling);

  bpg_rotation_apply (after, 8, 2);
  bpg_rotation_apply (after, 8, -2);
  for (gsize i = 0; i < (gsize) before->features * before->features; i++)
    g_assert_cmpfloat_with_epsilon (before->covariance[i], after->covariance[i], 1e-9);
  for (gsize i = 0; i < (gsize) before->features * before->movements->len; i++)
    g_assert_cmpfloat_with_epsilon (before->means[i], after->means[i], 1e-9);
}

static void
test_swapped (void)
{
  BpgScaling scaling = { 0 };
  GeneratedSignal other_day = person;
  g_autoptr (BpgStatistics) old = statistics_of (&person, &scaling);
  g_autoptr (BpgStatistics) today = NULL;
  guint first, second, features;

  other_day.seed = 3;
  today = statistics_of (&other_day, &scaling);
  features = today->features;
  g_assert_false (bpg_find_swapped (old, today, &first, &second));
  for (guint f = 0; f < features; f++)
    {
      double mean = today->means[2 * features + f];

      today->means[2 * features + f] = today->means[4 * features + f];
      today->means[4 * features + f] = mean;
    }
  g_assert_true (bpg_find_swapped (old, today, &first, &second));
  g_assert_cmpuint (first, ==, 2);
  g_assert_cmpuint (second, ==, 4);
}

static void
test_population (void)
{
  g_autoptr (BpgPopulation) of_long = bpg_population_for (8, 200);
  g_autoptr (BpgPopulation) of_short = bpg_population_for (8, 60);
  g_autoptr (BpgPopulation) none = bpg_population_for (7, 200);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  const BpgPopulation *both[] = { of_short, of_long };

  g_assert_null (none);
  g_assert_nonnull (of_long);
  g_assert_nonnull (of_short);
  g_assert_cmpuint (of_long->window_ms, ==, 200);
  g_assert_cmpuint (of_short->window_ms, ==, 100);
  for (guint i = 0; i < 2; i++)
    {
      g_assert_cmpuint (both[i]->features, ==, 68);
      bpg_population_encode (both[i], bytes);
      for (guint f = 0; f < 68; f++)
        {
          g_assert_cmpfloat (both[i]->within[f * 68 + f], >, 0);
          g_assert_cmpfloat (both[i]->session[f * 68 + f], >, 0);
          g_assert_cmpfloat (both[i]->between[f * 68 + f], >, 0);
        }
    }
  g_assert_cmpmem (bytes->data, bytes->len, bpg_population_data, bpg_population_data_length);
  for (gsize cut = 0; cut < bytes->len / 2; cut += 97)
    {
      const guint8 *at = bytes->data;
      gsize length = cut;

      g_assert_null (bpg_population_decode (&at, &length));
    }
}

/* What adaptation needs survives the file but for rounding. */
static void
test_training_section (void)
{
  BpgScaling scaling = { 0 };
  g_autoptr (BpgEmgRecording) recording = generate_recording (&person);
  BpgSelection selection = { recording, NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgModel) model = bpg_train (&selection, 1, NULL, &steady, NULL, &error);
  g_autoptr (BpgStatistics) kept = bpg_training_section_decode (model, &error);
  g_autoptr (BpgStatistics) fresh = statistics_of (&person, &scaling);

  g_assert_no_error (error);
  g_assert_cmpuint (kept->movements->len, ==, fresh->movements->len);
  for (guint m = 0; m < kept->movements->len; m++)
    {
      g_assert_cmpuint (kept->repetitions[m], ==, 4);
      g_assert_cmpuint (kept->windows[m], ==, fresh->windows[m]);
      for (guint f = 0; f < kept->features; f++)
        g_assert_cmpfloat_with_epsilon (kept->means[m * kept->features + f], fresh->means[m * kept->features + f], 0.001);
    }
  for (guint f = 0; f < kept->features; f++)
    {
      for (guint g = 0; g < kept->features; g++)
        {
          gsize at = (gsize) f * kept->features + g;

          g_assert_cmpfloat_with_epsilon (kept->covariance[at], fresh->covariance[at], 0.001);
        }
    }
}

static void
test_score (void)
{
  g_autoptr (BpgEmgRecording) recording = generate_recording (&person);
  BpgSelection selection = { recording, NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgModel) model = bpg_train (&selection, 1, NULL, &steady, NULL, &error);
  g_autoptr (BpgScore) score = bpg_score_new (model, "made-up");
  guint sum = 0;

  g_assert_no_error (error);
  g_assert_cmpfloat (bpg_score_reaction (score, 50), ==, -1);
  g_assert_true (bpg_score_add (score, model, &selection, 0, 0, &error));
  for (guint i = 0; i < score->movements->len * score->movements->len; i++)
    sum += score->confusion[i];
  g_assert_cmpuint (sum, ==, score->decisions);
  g_assert_cmpuint (score->decisions, ==, 24 * 27);
  g_assert_cmpuint (score->active, ==, 20 * 27);
  g_assert_cmpuint (score->raw_wrong, <, score->decisions / 20);
  g_assert_cmpuint (score->changes, >=, 20);
  g_assert_cmpfloat_with_epsilon (score->seconds, 36, 1e-9);
  g_assert_cmpfloat (score->wrong_speed, <=, score->speed);
  for (guint percent = 0; percent < 100; percent += 10)
    g_assert_cmpfloat (bpg_score_reaction (score, percent), <=, bpg_score_reaction (score, percent + 10));
}

/* No window may reach over samples that were lost. */
static void
test_gaps (void)
{
  g_autoptr (BpgEmgRecording) whole = generate_recording (&person);
  GArray *segments = g_array_new (FALSE, TRUE, sizeof (BpgSegment));
  GArray *gaps = g_array_new (FALSE, TRUE, sizeof (BpgGap));
  BpgSegment segment = { .start = 0, .count = 300, .gesture = 1, .repetition = 1, .name = g_strdup ("one") };
  BpgGap gap = { 100, 20 };
  g_autoptr (BpgEmgRecording) recording = NULL;
  BpgFraming framing = { 40, 10, 0, 0, FALSE };
  BpgSelection selection = { 0 };
  g_autoptr (BpgTrainingSet) set = NULL;
  g_autoptr (GError) error = NULL;

  g_array_set_clear_func (segments, (GDestroyNotify) bpg_segment_clear);
  g_array_append_val (segments, segment);
  g_array_append_val (gaps, gap);
  recording = bpg_emg_recording_new (200, 8, 1000000000, BPG_UNIT_MYO_COUNT,
                                     g_bytes_new (bpg_emg_recording_get_sample (whole, 0), 300 * 16), segments, gaps);
  g_assert_true (bpg_emg_recording_is_lost (recording, 100) && bpg_emg_recording_is_lost (recording, 119));
  g_assert_false (bpg_emg_recording_is_lost (recording, 99) || bpg_emg_recording_is_lost (recording, 120));
  selection.recording = recording;
  set = bpg_training_set_new (&selection, 1, &framing, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (set->windows->len, ==, ((100 - 40) / 10 + 1) + ((180 - 40) / 10 + 1));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/training-lib/matrix/invert", test_invert);
  g_test_add_func ("/training-lib/matrix/orthonormalise", test_orthonormalise);
  g_test_add_func ("/training-lib/interval", test_interval);
  g_test_add_func ("/training-lib/onset", test_onset);
  g_test_add_func ("/training-lib/rotation/found", test_rotation);
  g_test_add_func ("/training-lib/rotation/comes-back", test_rotation_comes_back);
  g_test_add_func ("/training-lib/consistency/swapped", test_swapped);
  g_test_add_func ("/training-lib/population", test_population);
  g_test_add_func ("/training-lib/section", test_training_section);
  g_test_add_func ("/training-lib/score", test_score);
  g_test_add_func ("/training-lib/set/gaps", test_gaps);
  return g_test_run ();
}
