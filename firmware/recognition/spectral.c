/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "spectral.h"

#include "fixed.h"

#include <stdbool.h>

#define ONE (1 << BPG_SPECTRAL_Q)

/* A product of matrices times @factor, plus @sign times another matrix, plus @diagonal times I. */
struct product
{
  int32_t (*left)[BPG_CHANNELS_MAX];
  int32_t (*right)[BPG_CHANNELS_MAX];
  int32_t factor;
  int32_t sign;
  int32_t (*plus)[BPG_CHANNELS_MAX]; /* only entries i <= j are looked at */
  int32_t diagonal;
  bool mirrored; /* whether the result is to have entries i > j, too */
};

/* The sum of products of the rows has the Q of both less 32. */
BPG_INLINE void
put_entry (const struct product *product,
           unsigned              i,
           unsigned              j,
           bool                  diagonal,
           int32_t               sum,
           bpg_matrix            result)
{
  int32_t entry = sum * product->factor;

  if (product->sign != 0)
    entry += product->sign * product->plus[i][j];
  if (diagonal)
    entry += product->diagonal;
  result[i][j] = entry;
  if (product->mirrored && !diagonal)
    result[j][i] = entry;
}

BPG_INLINE int32_t
multiply_row (unsigned       size,
              const int32_t *left,
              const int32_t *right)
{
  int32_t sum = 0;

  for (unsigned k = 0; k < size; k++)
    sum += bpg_mul_high (left[k], right[k]);
  return sum;
}

struct two
{
  int32_t first, second;
};

BPG_INLINE struct two
multiply_rows (unsigned       size,
               const int32_t *first,
               const int32_t *second,
               const int32_t *right)
{
  int32_t upper = 0, lower = 0;

  for (unsigned k = 0; k < size; k++)
    {
      int32_t factor = right[k];

      upper += bpg_mul_high (first[k], factor);
      lower += bpg_mul_high (second[k], factor);
    }
  return (struct two) { upper, lower };
}

/*
 * All factors are polynomials of one symmetric matrix: they commute, and so the product is symmetric, too.
 * Two rows are held in registers while what they are multiplied with passes by.  @result may be what is
 * added, but no factor.
 */
BPG_INLINE void
multiply (unsigned              size,
          const struct product *product,
          bpg_matrix            result)
{
  unsigned i = 0;

  for (; i + 2 <= size; i += 2)
    {
      int32_t first[BPG_CHANNELS_MAX], second[BPG_CHANNELS_MAX];
      struct two sums;

      for (unsigned k = 0; k < size; k++)
        {
          first[k] = product->left[i][k];
          second[k] = product->left[i + 1][k];
        }
      put_entry (product, i, i, true, multiply_row (size, first, product->right[i]), result);
      sums = multiply_rows (size, first, second, product->right[i + 1]);
      put_entry (product, i, i + 1, false, sums.first, result);
      put_entry (product, i + 1, i + 1, true, sums.second, result);
      for (unsigned j = i + 2; j < size; j++)
        {
          sums = multiply_rows (size, first, second, product->right[j]);
          put_entry (product, i, j, false, sums.first, result);
          put_entry (product, i + 1, j, false, sums.second, result);
        }
    }
  if (i < size)
    put_entry (product, i, i, true, multiply_row (size, product->left[i], product->right[i]), result);
}

/* R2 takes the place of T3, R1 that of T2, R0 - R2 that of the result; of these two, entries i <= j. */
BPG_INLINE void
combine_entry (unsigned                     i,
               unsigned                     j,
               bool                         diagonal,
               int32_t                      first,
               const int32_t                coefficients[12],
               struct bpg_spectral_scratch *scratch,
               bpg_matrix                   result)
{
  int32_t second = scratch->second[i][j], third = scratch->third[i][j], sums[3];

  for (unsigned k = 0; k < 3; k++)
    {
      const int32_t *factors = coefficients + 4 * k;

      sums[k] = (bpg_mul_high (first, factors[1]) + bpg_mul_high (second, factors[2]) +
                 bpg_mul_high (third, factors[3])) * 16 + (diagonal ? factors[0] : 0);
    }
  scratch->third[i][j] = sums[2];
  if (!diagonal)
    scratch->third[j][i] = sums[2];
  scratch->second[i][j] = sums[1];
  result[i][j] = sums[0] - sums[2];
}

BPG_INLINE void
combine (unsigned                     size,
         bpg_matrix                   matrix,
         const int32_t                coefficients[12],
         struct bpg_spectral_scratch *scratch,
         bpg_matrix                   result)
{
  int32_t held[12];

  for (unsigned k = 0; k < 12; k++)
    held[k] = coefficients[k];
  for (unsigned i = 0; i < size; i++)
    {
      combine_entry (i, i, true, matrix[i][i], held, scratch, result);
      for (unsigned j = i + 1; j < size; j++)
        combine_entry (i, j, false, matrix[i][j], held, scratch, result);
    }
}

BPG_INLINE void
evaluate (unsigned                     size,
          bpg_matrix                   matrix,
          const int32_t                coefficients[12],
          struct bpg_spectral_scratch *scratch,
          bpg_matrix                   result)
{
  const struct product second = { matrix, matrix, 32, 0, NULL, -ONE, true };
  const struct product third = { matrix, scratch->second, 32, -1, matrix, 0, false };
  const struct product fourth = { scratch->second, scratch->second, 32, 0, NULL, -ONE, true };
  const struct product outer = { scratch->fourth, scratch->third, 32, 1, scratch->second, 0, true };
  const struct product whole = { scratch->fourth, scratch->second, 16, 1, result, 0, true };

  multiply (size, &second, scratch->second);
  multiply (size, &third, scratch->third);
  multiply (size, &fourth, scratch->fourth);
  combine (size, matrix, coefficients, scratch, result);
  multiply (size, &outer, scratch->second);
  multiply (size, &whole, result);
}

void
bpg_spectral_function (unsigned                     size,
                       bpg_matrix                   matrix,
                       const int32_t                coefficients[12],
                       struct bpg_spectral_scratch *scratch,
                       bpg_matrix                   result)
{
  if (size == BPG_USUAL_CHANNELS)
    evaluate (BPG_USUAL_CHANNELS, matrix, coefficients, scratch, result);
  else
    evaluate (size, matrix, coefficients, scratch, result);
}
