/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-population.h"

#include <math.h>
#include <string.h>

#define MAGIC "BPP2"
#define MATRICES 5
#define HEADER_LENGTH 10u

static GBytes *replacement;

static void
matrices_of (const BpgPopulation *self,
             double              *matrices[MATRICES])
{
  matrices[0] = self->within;
  matrices[1] = self->rest;
  matrices[2] = self->active;
  matrices[3] = self->session;
  matrices[4] = self->between;
}

void
bpg_population_free (BpgPopulation *self)
{
  g_free (self->within);
  g_free (self->rest);
  g_free (self->active);
  g_free (self->session);
  g_free (self->between);
  g_free (self);
}

static void
put (GByteArray *out,
     guint32     value,
     guint       bytes)
{
  for (guint i = 0; i < bytes; i++)
    {
      guint8 byte = (guint8) (value >> (8 * i));

      g_byte_array_append (out, &byte, 1);
    }
}

static void
encode_matrix (GByteArray   *out,
               const double *matrix,
               guint         features)
{
  for (guint f = 0; f < features; f++)
    {
      float deviation = (float) sqrt (matrix[(gsize) f * features + f]);
      guint32 bits;

      memcpy (&bits, &deviation, sizeof bits);
      put (out, bits, 4);
    }
  for (guint f = 0; f < features; f++)
    {
      for (guint g = 0; g < f; g++)
        {
          double size = sqrt (matrix[(gsize) f * features + f] * matrix[(gsize) g * features + g]);
          double correlation = size > 0 ? matrix[(gsize) f * features + g] / size : 0;

          put (out, (guint16) (gint16) lround (correlation * 16384), 2);
        }
    }
}

void
bpg_population_encode (const BpgPopulation *self,
                       GByteArray          *out)
{
  double *matrices[MATRICES];

  matrices_of (self, matrices);
  g_byte_array_append (out, (const guint8 *) MAGIC, 4);
  put (out, self->window_ms, 2);
  put (out, self->channels, 2);
  put (out, self->features, 2);
  for (guint i = 0; i < MATRICES; i++)
    encode_matrix (out, matrices[i], self->features);
}

static void
decode_matrix (const guint8 *at,
               guint         features,
               double       *matrix)
{
  g_autofree double *deviation = g_new (double, features);

  for (guint f = 0; f < features; f++, at += 4)
    {
      guint32 bits = bpg_load_u32 (at);
      float value;

      memcpy (&value, &bits, sizeof value);
      deviation[f] = value;
    }
  for (guint f = 0; f < features; f++)
    {
      matrix[(gsize) f * features + f] = deviation[f] * deviation[f];
      for (guint g = 0; g < f; g++, at += 2)
        {
          double value = bpg_load_i16 (at) / 16384.0 * deviation[f] * deviation[g];

          matrix[(gsize) f * features + g] = value;
          matrix[(gsize) g * features + f] = value;
        }
    }
}

/* Bytes of the population that begins at @bytes; 0 when there is none, or not all of it. */
static gsize
length_of (const guint8 *bytes,
           gsize         length)
{
  gsize features, whole;

  if (length < HEADER_LENGTH || memcmp (bytes, MAGIC, 4) != 0)
    return 0;
  features = bpg_load_u16 (bytes + 8);
  whole = HEADER_LENGTH + MATRICES * (4 * features + features * (features - 1));
  return features == BPG_FEATURE_COUNT ((gsize) bpg_load_u16 (bytes + 6)) && length >= whole ? whole : 0;
}

BpgPopulation *
bpg_population_decode (const guint8 **bytes,
                       gsize         *length)
{
  const guint8 *at = *bytes;
  gsize whole = length_of (at, *length);
  BpgPopulation *self;
  double **matrices[MATRICES];

  if (whole == 0)
    return NULL;
  self = g_new0 (BpgPopulation, 1);
  self->window_ms = bpg_load_u16 (at + 4);
  self->channels = bpg_load_u16 (at + 6);
  self->features = bpg_load_u16 (at + 8);
  matrices[0] = &self->within;
  matrices[1] = &self->rest;
  matrices[2] = &self->active;
  matrices[3] = &self->session;
  matrices[4] = &self->between;
  for (guint i = 0; i < MATRICES; i++)
    {
      *matrices[i] = g_new (double, (gsize) self->features * self->features);
      decode_matrix (at + HEADER_LENGTH + i * (whole - HEADER_LENGTH) / MATRICES, self->features, *matrices[i]);
    }
  *bytes += whole;
  *length -= whole;
  return self;
}

void
bpg_population_replace (GBytes *bytes)
{
  g_clear_pointer (&replacement, g_bytes_unref);
  replacement = bytes != NULL ? g_bytes_ref (bytes) : NULL;
}

BpgPopulation *
bpg_population_for (guint channels,
                    guint window_ms)
{
  gsize length = bpg_population_data_length;
  const guint8 *bytes = replacement != NULL ? g_bytes_get_data (replacement, &length) : bpg_population_data;
  const guint8 *nearest = NULL;
  gsize left = 0;
  double least = G_MAXDOUBLE;

  for (gsize whole; (whole = length_of (bytes, length)) != 0; bytes += whole, length -= whole)
    {
      double away = fabs (log ((double) MAX (bpg_load_u16 (bytes + 4), 1) / MAX (window_ms, 1)));

      if (bpg_load_u16 (bytes + 6) != channels || away >= least)
        continue;
      least = away;
      nearest = bytes;
      left = length;
    }
  return nearest != NULL ? bpg_population_decode (&nearest, &left) : NULL;
}

void
bpg_population_standardise (const BpgPopulation *self,
                            const double        *covariance,
                            const BpgScaling    *scaling,
                            double              *out)
{
  for (guint f = 0; f < self->features; f++)
    {
      for (guint g = 0; g < self->features; g++)
        out[(gsize) f * self->features + g] = covariance[(gsize) f * self->features + g] *
                                              (scaling->scale[f] / (256.0 * 2048.0)) *
                                              (scaling->scale[g] / (256.0 * 2048.0));
    }
}
