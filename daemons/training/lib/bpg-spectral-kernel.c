/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-kernel-level.h"
#include "recognition/fixed.h"
#include "recognition/spectral.h"

/* Every number is a 32-bit one of the recogniser's, in a lane of 64 bits for its products. */

#define ONE (1 << BPG_SPECTRAL_Q)

/* The matrices T1 to T4, each size x size, and what they are weighted by. */
struct powers
{
  guint size;
  const BpgLanes *power[4];
  const gint32 *coefficients;
};

#define VECTORS (BPG_LANES / IN_VECTOR)

KERNEL_PART Longs
lanes (const BpgLanes *entry,
       guint           vector)
{
  return ((const Longs *) entry->lane)[vector];
}

KERNEL_PART void
set_lanes (BpgLanes *entry,
           guint     vector,
           Longs     lanes)
{
  ((Longs *) entry->lane)[vector] = lanes;
}

/* Upper halves of the products: as they are added to, the lower ones beside them are of no meaning. */
KERNEL_PART Words
halves (Longs left,
        Longs right)
{
  return (Words) multiply_words (left, right);
}

/* Sum of the upper halves of the products. */
KERNEL_PART Longs
entry_of_product (guint           size,
                  const BpgLanes *left,
                  const BpgLanes *right,
                  guint           vector)
{
  Words sum = { 0 };

  for (guint k = 0; k < size; k++)
    sum += halves (lanes (&left[k], vector), lanes (&right[k], vector));
  return (Longs) sum >> 32;
}

/* result = 2 left right - minus; the identity where there is no @minus. */
KERNEL_PART void
chebyshev_step (guint           size,
                const BpgLanes *left,
                const BpgLanes *right,
                const BpgLanes *minus,
                BpgLanes       *result)
{
  for (guint i = 0; i < size; i++)
    {
      for (guint j = i; j < size; j++)
        {
          for (guint v = 0; v < VECTORS; v++)
            {
              Longs entry = entry_of_product (size, left + i * size, right + j * size, v) * 32;

              if (minus != NULL)
                entry -= lanes (&minus[i * size + j], v);
              else if (i == j)
                entry -= ONE;
              set_lanes (&result[i * size + j], v, entry);
              set_lanes (&result[j * size + i], v, entry);
            }
        }
    }
}

KERNEL_PART Longs
combination (const struct powers *powers,
             guint                i,
             guint                j,
             guint                first,
             guint                vector)
{
  const gint32 *coefficients = powers->coefficients + first;
  Words sum = { 0 };

  for (guint k = 0; k < 3; k++)
    sum += halves (lanes (&powers->power[k][i * powers->size + j], vector), (Longs){ 0 } + coefficients[k + 1]);
  return ((Longs) sum >> 32) * 16 + (i == j ? coefficients[0] : 0);
}

/* The combination at @first plus @factor / 16 times T4 times @right, less @minus where there is one. */
KERNEL_PART void
next_combination (const struct powers *powers,
                  guint                first,
                  const BpgLanes      *right,
                  gint64               factor,
                  const BpgLanes      *minus,
                  BpgLanes            *result)
{
  guint size = powers->size;

  for (guint i = 0; i < size; i++)
    {
      for (guint j = i; j < size; j++)
        {
          for (guint v = 0; v < VECTORS; v++)
            {
              Longs entry = combination (powers, i, j, first, v) +
                            entry_of_product (size, powers->power[3] + i * size, right + j * size, v) * factor;

              if (minus != NULL)
                entry -= lanes (&minus[i * size + j], v);
              set_lanes (&result[i * size + j], v, entry);
              set_lanes (&result[j * size + i], v, entry);
            }
        }
    }
}

KERNEL_PART void
evaluate (guint        size,
          BpgLanes    *matrix,
          const gint32 coefficients[12],
          BpgLanes    *work,
          BpgLanes    *result)
{
  guint square = size * size;
  BpgLanes *second = work, *third = work + square, *fourth = work + 2 * square;
  BpgLanes *inner = work + 3 * square, *outer = work + 4 * square;
  const struct powers powers = { size, { matrix, second, third, fourth }, coefficients };

  for (guint i = 0; i < size; i++)
    {
      for (guint j = i + 1; j < size; j++)
        matrix[j * size + i] = matrix[i * size + j];
    }
  chebyshev_step (size, matrix, matrix, NULL, second);
  chebyshev_step (size, matrix, second, matrix, third);
  chebyshev_step (size, second, second, NULL, fourth);
  for (guint i = 0; i < size; i++)
    {
      for (guint j = i; j < size; j++)
        {
          for (guint v = 0; v < VECTORS; v++)
            set_lanes (&inner[i * size + j], v, combination (&powers, i, j, 8, v));
          inner[j * size + i] = inner[i * size + j];
        }
    }
  next_combination (&powers, 4, inner, 32, NULL, outer);
  next_combination (&powers, 0, outer, 16, inner, result);
}

void
KERNEL (bpg_evaluate_spectral) (guint        size,
                                BpgLanes    *matrix,
                                const gint32 coefficients[12],
                                BpgLanes    *work,
                                BpgLanes    *result)
{
  if (size == BPG_USUAL_CHANNELS)
    evaluate (BPG_USUAL_CHANNELS, matrix, coefficients, work, result);
  else
    evaluate (size, matrix, coefficients, work, result);
}
