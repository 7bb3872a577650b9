/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-edf.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bpg-recording-reader.h"
#include "bpg-training-error.h"

#define HEADER_BYTES 256
#define SIGNALS_MAX 256
#define ANNOTATIONS_MAX 1000000
#define VERDICT_REACH 256 /* segments to look back over for the one a verdict is of */

typedef struct
{
  const guint8 *bytes;
  gsize size;
  guint n_signals;
  gsize n_records;
  double duration;
  gsize record_bytes;
  guint samples[SIGNALS_MAX]; /* of each signal in a record */
  gsize offsets[SIGNALS_MAX]; /* bytes from the record's beginning */
  gboolean text[SIGNALS_MAX];

  guint channels[BPG_CHANNELS_MAX]; /* the signals that are taken */
  guint n_channels;
  guint rate;
  guint64 scale_nano;
  guint unit;
  GArray *annotations;
} Edf;

static gboolean
corrupt (GError    **error,
         const char *what)
{
  g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_CORRUPT, "EDF file: %s; export it again", what);
  return FALSE;
}

static gboolean
incompatible (GError    **error,
              const char *what)
{
  g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_INCOMPATIBLE, "EDF file: %s", what);
  return FALSE;
}

static char *
get_text (Edf  *self,
          gsize offset,
          gsize width)
{
  return g_strstrip (g_strndup ((const char *) self->bytes + offset, width));
}

static gboolean
get_number (Edf    *self,
            gsize   offset,
            gsize   width,
            double  least,
            double  most,
            double *value)
{
  g_autofree char *text = get_text (self, offset, width);
  char *end;

  *value = g_ascii_strtod (text, &end);
  return *text != '\0' && *end == '\0' && isfinite (*value) && *value >= least && *value <= most;
}

/* Where a field of a signal stands: the header holds each field for all signals before the next. */
static gsize
get_offset (Edf  *self,
            guint before,
            guint width,
            guint signal)
{
  return HEADER_BYTES + (gsize) before * self->n_signals + (gsize) width * signal;
}

static gboolean
read_head (Edf     *self,
           GError **error)
{
  double header_bytes, n_records, n_signals;

  if (self->size < HEADER_BYTES || self->bytes[0] != '0')
    return corrupt (error, "it does not begin as one");
  if (!get_number (self, 252, 4, 1, SIGNALS_MAX, &n_signals) || !get_number (self, 184, 8, 1, 1e8, &header_bytes) ||
      !get_number (self, 244, 8, 1e-4, 1e6, &self->duration))
    return corrupt (error, "a number in the header is missing or senseless");
  self->n_signals = (guint) n_signals;
  if (header_bytes != HEADER_BYTES * (n_signals + 1) || self->size < header_bytes)
    return corrupt (error, "the header's length does not fit");
  if (memcmp (self->bytes + 192, "EDF+D", 5) == 0)
    return incompatible (error, "it is interrupted (EDF+D); export it as one piece");
  for (guint i = 0; i < self->n_signals; i++)
    {
      g_autofree char *label = get_text (self, get_offset (self, 0, 16, i), 16);
      double samples;

      if (!get_number (self, get_offset (self, 216, 8, i), 8, 1, 1e7, &samples) || samples != floor (samples))
        return corrupt (error, "a signal's count of samples is senseless");
      self->samples[i] = (guint) samples;
      self->offsets[i] = self->record_bytes;
      self->record_bytes += 2 * (gsize) self->samples[i];
      self->text[i] = strcmp (label, "EDF Annotations") == 0;
    }
  self->n_records = (self->size - (gsize) header_bytes) / self->record_bytes;
  /* -1: whoever wrote it did not come to say how many. */
  if (!get_number (self, 236, 8, -1, 1e8, &n_records) || (n_records >= 0 && self->n_records < n_records))
    return corrupt (error, "it is cut short");
  if (n_records >= 0)
    self->n_records = (gsize) n_records;
  if (self->n_records == 0)
    return corrupt (error, "it holds no data");
  return TRUE;
}

/* Units of one count, in nano-units of ours, and the unit; 0 when it has none. */
static gboolean
read_scale (Edf     *self,
            guint    signal,
            guint64 *scale_nano,
            guint   *unit,
            GError **error)
{
  g_autofree char *transducer = get_text (self, get_offset (self, 16, 80, signal), 80);
  g_autofree char *dimension = get_text (self, get_offset (self, 96, 8, signal), 8);
  char *word = strstr (transducer, ", unit ");
  char *exact = strstr (transducer, ", scale ");
  double minimum, maximum, digital_minimum, digital_maximum, scale, factor = 1.0;
  guint64 told;

  if (!get_number (self, get_offset (self, 104, 8, signal), 8, -1e8, 1e8, &minimum) ||
      !get_number (self, get_offset (self, 112, 8, signal), 8, -1e8, 1e8, &maximum) ||
      !get_number (self, get_offset (self, 120, 8, signal), 8, -32768, 32767, &digital_minimum) ||
      !get_number (self, get_offset (self, 128, 8, signal), 8, -32768, 32767, &digital_maximum) ||
      digital_maximum <= digital_minimum || maximum == minimum)
    return corrupt (error, "a signal's range is senseless");
  if (exact != NULL)
    *exact = '\0';
  *unit = word != NULL ? bpg_unit_from_name (word + strlen (", unit ")) : 0;
  if (*unit == 0)
    *unit = BPG_UNIT_MICROVOLT;
  if (strcmp (dimension, "mV") == 0)
    factor = *unit == BPG_UNIT_MICROVOLT ? 1e3 : 1e-3;
  else if (strcmp (dimension, "V") == 0)
    factor = *unit == BPG_UNIT_MICROVOLT ? 1e6 : 1.0;
  else if (strcmp (dimension, "nV") == 0)
    factor = *unit == BPG_UNIT_MICROVOLT ? 1e-3 : 1e-9;
  scale = fabs (maximum - minimum) / (digital_maximum - digital_minimum) * factor;
  if (scale < 1e-9 || scale > 1e9)
    return incompatible (error, "a signal's scale is outside what recordings have");
  *scale_nano = (guint64) llround (scale * 1e9);
  /* Believed only where it agrees with the range, which another program may have changed. */
  if (exact != NULL && g_ascii_string_to_unsigned (exact + strlen (", scale "), 10, 1, G_MAXINT64, &told, NULL) &&
      fabs ((double) told / 1e9 - scale) <= 1e-5 * scale)
    *scale_nano = told;
  return TRUE;
}

static gboolean
choose_signals (Edf     *self,
                GError **error)
{
  double rate;

  for (guint i = 0; i < self->n_signals; i++)
    {
      guint64 scale_nano;
      guint unit;

      if (self->text[i])
        continue;
      if (!read_scale (self, i, &scale_nano, &unit, error))
        return FALSE;
      if (self->n_channels > 0 && self->samples[i] != self->samples[self->channels[0]])
        continue;
      if (self->n_channels > 0 && (scale_nano != self->scale_nano || unit != self->unit))
        return incompatible (error, "its signals have different scales; export them with the same range");
      if (self->n_channels == BPG_CHANNELS_MAX)
        return incompatible (error, "it has more signals than a recording may have electrodes");
      self->scale_nano = scale_nano;
      self->unit = unit;
      self->channels[self->n_channels++] = i;
    }
  if (self->n_channels < BPG_CHANNELS_MIN)
    return incompatible (error, "it has fewer signals than a recording needs electrodes");
  rate = self->samples[self->channels[0]] / self->duration;
  if (fabs (rate - round (rate)) > 1e-3 || rate < BPG_RATE_MIN || rate > BPG_RATE_MAX)
    return incompatible (error, "its sampling rate is not one a recording may have");
  self->rate = (guint) lround (rate);
  if (self->n_records > BPG_RECORDING_BYTES_MAX / self->record_bytes)
    {
      g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_LIMIT, "EDF file: it is too large; split it");
      return FALSE;
    }
  return TRUE;
}

/* One list: onset, perhaps a duration, texts. Returns FALSE when it is none. */
static gboolean
parse_list (Edf        *self,
            const char *list,
            gsize       length)
{
  g_autofree char *copy = g_strndup (list, length);
  g_auto (GStrv) parts = g_strsplit (copy, "\x14", -1);
  double onset, duration = -1.0;
  char *end;

  if (copy[0] != '+' && copy[0] != '-')
    return FALSE;
  onset = g_ascii_strtod (parts[0], &end);
  if (*end == '\x15')
    duration = g_ascii_strtod (end + 1, &end);
  if (*end != '\0' || !(fabs (onset) <= BPG_EDF_SECONDS_MAX) || !(duration <= BPG_EDF_SECONDS_MAX) || parts[1] == NULL)
    return FALSE;
  for (guint i = 1; parts[i] != NULL && self->annotations->len < ANNOTATIONS_MAX; i++)
    {
      BpgEdfAnnotation annotation = { onset, duration, NULL };

      if (parts[i][0] == '\0')
        continue;
      annotation.text = bpg_edf_clean_text (parts[i]);
      g_array_append_val (self->annotations, annotation);
    }
  return TRUE;
}

static gboolean
read_annotations (Edf     *self,
                  GError **error)
{
  gsize data = HEADER_BYTES * ((gsize) self->n_signals + 1);

  for (gsize r = 0; r < self->n_records; r++)
    {
      for (guint s = 0; s < self->n_signals; s++)
        {
          const char *at = (const char *) self->bytes + data + r * self->record_bytes + self->offsets[s];
          const char *end = at + 2 * (gsize) self->samples[s];

          while (self->text[s] && at < end && *at != '\0')
            {
              const char *stop = memchr (at, '\0', (gsize) (end - at));

              if (stop == NULL || !parse_list (self, at, (gsize) (stop - at)))
                return corrupt (error, "an annotation is malformed");
              at = stop + 1;
            }
        }
    }
  return TRUE;
}

static GBytes *
read_samples (Edf  *self,
              gsize n_samples)
{
  gsize data = HEADER_BYTES * ((gsize) self->n_signals + 1);
  guint per_record = self->samples[self->channels[0]];
  gint16 *samples = g_new (gint16, n_samples * self->n_channels);

  for (gsize i = 0; i < n_samples; i++)
    {
      const guint8 *record = self->bytes + data + i / per_record * self->record_bytes;

      for (guint c = 0; c < self->n_channels; c++)
        {
          const guint8 *value = record + self->offsets[self->channels[c]] + i % per_record * 2;

          samples[i * self->n_channels + c] = (gint16) (value[0] | value[1] << 8);
        }
    }
  return g_bytes_new_take (samples, n_samples * self->n_channels * sizeof (gint16));
}

static gsize
to_index (Edf   *self,
          double seconds,
          gsize  n_samples)
{
  return (gsize) CLAMP (round (seconds * self->rate), 0.0, (double) n_samples);
}

/* "hand_close #2 (code 7)" and what may follow. */
static gboolean
parse_segment (Edf                    *self,
               const BpgEdfAnnotation *annotation,
               gsize                   n_samples,
               GArray                 *segments)
{
  char name[BPG_EDF_TEXT_MAX + 1];
  const char *context;
  guint repetition, gesture;
  int used = 0;
  BpgSegment segment = { 0 };

  if (annotation->duration < 0.0 || annotation->onset < 0.0 ||
      sscanf (annotation->text, "%512s #%u (code %u)%n", name, &repetition, &gesture, &used) != 3 || used == 0 ||
      gesture > 255 || repetition > 65535 || strlen (name) >= BPG_BPM_NAME_LENGTH)
    return FALSE;
  segment.start = to_index (self, annotation->onset, n_samples);
  segment.count = to_index (self, annotation->duration, n_samples - segment.start);
  segment.gesture = (guint8) gesture;
  segment.repetition = repetition;
  segment.name = g_strdup (name);
  context = annotation->text + used;
  if (g_str_has_prefix (context, " in "))
    segment.context = g_strdup (context + strlen (" in "));
  g_array_append_val (segments, segment);
  return TRUE;
}

/* "verdict hand_close #2: accepted", of a segment that was read before. */
static gboolean
parse_verdict (const BpgEdfAnnotation *annotation,
               GArray                 *segments)
{
  guint least = segments->len > VERDICT_REACH ? segments->len - VERDICT_REACH : 0;

  if (!g_str_has_prefix (annotation->text, "verdict "))
    return FALSE;
  for (guint i = segments->len; i > least; i--)
    {
      BpgSegment *segment = &g_array_index (segments, BpgSegment, i - 1);
      g_autofree char *prefix = g_strdup_printf ("verdict %s #%u: ", segment->name, segment->repetition);

      if (segment->verdict == NULL && g_str_has_prefix (annotation->text, prefix))
        {
          segment->verdict = g_strdup (annotation->text + strlen (prefix));
          return TRUE;
        }
    }
  return FALSE;
}

static gboolean
parse_gap (Edf                    *self,
           const BpgEdfAnnotation *annotation,
           gsize                   n_samples,
           GArray                 *gaps)
{
  BpgGap gap;

  if (annotation->duration < 0.0 || strcmp (annotation->text, "samples lost") != 0)
    return FALSE;
  gap.start = to_index (self, annotation->onset, n_samples);
  gap.count = to_index (self, annotation->duration, n_samples - gap.start);
  g_array_append_val (gaps, gap);
  return TRUE;
}

static gsize
find_end (Edf *self)
{
  gsize n_samples = self->n_records * self->samples[self->channels[0]];

  for (guint i = self->annotations->len; i > 0; i--)
    {
      const BpgEdfAnnotation *annotation = &g_array_index (self->annotations, BpgEdfAnnotation, i - 1);

      if (strcmp (annotation->text, "recording ends") == 0)
        return MAX (to_index (self, annotation->onset, n_samples), 1);
    }
  return n_samples;
}

static BpgEmgRecording *
build (Edf     *self,
       GArray **rest)
{
  g_autoptr (GArray) segments = g_array_new (FALSE, TRUE, sizeof (BpgSegment));
  g_autoptr (GArray) gaps = g_array_new (FALSE, TRUE, sizeof (BpgGap));
  g_autoptr (GArray) others = g_array_new (FALSE, TRUE, sizeof (BpgEdfAnnotation));
  g_autofree char *patient = get_text (self, 8, 80);
  gsize n_samples = find_end (self);
  BpgEmgRecording *recording;

  g_array_set_clear_func (segments, (GDestroyNotify) bpg_segment_clear);
  g_array_set_clear_func (others, (GDestroyNotify) bpg_edf_annotation_clear);
  for (guint i = 0; i < self->annotations->len; i++)
    {
      const BpgEdfAnnotation *annotation = &g_array_index (self->annotations, BpgEdfAnnotation, i);

      if (!parse_segment (self, annotation, n_samples, segments) && !parse_verdict (annotation, segments) &&
          !parse_gap (self, annotation, n_samples, gaps) && strcmp (annotation->text, "recording ends") != 0)
        {
          BpgEdfAnnotation copy = { annotation->onset, annotation->duration, g_strdup (annotation->text) };

          g_array_append_val (others, copy);
        }
    }
  recording = bpg_emg_recording_new (self->rate, self->n_channels, self->scale_nano, self->unit,
                                     read_samples (self, n_samples), g_steal_pointer (&segments), g_steal_pointer (&gaps));
  patient[strcspn (patient, " ")] = '\0';
  bpg_emg_recording_set_origin (recording, "EDF file", strcmp (patient, "X") == 0 ? NULL : patient, NULL, NULL);
  if (rest != NULL)
    *rest = g_steal_pointer (&others);
  return recording;
}

BpgEmgRecording *
bpg_edf_read (GBytes  *file,
              GArray **annotations,
              GError **error)
{
  g_autoptr (GArray) all = g_array_new (FALSE, TRUE, sizeof (BpgEdfAnnotation));
  Edf self = { .annotations = all };

  g_array_set_clear_func (all, (GDestroyNotify) bpg_edf_annotation_clear);
  self.bytes = g_bytes_get_data (file, &self.size);
  if (!read_head (&self, error) || !choose_signals (&self, error) || !read_annotations (&self, error))
    return NULL;
  return build (&self, annotations);
}
