/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "training/lib/bpg-feature-batch-private.h"
#include "training/lib/bpg-training-set.h"

/* A signal and how it is cut. */
struct cut
{
  guint channels;
  guint window;
  guint hop;
  guint count;
  guint16 excluded;
};

static void
expect_features (const struct cut                    *cut,
                 const struct bpg_feature_parameters *parameters,
                 const gint16                        *samples,
                 const gint32                        *rows,
                 const guint32                       *strengths)
{
  g_autofree struct bpg_window *window = g_new (struct bpg_window, 1);
  g_autofree struct bpg_feature_scratch *scratch = g_new (struct bpg_feature_scratch, 1);
  guint features = BPG_FEATURE_COUNT (cut->channels);

  bpg_window_init (window, (guint16) cut->window, (guint16) cut->channels, cut->excluded, parameters->least_step);
  for (guint i = 0; i < cut->count; i++)
    {
      gint32 expected[BPG_FEATURES_MAX];
      guint32 strength;

      bpg_window_clear (window);
      for (guint t = 0; t < cut->window; t++)
        bpg_window_push (window, samples + (gsize) (i * cut->hop + t) * cut->channels);
      bpg_features (window, parameters, scratch, expected, &strength);
      g_assert_cmpmem (expected, features * sizeof *expected, rows + (gsize) i * features, features * sizeof *rows);
      g_assert_cmpuint (strength, ==, strengths[i]);
    }
}

static void
check_cut (BpgFeatureBatch                     *batch,
           const struct cut                    *cut,
           const struct bpg_feature_parameters *parameters,
           const gint16                        *samples)
{
  g_autofree gint32 *rows = g_new (gint32, cut->count * BPG_FEATURE_COUNT (cut->channels));
  guint32 strengths[BPG_FEATURE_BATCH];
  const BpgKernels *all[BPG_KERNELS_MAX];
  guint n = bpg_kernels_all (all);

  for (guint i = 0; i < n; i++)
    {
      batch->kernels = all[i];
      bpg_feature_batch_compute (batch, samples, cut->count, rows, strengths);
      expect_features (cut, parameters, samples, rows, strengths);
    }
}

static gint16
next_sample (GRand *rand,
             guint  kind)
{
  switch (kind)
    {
    case 0:
      return 0;
    case 1:
      return g_rand_boolean (rand) ? G_MAXINT16 : G_MININT16;
    case 2:
      return G_MININT16;
    case 3:
      return (gint16) g_rand_int_range (rand, G_MININT16, G_MAXINT16 + 1);
    case 4:
      return (gint16) g_rand_int_range (rand, -2, 3);
    default:
      return (gint16) g_rand_int_range (rand, -(1 << (kind - 2)), 1 << (kind - 2));
    }
}

#define KINDS 15u

/* One kind of signal on all electrodes, or another on each. */
static void
fill (GRand            *rand,
      const struct cut *cut,
      gint16           *samples)
{
  guint n = (cut->count - 1) * cut->hop + cut->window, kinds[BPG_CHANNELS_MAX];
  gboolean mixed = g_rand_boolean (rand);

  for (guint c = 0; c < cut->channels; c++)
    kinds[c] = mixed || c == 0 ? (guint) g_rand_int_range (rand, 0, KINDS) : kinds[0];
  for (guint i = 0; i < n * cut->channels; i++)
    samples[i] = next_sample (rand, kinds[i % cut->channels]);
}

/* The same numbers as the arm, whatever comes and whatever the processor: one batch for several stretches. */
static void
check_shape (GRand *rand,
             guint  channels,
             guint  window,
             guint  hop)
{
  static const struct { enum bpg_bpm_unit unit; guint64 scale; } kinds[] = {
    { BPG_UNIT_MYO_COUNT, 1000000000 }, { BPG_UNIT_MICROVOLT, 50000 }, { BPG_UNIT_MYO_FULL_SCALE, 1 },
  };
  guint kind = (guint) g_rand_int_range (rand, 0, G_N_ELEMENTS (kinds));
  struct cut cut = { channels, window, hop, 0, g_rand_boolean (rand) ? 0 : (guint16) g_rand_int (rand) };
  g_autofree gint16 *samples = g_new (gint16, ((BPG_FEATURE_BATCH - 1) * hop + window) * channels);
  g_autoptr (BpgFeatureBatch) batch = NULL;
  struct bpg_feature_parameters parameters;

  bpg_feature_parameters_for (kinds[kind].unit, kinds[kind].scale, channels, &parameters);
  if (g_rand_int_range (rand, 0, 4) == 0)
    parameters.least_step = (guint32) g_rand_int_range (rand, 0, 65537);
  batch = bpg_feature_batch_new (channels, window, hop, cut.excluded, &parameters);
  for (guint i = 0; i < 3; i++)
    {
      cut.count = (guint) g_rand_int_range (rand, 1, BPG_FEATURE_BATCH + 1);
      fill (rand, &cut, samples);
      check_cut (batch, &cut, &parameters, samples);
    }
}

static void
test_any_signal (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);

  for (guint channels = BPG_CHANNELS_MIN; channels <= BPG_CHANNELS_MAX; channels++)
    {
      for (guint i = 0; i < 12; i++)
        check_shape (rand, channels, (guint) g_rand_int_range (rand, BPG_WINDOW_MIN, 70),
                     (guint) g_rand_int_range (rand, 1, 90));
    }
}

static void
test_longest_windows (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (8);

  for (guint i = 0; i < 8; i++)
    {
      check_shape (rand, 4, BPG_WINDOW_MAX, i == 0 ? BPG_WINDOW_MAX : 1 + i);
      check_shape (rand, 8, BPG_WINDOW_MAX, 100);
      check_shape (rand, 16, BPG_RING_SAMPLES / 16, i == 0 ? BPG_WINDOW_MAX : 33);
    }
}

static void
test_shortest_windows (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (9);

  for (guint i = 0; i < 40; i++)
    check_shape (rand, i % 2 == 0 ? 8 : 16, BPG_WINDOW_MIN, 1 + i % 11);
}

#define RATE 1000u
#define ELECTRODES 6u
#define SAMPLES 3000u

static const BpgGap gaps[] = { { 0, 5 }, { 300, 1 }, { 330, 100 }, { 1390, 30 }, { 1800, 1 }, { 1830, 1 }, { 2990, 10 } };

/* Rest, a movement that ends in a gap, and another, with samples lost in all of them. */
static BpgEmgRecording *
new_recording (GRand *rand)
{
  GArray *segments = g_array_new (FALSE, TRUE, sizeof (BpgSegment)), *lost = g_array_new (FALSE, TRUE, sizeof (BpgGap));
  gint16 *samples = g_new (gint16, SAMPLES * ELECTRODES);

  g_array_set_clear_func (segments, (GDestroyNotify) bpg_segment_clear);
  g_array_append_vals (lost, gaps, G_N_ELEMENTS (gaps));
  for (guint s = 0; s < 3; s++)
    {
      BpgSegment segment = { .start = s * 700, .count = s < 2 ? 700 : SAMPLES - 1400, .gesture = (guint8) s,
                             .repetition = 0, .name = g_strdup ("movement") };

      g_array_append_val (segments, segment);
    }
  for (guint i = 0; i < SAMPLES * ELECTRODES; i++)
    samples[i] = i % ELECTRODES == 4 ? 17 : next_sample (rand, 13);
  return bpg_emg_recording_new (RATE, ELECTRODES, 1000000000, BPG_UNIT_MYO_COUNT,
                                g_bytes_new_take (samples, SAMPLES * ELECTRODES * sizeof *samples), segments, lost);
}

/* Sample by sample, as an arm would, starting anew after each gap. */
static guint
expect_segment (const BpgTrainingSet *set,
                BpgEmgRecording      *recording,
                guint                 number,
                guint                 at)
{
  g_autofree struct bpg_window *window = g_new (struct bpg_window, 1);
  g_autofree struct bpg_feature_scratch *scratch = g_new (struct bpg_feature_scratch, 1);
  const BpgSegment *segment = bpg_emg_recording_get_segment (recording, number);
  guint until = set->framing.window;

  bpg_window_init (window, (guint16) set->framing.window, ELECTRODES, set->excluded, set->parameters.least_step);
  for (gsize t = segment->start; t < segment->start + segment->count; t++)
    {
      gint32 expected[BPG_FEATURES_MAX];
      guint32 strength;

      if (bpg_emg_recording_is_lost (recording, t))
        {
          bpg_window_clear (window);
          until = set->framing.window;
          continue;
        }
      bpg_window_push (window, bpg_emg_recording_get_sample (recording, t));
      if (--until != 0)
        continue;
      until = set->framing.hop;
      bpg_features (window, &set->parameters, scratch, expected, &strength);
      g_assert_cmpuint (at, <, set->windows->len);
      g_assert_cmpmem (expected, set->features * sizeof *expected, bpg_training_set_row (set, at),
                       set->features * sizeof *expected);
      g_assert_cmpuint (g_array_index (set->windows, BpgTrainingWindow, at).strength, ==, strength);
      g_assert_cmpuint (g_array_index (set->windows, BpgTrainingWindow, at).movement, ==, number);
      at++;
    }
  return at;
}

static void
test_gaps (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (10);

  for (guint i = 0; i < 12; i++)
    {
      g_autoptr (BpgEmgRecording) recording = new_recording (rand);
      g_autoptr (GError) error = NULL;
      BpgFraming framing = { .window = 30 + 7 * i, .hop = 1 + 5 * i };
      BpgSelection selection = { recording, NULL };
      g_autoptr (BpgTrainingSet) set = bpg_training_set_new (&selection, 1, &framing, NULL, &error);
      guint at = 0;

      g_assert_no_error (error);
      g_assert_cmpuint (set->excluded, ==, 1 << 4);
      for (guint s = 0; s < 3; s++)
        at = expect_segment (set, recording, s, at);
      g_assert_cmpuint (at, ==, set->windows->len);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/feature-batch/any-signal", test_any_signal);
  g_test_add_func ("/feature-batch/longest-windows", test_longest_windows);
  g_test_add_func ("/feature-batch/shortest-windows", test_shortest_windows);
  g_test_add_func ("/feature-batch/gaps", test_gaps);
  return g_test_run ();
}
