/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-feature-batch.h"

#include <string.h>

#include "bpg-feature-batch-private.h"
#include "recognition/fixed.h"

static gpointer
aligned (gsize count,
         gsize size)
{
  return g_aligned_alloc0 (count, size, BPG_ALIGN);
}

static void
make_tables (BpgFeatureBatch *self)
{
  guint square = self->width * self->width;

  self->floors = aligned (square, sizeof (gint64));
  self->identity = aligned (square, sizeof (gint64));
  for (guint c = 0; c < self->channels; c++)
    {
      self->floors[c * (self->width + 1)] =
          (gint64) ((self->parameters->variance_floor * (self->window * self->window)) >> 8);
      self->identity[c * (self->width + 1)] = 1 << BPG_SPECTRAL_Q;
      self->in_use += (self->excluded >> c & 1) == 0;
    }
  for (guint i = 0; i < LOG2_ENTRIES; i++)
    {
      gint32 entry = bpg_log2_q10 (LOG2_ENTRIES + i), next = bpg_log2_q10 (LOG2_ENTRIES + i + 1);

      self->log2_table[i] = (entry - (6 << BPG_LOG2_Q)) * 32 + next - entry;
    }
}

BpgFeatureBatch *
bpg_feature_batch_new (guint                                channels,
                       guint                                window,
                       guint                                hop,
                       guint16                              excluded,
                       const struct bpg_feature_parameters *parameters)
{
  BpgFeatureBatch *self = g_new0 (BpgFeatureBatch, 1);
  guint square = channels * channels;
  gsize numbers;

  self->kernels = bpg_kernels ();
  self->channels = channels;
  self->width = channels <= NARROW ? NARROW : BPG_CHANNELS_MAX;
  self->window = window;
  self->hop = hop;
  self->excluded = excluded;
  self->parameters = parameters;
  make_tables (self);

  /* before the first sample there is one of zeros */
  numbers = (gsize) ((BPG_FEATURE_BATCH - 1) * hop + window) * self->width;
  self->room = aligned (numbers + self->width, sizeof (gint16));
  self->samples = self->room + self->width;
  self->steps = aligned (numbers, sizeof (guint16));
  self->large = aligned (numbers, sizeof (gint16));
  self->turns = aligned (numbers, sizeof (gint16));
  self->starts = aligned (BPG_FEATURE_BATCH, sizeof (struct running));
  self->windows = aligned (BPG_FEATURE_BATCH, sizeof (struct window));
  self->matrix = aligned (square, sizeof (BpgLanes));
  self->work = aligned (square * BPG_SPECTRAL_WORK, sizeof (BpgLanes));
  self->logarithm = aligned (square, sizeof (BpgLanes));
  return self;
}

void
bpg_feature_batch_free (BpgFeatureBatch *self)
{
  g_aligned_free (self->floors);
  g_aligned_free (self->identity);
  g_aligned_free (self->room);
  g_aligned_free (self->steps);
  g_aligned_free (self->large);
  g_aligned_free (self->turns);
  g_aligned_free (self->starts);
  g_aligned_free (self->windows);
  g_aligned_free (self->matrix);
  g_aligned_free (self->work);
  g_aligned_free (self->logarithm);
  g_free (self);
}

static void
take_samples (BpgFeatureBatch *self,
              const gint16    *samples,
              gsize            count)
{
  if (self->excluded == 0 && self->channels == self->width)
    {
      memcpy (self->samples, samples, count * self->width * sizeof *samples);
      return;
    }
  for (gsize t = 0; t < count; t++)
    {
      for (guint c = 0; c < self->channels; c++)
        self->samples[t * self->width + c] = (self->excluded >> c & 1) != 0 ? 0 : samples[t * self->channels + c];
    }
}

void
bpg_feature_batch_compute (BpgFeatureBatch *self,
                           const gint16    *samples,
                           guint            count,
                           gint32          *rows,
                           guint32         *strengths)
{
  take_samples (self, samples, (gsize) (count - 1) * self->hop + self->window);
  self->kernels->compute_features (self, count, rows, strengths);
}
