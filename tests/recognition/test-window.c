/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <math.h>

#include "recognition/feature-set.h"
#include "recognition/fixed.h"
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

/* Of a pair, or of an electrode and itself: everything summed afresh. */
static void
check_pair (const struct bpg_window *window,
            guint                    a,
            guint                    b,
            guint                    pair)
{
  gint64 product = 0, sum = 0;
  guint32 path = 0, turns = 0;

  for (guint t = 0; t < window->length; t++)
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

          turns += ((before < 0 && after > 0) || (before > 0 && after < 0)) &&
                   (guint) MAX (ABS (before), ABS (after)) >= window->least_step;
        }
    }
  g_assert_cmpint (window->products[pair], ==, product);
  g_assert_cmpint (window->sums[a], ==, sum);
  g_assert_cmpuint (window->paths[a], ==, path);
  g_assert_cmpuint (window->turns[a], ==, turns);
}

static void
check_sums (struct bpg_window *window)
{
  bpg_window_settle (window);
  for (guint a = 0, pair = 0; a < window->channels; a++)
    {
      for (guint b = a; b < window->channels; b++, pair++)
        check_pair (window, a, b, pair);
    }
}

/* The mean absolute value and the crossings, of every sample as it is. */
static void
check_amplitude (const struct bpg_window             *window,
                 const struct bpg_feature_parameters *parameters,
                 const gint32                        *features,
                 guint                                a)
{
  const gint32 mean = window->sums[a] * 16 / window->length;
  const guint32 floor = (guint32) (((guint64) parameters->amplitude_floor * window->length) >> 4);
  const guint channels = window->channels;
  const gint32 *amplitude = features + channels * (channels + 1) / 2 + a;
  guint32 deviation = 0, crossings = 0;

  for (guint t = 0; t < window->length; t++)
    {
      gint32 now = bpg_window_at (window, t)[a] * 16 - mean;
      gint32 before = bpg_window_at (window, t > 0 ? t - 1 : 0)[a] * 16 - mean;

      deviation += (guint32) ABS (now);
      crossings += ((now < 0 && before > 0) || (now > 0 && before < 0)) &&
                   (guint) ABS (now - before) / 16 >= window->least_step;
    }
  g_assert_cmpint (amplitude[0], ==, bpg_log2_q10 ((guint64) deviation + floor));
  g_assert_cmpint (amplitude[2 * channels], ==, (gint32) (crossings * 1024 / window->length));
}

/* Kinds of signals, the loudest among them: what is summed in few bits when it fits must be exact when not. */
static gint16
make_sample (GRand *rand,
             guint  kind,
             guint  t,
             guint  channel)
{
  switch (kind)
    {
    case 0:
      return (gint16) g_rand_int_range (rand, G_MININT16, G_MAXINT16 + 1);
    case 1:
      return (t + channel) % 2 != 0 ? G_MAXINT16 : G_MININT16;
    case 2:
      return G_MININT16;
    case 3:
      return (gint16) g_rand_int_range (rand, -2, 3);
    case 4: /* loud and quiet by turns */
      return (gint16) (g_rand_int_range (rand, -2000, 2001) * (t / 50 % 2 != 0 ? 16 : 1));
    default:
      return (gint16) (t / 3 % 2 != 0 ? 7 : 5);
    }
}

/* What slides along must equal what is summed afresh, whenever it is asked for. */
static void
check_shape (GRand *rand,
             guint  kind,
             guint  length,
             guint  channels,
             guint  hop)
{
  g_autofree struct bpg_window *window = g_new (struct bpg_window, 1);
  g_autofree struct bpg_feature_scratch *scratch = g_new (struct bpg_feature_scratch, 1);
  struct bpg_feature_parameters parameters;
  gint32 features[BPG_FEATURES_MAX];
  guint32 strength;

  bpg_feature_parameters_for (BPG_UNIT_MYO_COUNT, 1000000000, channels, &parameters);
  bpg_window_init (window, (guint16) length, (guint16) channels, kind == 4 ? 2 : 0, kind == 0 ? 30000 : 2);
  for (guint t = 0; t < length + 7 * hop + 1; t++)
    {
      gint16 sample[BPG_CHANNELS_MAX];

      for (guint c = 0; c < channels; c++)
        sample[c] = make_sample (rand, kind, t, c);
      bpg_window_push (window, sample);
      if (t + 1 < length || (t + 1 - length) % hop != 0)
        continue;
      check_sums (window);
      bpg_features (window, &parameters, scratch, features, &strength);
      for (guint c = 0; c < channels; c++)
        check_amplitude (window, &parameters, features, c);
    }
}

static void
test_sums_are_exact (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  const struct
  {
    guint length, channels, hop;
  } shapes[] = { { 8, 4, 1 }, { 20, 8, 2 }, { 37, 5, 11 }, { 64, 8, 64 }, { 40, 6, 10 }, { 400, 8, 100 }, { 97, 16, 33 },
                 { 1024, 8, 500 }, { 512, 16, 70 }, { 33, 13, 20 } };

  for (guint kind = 0; kind < 6; kind++)
    {
      for (guint i = 0; i < G_N_ELEMENTS (shapes); i++)
        check_shape (rand, kind, shapes[i].length, shapes[i].channels, shapes[i].hop);
    }
}

static void
multiply_plainly (guint      size,
                  bpg_matrix left,
                  bpg_matrix right,
                  bpg_matrix result)
{
  for (guint i = 0; i < size; i++)
    {
      for (guint j = 0; j < size; j++)
        {
          result[i][j] = 0;
          for (guint k = 0; k < size; k++)
            result[i][j] += bpg_mul_high (left[i][k], right[j][k]);
        }
    }
}

static gint32
combine_plainly (const gint32 *coefficients,
                 gboolean      diagonal,
                 gint32        first,
                 gint32        second,
                 gint32        third)
{
  return (diagonal ? coefficients[0] : 0) + bpg_mul_high (first, coefficients[1]) * 16 +
         bpg_mul_high (second, coefficients[2]) * 16 + bpg_mul_high (third, coefficients[3]) * 16;
}

/* The formula in the header, matrix by matrix. */
static void
evaluate_plainly (guint        size,
                  bpg_matrix   x,
                  const gint32 coefficients[12],
                  bpg_matrix   result)
{
  bpg_matrix second, third, fourth, inner, outer, product;

  multiply_plainly (size, x, x, second);
  for (guint i = 0; i < size; i++)
    {
      for (guint j = 0; j < size; j++)
        second[i][j] = 32 * second[i][j] - (i == j ? 1 << BPG_SPECTRAL_Q : 0);
    }
  multiply_plainly (size, x, second, third);
  multiply_plainly (size, second, second, fourth);
  for (guint i = 0; i < size; i++)
    {
      for (guint j = 0; j < size; j++)
        {
          third[i][j] = 32 * third[i][j] - x[i][j];
          fourth[i][j] = 32 * fourth[i][j] - (i == j ? 1 << BPG_SPECTRAL_Q : 0);
        }
    }
  /* rounding is not symmetric: entries i <= j are those that count */
  for (guint i = 0; i < size; i++)
    {
      for (guint j = i; j < size; j++)
        inner[i][j] = inner[j][i] = combine_plainly (coefficients + 8, i == j, x[i][j], second[i][j], third[i][j]);
    }
  multiply_plainly (size, fourth, inner, product);
  for (guint i = 0; i < size; i++)
    {
      for (guint j = i; j < size; j++)
        outer[i][j] = outer[j][i] = combine_plainly (coefficients + 4, i == j, x[i][j], second[i][j], third[i][j]) +
                                    32 * product[i][j];
    }
  multiply_plainly (size, fourth, outer, product);
  for (guint i = 0; i < size; i++)
    {
      for (guint j = i; j < size; j++)
        result[i][j] = result[j][i] = combine_plainly (coefficients, i == j, x[i][j], second[i][j], third[i][j]) -
                                      inner[i][j] + 16 * product[i][j];
    }
}

static void
test_spectral_function (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (6);
  struct bpg_spectral_scratch scratch;
  struct bpg_feature_parameters parameters;
  bpg_matrix x, plain, result;

  for (guint size = BPG_CHANNELS_MIN; size <= BPG_CHANNELS_MAX; size++)
    {
      const gint32 bound = (1 << BPG_SPECTRAL_Q) / (gint32) size; /* so that rows sum up to 1 at most */

      bpg_feature_parameters_for (BPG_UNIT_MYO_COUNT, 1000000000, size, &parameters);
      for (guint i = 0; i < size; i++)
        {
          for (guint j = i; j < size; j++)
            x[i][j] = x[j][i] = g_rand_int_range (rand, -bound, bound + 1);
        }
      evaluate_plainly (size, x, parameters.polynomial, plain);
      bpg_spectral_function (size, x, parameters.polynomial, &scratch, result);
      for (guint i = 0; i < size; i++)
        g_assert_cmpmem (result[i], size * 4, plain[i], size * 4);
      bpg_spectral_function (size, x, parameters.polynomial, &scratch, x);
      for (guint i = 0; i < size; i++)
        g_assert_cmpmem (x[i], size * 4, plain[i], size * 4);
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
  bpg_window_settle (window);
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

/* Found by going through all features in their order. */
static void
test_features_of_an_electrode (void)
{
  for (guint channels = BPG_CHANNELS_MIN; channels <= BPG_CHANNELS_MAX; channels++)
    {
      for (guint electrode = 0; electrode < channels; electrode++)
        {
          uint16_t indices[BPG_CHANNELS_MAX + BPG_FEATURE_KINDS];
          gboolean found[BPG_FEATURES_MAX] = { FALSE };
          guint at = 0;

          bpg_features_of (channels, electrode, indices);
          for (guint i = 0; i < channels + BPG_FEATURE_KINDS; i++)
            found[indices[i]] = TRUE;
          for (guint i = 0; i < channels; i++)
            {
              for (guint j = i; j < channels; j++, at++)
                g_assert_true (found[at] == (i == electrode || j == electrode));
            }
          for (; at < BPG_FEATURE_COUNT (channels); at++)
            g_assert_true (found[at] == ((at - channels * (channels + 1) / 2) % channels == electrode));
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
  g_test_add_func ("/recognition/spectral/function", test_spectral_function);
  g_test_add_func ("/recognition/features/forget", test_features_forget);
  g_test_add_func ("/recognition/features/offset-does-not-matter", test_offset_does_not_matter);
  g_test_add_func ("/recognition/features/extremes", test_extremes);
  g_test_add_func ("/recognition/features/logarithm-of-independent", test_logarithm_of_independent);
  g_test_add_func ("/recognition/features/of-an-electrode", test_features_of_an_electrode);
  return g_test_run ();
}
