/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-pacer.h"

#include "bpg-error.h"

struct _BpgPacer {
  GObject parent_instance;

  guint rate;
  guint channels;
  BpgPacerFunc func;
  gpointer user_data;

  gboolean started; /* a sample was seen */
  guint64 index;    /* of the next sample */
  gboolean running;
  guint64 end;
  guint64 next_tick;
  BpgRepetitionBuffer *buffer; /* NULL when the phase's samples are not wanted */
};

G_DEFINE_FINAL_TYPE (BpgPacer, bpg_pacer, G_TYPE_OBJECT)

static void
bpg_pacer_finalize (GObject *object)
{
  g_clear_pointer (&BPG_PACER (object)->buffer, bpg_repetition_buffer_free);
  G_OBJECT_CLASS (bpg_pacer_parent_class)->finalize (object);
}

static void
bpg_pacer_class_init (BpgPacerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_pacer_finalize;
}

static void
bpg_pacer_init (BpgPacer *self)
{
}

BpgPacer *
bpg_pacer_new (guint rate, guint channels, BpgPacerFunc func, gpointer user_data)
{
  BpgPacer *self = g_object_new (BPG_TYPE_PACER, NULL);

  self->rate = rate;
  self->channels = channels;
  self->func = func;
  self->user_data = user_data;
  return self;
}

static void
tick (BpgPacer *self)
{
  if (self->index < self->next_tick)
    return;
  self->next_tick = self->index + MAX (self->rate / 8, 1);
  self->func (self, BPG_PACER_TICK, self->user_data);
}

/* Goes on by @count samples; @samples is NULL for lost ones. The phase that ends on the way may be followed by another. */
static void
advance (BpgPacer *self, const gint16 *samples, guint count)
{
  while (count > 0) {
    guint n = self->running ? (guint) MIN (count, self->end - self->index) : count;

    if (self->running && self->buffer != NULL && samples != NULL)
      bpg_repetition_buffer_add (self->buffer, samples, n);
    else if (self->running && self->buffer != NULL)
      bpg_repetition_buffer_add_lost (self->buffer, n);
    self->index += n;
    count -= n;
    samples = samples != NULL ? samples + (gsize) n * self->channels : NULL;

    if (self->running && self->index == self->end) {
      self->running = FALSE;
      self->func (self, BPG_PACER_ENDED, self->user_data);
    } else if (self->running) {
      tick (self);
    }
  }
}

gboolean
bpg_pacer_feed (BpgPacer *self, const BpgStreamHeader *header, const gint16 *samples, GError **error)
{
  g_autoptr (BpgPacer) alive = g_object_ref (self);

  if (header->channels != self->channels ||
      (guint64) header->count * header->channels * sizeof (gint16) != header->length) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INCOMPATIBLE, "The arm sent samples of %u electrodes instead of %u",
                 header->channels, self->channels);
    return FALSE;
  }
  if (!self->started) {
    /* A phase that was started before the first sample came begins with it. */
    self->started = TRUE;
    self->index = header->first_sample;
    self->end += header->first_sample;
    self->next_tick += header->first_sample;
  } else if (header->first_sample < self->index || header->first_sample - self->index > self->rate) {
    self->index = header->first_sample;
    if (self->running) {
      bpg_pacer_stop (self);
      self->func (self, BPG_PACER_BROKEN, self->user_data);
    }
  } else {
    advance (self, NULL, (guint) (header->first_sample - self->index));
  }
  if (self->running && self->buffer != NULL)
    bpg_repetition_buffer_add_clock (self->buffer, header);
  advance (self, samples, header->count);
  return TRUE;
}

void
bpg_pacer_start (BpgPacer *self, double seconds, gboolean keep)
{
  guint64 length = (guint64) (seconds * self->rate + 0.5);

  g_clear_pointer (&self->buffer, bpg_repetition_buffer_free);
  if (keep)
    self->buffer = bpg_repetition_buffer_new (self->rate, self->channels);
  self->running = TRUE;
  self->end = self->index + MAX (length, 1);
  self->next_tick = self->index + MAX (self->rate / 8, 1);
}

void
bpg_pacer_stop (BpgPacer *self)
{
  self->running = FALSE;
  g_clear_pointer (&self->buffer, bpg_repetition_buffer_free);
}

BpgRepetitionBuffer *
bpg_pacer_take (BpgPacer *self)
{
  return g_steal_pointer (&self->buffer);
}

guint64
bpg_pacer_get_index (BpgPacer *self)
{
  return self->index;
}

double
bpg_pacer_get_seconds_left (BpgPacer *self)
{
  return self->running ? (double) (self->end - self->index) / self->rate : 0;
}
