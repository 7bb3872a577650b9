/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-rotation.h"

#include <string.h>

#include "bpg-matrix.h"

#define TURN_MAX 2
#define WORTH_TURNING 0.9
#define LOADING 0.1 /* of the diagonal, when the covariance is inverted */

static guint
pair_index (guint channels,
            guint i,
            guint j)
{
  return bpg_pair_index (channels, MIN (i, j), MAX (i, j));
}

/* Where each feature goes when electrode c becomes electrode c + turn. */
static void
places_after (guint  channels,
              int    turn,
              guint *places)
{
  guint pairs = channels * (channels + 1) / 2;
  guint shift = (guint) ((int) channels + turn) % channels;

  for (guint i = 0; i < channels; i++)
    {
      for (guint j = i; j < channels; j++)
        places[pair_index (channels, i, j)] = pair_index (channels, (i + shift) % channels, (j + shift) % channels);
      for (guint kind = 0; kind < 4; kind++)
        places[pairs + kind * channels + i] = pairs + kind * channels + (i + shift) % channels;
    }
}

static double
unit_of (const BpgScaling *scaling,
         guint             feature)
{
  return scaling->scale[feature] / (256.0 * 2048.0);
}

static void
turn_mean (const BpgScaling *scaling,
           const guint      *places,
           guint             features,
           const double     *mean,
           double           *out)
{
  for (guint f = 0; f < features; f++)
    {
      double unit = unit_of (scaling, f);
      double raw = unit > 0 ? mean[f] / unit + scaling->centre[f] : scaling->centre[f];

      out[places[f]] = (raw - scaling->centre[places[f]]) * unit_of (scaling, places[f]);
    }
}

static void
turn_covariance (const BpgScaling *scaling,
                 const guint      *places,
                 guint             features,
                 double           *covariance)
{
  g_autofree double *before = g_memdup2 (covariance, (gsize) features * features * sizeof (double));
  g_autofree double *ratio = g_new (double, features);

  for (guint f = 0; f < features; f++)
    ratio[f] = unit_of (scaling, f) > 0 ? unit_of (scaling, places[f]) / unit_of (scaling, f) : 0;
  for (guint f = 0; f < features; f++)
    {
      for (guint g = 0; g < features; g++)
        covariance[(gsize) places[f] * features + places[g]] = before[(gsize) f * features + g] * ratio[f] * ratio[g];
    }
}

void
bpg_rotation_apply (BpgStatistics *statistics,
                    guint          channels,
                    int            turn)
{
  guint features = statistics->features, movements = statistics->movements->len;
  g_autofree guint *places = g_new (guint, features);
  g_autofree double *before = g_memdup2 (statistics->means, (gsize) movements * features * sizeof (double));

  if (turn == 0)
    return;
  places_after (channels, turn, places);
  for (guint m = 0; m < movements; m++)
    {
      turn_mean (&statistics->scaling, places, features, before + (gsize) m * features,
                 statistics->means + (gsize) m * features);
      turn_covariance (&statistics->scaling, places, features, statistics->shapes + (gsize) m * features * features);
    }
  turn_covariance (&statistics->scaling, places, features, statistics->covariance);
}

/* Sum over the movements both know of the squared distance of their means, whitened by @factor. */
static double
distance_after (const BpgStatistics *old,
                const BpgStatistics *today,
                const double        *factor,
                guint                channels,
                int                  turn)
{
  guint features = old->features;
  g_autofree guint *places = g_new (guint, features);
  g_autofree double *turned = g_new (double, features);
  double sum = 0;

  places_after (channels, turn, places);
  for (guint m = 0; m < old->movements->len; m++)
    {
      int now = bpg_statistics_find (today, g_array_index (old->movements, BpgTrainingMovement, m).gesture);

      if (now < 0)
        continue;
      turn_mean (&old->scaling, places, features, old->means + (gsize) m * features, turned);
      for (guint f = 0; f < features; f++)
        turned[f] -= today->means[(gsize) now * features + f];
      bpg_solve_lower (factor, features, turned);
      sum += bpg_dot (turned, turned, features);
    }
  return sum;
}

int
bpg_rotation_find (const BpgStatistics *old,
                   const BpgStatistics *today,
                   guint                channels)
{
  guint features = old->features;
  g_autofree double *factor = g_memdup2 (old->covariance, (gsize) features * features * sizeof (double));
  double least;
  int best = 0;

  for (guint f = 0; f < features; f++)
    factor[(gsize) f * features + f] *= 1 + LOADING;
  for (guint f = 0; f < features; f++)
    factor[(gsize) f * features + f] += 1e-6;
  if (!bpg_cholesky (factor, features))
    return 0;
  least = distance_after (old, today, factor, channels, 0) * WORTH_TURNING;
  for (int turn = -TURN_MAX; turn <= TURN_MAX; turn++)
    {
      double distance = turn == 0 ? least : distance_after (old, today, factor, channels, turn);

      if (distance < least)
        {
          least = distance;
          best = turn;
        }
    }
  return best;
}
