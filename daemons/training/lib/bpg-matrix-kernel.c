/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "bpg-kernel-level.h"

#define TILE 4u /* rows of a tile of R'R, which stays in registers */
#define COLUMNS (VECTOR == 64 ? 16u : 8u)

KERNEL_PART double
dot (const double *left,
     const double *right,
     guint         size)
{
  Doubles factors, others;
  union
  {
    Doubles vector;
    double number[IN_VECTOR];
  } sums = { { 0 } };
  double rest = 0;
  guint i = 0;

  for (; i + IN_VECTOR <= size; i += IN_VECTOR)
    {
      memcpy (&factors, left + i, sizeof factors);
      memcpy (&others, right + i, sizeof others);
      sums.vector += factors * others;
    }
  for (; i < size; i++)
    rest += left[i] * right[i];
  for (guint half = IN_VECTOR / 2; half > 0; half /= 2)
    {
      for (guint k = 0; k < half; k++)
        sums.number[k] += sums.number[k + half];
    }
  return sums.number[0] + rest;
}

void
KERNEL (bpg_solve_lower) (const double *lower,
                          guint         size,
                          double       *vector)
{
  for (guint i = 0; i < size; i++)
    {
      const double *row = lower + (gsize) i * size;

      vector[i] = (vector[i] - dot (row, vector, i)) / row[i];
    }
}

void
KERNEL (bpg_multiply_symmetric) (const double *left,
                                 guint         rows,
                                 const double *symmetric,
                                 guint         size,
                                 double       *out)
{
  for (guint i = 0; i < rows; i++)
    {
      for (guint j = 0; j < size; j++)
        out[(gsize) i * size + j] = dot (left + (gsize) i * size, symmetric + (gsize) j * size, size);
    }
}

/* Rows @i to @i + TILE of R'R, columns @j to @j + COLUMNS. */
KERNEL_PART void
add_tile (const double *rows,
          guint         n,
          guint         stride,
          guint         i,
          guint         j,
          double       *out)
{
  Doubles sums[TILE][COLUMNS / IN_VECTOR] = { { { 0 } } };

  for (guint r = 0; r < n; r++)
    {
      const double *row = rows + (gsize) r * stride;
      const Doubles *columns = (const Doubles *) (row + j);

      for (guint k = 0; k < TILE; k++)
        {
          for (guint v = 0; v < COLUMNS / IN_VECTOR; v++)
            sums[k][v] += row[i + k] * columns[v];
        }
    }
  for (guint k = 0; k < TILE; k++)
    {
      Doubles *place = (Doubles *) (out + (gsize) (i + k) * stride + j);

      for (guint v = 0; v < COLUMNS / IN_VECTOR; v++)
        place[v] += sums[k][v];
    }
}

void
KERNEL (bpg_add_squares) (const double *rows,
                          guint         n,
                          guint         stride,
                          guint         size,
                          double       *out)
{
  for (guint i = 0; i < size; i += TILE)
    {
      for (guint j = 0; j < i + TILE; j += COLUMNS)
        add_tile (rows, n, stride, i, j, out);
    }
}
