/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <math.h>

#include "recognition/feature-set.h"
#include "recognition/window.h"
#include "training/lib/bpg-training-set.h"

#define CHANNELS 5
#define LENGTH 37

static void
random_sample (GRand  *rand,
               gint16 *sample)
{
  for (guint c = 0; c < CHANNELS; c++)
    sample[c] = (gint16) g_rand_int_range (rand, G_MININT16, G_MAXINT16 + 1);
}

static struct bpg_window *
new_window (guint16 excluded)
{
  struct bpg_window *window = g_new (struct bpg_window, 1);

  bpg_window_init (window, LENGTH, CHANNELS, excluded, 100);
  return window;
}

/* What slides along must equal what is summed afresh, at the worst amplitudes and over many turns. */
static void
test_sums_are_exact (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  g_autofree struct bpg_window *window = new_window (0);
  gint16 sample[CHANNELS];

  for (guint i = 0; i < 10 * LENGTH + 11; i++)
    {
      random_sample (rand, sample);
      bpg_window_push (window, sample);
    }
  for (guint a = 0, pair = 0; a < CHANNELS; a++)
    {
      for (guint b = a; b < CHANNELS; b++, pair++)
        {
          gint64 product = 0, sum = 0;
          guint32 path = 0, turns = 0;

          for (guint t = 0; t < LENGTH; t++)
            {
              gint x = bpg_window_at (window, t)[a];

              product += (gint64) x * bpg_window_at (window, t)[b];
              sum += x;
              if (t > 0)
                path += (guint32) ABS (x - bpg_window_at (window, t - 1)[a]);
              if (t > 1)
                {
                  gint before = bpg_window_at (window, t - 1)[a] - bpg_window_at (window, t - 2)[a];
                  gint after = x - bpg_window_at (window, t - 1)[a];

                  turns += ((before < 0 && after > 0) || (before > 0 && after < 0)) && MAX (ABS (before), ABS (after)) >= 100;
                }
            }
          g_assert_cmpint (window->products[pair], ==, product);
          g_assert_cmpint (window->sums[a], ==, sum);
          g_assert_cmpuint (window->paths[a], ==, path);
          g_assert_cmpuint (window->turns[a], ==, turns);
        }
    }
}

static void
test_features_forget (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (2);
  g_autofree struct bpg_window *slid = new_window (0);
  g_autofree struct bpg_window *fresh = new_window (0);
  g_autofree struct bpg_feature_scratch *scratch = g_new (struct bpg_feature_scratch, 1);
  struct bpg_feature_parameters parameters;
  gint32 first[BPG_FEATURES_MAX], second[BPG_FEATURES_MAX];
  guint32 strength[2];
  gint16 sample[CHANNELS];

  bpg_feature_parameters_for (BPG_UNIT_MYO_COUNT, 1000000000, CHANNELS, &parameters);
  for (guint i = 0; i < 4 * LENGTH; i++)
    {
      random_sample (rand, sample);
      bpg_window_push (slid, sample);
      if (i >= 3 * LENGTH)
        bpg_window_push (fresh, sample);
    }
  bpg_features (slid, &parameters, scratch, first, &strength[0]);
  bpg_features (fresh, &parameters, scratch, second, &strength[1]);
  g_assert_cmpmem (first, BPG_FEATURE_COUNT (CHANNELS) * 4, second, BPG_FEATURE_COUNT (CHANNELS) * 4);
  g_assert_cmpuint (strength[0], ==, strength[1]);
}

static void
test_offset_does_not_matter (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);
  g_autofree struct bpg_window *plain = new_window (0);
  g_autofree struct bpg_window *lifted = new_window (0);
  g_autofree struct bpg_feature_scratch *scratch = g_new (struct bpg_feature_scratch, 1);
  struct bpg_feature_parameters parameters;
  gint32 first[BPG_FEATURES_MAX], second[BPG_FEATURES_MAX];
  guint32 strength[2];

  bpg_feature_parameters_for (BPG_UNIT_MYO_COUNT, 1000000000, CHANNELS, &parameters);
  for (guint i = 0; i < LENGTH; i++)
    {
      gint16 sample[CHANNELS], higher[CHANNELS];

      for (guint c = 0; c < CHANNELS; c++)
        {
          sample[c] = (gint16) g_rand_int_range (rand, -1000, 1000);
          higher[c] = (gint16) (sample[c] + 20000);
        }
      bpg_window_push (plain, sample);
      bpg_window_push (lifted, higher);
    }
  bpg_features (plain, &parameters, scratch, first, &strength[0]);
  bpg_features (lifted, &parameters, scratch, second, &strength[1]);
  for (guint f = 0; f < BPG_FEATURE_COUNT (CHANNELS); f++)
    g_assert_cmpint (ABS (first[f] - second[f]), <=, 1);
}

static void
test_excluded_is_silent (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (4);
  g_autofree struct bpg_window *window = new_window (1u << 2);
  gint16 sample[CHANNELS];

  for (guint i = 0; i < 2 * LENGTH; i++)
    {
      random_sample (rand, sample);
      bpg_window_push (window, sample);
    }
  g_assert_cmpint (window->sums[2], ==, 0);
  g_assert_cmpuint (window->paths[2], ==, 0);
  g_assert_cmpint (window->sums[1], !=, 0);
}

/* Silence and the loudest square wave stay inside what features.h promises. */
static void
test_extremes (void)
{
  g_autofree struct bpg_feature_scratch *scratch = g_new (struct bpg_feature_scratch, 1);

  for (guint kind = 0; kind < 3; kind++)
    {
      g_autofree struct bpg_window *window = new_window (0);
      struct bpg_feature_parameters parameters;
      gint32 features[BPG_FEATURES_MAX];
      guint32 strength;

      bpg_feature_parameters_for (BPG_UNIT_MYO_COUNT, 1000000000, CHANNELS, &parameters);
      for (guint i = 0; i < 3 * LENGTH; i++)
        {
          gint16 sample[CHANNELS];

          for (guint c = 0; c < CHANNELS; c++)
            sample[c] = kind == 0 ? 0 : (i + (kind == 2 ? c : 0)) % 2 != 0 ? G_MAXINT16 : G_MININT16;
          bpg_window_push (window, sample);
        }
      bpg_features (window, &parameters, scratch, features, &strength);
      for (guint f = 0; f < BPG_FEATURE_COUNT (CHANNELS); f++)
        g_assert_cmpint (ABS (features[f]), <, 1 << 17);
      g_assert_true (kind == 0 ? strength == 0 : strength > 16 * 32000);
    }
}

/* A diagonal covariance has a diagonal logarithm: electrode by electrode the log of the variance. */
static void
test_logarithm_of_independent (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (5);
  g_autofree struct bpg_window *window = g_new (struct bpg_window, 1);
  g_autofree struct bpg_feature_scratch *scratch = g_new (struct bpg_feature_scratch, 1);
  struct bpg_feature_parameters parameters;
  gint32 features[BPG_FEATURES_MAX];
  const double ridge = 0.05 * (1 + 4 + 16 + 64 + 256) / CHANNELS;
  guint32 strength;

  bpg_feature_parameters_for (BPG_UNIT_MYO_COUNT, 1000000000, CHANNELS, &parameters);
  bpg_window_init (window, 1000, CHANNELS, 0, 2);
  for (guint i = 0; i < 1000; i++)
    {
      gint16 sample[CHANNELS];

      for (guint c = 0; c < CHANNELS; c++)
        sample[c] = (gint16) ((100 << c) * (g_rand_double (rand) - 0.5));
      bpg_window_push (window, sample);
    }
  /* variances 1, 4, 16 ... 256: the ridge is a twentieth of their mean */
  bpg_features (window, &parameters, scratch, features, &strength);
  for (guint a = 0, pair = 0; a < CHANNELS; a++)
    {
      for (guint b = a; b < CHANNELS; b++, pair++)
        {
          if (a == b && a > 1)
            g_assert_cmpfloat_with_epsilon ((features[pair] - features[0]) / 1024.0,
                                            log2 (0.95 * exp2 (2.0 * a) + ridge) - log2 (0.95 + ridge), 0.25);
          if (a != b)
            g_assert_cmpint (ABS (features[pair]), <, 400);
        }
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/recognition/window/sums-are-exact", test_sums_are_exact);
  g_test_add_func ("/recognition/window/excluded-is-silent", test_excluded_is_silent);
  g_test_add_func ("/recognition/features/forget", test_features_forget);
  g_test_add_func ("/recognition/features/offset-does-not-matter", test_offset_does_not_matter);
  g_test_add_func ("/recognition/features/extremes", test_extremes);
  g_test_add_func ("/recognition/features/logarithm-of-independent", test_logarithm_of_independent);
  return g_test_run ();
}
