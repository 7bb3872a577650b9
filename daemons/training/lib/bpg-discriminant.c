/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-discriminant.h"

#include <math.h>
#include <string.h>

#include "bpg-matrix.h"
#include "bpg-population.h"
#include "bpg-training-error.h"

#define SHRINKAGE 0.05      /* of the common covariance towards its diagonal */
#define NU_COMMON 3.0       /* repetitions that people's common covariance is worth */
#define NU_SHAPE 1.5        /* repetitions that people's covariance of a movement is worth */
#define SESSION 0.05        /* of the covariance between sessions, added */
#define OWN_SHAPE 0.8       /* of a movement's own covariance against the common one */
#define REST_BIAS 4.0       /* squared distance by which rest is preferred: the hand should rather not move */
#define STRENGTH 0.2        /* octaves by which the strength of contractions is taken to vary beyond what was recorded */
#define MAP_LOADING 0.03    /* of features' variances, where an electrode is inferred from the others */
#define POWER_STEPS 16      /* of the iteration that finds extra directions */
#define FEATURES_EXTRA 100u /* beyond, looking for extra directions takes too long */

/* The covariances a discriminant is made of: the person's mixed with people's. */
struct mixture
{
  guint features;
  double *common;
  double *shapes;
  double *factor;  /* Cholesky factor of the common one, shrunk */
  double *between; /* of movements' means in people; NULL without people */
};

static void
clear_mixture (struct mixture *mixture)
{
  g_free (mixture->common);
  g_free (mixture->shapes);
  g_free (mixture->factor);
  g_free (mixture->between);
}
typedef struct mixture Mixture;
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Mixture, clear_mixture)

void
bpg_discriminant_free (BpgDiscriminant *self)
{
  g_free (self->directions);
  g_free (self->centres);
  g_free (self->shapes);
  g_free (self->offsets);
  g_free (self->maps);
  g_free (self->map_offsets);
  g_free (self);
}

/* How much wider this person's windows scatter than people's, in variance: mean of the logarithms. */
static double
relative_size (const double *own,
               const double *people,
               guint         features)
{
  double sum = 0;
  guint n = 0;

  for (guint f = 0; f < features; f++)
    {
      gsize at = (gsize) f * features + f;

      if (own[at] > 0 && people[at] > 0)
        {
          sum += log (own[at] / people[at]);
          n++;
        }
    }
  return n > 0 ? exp (sum / n) : 1;
}

static void
blend (double       *matrix,
       guint         features,
       double        weight,
       double        size,
       const double *people,
       const double *session)
{
  for (gsize i = 0; i < (gsize) features * features; i++)
    matrix[i] = (1 - weight) * matrix[i] + size * (weight * people[i] + SESSION * session[i]);
}

static void
mix_with_people (Mixture             *mixture,
                 const BpgStatistics *statistics,
                 const BpgPopulation *people,
                 double               repetitions)
{
  guint features = statistics->features;
  gsize square = (gsize) features * features;
  double common = NU_COMMON / (repetitions + NU_COMMON), shape = NU_SHAPE / (repetitions + NU_SHAPE);
  g_autofree double *within = g_new (double, square);
  g_autofree double *rest = g_new (double, square);
  g_autofree double *active = g_new (double, square);
  g_autofree double *session = g_new (double, square);
  double size;

  bpg_population_standardise (people, people->within, &statistics->scaling, within);
  bpg_population_standardise (people, people->rest, &statistics->scaling, rest);
  bpg_population_standardise (people, people->active, &statistics->scaling, active);
  bpg_population_standardise (people, people->session, &statistics->scaling, session);
  mixture->between = g_new (double, square);
  bpg_population_standardise (people, people->between, &statistics->scaling, mixture->between);
  size = relative_size (statistics->covariance, within, features);
  blend (mixture->common, features, common, size, within, session);
  for (guint m = 0; m < statistics->movements->len; m++)
    {
      gboolean resting = g_array_index (statistics->movements, BpgTrainingMovement, m).gesture == 0;

      blend (mixture->shapes + m * square, features, shape, size, resting ? rest : active, session);
    }
}

/* Without people to compare with, a movement's own covariance is held to the common one. */
static void
mix_alone (Mixture             *mixture,
           const BpgStatistics *statistics,
           double               repetitions)
{
  gsize square = (gsize) statistics->features * statistics->features;
  double weight = NU_SHAPE / (repetitions + NU_SHAPE);

  for (guint m = 0; m < statistics->movements->len; m++)
    {
      double *shape = mixture->shapes + m * square;

      for (gsize i = 0; i < square; i++)
        shape[i] = (1 - weight) * shape[i] + weight * mixture->common[i];
    }
}

/* What an octave of strength does to each standardised feature: it doubles amplitudes and quadruples variances. */
static double *
octave_of (const BpgStatistics *statistics,
           guint                channels)
{
  double *octave = g_new0 (double, statistics->features);
  guint pairs = channels * (channels + 1) / 2;

  for (guint c = 0; c < channels; c++)
    octave[bpg_pair_index (channels, c, c)] = 2;
  for (guint c = 0; c < 2 * channels; c++)
    octave[pairs + c] = 1;
  for (guint f = 0; f < statistics->features; f++)
    octave[f] *= 1024.0 * statistics->scaling.scale[f] / (256.0 * 2048.0);
  return octave;
}

/* People are asked for one strength and later use all: covariances of movements get that much more along strength. */
static void
allow_for_strength (Mixture             *mixture,
                    const BpgStatistics *statistics,
                    guint                channels)
{
  guint features = statistics->features;
  gsize square = (gsize) features * features;
  g_autofree double *octave = octave_of (statistics, channels);

  for (gsize i = 0; i < square; i++)
    {
      double more = STRENGTH * STRENGTH * octave[i / features] * octave[i % features];

      mixture->common[i] += more;
      for (guint m = 0; m < statistics->movements->len; m++)
        {
          if (g_array_index (statistics->movements, BpgTrainingMovement, m).gesture != 0)
            mixture->shapes[m * square + i] += more;
        }
    }
}

static gboolean
factor_common (Mixture *mixture,
               GError **error)
{
  guint features = mixture->features;
  double trace = 0;

  mixture->factor = g_memdup2 (mixture->common, (gsize) features * features * sizeof (double));
  for (guint f = 0; f < features; f++)
    trace += mixture->common[(gsize) f * features + f];
  for (guint f = 0; f < features; f++)
    {
      double diagonal = mixture->common[(gsize) f * features + f];

      for (guint g = 0; g < features; g++)
        mixture->factor[(gsize) f * features + g] *= 1 - SHRINKAGE;
      /* features that never change get a weight of 0, and no division by it */
      mixture->factor[(gsize) f * features + f] = diagonal + 1e-6 * trace / features + 1e-9;
    }
  if (bpg_cholesky (mixture->factor, features))
    return TRUE;
  g_set_error_literal (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_FAILED,
                       "The covariance of the features is not positive; record more windows");
  return FALSE;
}

static gboolean
mix (Mixture                    *mixture,
     const BpgStatistics        *statistics,
     const BpgDiscriminantOptions *options,
     GError                    **error)
{
  gsize square = (gsize) statistics->features * statistics->features;
  g_autoptr (BpgPopulation) people = bpg_population_for (options->channels, options->window_ms);

  mixture->features = statistics->features;
  mixture->common = g_memdup2 (statistics->covariance, square * sizeof (double));
  mixture->shapes = g_memdup2 (statistics->shapes, statistics->movements->len * square * sizeof (double));
  if (people != NULL)
    mix_with_people (mixture, statistics, people, options->repetitions);
  else
    mix_alone (mixture, statistics, options->repetitions);
  allow_for_strength (mixture, statistics, options->channels);
  return factor_common (mixture, error);
}

/* L^-1 S L'^-1, L the factor of the common covariance. */
static void
whiten (const Mixture *mixture,
        const double  *covariance,
        double        *out)
{
  guint features = mixture->features;

  memcpy (out, covariance, (gsize) features * features * sizeof (double));
  for (guint pass = 0; pass < 2; pass++)
    {
      for (guint f = 0; f < features; f++)
        bpg_solve_lower (mixture->factor, features, out + (gsize) f * features);
      for (guint f = 0; f < features; f++)
        {
          for (guint g = 0; g < f; g++)
            {
              double swap = out[(gsize) f * features + g];

              out[(gsize) f * features + g] = out[(gsize) g * features + f];
              out[(gsize) g * features + f] = swap;
            }
        }
    }
}

/* Sum over movements of (W - I)^2, W the whitened covariance: large where movements differ in shape. */
static double *
shape_differences (const Mixture *mixture,
                   guint          movements)
{
  guint features = mixture->features;
  gsize square = (gsize) features * features;
  g_autofree double *white = g_new (double, square);
  g_autofree double *product = g_new (double, square);
  double *sum = g_new0 (double, square);

  for (guint m = 0; m < movements; m++)
    {
      whiten (mixture, mixture->shapes + m * square, white);
      for (guint f = 0; f < features; f++)
        white[(gsize) f * features + f] -= 1;
      bpg_multiply_symmetric (white, features, white, features, product);
      for (gsize i = 0; i < square; i++)
        sum[i] += product[i];
    }
  return sum;
}

/* Extends an orthonormal basis by the strongest directions of @matrix outside it (orthogonal iteration). */
static guint
extend_basis (double       *basis,
              guint         rank,
              guint         extra,
              const double *matrix,
              guint         features)
{
  guint start = rank;
  g_autofree double *images = g_new0 (double, (gsize) extra * features);

  for (guint d = 0; d < extra; d++)
    images[(gsize) d * features + (d * 7) % features] = 1;
  for (guint step = 0; step < POWER_STEPS; step++)
    {
      rank = start;
      for (guint d = 0; d < extra; d++)
        rank = bpg_orthonormalise (basis, rank, features, images + (gsize) d * features);
      bpg_multiply_symmetric (basis + (gsize) start * features, rank - start, matrix, features, images);
    }
  return rank;
}

static void
place_movements (BpgDiscriminant *self,
                 const double    *whitened)
{
  self->centres = g_new (double, (gsize) self->movements * self->dimensions);
  for (guint m = 0; m < self->movements; m++)
    {
      for (guint d = 0; d < self->dimensions; d++)
        self->centres[(gsize) m * self->dimensions + d] =
            bpg_dot (self->directions + (gsize) d * self->features, whitened + (gsize) m * self->features,
                     self->features);
    }
}

/* All directions the whitened means span, or the strongest @most of them. */
static guint
span_means (double       *basis,
            const double *whitened,
            guint         movements,
            guint         features,
            guint         most)
{
  g_autofree double *away = g_new (double, (gsize) movements * features);
  g_autofree double *scatter = NULL;
  guint rank = 0;

  for (guint m = 0; m < movements; m++)
    {
      for (guint f = 0; f < features; f++)
        away[(gsize) m * features + f] = whitened[(gsize) m * features + f] - whitened[f];
    }
  if (movements - 1 <= most)
    {
      for (guint m = 1; m < movements; m++)
        rank = bpg_orthonormalise (basis, rank, features, away + (gsize) m * features);
      return rank;
    }
  scatter = g_new0 (double, (gsize) features * features);
  for (guint m = 1; m < movements; m++)
    {
      for (gsize i = 0; i < (gsize) features * features; i++)
        scatter[i] += away[(gsize) m * features + i / features] * away[(gsize) m * features + i % features];
    }
  return extend_basis (basis, 0, most, scatter, features);
}

/* Directions beyond those of the means: where people's movements differ, for the sake of movements that the model
 * does not know, and where movements differ in shape. */
static void
add_directions (BpgDiscriminant              *self,
                const Mixture                *mixture,
                const BpgDiscriminantOptions *options)
{
  guint room = options->most - MIN (self->dimensions, options->most);
  guint novel = mixture->between != NULL ? MIN (options->novel, room) : 0;
  gsize square = (gsize) self->features * self->features;

  if (self->features > FEATURES_EXTRA)
    return;
  if (novel > 0)
    {
      g_autofree double *white = g_new (double, square);

      whiten (mixture, mixture->between, white);
      self->dimensions = extend_basis (self->directions, self->dimensions, novel, white, self->features);
    }
  room = options->most - MIN (self->dimensions, options->most);
  if (MIN (options->extra, room) > 0)
    {
      g_autofree double *differences = shape_differences (mixture, self->movements);

      self->dimensions = extend_basis (self->directions, self->dimensions, MIN (options->extra, room), differences,
                                       self->features);
    }
}

static gboolean
find_directions (BpgDiscriminant              *self,
                 const BpgStatistics          *statistics,
                 const Mixture                *mixture,
                 const BpgDiscriminantOptions *options,
                 GError                      **error)
{
  guint features = self->features, movements = self->movements;
  g_autofree double *whitened = g_memdup2 (statistics->means, (gsize) movements * features * sizeof (double));

  self->directions = g_new0 (double, (gsize) (movements + options->extra + options->novel) * features);
  for (guint m = 0; m < movements; m++)
    bpg_solve_lower (mixture->factor, features, whitened + (gsize) m * features);
  self->dimensions = span_means (self->directions, whitened, movements, features, options->most);
  if (self->dimensions == 0)
    {
      g_set_error_literal (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_SIGNAL_POOR,
                           "The movements cannot be told apart at all; check that the muscles contract and record again");
      return FALSE;
    }
  if (options->shapes)
    add_directions (self, mixture, options);
  place_movements (self, whitened);
  for (guint d = 0; d < self->dimensions; d++)
    bpg_solve_lower_transposed (mixture->factor, features, self->directions + (gsize) d * features);
  return TRUE;
}

/* U with U'U = C^-1, upper triangular, and log det C. */
static gboolean
shape_of (double *covariance,
          guint   dimensions,
          double *shape,
          double *log_determinant)
{
  g_autofree double *inverse = g_new (double, (gsize) dimensions * dimensions);

  if (!bpg_invert (covariance, dimensions, inverse) || !bpg_cholesky (inverse, dimensions))
    return FALSE;
  *log_determinant = 0;
  for (guint i = 0; i < dimensions; i++)
    {
      *log_determinant -= 2 * log (inverse[(gsize) i * dimensions + i]);
      for (guint j = 0; j < dimensions; j++)
        shape[(gsize) i * dimensions + j] = j >= i ? inverse[(gsize) j * dimensions + i] : 0;
    }
  return TRUE;
}

/* Rest comes nearer by the bias, and the least offset becomes 0. */
static void
settle_offsets (BpgDiscriminant     *self,
                const BpgStatistics *statistics)
{
  int rest = bpg_statistics_find (statistics, 0);
  double least = G_MAXDOUBLE;

  if (rest >= 0)
    self->offsets[rest] -= REST_BIAS;
  for (guint m = 0; m < self->movements; m++)
    least = MIN (least, self->offsets[m]);
  for (guint m = 0; m < self->movements; m++)
    self->offsets[m] -= least;
}

static gboolean
find_shapes (BpgDiscriminant *self,
             const Mixture   *mixture,
             GError         **error)
{
  guint dimensions = self->dimensions;
  gsize square = (gsize) self->features * self->features;
  g_autofree double *covariance = g_new (double, (gsize) dimensions * dimensions);

  self->shapes = g_new (double, (gsize) self->movements * dimensions * dimensions);
  for (guint m = 0; m < self->movements; m++)
    {
      bpg_project_symmetric (self->directions, dimensions, mixture->shapes + m * square, self->features, covariance);
      for (guint i = 0; i < dimensions * dimensions; i++)
        covariance[i] = OWN_SHAPE * covariance[i] + (i % (dimensions + 1) == 0 ? 1 - OWN_SHAPE : 0);
      if (!shape_of (covariance, dimensions, self->shapes + (gsize) m * dimensions * dimensions, &self->offsets[m]))
        {
          g_set_error_literal (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_FAILED,
                               "The covariance of a movement is not positive; record more windows");
          return FALSE;
        }
    }
  return TRUE;
}

/* Mean and covariance of all windows, each movement counting alike. */
static double *
total_covariance (const BpgStatistics *statistics,
                  const Mixture       *mixture,
                  double              *mean)
{
  guint features = statistics->features, movements = statistics->movements->len;
  gsize square = (gsize) features * features;
  double *total = g_new0 (double, square);

  for (guint m = 0; m < movements; m++)
    {
      for (guint f = 0; f < features; f++)
        mean[f] += statistics->means[(gsize) m * features + f] / movements;
      for (gsize i = 0; i < square; i++)
        total[i] += mixture->shapes[m * square + i] / movements;
    }
  for (guint m = 0; m < movements; m++)
    {
      const double *row = statistics->means + (gsize) m * features;

      for (guint f = 0; f < features; f++)
        {
          for (guint g = 0; g < features; g++)
            total[(gsize) f * features + g] += (row[f] - mean[f]) * (row[g] - mean[g]) / movements;
        }
    }
  for (gsize i = 0; i < square; i++)
    total[i] *= i % (features + 1) == 0 ? 1 : 1 - MAP_LOADING;
  return total;
}

/* The directions without what they take from one electrode. */
static double *
directions_without (const BpgDiscriminant *self,
                    guint                  electrode)
{
  guint features = self->features;
  double *left = g_memdup2 (self->directions, (gsize) self->dimensions * features * sizeof (double));
  guint16 indices[BPG_CHANNELS_MAX + BPG_FEATURE_KINDS];

  bpg_features_of (self->channels, electrode, indices);
  for (guint d = 0; d < self->dimensions; d++)
    {
      for (guint i = 0; i < self->channels + BPG_FEATURE_KINDS; i++)
        left[(gsize) d * features + indices[i]] = 0;
    }
  return left;
}

/* Regression of the place with all electrodes on the place without one: G = P T P_e' (P_e T P_e')^-1, and what is
 * to be added for the means to agree. */
static gboolean
find_map (BpgDiscriminant *self,
          guint            electrode,
          const double    *total,
          const double    *mean)
{
  guint dimensions = self->dimensions, features = self->features;
  g_autofree double *left = directions_without (self, electrode);
  g_autofree double *image = g_new (double, (gsize) dimensions * features);
  g_autofree double *inner = g_new (double, (gsize) dimensions * dimensions);
  g_autofree double *inverse = g_new (double, (gsize) dimensions * dimensions);
  double *map = self->maps + (gsize) electrode * dimensions * dimensions;
  double trace = 0;

  bpg_multiply_symmetric (left, dimensions, total, features, image);
  for (guint i = 0; i < dimensions; i++)
    {
      for (guint j = 0; j < dimensions; j++)
        inner[i * dimensions + j] = bpg_dot (image + (gsize) i * features, left + (gsize) j * features, features);
      trace += inner[i * dimensions + i];
    }
  for (guint i = 0; i < dimensions; i++)
    inner[i * dimensions + i] += 1e-3 * trace / dimensions + 1e-9;
  if (!bpg_invert (inner, dimensions, inverse))
    return FALSE;
  for (guint i = 0; i < dimensions; i++)
    {
      g_autofree double *cross = g_new (double, dimensions);
      double added = bpg_dot (self->directions + (gsize) i * features, mean, features);

      for (guint j = 0; j < dimensions; j++)
        cross[j] = bpg_dot (self->directions + (gsize) i * features, image + (gsize) j * features, features);
      bpg_multiply_symmetric (cross, 1, inverse, dimensions, map + i * dimensions);
      for (guint j = 0; j < dimensions; j++)
        added -= map[i * dimensions + j] * bpg_dot (left + (gsize) j * features, mean, features);
      self->map_offsets[electrode * dimensions + i] = added;
    }
  return TRUE;
}

static gboolean
find_maps (BpgDiscriminant     *self,
           const BpgStatistics *statistics,
           const Mixture       *mixture,
           GError             **error)
{
  g_autofree double *mean = g_new0 (double, self->features);
  g_autofree double *total = total_covariance (statistics, mixture, mean);

  self->maps = g_new0 (double, (gsize) self->channels * self->dimensions * self->dimensions);
  self->map_offsets = g_new0 (double, (gsize) self->channels * self->dimensions);
  for (guint c = 0; c < self->channels; c++)
    {
      if (find_map (self, c, total, mean))
        continue;
      g_set_error_literal (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_FAILED,
                           "The covariance of the features is not positive; record more windows");
      return FALSE;
    }
  return TRUE;
}

BpgDiscriminant *
bpg_discriminant_new (const BpgStatistics          *statistics,
                      const BpgDiscriminantOptions *options,
                      GError                      **error)
{
  g_autoptr (BpgDiscriminant) self = g_new0 (BpgDiscriminant, 1);
  g_auto (Mixture) mixture = { 0 };

  self->movements = statistics->movements->len;
  self->features = statistics->features;
  self->channels = options->channels;
  self->offsets = g_new0 (double, self->movements);
  if (!mix (&mixture, statistics, options, error) || !find_directions (self, statistics, &mixture, options, error))
    return NULL;
  if (options->shapes && !find_shapes (self, &mixture, error))
    return NULL;
  if (options->maps && !find_maps (self, statistics, &mixture, error))
    return NULL;
  settle_offsets (self, statistics);
  return g_steal_pointer (&self);
}
