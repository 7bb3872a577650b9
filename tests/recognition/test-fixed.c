/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <math.h>

#include "recognition/fixed.h"

static void
test_log2 (void)
{
  g_assert_cmpint (bpg_log2_q10 (0), ==, 0);
  g_assert_cmpint (bpg_log2_q10 (1), ==, 0);
  for (guint bit = 0; bit < 64; bit++)
    g_assert_cmpint (bpg_log2_q10 (1ull << bit), ==, (gint) bit << 10);
  for (guint64 value = 1; value < 1ull << 62; value += value / 16 + 1)
    g_assert_cmpfloat_with_epsilon (bpg_log2_q10 (value) / 1024.0, log2 ((double) value), 0.002);
}

static void
test_log2_rises (void)
{
  gint32 last = 0;

  for (guint64 value = 1; value < 200000; value++)
    {
      gint32 now = bpg_log2_q10 (value);

      g_assert_cmpint (now, >=, last);
      last = now;
    }
}

static void
test_exp2 (void)
{
  guint32 last = 32768;

  for (guint exponent = 0; exponent < 5000; exponent++)
    {
      guint32 power = bpg_exp2_minus_q15 (exponent);

      g_assert_cmpfloat_with_epsilon (power / 32768.0, exp2 (-(double) exponent / 256), 0.0005);
      g_assert_cmpuint (power, <=, last);
      last = power;
    }
  g_assert_cmpuint (bpg_exp2_minus_q15 (G_MAXUINT32), ==, 0);
}

static void
test_sqrt (void)
{
  for (guint64 value = 0; value <= G_MAXUINT32; value = value * 9 / 8 + 1)
    {
      guint64 root = bpg_sqrt_u32 ((guint32) value);

      g_assert_true (root * root <= value && (root + 1) * (root + 1) > value);
    }
  g_assert_cmpuint (bpg_sqrt_u32 (G_MAXUINT32), ==, 65535);
}

static void
test_bits (void)
{
  for (guint bit = 0; bit < 64; bit++)
    {
      g_assert_cmpuint (bpg_leading_bit (1ull << bit), ==, bit);
      g_assert_cmpuint (bpg_leading_bit (G_MAXUINT64 >> (63 - bit)), ==, bit);
    }
  for (guint count = 0; count <= 32; count++)
    {
      guint32 word = (guint32) ((1ull << count) - 1);

      g_assert_cmpuint (bpg_count_bits (word), ==, count);
      g_assert_cmpuint (bpg_count_bits (~word), ==, 32 - count);
      g_assert_cmpuint (bpg_count_bits (word & 0xa5a5f00fu) + bpg_count_bits (word & ~0xa5a5f00fu), ==, count);
    }
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/recognition/fixed/log2", test_log2);
  g_test_add_func ("/recognition/fixed/log2-rises", test_log2_rises);
  g_test_add_func ("/recognition/fixed/bits", test_bits);
  g_test_add_func ("/recognition/fixed/exp2", test_exp2);
  g_test_add_func ("/recognition/fixed/sqrt", test_sqrt);
  return g_test_run ();
}
