/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-emg-recording.h"

#include <string.h>

struct _BpgEmgRecording
{
  GObject parent;

  guint rate;
  guint channels;
  guint64 scale_nano;
  enum bpg_bpm_unit unit;
  GBytes *samples;
  const gint16 *data;
  gsize n_samples;
  GArray *segments;
  GArray *gaps;
  char *path;
  char *subject;
  char *session;
  char *placement;
};

G_DEFINE_FINAL_TYPE (BpgEmgRecording, bpg_emg_recording, G_TYPE_OBJECT)

static void
bpg_emg_recording_finalize (GObject *object)
{
  BpgEmgRecording *self = BPG_EMG_RECORDING (object);

  g_clear_pointer (&self->samples, g_bytes_unref);
  g_clear_pointer (&self->segments, g_array_unref);
  g_clear_pointer (&self->gaps, g_array_unref);
  g_free (self->path);
  g_free (self->subject);
  g_free (self->session);
  g_free (self->placement);
  G_OBJECT_CLASS (bpg_emg_recording_parent_class)->finalize (object);
}

static void
bpg_emg_recording_class_init (BpgEmgRecordingClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_emg_recording_finalize;
}

static void
bpg_emg_recording_init (BpgEmgRecording *self)
{
}

BpgEmgRecording *
bpg_emg_recording_new (guint             rate,
                       guint             channels,
                       guint64           scale_nano,
                       enum bpg_bpm_unit unit,
                       GBytes           *samples,
                       GArray           *segments,
                       GArray           *gaps)
{
  BpgEmgRecording *self = g_object_new (BPG_TYPE_EMG_RECORDING, NULL);

  self->rate = rate;
  self->channels = channels;
  self->scale_nano = scale_nano;
  self->unit = unit;
  self->samples = samples;
  self->data = g_bytes_get_data (samples, NULL);
  self->n_samples = g_bytes_get_size (samples) / (channels * sizeof (gint16));
  self->segments = segments;
  self->gaps = gaps;
  return self;
}

void
bpg_segment_clear (BpgSegment *segment)
{
  g_clear_pointer (&segment->name, g_free);
  g_clear_pointer (&segment->context, g_free);
  g_clear_pointer (&segment->verdict, g_free);
}

void
bpg_emg_recording_set_origin (BpgEmgRecording *self,
                              const char      *path,
                              const char      *subject,
                              const char      *session,
                              const char      *placement)
{
  g_free (self->path);
  self->path = g_strdup (path);
  g_free (self->subject);
  self->subject = g_strdup (subject);
  g_free (self->session);
  self->session = g_strdup (session);
  g_free (self->placement);
  self->placement = g_strdup (placement);
}

guint
bpg_emg_recording_get_rate (BpgEmgRecording *self)
{
  return self->rate;
}

guint
bpg_emg_recording_get_channels (BpgEmgRecording *self)
{
  return self->channels;
}

gsize
bpg_emg_recording_get_n_samples (BpgEmgRecording *self)
{
  return self->n_samples;
}

guint64
bpg_emg_recording_get_scale_nano (BpgEmgRecording *self)
{
  return self->scale_nano;
}

enum bpg_bpm_unit
bpg_emg_recording_get_unit (BpgEmgRecording *self)
{
  return self->unit;
}

const char *
bpg_emg_recording_get_path (BpgEmgRecording *self)
{
  return self->path != NULL ? self->path : "(recording)";
}

const char *
bpg_emg_recording_get_subject (BpgEmgRecording *self)
{
  return self->subject != NULL ? self->subject : "";
}

const char *
bpg_emg_recording_get_session (BpgEmgRecording *self)
{
  return self->session != NULL ? self->session : "";
}

const char *
bpg_emg_recording_get_placement (BpgEmgRecording *self)
{
  return self->placement != NULL ? self->placement : "";
}

const gint16 *
bpg_emg_recording_get_sample (BpgEmgRecording *self,
                              gsize            index)
{
  return self->data + index * self->channels;
}

guint
bpg_emg_recording_get_n_segments (BpgEmgRecording *self)
{
  return self->segments->len;
}

const BpgSegment *
bpg_emg_recording_get_segment (BpgEmgRecording *self,
                               guint            index)
{
  return &g_array_index (self->segments, BpgSegment, index);
}

guint
bpg_emg_recording_get_n_gaps (BpgEmgRecording *self)
{
  return self->gaps->len;
}

const BpgGap *
bpg_emg_recording_get_gap (BpgEmgRecording *self,
                           guint            index)
{
  return &g_array_index (self->gaps, BpgGap, index);
}

gboolean
bpg_emg_recording_is_lost (BpgEmgRecording *self,
                           gsize            index)
{
  for (guint i = 0; i < self->gaps->len; i++)
    {
      const BpgGap *gap = bpg_emg_recording_get_gap (self, i);

      if (index >= gap->start && index - gap->start < gap->count)
        return TRUE;
    }
  return FALSE;
}

guint
bpg_unit_from_name (const char *name)
{
  return name != NULL ? bpg_unit_find (name, strlen (name)) : 0;
}
