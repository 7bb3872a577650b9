/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-statistics.h"

#include <math.h>
#include <string.h>

#include "bpg-kernels.h"
#include "bpg-parallel.h"

#define STANDARD_ONE 2048 /* one spread, as in the recogniser's classifier */
#define ROWS 32u          /* looked at in one go */
#define WINDOWS_A_TASK 2048u

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

/* Sums over some windows of each feature and of its square: whole numbers, exact in any order. */
struct moments
{
  const BpgTrainingSet *set;
  GMutex lock;
  gint64 sums[BPG_FEATURES_MAX];
  double squares[BPG_FEATURES_MAX];
};

static void
find_moments (BpgParallel *parallel,
              gpointer     data)
{
  struct moments *moments = data;
  guint features = moments->set->features, task;
  gint64 sums[BPG_FEATURES_MAX] = { 0 };
  double squares[BPG_FEATURES_MAX] = { 0 };

  while (bpg_parallel_take (parallel, &task))
    {
      guint first = task * WINDOWS_A_TASK;

      bpg_kernels ()->add_moments (bpg_training_set_row (moments->set, first),
                                   MIN (moments->set->windows->len - first, WINDOWS_A_TASK), features, sums, squares);
    }
  g_mutex_lock (&moments->lock);
  for (guint f = 0; f < features; f++)
    {
      moments->sums[f] += sums[f];
      moments->squares[f] += squares[f];
    }
  g_mutex_unlock (&moments->lock);
}

void
bpg_scaling_from_set (const BpgTrainingSet *set,
                      BpgScaling           *scaling)
{
  struct moments moments = { .set = set };
  guint n = set->windows->len;

  g_mutex_init (&moments.lock);
  bpg_parallel_run ((n + WINDOWS_A_TASK - 1) / WINDOWS_A_TASK, find_moments, &moments);
  g_mutex_clear (&moments.lock);
  for (guint f = 0; f < set->features; f++)
    {
      double mean = (double) moments.sums[f] / n;
      double spread = sqrt (MAX (moments.squares[f] / n - mean * mean, 0));

      scaling->centre[f] = (gint32) lround (mean);
      scaling->scale[f] = spread < 0.5 ? 0 : (guint16) CLAMP (lround (2048 * 256 / spread), 1, G_MAXUINT16);
    }
}

double
bpg_scaling_apply (const BpgScaling *scaling,
                   guint             index,
                   gint32            feature)
{
  return (double) bpg_standardised (scaling, index, feature) / STANDARD_ONE;
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

/* Sums of standardised features (whole numbers, one spread STANDARD_ONE) and of their products: exact below
 * 2^53, so that nothing is lost by taking the mean out afterwards. */
struct sums
{
  guint stride; /* features, rounded up */
  double *rows; /* ROWS x stride */
  double *sums; /* stride */
  double *products; /* stride x stride, lower triangle */
};

static double *
zeros (gsize count)
{
  return g_aligned_alloc0 (count, sizeof (double), BPG_ALIGN);
}

static void
init_sums (struct sums *self,
           guint        features)
{
  self->stride = (features + BPG_SQUARES_ALIGN - 1) / BPG_SQUARES_ALIGN * BPG_SQUARES_ALIGN;
  self->rows = zeros (ROWS * self->stride);
  self->sums = zeros (self->stride);
  self->products = zeros ((gsize) self->stride * self->stride);
}

static void
clear_sums (struct sums *self)
{
  g_aligned_free (self->rows);
  g_aligned_free (self->sums);
  g_aligned_free (self->products);
}
typedef struct sums Sums;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Sums, clear_sums)

/* From sums to a movement's mean and covariance. */
static void
settle_movement (BpgStatistics     *self,
                 guint              movement,
                 const struct sums *sums)
{
  gsize features = self->features;
  double n = self->windows[movement];
  double *mean = self->means + movement * features, *shape = self->shapes + movement * features * features;

  for (guint f = 0; f < features; f++)
    {
      mean[f] = sums->sums[f] / STANDARD_ONE / n;
      for (guint g = 0; g <= f; g++)
        {
          double scatter = sums->products[(gsize) f * sums->stride + g] - sums->sums[f] * sums->sums[g] / n;

          shape[f * features + g] = shape[g * features + f] = scatter / n / (STANDARD_ONE * STANDARD_ONE);
        }
    }
}

/* What the threads share. */
struct gathering
{
  const BpgTrainingSet *set;
  const guint *places;
  BpgStatistics *statistics;
};

static void
gather_movement (const struct gathering *gathering,
                 guint                   movement)
{
  const BpgTrainingSet *set = gathering->set;
  BpgStatistics *self = gathering->statistics;
  const BpgKernels *kernels = bpg_kernels ();
  g_auto (Sums) sums = { 0 };

  init_sums (&sums, self->features);
  for (guint r = 0; r < set->repetitions->len; r++)
    {
      const BpgTrainingRepetition *repetition = &g_array_index (set->repetitions, BpgTrainingRepetition, r);
      guint n;

      if (gathering->places[repetition->movement] != movement)
        continue;
      self->repetitions[movement]++;
      self->windows[movement] += repetition->count;
      for (guint i = 0; i < repetition->count; i += n)
        {
          n = MIN (repetition->count - i, ROWS);
          kernels->standardise_rows (&self->scaling, bpg_training_set_row (set, repetition->first + i), n, self->features,
                                     sums.stride, sums.rows, sums.sums);
          kernels->add_squares (sums.rows, n, sums.stride, self->features, sums.products);
        }
    }
  settle_movement (self, movement, &sums);
}

static void
gather_movements (BpgParallel *parallel,
                  gpointer     data)
{
  guint movement;

  while (bpg_parallel_take (parallel, &movement))
    gather_movement (data, movement);
}

/* The covariance within movements: of each, by the number of its windows. */
static void
pool_shapes (BpgStatistics *self,
             guint          n)
{
  gsize square = (gsize) self->features * self->features;
  double divisor = MAX (1.0, (double) n - self->movements->len);

  for (guint m = 0; m < self->movements->len; m++)
    {
      for (gsize i = 0; i < square; i++)
        self->covariance[i] += self->shapes[m * square + i] * (self->windows[m] / divisor);
    }
}

BpgStatistics *
bpg_statistics_from_set (const BpgTrainingSet *set,
                         const BpgScaling     *scaling)
{
  g_autofree guint *places = g_new0 (guint, set->movements->len);
  g_autoptr (GArray) movements = movements_with_windows (set, places);
  BpgStatistics *self = bpg_statistics_new (set->features, movements);
  struct gathering gathering = { set, places, self };

  self->scaling = *scaling;
  bpg_parallel_run (movements->len, gather_movements, &gathering);
  pool_shapes (self, set->windows->len);
  return self;
}
