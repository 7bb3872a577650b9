/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-interval.h"

#include <math.h>

/* 97.5 % quantile of Student's t for 1 to 30 degrees of freedom */
static const double quantiles[] = {
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
  2.120,  2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
};

double
bpg_mean_interval (const double *values,
                   guint         n,
                   double       *low,
                   double       *high)
{
  double mean = 0, squares = 0, half;

  for (guint i = 0; i < n; i++)
    mean += values[i] / n;
  if (n < 2)
    {
      *low = mean - 1;
      *high = mean + 1;
      return mean;
    }
  for (guint i = 0; i < n; i++)
    squares += (values[i] - mean) * (values[i] - mean);
  half = (n - 2 < G_N_ELEMENTS (quantiles) ? quantiles[n - 2] : 1.96) * sqrt (squares / (n - 1) / n);
  *low = mean - half;
  *high = mean + half;
  return mean;
}
