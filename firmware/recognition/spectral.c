/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "spectral.h"

#include "fixed.h"

#define ONE (1 << BPG_SPECTRAL_Q)

/* All factors are polynomials of one symmetric matrix: they commute and so are symmetric too. */
BPG_INLINE int32_t
entry_of_product (unsigned      size,
                  const int32_t *left,
                  const int32_t *right)
{
  int32_t sum = 0;
  unsigned k = 0;

  for (; k + 4 <= size; k += 4)
    sum += bpg_mul_high (left[k], right[k]) + bpg_mul_high (left[k + 1], right[k + 1]) +
           bpg_mul_high (left[k + 2], right[k + 2]) + bpg_mul_high (left[k + 3], right[k + 3]);
  for (; k < size; k++)
    sum += bpg_mul_high (left[k], right[k]);
  return sum; /* Q of left + Q of right - 32 */
}

/* result = 2 left right - minus, all in Q28 */
BPG_INLINE void
chebyshev_step (unsigned   size,
                bpg_matrix left,
                bpg_matrix right,
                bpg_matrix minus,
                bpg_matrix result)
{
  for (unsigned i = 0; i < size; i++)
    {
      for (unsigned j = i; j < size; j++)
        {
          int32_t before = minus != NULL ? minus[i][j] : i == j ? ONE : 0;

          result[i][j] = entry_of_product (size, left[i], right[j]) * 32 - before;
          result[j][i] = result[i][j];
        }
    }
}

BPG_INLINE int32_t
combination (unsigned                           i,
             unsigned                           j,
             const struct bpg_spectral_scratch *scratch,
             const int32_t                      coefficients[4])
{
  int32_t sum = i == j ? coefficients[0] : 0;

  for (unsigned k = 0; k < 3; k++)
    sum += bpg_mul_high (scratch->power[k][i][j], coefficients[k + 1]) * 16;
  return sum;
}

BPG_INLINE void
evaluate (unsigned                     size,
          bpg_matrix                   matrix,
          const int32_t                coefficients[12],
          struct bpg_spectral_scratch *scratch,
          bpg_matrix                   result)
{
  bpg_matrix *power = scratch->power;

  for (unsigned i = 0; i < size; i++)
    {
      for (unsigned j = 0; j < size; j++)
        power[0][i][j] = matrix[i][j];
    }
  chebyshev_step (size, power[0], power[0], NULL, power[1]);
  chebyshev_step (size, power[0], power[1], power[0], power[2]);
  chebyshev_step (size, power[1], power[1], NULL, power[3]);

  for (unsigned i = 0; i < size; i++)
    {
      for (unsigned j = i; j < size; j++)
        {
          scratch->inner[i][j] = combination (i, j, scratch, coefficients + 8);
          scratch->inner[j][i] = scratch->inner[i][j];
        }
    }
  for (unsigned i = 0; i < size; i++)
    {
      for (unsigned j = i; j < size; j++)
        {
          int32_t product = entry_of_product (size, power[3][i], scratch->inner[j]) * 16;

          scratch->outer[i][j] = combination (i, j, scratch, coefficients + 4) + 2 * product;
          scratch->outer[j][i] = scratch->outer[i][j];
        }
    }
  for (unsigned i = 0; i < size; i++)
    {
      for (unsigned j = i; j < size; j++)
        {
          int32_t product = entry_of_product (size, power[3][i], scratch->outer[j]) * 16;

          result[i][j] = combination (i, j, scratch, coefficients) - scratch->inner[i][j] + product;
          result[j][i] = result[i][j];
        }
    }
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
