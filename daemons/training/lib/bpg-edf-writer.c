/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-edf.h"

#include <math.h>
#include <string.h>

#include "bpg-recording-reader.h"
#include "bpg-training-error.h"

#define HEADER_BYTES 256
#define RECORD_BYTES 61440 /* "should not exceed" */
#define ANNOTATION_MIN_BYTES 32

typedef struct
{
  BpgEmgRecording *recording;
  const BpgEdfInfo *info;
  GArray *annotations;
  GPtrArray *lists; /* a GString of TALs for each record */
  guint rate;
  guint channels;
  guint record_samples;
  gsize n_records;
  gsize annotation_bytes;
  double duration; /* of a record, s */
  int digital_minimum;
  int digital_maximum;
  char physical_minimum[24];
  char physical_maximum[24];
} Edf;

void
bpg_edf_annotation_clear (BpgEdfAnnotation *annotation)
{
  g_clear_pointer (&annotation->text, g_free);
}

char *
bpg_edf_clean_text (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *out = g_string_new (NULL);

  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    {
      gunichar c = g_utf8_get_char (p);

      if (out->len + (gsize) (g_utf8_next_char (p) - p) > BPG_EDF_TEXT_MAX)
        break;
      g_string_append_unichar (out, g_unichar_iscntrl (c) ? ' ' : c);
    }
  return g_string_free (out, FALSE);
}

/* The shortest decimal for @value that fits eight characters; the format knows no exponent. */
static void
format_number (double value,
               char   text[24])
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  for (int decimals = 6; decimals >= 0; decimals--)
    {
      g_autofree char *pattern = g_strdup_printf ("%%.%df", decimals);

      g_ascii_formatd (buffer, sizeof buffer, pattern, value);
      if (strchr (buffer, '.') != NULL)
        {
          while (buffer[strlen (buffer) - 1] == '0')
            buffer[strlen (buffer) - 1] = '\0';
          if (buffer[strlen (buffer) - 1] == '.')
            buffer[strlen (buffer) - 1] = '\0';
        }
      if (strlen (buffer) <= 8)
        break;
    }
  g_strlcpy (text, buffer, 24);
}

static gboolean
is_exact (double value)
{
  char text[24];

  format_number (value, text);
  return fabs (g_ascii_strtod (text, NULL) - value) <= 1e-12 * fabs (value);
}

/* A digital limit, at or beyond what the samples need, whose physical value eight characters hold exactly. */
static int
choose_limit (int    need,
              int    limit,
              double scale)
{
  int step = limit > 0 ? -1 : 1;

  for (int candidate = limit; candidate != need + step; candidate += step)
    {
      if (is_exact (candidate * scale))
        return candidate;
    }
  return limit;
}

static double
get_dimension_factor (enum bpg_bpm_unit unit,
                      double            scale,
                      const char      **dimension)
{
  if (unit == BPG_UNIT_MICROVOLT)
    {
      *dimension = scale * 32768 < 1e6 ? "uV" : scale * 32768 < 1e9 ? "mV" : "V";
      return scale * 32768 < 1e6 ? 1.0 : scale * 32768 < 1e9 ? 1e-3 : 1e-6;
    }
  if (unit == BPG_UNIT_VOLT_AFTER_GAIN)
    {
      /* Millivolts where the range is small, so that the digits are spent on the number. */
      *dimension = scale * 32768 < 10.0 ? "mV" : "V";
      return scale * 32768 < 10.0 ? 1000.0 : 1.0;
    }
  /* Uncalibrated: no dimension. */
  *dimension = "";
  return 1.0;
}

static void
choose_range (Edf         *self,
              const char **dimension)
{
  int least = 0, most = 0;
  gsize n_samples = bpg_emg_recording_get_n_samples (self->recording);
  double scale = (double) bpg_emg_recording_get_scale_nano (self->recording) * 1e-9;

  for (gsize i = 0; i < n_samples; i++)
    {
      const gint16 *sample = bpg_emg_recording_get_sample (self->recording, i);

      for (guint channel = 0; channel < self->channels; channel++)
        {
          least = MIN (least, sample[channel]);
          most = MAX (most, sample[channel]);
        }
    }
  scale *= get_dimension_factor (bpg_emg_recording_get_unit (self->recording), scale, dimension);
  self->digital_minimum = choose_limit (MIN (least, -1), -32768, scale);
  self->digital_maximum = choose_limit (MAX (most, 1), 32767, scale);
  format_number (self->digital_minimum * scale, self->physical_minimum);
  format_number (self->digital_maximum * scale, self->physical_maximum);
}

/* One second, or the part of it that divides the rate and keeps a record small enough. */
static void
choose_record (Edf *self)
{
  static const guint parts[] = { 1, 2, 4, 5, 8, 10, 20, 25, 40, 50, 100 };

  self->record_samples = self->rate;
  for (guint i = 0; i < G_N_ELEMENTS (parts); i++)
    {
      if (self->rate % parts[i] != 0)
        continue;
      self->record_samples = self->rate / parts[i];
      if (self->record_samples * self->channels * 2 <= RECORD_BYTES - 1024)
        break;
    }
  self->duration = (double) self->record_samples / self->rate;
  self->n_records = (bpg_emg_recording_get_n_samples (self->recording) + self->record_samples - 1) / self->record_samples;
}

static void
add_annotation (Edf    *self,
                double  onset,
                double  duration,
                char   *text)
{
  BpgEdfAnnotation annotation = { onset, duration, text };

  g_array_append_val (self->annotations, annotation);
}

static void
add_segments (Edf *self)
{
  for (guint i = 0; i < bpg_emg_recording_get_n_segments (self->recording); i++)
    {
      const BpgSegment *segment = bpg_emg_recording_get_segment (self->recording, i);
      double onset = (double) segment->start / self->rate;
      double duration = (double) segment->count / self->rate;

      add_annotation (self, onset, duration,
                      g_strdup_printf ("%s #%u (code %u)%s%s", segment->name, segment->repetition, segment->gesture,
                                       segment->context != NULL ? " in " : "",
                                       segment->context != NULL ? segment->context : ""));
      if (segment->verdict != NULL)
        add_annotation (self, onset + duration, -1.0,
                        g_strdup_printf ("verdict %s #%u: %s", segment->name, segment->repetition, segment->verdict));
    }
  for (guint i = 0; i < bpg_emg_recording_get_n_gaps (self->recording); i++)
    {
      const BpgGap *gap = bpg_emg_recording_get_gap (self->recording, i);

      add_annotation (self, (double) gap->start / self->rate, (double) gap->count / self->rate,
                      g_strdup ("samples lost"));
    }
}

static void
append_seconds (GString *out,
                double   seconds)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];

  g_ascii_formatd (buffer, sizeof buffer, "%.6f", CLAMP (seconds, -BPG_EDF_SECONDS_MAX, BPG_EDF_SECONDS_MAX));
  while (buffer[strlen (buffer) - 1] == '0')
    buffer[strlen (buffer) - 1] = '\0';
  if (buffer[strlen (buffer) - 1] == '.')
    buffer[strlen (buffer) - 1] = '\0';
  g_string_append (out, buffer);
}

/* A time-stamped annotations list of one annotation. */
static void
append_tal (GString                *out,
            const BpgEdfAnnotation *annotation)
{
  g_autofree char *text = bpg_edf_clean_text (annotation->text);

  g_string_append (out, annotation->onset < 0.0 ? "" : "+");
  append_seconds (out, annotation->onset);
  if (annotation->duration >= 0.0)
    {
      g_string_append_c (out, 0x15);
      append_seconds (out, annotation->duration);
    }
  g_string_append_c (out, 0x14);
  g_string_append (out, text);
  g_string_append_c (out, 0x14);
  g_string_append_c (out, '\0');
}

static int
compare_onsets (gconstpointer a,
                gconstpointer b)
{
  const BpgEdfAnnotation *first = a;
  const BpgEdfAnnotation *second = b;

  return (first->onset > second->onset) - (first->onset < second->onset);
}

/* Each record begins with the list that tells its own time, and holds what begins within it. */
static void
build_lists (Edf *self)
{
  g_array_sort (self->annotations, compare_onsets);
  for (gsize r = 0; r < self->n_records; r++)
    {
      GString *list = g_string_new ("+");

      append_seconds (list, (double) r * self->duration);
      g_string_append_len (list, "\x14\x14", 3);
      g_ptr_array_add (self->lists, list);
    }
  for (guint i = 0; i < self->annotations->len; i++)
    {
      const BpgEdfAnnotation *annotation = &g_array_index (self->annotations, BpgEdfAnnotation, i);
      double record = floor (annotation->onset / self->duration);

      append_tal (self->lists->pdata[(gsize) CLAMP (record, 0.0, (double) self->n_records - 1)], annotation);
    }
  self->annotation_bytes = ANNOTATION_MIN_BYTES;
  for (guint r = 0; r < self->lists->len; r++)
    self->annotation_bytes = MAX (self->annotation_bytes, ((GString *) self->lists->pdata[r])->len);
  self->annotation_bytes += self->annotation_bytes % 2;
}

/* A field of the header: printable ASCII, filled up with spaces. */
static void
put (GString    *out,
     gsize       width,
     const char *text)
{
  gsize length = MIN (strlen (text), width);

  for (gsize i = 0; i < width; i++)
    g_string_append_c (out, i >= length ? ' ' : text[i] >= 32 && text[i] < 127 ? text[i] : '_');
}

static void
put_number (GString *out,
            gsize    width,
            gint64   number)
{
  g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, number);

  put (out, width, text);
}

/* Subfields are separated by spaces, so that none may hold one; an unknown one is X. */
static char *
subfield (const char *text)
{
  return text == NULL || *text == '\0' ? g_strdup ("X") : g_strdelimit (g_strdup (text), " ", '_');
}

static void
put_head (Edf     *self,
          GString *out)
{
  static const char *const months[] = { "JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                        "JUL", "AUG", "SEP", "OCT", "NOV", "DEC" };
  g_autoptr (GDateTime) start =
    self->info->start > 0 ? g_date_time_new_from_unix_local (self->info->start / G_USEC_PER_SEC) : NULL;
  g_autofree char *patient = subfield (self->info->patient);
  g_autofree char *code = subfield (self->info->code);
  g_autofree char *equipment = subfield (self->info->equipment);
  g_autofree char *identity = g_strdup_printf ("%s X X X", patient);
  g_autofree char *date = start != NULL ? g_strdup_printf ("%02d-%s-%04d", g_date_time_get_day_of_month (start),
                                                           months[g_date_time_get_month (start) - 1],
                                                           g_date_time_get_year (start))
                                        : g_strdup ("X");
  g_autofree char *session = g_strdup_printf ("Startdate %s %s X %s", date, code, equipment);
  g_autofree char *day = start != NULL ? g_date_time_format (start, "%d.%m.%y") : g_strdup ("01.01.85");
  g_autofree char *hour = start != NULL ? g_date_time_format (start, "%H.%M.%S") : g_strdup ("00.00.00");
  char duration[24];

  format_number (self->duration, duration);
  put (out, 8, "0");
  put (out, 80, identity);
  put (out, 80, session);
  put (out, 8, day);
  put (out, 8, hour);
  put_number (out, 8, HEADER_BYTES * ((gint64) self->channels + 2));
  put (out, 44, "EDF+C");
  put_number (out, 8, (gint64) self->n_records);
  put (out, 8, duration);
  put_number (out, 4, self->channels + 1);
}

typedef enum
{
  FIELD_LABEL,
  FIELD_TRANSDUCER,
  FIELD_DIMENSION,
  FIELD_PHYSICAL_MINIMUM,
  FIELD_PHYSICAL_MAXIMUM,
  FIELD_DIGITAL_MINIMUM,
  FIELD_DIGITAL_MAXIMUM,
  FIELD_FILTERS,
  FIELD_SAMPLES,
  FIELD_RESERVED,
} Field;

static const guint8 field_widths[] = {
  [FIELD_LABEL] = 16,           [FIELD_TRANSDUCER] = 80,      [FIELD_DIMENSION] = 8,       [FIELD_PHYSICAL_MINIMUM] = 8,
  [FIELD_PHYSICAL_MAXIMUM] = 8, [FIELD_DIGITAL_MINIMUM] = 8, [FIELD_DIGITAL_MAXIMUM] = 8, [FIELD_FILTERS] = 80,
  [FIELD_SAMPLES] = 8,          [FIELD_RESERVED] = 32,
};

static char *
get_field (Edf        *self,
           Field       field,
           const char *dimension,
           guint       channel)
{
  gboolean text = channel == self->channels;

  switch (field)
    {
    case FIELD_LABEL:
      return text ? g_strdup ("EDF Annotations") : g_strdup_printf ("EMG E%u", channel + 1);
    case FIELD_TRANSDUCER:
      /* The exact scale for our own reader, in nano-units; the range below is rounded to eight characters. */
      return text ? g_strdup ("")
                  : g_strdup_printf ("surface electrode, unit %s, scale %" G_GUINT64_FORMAT,
                                     bpg_unit_name (bpg_emg_recording_get_unit (self->recording)),
                                     bpg_emg_recording_get_scale_nano (self->recording));
    case FIELD_DIMENSION:
      return g_strdup (text ? "" : dimension);
    case FIELD_PHYSICAL_MINIMUM:
      return g_strdup (text ? "-1" : self->physical_minimum);
    case FIELD_PHYSICAL_MAXIMUM:
      return g_strdup (text ? "1" : self->physical_maximum);
    case FIELD_DIGITAL_MINIMUM:
      return g_strdup_printf ("%d", text ? -32768 : self->digital_minimum);
    case FIELD_DIGITAL_MAXIMUM:
      return g_strdup_printf ("%d", text ? 32767 : self->digital_maximum);
    case FIELD_FILTERS:
      return g_strdup (text || self->info->filters == NULL ? "" : self->info->filters);
    case FIELD_SAMPLES:
      return g_strdup_printf ("%u", text ? (guint) (self->annotation_bytes / 2) : self->record_samples);
    case FIELD_RESERVED:
    default:
      return g_strdup ("");
    }
}

static void
put_records (Edf     *self,
             GString *out)
{
  gsize n_samples = bpg_emg_recording_get_n_samples (self->recording);

  for (gsize r = 0; r < self->n_records; r++)
    {
      GString *list = self->lists->pdata[r];

      for (guint channel = 0; channel < self->channels; channel++)
        {
          for (gsize i = r * self->record_samples; i < (r + 1) * self->record_samples; i++)
            {
              gint16 value = i < n_samples ? bpg_emg_recording_get_sample (self->recording, i)[channel] : 0;
              guint16 bits = GUINT16_TO_LE ((guint16) value);

              g_string_append_len (out, (const char *) &bits, 2);
            }
        }
      g_string_append_len (out, list->str, (gssize) list->len);
      for (gsize i = list->len; i < self->annotation_bytes; i++)
        g_string_append_c (out, '\0');
    }
}

static void
free_list (gpointer list)
{
  g_string_free (list, TRUE);
}

GBytes *
bpg_edf_write (BpgEmgRecording  *recording,
               const BpgEdfInfo *info,
               GArray           *more,
               GError          **error)
{
  g_autoptr (GArray) annotations = g_array_new (FALSE, TRUE, sizeof (BpgEdfAnnotation));
  g_autoptr (GPtrArray) lists = g_ptr_array_new_with_free_func (free_list);
  GString *out = g_string_new (NULL);
  Edf self = { .recording = recording, .info = info, .annotations = annotations, .lists = lists };
  gsize n_samples = bpg_emg_recording_get_n_samples (recording);
  const char *dimension;

  g_array_set_clear_func (annotations, (GDestroyNotify) bpg_edf_annotation_clear);
  self.rate = bpg_emg_recording_get_rate (recording);
  self.channels = bpg_emg_recording_get_channels (recording);
  choose_record (&self);
  choose_range (&self, &dimension);
  add_segments (&self);
  for (guint i = 0; more != NULL && i < more->len; i++)
    {
      const BpgEdfAnnotation *annotation = &g_array_index (more, BpgEdfAnnotation, i);

      add_annotation (&self, annotation->onset, annotation->duration, g_strdup (annotation->text));
    }
  if (n_samples % self.record_samples != 0)
    add_annotation (&self, (double) n_samples / self.rate, -1.0, g_strdup ("recording ends"));
  build_lists (&self);
  if (strlen (self.physical_minimum) > 8 || strlen (self.physical_maximum) > 8 || self.annotation_bytes / 2 > 99999999 || self.n_records > 99999999 ||
      self.n_records * (self.record_samples * self.channels * 2 + self.annotation_bytes) > 2 * (gsize) BPG_RECORDING_BYTES_MAX)
    {
      g_string_free (out, TRUE);
      g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_LIMIT,
                   "%s does not fit into an EDF+ file; split the recording", bpg_emg_recording_get_path (recording));
      return NULL;
    }

  put_head (&self, out);
  for (guint field = 0; field < G_N_ELEMENTS (field_widths); field++)
    {
      for (guint channel = 0; channel <= self.channels; channel++)
        {
          g_autofree char *text = get_field (&self, field, dimension, channel);

          put (out, field_widths[field], text);
        }
    }
  put_records (&self, out);
  return g_string_free_to_bytes (out);
}
