/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-statistics.h"

#include <math.h>
#include <string.h>

#define STANDARD_MAX 16384 /* as in the recogniser's classifier */

BpgStatistics *
bpg_statistics_new (guint   features,
                    GArray *movements)
{
  BpgStatistics *self = g_new0 (BpgStatistics, 1);

  self->features = features;
  self->movements = g_array_new (FALSE, TRUE, sizeof (BpgTrainingMovement));
  if (movements->len > 0)
    g_array_append_vals (self->movements, movements->data, movements->len);
  self->windows = g_new0 (guint32, movements->len);
  self->repetitions = g_new0 (guint32, movements->len);
  self->means = g_new0 (double, (gsize) movements->len * features);
  self->covariance = g_new0 (double, (gsize) features * features);
  self->shapes = g_new0 (double, (gsize) movements->len * features * features);
  return self;
}

void
bpg_statistics_free (BpgStatistics *self)
{
  g_array_unref (self->movements);
  g_free (self->windows);
  g_free (self->repetitions);
  g_free (self->means);
  g_free (self->covariance);
  g_free (self->shapes);
  g_free (self);
}

int
bpg_statistics_find (const BpgStatistics *self,
                     guint8               gesture)
{
  for (guint i = 0; i < self->movements->len; i++)
    {
      if (g_array_index (self->movements, BpgTrainingMovement, i).gesture == gesture)
        return (int) i;
    }
  return -1;
}

void
bpg_scaling_from_set (const BpgTrainingSet *set,
                      BpgScaling           *scaling)
{
  g_autofree gint64 *sums = g_new0 (gint64, set->features);
  g_autofree double *squares = g_new0 (double, set->features);
  guint n = set->windows->len;

  for (guint i = 0; i < n; i++)
    {
      const gint32 *row = bpg_training_set_row (set, i);

      for (guint f = 0; f < set->features; f++)
        {
          sums[f] += row[f];
          squares[f] += (double) row[f] * row[f];
        }
    }
  for (guint f = 0; f < set->features; f++)
    {
      double mean = (double) sums[f] / n;
      double spread = sqrt (MAX (squares[f] / n - mean * mean, 0));

      scaling->centre[f] = (gint32) lround (mean);
      scaling->scale[f] = spread < 0.5 ? 0 : (guint16) CLAMP (lround (2048 * 256 / spread), 1, G_MAXUINT16);
    }
}

static inline gint32
standardise (const BpgScaling *scaling,
             guint             index,
             gint32            feature)
{
  gint32 away = CLAMP (feature - scaling->centre[index], -32767, 32767);

  return CLAMP (away * scaling->scale[index] >> 8, -STANDARD_MAX, STANDARD_MAX);
}

double
bpg_scaling_apply (const BpgScaling *scaling,
                   guint             index,
                   gint32            feature)
{
  return standardise (scaling, index, feature) / 2048.0;
}

static GArray *
movements_with_windows (const BpgTrainingSet *set,
                        guint                *places)
{
  GArray *movements = g_array_new (FALSE, TRUE, sizeof (BpgTrainingMovement));

  for (guint m = 0; m < set->movements->len; m++)
    {
      gboolean seen = FALSE;

      for (guint r = 0; r < set->repetitions->len && !seen; r++)
        seen = g_array_index (set->repetitions, BpgTrainingRepetition, r).movement == m;
      places[m] = movements->len;
      if (seen)
        g_array_append_val (movements, g_array_index (set->movements, BpgTrainingMovement, m));
    }
  return movements;
}

static void
add_repetition (BpgStatistics               *self,
                const BpgTrainingSet        *set,
                const BpgTrainingRepetition *repetition,
                guint                        place,
                float                       *rows)
{
  double *mean = self->means + (gsize) place * self->features;

  self->repetitions[place]++;
  self->windows[place] += repetition->count;
  for (guint i = repetition->first; i < repetition->first + repetition->count; i++)
    {
      const gint32 *row = bpg_training_set_row (set, i);
      float *out = rows + (gsize) i * self->features;

      for (guint f = 0; f < self->features; f++)
        {
          out[f] = (float) (standardise (&self->scaling, f, row[f]) / 2048.0);
          mean[f] += out[f];
        }
    }
}

static void
add_scatter (double       *scatter,
             guint         features,
             const float  *row,
             const double *mean,
             double       *away)
{
  for (guint f = 0; f < features; f++)
    away[f] = row[f] - mean[f];
  for (guint f = 0; f < features; f++)
    {
      double *out = scatter + (gsize) f * features;
      double factor = away[f];

      for (guint g = 0; g <= f; g++)
        out[g] += factor * away[g];
    }
}

static void
mirror (double *matrix,
        guint   size)
{
  for (guint f = 0; f < size; f++)
    {
      for (guint g = 0; g < f; g++)
        matrix[(gsize) g * size + f] = matrix[(gsize) f * size + g];
    }
}

/* From sums of squares to covariances, over all movements and of each. */
static void
normalise_scatter (BpgStatistics *self,
                   guint          n)
{
  gsize square = (gsize) self->features * self->features;
  double divisor = MAX (1.0, (double) n - self->movements->len);

  for (guint m = 0; m < self->movements->len; m++)
    {
      double *shape = self->shapes + m * square;

      for (gsize i = 0; i < square; i++)
        {
          self->covariance[i] += shape[i] / divisor;
          shape[i] /= self->windows[m];
        }
      mirror (shape, self->features);
    }
  mirror (self->covariance, self->features);
}

BpgStatistics *
bpg_statistics_from_set (const BpgTrainingSet *set,
                         const BpgScaling     *scaling)
{
  g_autofree guint *places = g_new0 (guint, set->movements->len);
  g_autoptr (GArray) movements = movements_with_windows (set, places);
  g_autofree float *rows = g_new (float, (gsize) set->windows->len * set->features);
  g_autofree double *away = g_new (double, set->features);
  BpgStatistics *self = bpg_statistics_new (set->features, movements);
  guint n = set->windows->len;

  self->scaling = *scaling;
  for (guint r = 0; r < set->repetitions->len; r++)
    {
      const BpgTrainingRepetition *repetition = &g_array_index (set->repetitions, BpgTrainingRepetition, r);

      add_repetition (self, set, repetition, places[repetition->movement], rows);
    }
  for (guint m = 0; m < movements->len; m++)
    {
      for (guint f = 0; f < self->features; f++)
        self->means[(gsize) m * self->features + f] /= self->windows[m];
    }
  for (guint i = 0; i < n; i++)
    {
      guint place = places[g_array_index (set->windows, BpgTrainingWindow, i).movement];

      add_scatter (self->shapes + (gsize) place * self->features * self->features, self->features,
                   rows + (gsize) i * self->features, self->means + (gsize) place * self->features, away);
    }
  normalise_scatter (self, n);
  return self;
}
