/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-training-section.h"

#include <math.h>
#include <string.h>

#include "bpg-training-error.h"

#define MAGIC "TRN1"
#define FEATURE_LENGTH 6u

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

GByteArray *
bpg_training_section_encode (const BpgStatistics *statistics)
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
  gsize length = 8 + 8 * count + 2 * count * features + 4 * features + features * (features - 1);
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
  if (!decode_covariance (self, at))
    {
      g_set_error_literal (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_CORRUPT,
                           "The model's covariance is not a number; train anew without it");
      return NULL;
    }
  return g_steal_pointer (&self);
}
