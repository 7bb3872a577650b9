/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>

#include "training/lib/bpg-kernels.h"

#define SIZE 37u
#define STRIDE 48u
#define ROWS 21u

/* Zero beyond the size, as the kernels are promised. */
static double *
random_rows (GRand *rand,
             guint  n,
             guint  size,
             guint  stride)
{
  double *rows = g_aligned_alloc0 ((gsize) n * stride, sizeof (double), BPG_ALIGN);

  for (guint i = 0; i < n; i++)
    {
      for (guint f = 0; f < size; f++)
        rows[i * stride + f] = g_rand_int_range (rand, -16384, 16385);
    }
  return rows;
}

/* Whole numbers: exact in any order. */
static void
check_squares (const BpgKernels *kernels,
               const double     *rows)
{
  double *out = g_aligned_alloc0 (STRIDE * STRIDE, sizeof (double), BPG_ALIGN);

  kernels->add_squares (rows, ROWS, STRIDE, SIZE, out);
  kernels->add_squares (rows, 1, STRIDE, SIZE, out);
  for (guint i = 0; i < SIZE; i++)
    {
      for (guint j = 0; j <= i; j++)
        {
          double sum = rows[i] * rows[j];

          for (guint r = 0; r < ROWS; r++)
            sum += rows[r * STRIDE + i] * rows[r * STRIDE + j];
          g_assert_cmpfloat (out[i * STRIDE + j], ==, sum);
        }
    }
  g_aligned_free (out);
}

static void
check_products (const BpgKernels *kernels,
                const double     *symmetric)
{
  double out[3 * SIZE], vector[SIZE];

  kernels->multiply_symmetric (symmetric, 3, symmetric, SIZE, out);
  for (guint i = 0; i < 3; i++)
    {
      for (guint j = 0; j < SIZE; j++)
        {
          double sum = 0;

          for (guint k = 0; k < SIZE; k++)
            sum += symmetric[i * SIZE + k] * symmetric[j * SIZE + k];
          g_assert_cmpfloat (out[i * SIZE + j], ==, sum);
        }
    }
  /* the lower triangle, its diagonal made large: what is solved for comes out again */
  for (guint i = 0; i < SIZE; i++)
    {
      vector[i] = 0;
      for (guint k = 0; k <= i; k++)
        vector[i] += symmetric[i * SIZE + k] * (k + 1);
    }
  kernels->solve_lower (symmetric, SIZE, vector);
  for (guint i = 0; i < SIZE; i++)
    g_assert_cmpfloat_with_epsilon (vector[i], i + 1, 1e-9);
}

static void
check_rows (const BpgKernels *kernels,
            GRand            *rand)
{
  g_autofree gint32 *rows = g_new (gint32, ROWS * SIZE);
  double *out = g_aligned_alloc0 (ROWS * STRIDE, sizeof (double), BPG_ALIGN);
  double squares[SIZE] = { 0 }, sums[STRIDE] = { 0 };
  gint64 moments[SIZE] = { 0 };
  BpgScaling scaling;

  for (guint i = 0; i < ROWS * SIZE; i++)
    rows[i] = g_rand_int_range (rand, -131072, 131072);
  for (guint f = 0; f < SIZE; f++)
    {
      scaling.centre[f] = g_rand_int_range (rand, -131072, 131072);
      scaling.scale[f] = (guint16) g_rand_int_range (rand, 0, 65536);
    }
  kernels->add_moments (rows, ROWS, SIZE, moments, squares);
  kernels->standardise_rows (&scaling, rows, ROWS, SIZE, STRIDE, out, sums);
  for (guint f = 0; f < SIZE; f++)
    {
      gint64 sum = 0, square = 0, standard = 0;

      for (guint i = 0; i < ROWS; i++)
        {
          sum += rows[i * SIZE + f];
          square += (gint64) rows[i * SIZE + f] * rows[i * SIZE + f];
          standard += bpg_standardised (&scaling, f, rows[i * SIZE + f]);
          g_assert_cmpfloat (out[i * STRIDE + f], ==, bpg_standardised (&scaling, f, rows[i * SIZE + f]));
        }
      g_assert_cmpint (moments[f], ==, sum);
      g_assert_cmpfloat (squares[f], ==, (double) square);
      g_assert_cmpfloat (sums[f], ==, (double) standard);
    }
  g_aligned_free (out);
}

/* Whatever generation of processors a kernel is for, it gives the same. */
static void
test_all_agree (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);
  const BpgKernels *all[BPG_KERNELS_MAX];
  guint n = bpg_kernels_all (all);
  double *rows = random_rows (rand, ROWS, SIZE, STRIDE), *symmetric = random_rows (rand, SIZE, SIZE, SIZE);

  for (guint i = 0; i < SIZE; i++)
    {
      for (guint j = 0; j < i; j++)
        symmetric[j * SIZE + i] = symmetric[i * SIZE + j];
      symmetric[i * SIZE + i] = 1 << 20;
    }
  g_assert_true (bpg_kernels () == all[n - 1]);
  for (guint i = 0; i < n; i++)
    {
      check_squares (all[i], rows);
      check_products (all[i], symmetric);
      check_rows (all[i], rand);
    }
  g_aligned_free (rows);
  g_aligned_free (symmetric);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/kernels/all-agree", test_all_agree);
  return g_test_run ();
}
