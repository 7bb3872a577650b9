/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-kernel-level.h"

void
KERNEL (bpg_add_moments) (const gint32 *rows,
                          guint         n,
                          guint         features,
                          gint64       *sums,
                          double       *squares)
{
  for (guint i = 0; i < n; i++)
    {
      const gint32 *row = rows + (gsize) i * features;

      for (guint f = 0; f < features; f++)
        {
          sums[f] += row[f];
          squares[f] += (double) row[f] * row[f];
        }
    }
}

void
KERNEL (bpg_standardise_rows) (const BpgScaling *scaling,
                               const gint32     *rows,
                               guint             n,
                               guint             features,
                               guint             stride,
                               double           *out,
                               double           *sums)
{
  for (guint i = 0; i < n; i++)
    {
      const gint32 *row = rows + (gsize) i * features;
      double *standard = out + (gsize) i * stride;

      for (guint f = 0; f < features; f++)
        standard[f] = bpg_standardised (scaling, f, row[f]);
      for (guint f = 0; f < features; f++)
        sums[f] += standard[f];
    }
}
