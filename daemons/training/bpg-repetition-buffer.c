/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-repetition-buffer.h"

BpgRepetitionBuffer *
bpg_repetition_buffer_new (guint rate, guint channels)
{
  BpgRepetitionBuffer *self = g_new0 (BpgRepetitionBuffer, 1);

  self->rate = rate;
  self->channels = channels;
  self->samples = g_array_new (FALSE, FALSE, sizeof (gint16));
  self->gaps = g_array_new (FALSE, FALSE, sizeof (BpgSpan));
  self->clock = g_array_new (FALSE, FALSE, sizeof (BpgClockPair));
  return self;
}

void
bpg_repetition_buffer_free (BpgRepetitionBuffer *self)
{
  g_array_unref (self->samples);
  g_array_unref (self->gaps);
  g_array_unref (self->clock);
  g_free (self);
}

gsize
bpg_repetition_buffer_get_count (const BpgRepetitionBuffer *self)
{
  return self->samples->len / self->channels;
}

void
bpg_repetition_buffer_add (BpgRepetitionBuffer *self, const gint16 *samples, guint count)
{
  g_array_append_vals (self->samples, samples, count * self->channels);
}

void
bpg_repetition_buffer_add_lost (BpgRepetitionBuffer *self, guint count)
{
  BpgSpan gap = {bpg_repetition_buffer_get_count (self), count};
  gint16 last[BPG_CHANNELS_MAX] = {0};

  if (count == 0)
    return;
  if (gap.start > 0) {
    for (guint c = 0; c < self->channels; c++)
      last[c] = g_array_index (self->samples, gint16, self->samples->len - self->channels + c);
  }
  for (guint i = 0; i < count; i++)
    g_array_append_vals (self->samples, last, self->channels);
  g_array_append_val (self->gaps, gap);
}

void
bpg_repetition_buffer_add_clock (BpgRepetitionBuffer *self, const BpgStreamHeader *header)
{
  BpgClockPair pair = {header->tick, header->monotonic, header->real};

  if (self->clock->len > 0 &&
      header->tick - g_array_index (self->clock, BpgClockPair, self->clock->len - 1).tick < G_USEC_PER_SEC)
    return;
  g_array_append_val (self->clock, pair);
}
