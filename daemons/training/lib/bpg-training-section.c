/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-training-section.h"

#include <math.h>
#include <string.h>

#include "bpg-matrix.h"
#include "bpg-training-error.h"

#define MAGIC "TRN1"
#define FEATURE_LENGTH 6u
#define SHAPE_ONE 512.0
#define PLACE_SHIFT 3 /* standardised features are Q11, places Q8 */

static void
put_u16 (GByteArray *out,
         guint       value)
{
  guint8 bytes[2] = { (guint8) value, (guint8) (value >> 8) };

  g_byte_array_append (out, bytes, sizeof bytes);
}

static void
put_u32 (GByteArray *out,
         guint32     value)
{
  put_u16 (out, value & 0xffff);
  put_u16 (out, value >> 16);
}

static void
put_fixed (GByteArray *out,
           double      value,
           double      one)
{
  put_u16 (out, (guint16) (gint16) lround (CLAMP (value * one, -32767.0, 32767.0)));
}

static void
put_float (GByteArray *out,
           double      value)
{
  float narrow = (float) value;
  guint32 bits;

  memcpy (&bits, &narrow, sizeof bits);
  put_u32 (out, bits);
}

static double
get_float (const guint8 *at)
{
  guint32 bits = bpg_load_u32 (at);
  float value;

  memcpy (&value, &bits, sizeof value);
  return value;
}

static void
put_shapes (GByteArray            *out,
            const BpgStatistics   *statistics,
            const BpgDiscriminant *discriminant)
{
  guint dimensions = discriminant->dimensions, features = statistics->features;
  g_autofree double *covariance = g_new (double, (gsize) dimensions * dimensions);

  for (guint m = 0; m < statistics->movements->len; m++)
    {
      bpg_project_symmetric (discriminant->directions, dimensions,
                             statistics->shapes + (gsize) m * features * features, features, covariance);
      for (guint i = 0; i < dimensions; i++)
        {
          for (guint j = 0; j <= i; j++)
            put_fixed (out, covariance[i * dimensions + j], SHAPE_ONE);
        }
    }
}

gsize
bpg_training_section_length (guint    movements,
                             guint    features,
                             guint    dimensions,
                             gboolean shapes)
{
  return 8 + 8 * (gsize) movements + 2 * (gsize) movements * features + 4 * (gsize) features +
         (gsize) features * (features - 1) + (shapes ? (gsize) movements * dimensions * (dimensions + 1) : 0);
}

GByteArray *
bpg_training_section_encode (const BpgStatistics   *statistics,
                             const BpgDiscriminant *discriminant)
{
  GByteArray *out = g_byte_array_new ();
  guint features = statistics->features, movements = statistics->movements->len;
  g_autofree double *deviation = g_new (double, features);

  g_byte_array_append (out, (const guint8 *) MAGIC, 4);
  put_u32 (out, movements);
  for (guint m = 0; m < movements; m++)
    {
      put_u32 (out, statistics->windows[m]);
      put_u32 (out, statistics->repetitions[m]);
    }
  for (gsize i = 0; i < (gsize) movements * features; i++)
    put_fixed (out, statistics->means[i], 2048);
  for (guint f = 0; f < features; f++)
    {
      deviation[f] = sqrt (MAX (statistics->covariance[(gsize) f * features + f], 0));
      put_float (out, deviation[f]);
    }
  for (guint f = 0; f < features; f++)
    {
      for (guint g = 0; g < f; g++)
        {
          double size = deviation[f] * deviation[g];

          put_fixed (out, size > 0 ? statistics->covariance[(gsize) f * features + g] / size : 0, 16384);
        }
    }
  if (discriminant->shapes != NULL)
    put_shapes (out, statistics, discriminant);
  return out;
}

static gboolean
decode_covariance (BpgStatistics *self,
                   const guint8  *at)
{
  guint features = self->features;
  const guint8 *deviations = at;

  at += 4 * features;
  for (guint f = 0; f < features; f++)
    {
      double deviation = get_float (deviations + 4 * f);

      if (!isfinite (deviation) || deviation < 0 || deviation > 1e6)
        return FALSE;
      self->covariance[(gsize) f * features + f] = deviation * deviation;
      for (guint g = 0; g < f; g++, at += 2)
        {
          double value = bpg_load_i16 (at) / 16384.0 * deviation * get_float (deviations + 4 * g);

          self->covariance[(gsize) f * features + g] = value;
          self->covariance[(gsize) g * features + f] = value;
        }
    }
  return TRUE;
}

static double *
directions_of (const struct bpg_bpm *bpm)
{
  double *directions = g_new (double, (gsize) bpm->dimensions * bpm->features);

  for (guint d = 0; d < bpm->dimensions; d++)
    {
      int shift = bpg_load_u16 (bpm->direction_shifts + 2 * d) - PLACE_SHIFT;

      for (guint f = 0; f < bpm->features; f++)
        {
          gsize at = (gsize) d * bpm->features + f;

          directions[at] = ldexp (bpg_load_i16 (bpm->directions + 2 * at), -shift);
        }
    }
  return directions;
}

/* S - S P A^-1 P'S + S P A^-1 C A^-1 P'S with A = P'S P: the covariance whose projection is C and that
 * is the common S where the directions P do not look. */
static void
restore_shape (const BpgStatistics *self,
               const double        *image,   /* P'S, D x F */
               const double        *inverse, /* A^-1 */
               guint                dimensions,
               const double        *projection, /* C */
               double              *shape)
{
  guint features = self->features;
  g_autofree double *middle = g_new (double, (gsize) dimensions * dimensions);
  g_autofree double *half = g_new0 (double, (gsize) dimensions * features);

  bpg_project_symmetric (inverse, dimensions, projection, dimensions, middle);
  for (guint i = 0; i < dimensions * dimensions; i++)
    middle[i] -= inverse[i];
  for (guint i = 0; i < dimensions; i++)
    {
      for (guint j = 0; j < dimensions; j++)
        {
          for (guint f = 0; f < features; f++)
            half[(gsize) i * features + f] += middle[i * dimensions + j] * image[(gsize) j * features + f];
        }
    }
  memcpy (shape, self->covariance, (gsize) features * features * sizeof (double));
  for (guint i = 0; i < dimensions; i++)
    {
      for (guint f = 0; f < features; f++)
        {
          double factor = image[(gsize) i * features + f];

          for (guint g = 0; g < features; g++)
            shape[(gsize) f * features + g] += factor * half[(gsize) i * features + g];
        }
    }
}

static gboolean
decode_shapes (BpgStatistics        *self,
               const struct bpg_bpm *bpm,
               const guint8         *at)
{
  guint features = self->features, dimensions = bpm->dimensions;
  g_autofree double *directions = directions_of (bpm);
  g_autofree double *image = g_new (double, (gsize) dimensions * features);
  g_autofree double *inner = g_new (double, (gsize) dimensions * dimensions);
  g_autofree double *inverse = g_new (double, (gsize) dimensions * dimensions);
  g_autofree double *projection = g_new (double, (gsize) dimensions * dimensions);

  bpg_multiply_symmetric (directions, dimensions, self->covariance, features, image);
  bpg_project_symmetric (directions, dimensions, self->covariance, features, inner);
  if (!bpg_invert (inner, dimensions, inverse))
    return FALSE;
  for (guint m = 0; m < self->movements->len; m++)
    {
      for (guint i = 0; i < dimensions; i++)
        {
          for (guint j = 0; j <= i; j++, at += 2)
            {
              projection[i * dimensions + j] = bpg_load_i16 (at) / SHAPE_ONE;
              projection[j * dimensions + i] = projection[i * dimensions + j];
            }
        }
      restore_shape (self, image, inverse, dimensions, projection, self->shapes + (gsize) m * features * features);
    }
  return TRUE;
}

static void
copy_common (BpgStatistics *self)
{
  gsize square = (gsize) self->features * self->features;

  for (guint m = 0; m < self->movements->len; m++)
    memcpy (self->shapes + m * square, self->covariance, square * sizeof (double));
}

static GArray *
movements_of (const struct bpg_bpm *bpm)
{
  GArray *movements = g_array_new (FALSE, TRUE, sizeof (BpgTrainingMovement));

  for (guint m = 0; m < bpm->movements; m++)
    {
      BpgTrainingMovement movement = { .gesture = bpg_bpm_gesture (bpm, m) };

      g_strlcpy (movement.name, bpg_bpm_name (bpm, m), sizeof movement.name);
      g_array_append_val (movements, movement);
    }
  return movements;
}

BpgStatistics *
bpg_training_section_decode (BpgModel *model,
                             GError  **error)
{
  const struct bpg_bpm *bpm = bpg_model_get_bpm (model);
  g_autoptr (GArray) movements = movements_of (bpm);
  g_autoptr (BpgStatistics) self = bpg_statistics_new (bpm->features, movements);
  gsize features = bpm->features, count = bpm->movements;
  gsize length = bpg_training_section_length (bpm->movements, bpm->features, bpm->dimensions, bpm->shapes);
  const guint8 *at = bpm->training;

  if (bpm->training_length != length || memcmp (at, MAGIC, 4) != 0 || bpg_load_u32 (at + 4) != count)
    {
      g_set_error_literal (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_CORRUPT,
                           "The model does not hold what adapting it needs; train anew without it");
      return NULL;
    }
  at += 8;
  for (guint m = 0; m < count; m++, at += 8)
    {
      self->windows[m] = bpg_load_u32 (at);
      self->repetitions[m] = bpg_load_u32 (at + 4);
    }
  for (gsize i = 0; i < count * features; i++, at += 2)
    self->means[i] = bpg_load_i16 (at) / 2048.0;
  for (guint f = 0; f < features; f++)
    {
      self->scaling.centre[f] = bpg_load_i32 (bpm->feature_table + f * FEATURE_LENGTH);
      self->scaling.scale[f] = bpg_load_u16 (bpm->feature_table + f * FEATURE_LENGTH + 4);
    }
  if (!decode_covariance (self, at) ||
      (bpm->shapes && !decode_shapes (self, bpm, at + 4 * features + features * (features - 1))))
    {
      g_set_error_literal (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_CORRUPT,
                           "The model's covariance is not a number; train anew without it");
      return NULL;
    }
  if (!bpm->shapes)
    copy_common (self);
  return g_steal_pointer (&self);
}
