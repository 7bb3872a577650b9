/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-matrix.h"

#include <math.h>
#include <string.h>

#include "bpg-kernels.h"

#define IN_BASIS 1e-9 /* squared length of what is left of a vector that lies in the basis */

gboolean
bpg_cholesky (double *matrix,
              guint   size)
{
  for (guint i = 0; i < size; i++)
    {
      double *row = matrix + (gsize) i * size;

      for (guint j = 0; j <= i; j++)
        {
          const double *other = matrix + (gsize) j * size;
          double sum = row[j] - bpg_dot (row, other, j);

          if (i != j)
            row[j] = sum / other[j];
          else if (sum <= 0 || !isfinite (sum))
            return FALSE;
          else
            row[j] = sqrt (sum);
        }
    }
  return TRUE;
}

void
bpg_solve_lower (const double *lower,
                 guint         size,
                 double       *vector)
{
  bpg_kernels ()->solve_lower (lower, size, vector);
}

void
bpg_solve_lower_transposed (const double *lower,
                            guint         size,
                            double       *vector)
{
  for (guint i = size; i-- > 0;)
    {
      vector[i] /= lower[(gsize) i * size + i];
      for (guint k = 0; k < i; k++)
        vector[k] -= lower[(gsize) i * size + k] * vector[i];
    }
}

gboolean
bpg_invert (const double *matrix,
            guint         size,
            double       *inverse)
{
  g_autofree double *factor = g_memdup2 (matrix, (gsize) size * size * sizeof (double));

  if (!bpg_cholesky (factor, size))
    return FALSE;
  for (guint i = 0; i < size; i++)
    {
      double *row = inverse + (gsize) i * size;

      memset (row, 0, size * sizeof (double));
      row[i] = 1;
      bpg_solve_lower (factor, size, row);
      bpg_solve_lower_transposed (factor, size, row);
    }
  return TRUE;
}

double
bpg_dot (const double *left,
         const double *right,
         guint         size)
{
  double sums[4] = { 0 };
  guint i = 0;

  for (; i + 4 <= size; i += 4)
    {
      for (guint k = 0; k < 4; k++)
        sums[k] += left[i + k] * right[i + k];
    }
  for (; i < size; i++)
    sums[0] += left[i] * right[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

void
bpg_multiply_symmetric (const double *left,
                        guint         rows,
                        const double *symmetric,
                        guint         size,
                        double       *out)
{
  bpg_kernels ()->multiply_symmetric (left, rows, symmetric, size, out);
}

void
bpg_project_symmetric (const double *basis,
                       guint         rows,
                       const double *symmetric,
                       guint         size,
                       double       *out)
{
  g_autofree double *product = g_new (double, (gsize) rows * size);

  bpg_multiply_symmetric (basis, rows, symmetric, size, product);
  for (guint i = 0; i < rows; i++)
    {
      for (guint j = 0; j <= i; j++)
        {
          out[(gsize) i * rows + j] = bpg_dot (product + (gsize) i * size, basis + (gsize) j * size, size);
          out[(gsize) j * rows + i] = out[(gsize) i * rows + j];
        }
    }
}

guint
bpg_orthonormalise (double       *basis,
                    guint         rank,
                    guint         size,
                    const double *vector)
{
  double *row = basis + (gsize) rank * size;
  double norm;

  memmove (row, vector, size * sizeof (double));
  for (guint pass = 0; pass < 2; pass++)
    {
      for (guint d = 0; d < rank; d++)
        {
          const double *other = basis + (gsize) d * size;
          double along = bpg_dot (row, other, size);

          for (guint f = 0; f < size; f++)
            row[f] -= along * other[f];
        }
    }
  norm = bpg_dot (row, row, size);
  if (norm < IN_BASIS)
    return rank;
  for (guint f = 0; f < size; f++)
    row[f] /= sqrt (norm);
  return rank + 1;
}
