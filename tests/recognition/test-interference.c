/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <math.h>

#include "recognition/interference.h"

#define CHANNELS 8u

static const double frequencies[BPG_INTERFERENCES] = { 50, 60, 0 };

static double
noise (GRand *rand)
{
  double sum = 0;

  for (guint i = 0; i < 12; i++)
    sum += g_rand_double (rand) - 0.5;
  return sum;
}

/* The share left of noise of 1 and a sine of @amplitude at @hertz, each electrode in a phase of its own, times @scale. */
static void
left_of (guint   rate,
         guint   window_ms,
         double  hertz,
         double  amplitude,
         double  scale,
         guint16 left[BPG_INTERFERENCES])
{
  g_autofree struct bpg_window *window = g_new (struct bpg_window, 1);
  g_autoptr (GRand) rand = g_rand_new_with_seed (5);
  struct bpg_interference_parameters parameters = { .lag = (guint8) (rate / 200) };
  guint length = window_ms * rate / 1000;

  for (guint f = 0; f < BPG_INTERFERENCES; f++)
    parameters.turn[f] = (gint16) lround (MIN (2 * cos (2 * G_PI * frequencies[f] * parameters.lag / rate), 1.999) * 16384);
  bpg_window_init (window, (guint16) length, CHANNELS, 0, 2);
  for (guint t = 0; t < 3 * length / 2; t++)
    {
      gint16 sample[CHANNELS];

      for (guint c = 0; c < CHANNELS; c++)
        {
          double value = scale * (noise (rand) + amplitude * sin (2 * G_PI * hertz * t / rate + c)) + 300;

          sample[c] = (gint16) lround (CLAMP (value, -32768.0, 32767.0));
        }
      bpg_window_push (window, sample);
    }
  bpg_window_settle (window);
  bpg_interference_left (window, &parameters, left);
}

static void
test_noise_is_left (void)
{
  for (guint rate = 200; rate <= 2000; rate *= 10)
    {
      guint16 left[BPG_INTERFERENCES];

      left_of (rate, 200, 0, 0, 100, left);
      for (guint f = 0; f < BPG_INTERFERENCES; f++)
        g_assert_cmpuint (left[f], >, BPG_INTERFERENCE_NONE * 7 / 10);
    }
}

/* Whatever its strength, from what noise hardly shows to what the converter can give. */
static void
test_sines_are_found (void)
{
  static const double hertz[BPG_INTERFERENCES] = { 50, 60, 1.8 };

  for (guint rate = 200; rate <= 2000; rate *= 10)
    {
      for (guint f = 0; f < BPG_INTERFERENCES; f++)
        {
          guint16 weak[BPG_INTERFERENCES], strong[BPG_INTERFERENCES];

          left_of (rate, 200, hertz[f], 8, 30, weak);
          left_of (rate, 200, hertz[f], 1000, 30, strong);
          g_assert_cmpuint (weak[f], <, BPG_INTERFERENCE_NONE / 4);
          g_assert_cmpuint (strong[f], <, BPG_INTERFERENCE_NONE / 10);
          g_assert_cmpuint (weak[(f + 1) % BPG_INTERFERENCES], >, weak[f]);
        }
    }
}

/* Full scale in any pattern neither overflows nor leaves the range. */
static void
test_extremes (void)
{
  g_autofree struct bpg_window *window = g_new (struct bpg_window, 1);
  g_autoptr (GRand) rand = g_rand_new_with_seed (6);

  for (guint round = 0; round < 200; round++)
    {
      struct bpg_interference_parameters parameters = { .lag = (guint8) g_rand_int_range (rand, 1, 256),
                                                        .turn = { G_MININT16, G_MAXINT16, 0 } };
      guint length = (guint) g_rand_int_range (rand, BPG_WINDOW_MIN, BPG_WINDOW_MAX + 1);
      guint16 left[BPG_INTERFERENCES];

      bpg_window_init (window, (guint16) length, CHANNELS, 0, 2);
      for (guint t = 0; t < length; t++)
        {
          gint16 sample[CHANNELS];

          for (guint c = 0; c < CHANNELS; c++)
            sample[c] = g_rand_int_range (rand, 0, 3) > 0 ? G_MAXINT16 : G_MININT16;
          bpg_window_push (window, sample);
        }
      bpg_window_settle (window);
      bpg_interference_left (window, &parameters, left);
      for (guint f = 0; f < BPG_INTERFERENCES; f++)
        g_assert_cmpuint (left[f], <=, BPG_INTERFERENCE_NONE);
    }
}

static void
test_silence_and_short_windows (void)
{
  guint16 left[BPG_INTERFERENCES];

  left_of (200, 200, 0, 0, 0, left);
  g_assert_cmpuint (left[0], ==, BPG_INTERFERENCE_NONE);
  left_of (2000, 10, 50, 100, 100, left); /* as long as two lags */
  g_assert_cmpuint (left[0], ==, BPG_INTERFERENCE_NONE);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/recognition/interference/noise", test_noise_is_left);
  g_test_add_func ("/recognition/interference/sines", test_sines_are_found);
  g_test_add_func ("/recognition/interference/extremes", test_extremes);
  g_test_add_func ("/recognition/interference/silence", test_silence_and_short_windows);
  return g_test_run ();
}
