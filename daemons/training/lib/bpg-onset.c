/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-onset.h"

#include <math.h>
#include <string.h>

#define ROBUST_SPREAD 1.4826 /* median absolute deviation to standard deviation */

static int
compare_double (gconstpointer a,
                gconstpointer b)
{
  double left = *(const double *) a, right = *(const double *) b;

  return left < right ? -1 : left > right;
}

static double
median_of (const double *values,
           gsize         n)
{
  g_autofree double *sorted = g_memdup2 (values, n * sizeof *values);

  qsort (sorted, n, sizeof *sorted, compare_double);
  return n % 2 != 0 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/* Energy at samples first + 1 ... first + n, summed over electrodes. */
static double *
teager_energy (BpgEmgRecording *recording,
               gsize            first,
               gsize            n)
{
  g_autofree double *values = g_new (double, n + 2);
  double *energy = g_new0 (double, n);

  for (guint c = 0; c < bpg_emg_recording_get_channels (recording); c++)
    {
      double middle;

      for (gsize t = 0; t < n + 2; t++)
        values[t] = bpg_emg_recording_get_sample (recording, first + t)[c];
      middle = median_of (values, n + 2);
      for (gsize t = 0; t < n + 2; t++)
        values[t] -= middle;
      for (gsize t = 0; t < n; t++)
        energy[t] += fabs (values[t + 1] * values[t + 1] - values[t] * values[t + 2]);
    }
  return energy;
}

static double *
smooth (const double *values,
        gsize         n,
        gsize         length)
{
  double *out = g_new0 (double, n);
  gsize half = length / 2;

  for (gsize t = 0; t < n; t++)
    {
      for (gsize k = t > half ? t - half : 0; k <= t + half && k < n; k++)
        out[t] += values[k] / (double) length;
    }
  return out;
}

static double
threshold_of (const double *energy,
              gsize         n)
{
  g_autofree double *deviations = g_new (double, n);
  double middle = median_of (energy, n);

  for (gsize t = 0; t < n; t++)
    deviations[t] = fabs (energy[t] - middle);
  return middle + 8 * ROBUST_SPREAD * median_of (deviations, n) + 1e-9;
}

gboolean
bpg_find_onset (BpgEmgRecording *recording,
                gsize            prompt,
                gsize           *onset)
{
  gsize rate = bpg_emg_recording_get_rate (recording), total = bpg_emg_recording_get_n_samples (recording);
  gsize first = prompt > rate * 5 / 2 ? prompt - rate * 5 / 2 : 1;
  gsize search = prompt > rate * 3 / 10 ? prompt - rate * 3 / 10 : 0;
  gsize last = MIN (prompt + 2 * rate, total - 1), hold = MAX (1, rate / 20), over = 0;
  g_autofree double *raw = NULL;
  g_autofree double *energy = NULL;
  double threshold;
  gsize n;

  if (last <= first + MAX (10, rate * 3 / 2) || total < 3)
    return FALSE;
  n = last - first;
  raw = teager_energy (recording, first - 1, n);
  energy = smooth (raw, n, MAX (1, rate / 40) | 1);
  threshold = threshold_of (energy, MAX (10, rate * 3 / 2));
  for (gsize t = search > first ? search - first : 0; t < n; t++)
    {
      over = energy[t] > threshold ? over + 1 : 0;
      if (over >= hold)
        {
          *onset = first + t + 1 - hold;
          return TRUE;
        }
    }
  return FALSE;
}
