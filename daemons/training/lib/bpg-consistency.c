/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-consistency.h"

#include "bpg-matrix.h"

#define LOADING 0.1 /* of the diagonal, when the covariance is factored */
#define NEARER 0.5  /* of the distance to its own, to be taken for the other */

/* Means of the movements both know, whitened and without their common shift. */
struct shared
{
  guint count;
  guint *old;   /* index of each in the earlier statistics */
  double *before; /* count x F */
  double *after;
};

static void
clear_shared (struct shared *shared)
{
  g_free (shared->old);
  g_free (shared->before);
  g_free (shared->after);
}
typedef struct shared Shared;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Shared, clear_shared)

static double *
factor_of (const BpgStatistics *statistics)
{
  guint features = statistics->features;
  double *factor = g_memdup2 (statistics->covariance, (gsize) features * features * sizeof (double));

  for (guint f = 0; f < features; f++)
    factor[(gsize) f * features + f] = factor[(gsize) f * features + f] * (1 + LOADING) + 1e-6;
  if (!bpg_cholesky (factor, features))
    g_clear_pointer (&factor, g_free);
  return factor;
}

static void
collect (Shared              *shared,
         const BpgStatistics *old,
         const BpgStatistics *today,
         const double        *factor)
{
  guint features = old->features;

  shared->old = g_new (guint, old->movements->len);
  shared->before = g_new (double, (gsize) old->movements->len * features);
  shared->after = g_new (double, (gsize) old->movements->len * features);
  for (guint m = 0; m < old->movements->len; m++)
    {
      int now = bpg_statistics_find (today, g_array_index (old->movements, BpgTrainingMovement, m).gesture);
      double *before = shared->before + (gsize) shared->count * features;
      double *after = shared->after + (gsize) shared->count * features;

      if (now < 0)
        continue;
      for (guint f = 0; f < features; f++)
        {
          before[f] = old->means[(gsize) m * features + f];
          after[f] = today->means[(gsize) now * features + f];
        }
      bpg_solve_lower (factor, features, before);
      bpg_solve_lower (factor, features, after);
      shared->old[shared->count++] = m;
    }
}

static void
take_out_shift (Shared *shared,
                guint   features)
{
  for (guint f = 0; f < features; f++)
    {
      double shift = 0;

      for (guint i = 0; i < shared->count; i++)
        shift += shared->after[(gsize) i * features + f] - shared->before[(gsize) i * features + f];
      for (guint i = 0; i < shared->count; i++)
        shared->after[(gsize) i * features + f] -= shift / shared->count;
    }
}

static double
distance (const Shared *shared,
          guint         today,
          guint         earlier,
          guint         features)
{
  const double *after = shared->after + (gsize) today * features;
  const double *before = shared->before + (gsize) earlier * features;
  double sum = 0;

  for (guint f = 0; f < features; f++)
    sum += (after[f] - before[f]) * (after[f] - before[f]);
  return sum;
}

gboolean
bpg_find_swapped (const BpgStatistics *old,
                  const BpgStatistics *today,
                  guint               *first,
                  guint               *second)
{
  guint features = old->features;
  g_autofree double *factor = factor_of (old);
  g_auto (Shared) shared = { 0 };
  double least = NEARER;

  if (factor == NULL)
    return FALSE;
  collect (&shared, old, today, factor);
  take_out_shift (&shared, features);
  for (guint i = 0; i < shared.count; i++)
    {
      for (guint j = 0; j < i; j++)
        {
          double own = distance (&shared, i, i, features) + distance (&shared, j, j, features);
          double crossed = distance (&shared, i, j, features) + distance (&shared, j, i, features);

          if (crossed >= least * own)
            continue;
          least = crossed / own;
          *first = shared.old[j];
          *second = shared.old[i];
        }
    }
  return least < NEARER;
}

double *
bpg_movement_distances (const BpgStatistics *old,
                        const BpgStatistics *today)
{
  g_autofree double *factor = factor_of (old);
  double *distances = g_new0 (double, old->movements->len);
  g_auto (Shared) shared = { 0 };

  if (factor == NULL)
    return distances;
  collect (&shared, old, today, factor);
  take_out_shift (&shared, old->features);
  for (guint i = 0; i < shared.count; i++)
    distances[shared.old[i]] = distance (&shared, i, i, old->features);
  return distances;
}
