/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-recording-file.h"

#include "training/lib/bpg-recording-reader.h"
#include "training/lib/bpg-training-error.h"

#include <math.h>
#include <string.h>

#define COLUMNS_MAX 64
#define FITTED_COUNTS 32000.0 /* the largest value of a file without a scale becomes so many counts */

typedef enum {
  COLUMN_ELECTRODE,
  COLUMN_SAMPLE,
  COLUMN_TIME,
  COLUMN_GESTURE,
  COLUMN_NAME,
  COLUMN_REPETITION,
} Column;

typedef struct {
  Column columns[COLUMNS_MAX];
  guint n_columns;
  guint channels;
  guint rate;
  double lsb;
  guint unit;
  GArray *values; /* double, interleaved */
  GArray *times;  /* double, s */
  GArray *segments;
} Csv;

static gboolean
corrupt (GError **error, guint line, const char *what)
{
  g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_CORRUPT, "line %u: %s; mend the file", line, what);
  return FALSE;
}

static Column
get_column (const char *name)
{
  static const struct {
    const char *name;
    Column column;
  } known[] = {
    {"sample", COLUMN_SAMPLE}, {"time_s", COLUMN_TIME}, {"time", COLUMN_TIME},      {"gesture", COLUMN_GESTURE},
    {"code", COLUMN_GESTURE},  {"name", COLUMN_NAME},   {"movement", COLUMN_NAME},  {"rep", COLUMN_REPETITION},
    {"repetition", COLUMN_REPETITION},
  };

  for (guint i = 0; i < G_N_ELEMENTS (known); i++) {
    if (g_ascii_strcasecmp (known[i].name, name) == 0)
      return known[i].column;
  }
  return COLUMN_ELECTRODE;
}

static gboolean
read_header (Csv *self, const char *line, guint number, GError **error)
{
  g_auto (GStrv) names = g_strsplit (line, ",", -1);

  for (guint i = 0; names[i] != NULL; i++) {
    if (i == COLUMNS_MAX)
      return corrupt (error, number, "it has too many columns");
    self->columns[i] = get_column (g_strstrip (names[i]));
    self->channels += self->columns[i] == COLUMN_ELECTRODE;
    self->n_columns++;
  }
  if (self->channels < BPG_CHANNELS_MIN || self->channels > BPG_CHANNELS_MAX) {
    g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_INCOMPATIBLE,
                 "it has %u columns of electrodes; a recording has %u to %u", self->channels, BPG_CHANNELS_MIN,
                 BPG_CHANNELS_MAX);
    return FALSE;
  }
  return TRUE;
}

/* The line of JSON that our own files begin with. */
static void
read_comment (Csv *self, const char *line, const BpgCsvScale *scale)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonNode *root;
  JsonObject *object;

  if (!json_parser_load_from_data (parser, line + 1, -1, NULL))
    return;
  root = json_parser_get_root (parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    return;
  object = json_node_get_object (root);
  if (scale->rate == 0)
    self->rate = (guint) CLAMP (json_object_get_int_member_with_default (object, "fs_hz", 0), 0, 1000000);
  if (scale->lsb <= 0.0)
    self->lsb = json_object_get_double_member_with_default (object, "lsb", 0.0);
  if (scale->unit == NULL)
    self->unit = bpg_unit_from_name (json_object_get_string_member_with_default (object, "unit", ""));
}

static void
extend_segment (Csv *self, guint gesture, const char *name, guint repetition)
{
  gsize index = self->values->len / self->channels - 1;
  BpgSegment *last = self->segments->len > 0 ? &g_array_index (self->segments, BpgSegment, self->segments->len - 1) : NULL;
  BpgSegment segment = {0};

  if (*name == '\0')
    return;
  if (last != NULL && last->start + last->count == index && last->gesture == gesture && last->repetition == repetition &&
      strcmp (last->name, name) == 0) {
    last->count++;
    return;
  }
  segment.start = index;
  segment.count = 1;
  segment.gesture = (guint8) gesture;
  segment.repetition = repetition;
  segment.name = g_strndup (name, BPG_BPM_NAME_LENGTH - 1);
  g_array_append_val (self->segments, segment);
}

static gboolean
read_number (const char *text, double *value)
{
  char *end;

  *value = g_ascii_strtod (text, &end);
  return end != text && *end == '\0' && isfinite (*value);
}

static gboolean
read_line (Csv *self, const char *line, guint number, GError **error)
{
  g_auto (GStrv) fields = g_strsplit (line, ",", -1);
  double gesture = 0.0, repetition = 0.0;
  const char *name = "";

  if (g_strv_length (fields) != self->n_columns)
    return corrupt (error, number, "it has more or fewer fields than the first line");
  for (guint i = 0; i < self->n_columns; i++) {
    const char *text = g_strstrip (fields[i]);
    double value = 0.0;

    if (self->columns[i] == COLUMN_NAME) {
      name = text;
      continue;
    }
    if (!read_number (text, &value) && (self->columns[i] == COLUMN_ELECTRODE || *text != '\0'))
      return corrupt (error, number, "a field is no finite number");
    if (self->columns[i] == COLUMN_ELECTRODE)
      g_array_append_val (self->values, value);
    else if (self->columns[i] == COLUMN_TIME)
      g_array_append_val (self->times, value);
    else if (self->columns[i] == COLUMN_GESTURE)
      gesture = CLAMP (value, 0.0, 255.0);
    else if (self->columns[i] == COLUMN_REPETITION)
      repetition = CLAMP (value, 0.0, 65535.0);
  }
  extend_segment (self, (guint) gesture, name, (guint) repetition);
  return TRUE;
}

static gboolean
read_lines (Csv *self, GBytes *text, const BpgCsvScale *scale, GError **error)
{
  gsize size;
  const char *at = g_bytes_get_data (text, &size);
  const char *end = at + size;
  guint number = 0;

  while (at < end) {
    const char *stop = memchr (at, '\n', (gsize) (end - at));
    gsize length = (gsize) ((stop != NULL ? stop : end) - at);
    g_autofree char *line = g_strchomp (g_strndup (at, length));

    number++;
    at += length + 1;
    if (line[0] == '#')
      read_comment (self, line, scale);
    else if (line[0] != '\0' && !(self->n_columns == 0 ? read_header (self, line, number, error)
                                                       : read_line (self, line, number, error)))
      return FALSE;
  }
  if (self->values->len == 0)
    return corrupt (error, number, "there are no samples");
  return TRUE;
}

static gboolean
settle_scale (Csv *self, const BpgCsvScale *scale, GError **error)
{
  double largest = 0.0;

  if (scale->rate > 0)
    self->rate = scale->rate;
  if (self->rate == 0 && self->times->len > 1) {
    double seconds = g_array_index (self->times, double, self->times->len - 1) - g_array_index (self->times, double, 0);

    self->rate = seconds > 0.0 ? (guint) CLAMP (lround ((self->times->len - 1) / seconds), 0, 1000000) : 0;
  }
  if (self->rate < BPG_RATE_MIN || self->rate > BPG_RATE_MAX) {
    g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_INCOMPATIBLE,
                 "its sampling rate is %s; say it with --rate, %u to %u Hz", self->rate == 0 ? "not told" : "not usable",
                 BPG_RATE_MIN, BPG_RATE_MAX);
    return FALSE;
  }
  for (guint i = 0; i < self->values->len; i++)
    largest = MAX (largest, fabs (g_array_index (self->values, double, i)));
  if (scale->lsb > 0.0)
    self->lsb = scale->lsb;
  if (self->lsb <= 0.0)
    self->lsb = largest > 0.0 ? largest / FITTED_COUNTS : 1.0;
  if (scale->unit != NULL)
    self->unit = bpg_unit_from_name (scale->unit);
  else if (self->unit == 0)
    self->unit = BPG_UNIT_MICROVOLT;
  if (self->unit == 0 || self->lsb < 1e-9 || self->lsb > 1e9 || largest / self->lsb > 32768.5) {
    g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_INCOMPATIBLE,
                 "its unit is not known or its values do not fit the scale; say --unit and --lsb");
    return FALSE;
  }
  return TRUE;
}

static BpgEmgRecording *
build (Csv *self)
{
  /* The same rounding as every scale of a recording has, else a count more or less would come out. */
  double lsb = (double) llround (self->lsb * 1e9) / 1e9;
  gint16 *samples = g_new (gint16, self->values->len);
  GArray *segments = g_steal_pointer (&self->segments);

  for (guint i = 0; i < self->values->len; i++)
    samples[i] = (gint16) CLAMP (lround (g_array_index (self->values, double, i) / lsb), -32768, 32767);
  return bpg_emg_recording_new (self->rate, self->channels, (guint64) llround (self->lsb * 1e9), self->unit,
                                g_bytes_new_take (samples, self->values->len * sizeof (gint16)), segments,
                                g_array_new (FALSE, TRUE, sizeof (BpgGap)));
}

BpgEmgRecording *
bpg_csv_read (GBytes *text, const BpgCsvScale *scale, GError **error)
{
  g_autoptr (GArray) values = g_array_new (FALSE, FALSE, sizeof (double));
  g_autoptr (GArray) times = g_array_new (FALSE, FALSE, sizeof (double));
  Csv self = {.values = values, .times = times, .segments = g_array_new (FALSE, TRUE, sizeof (BpgSegment))};
  BpgEmgRecording *recording = NULL;

  g_array_set_clear_func (self.segments, (GDestroyNotify) bpg_segment_clear);
  if (read_lines (&self, text, scale, error) && settle_scale (&self, scale, error))
    recording = build (&self);
  g_clear_pointer (&self.segments, g_array_unref);
  return recording;
}

/* Index of the last segment that holds @index, or -1; they mostly come in order, so it goes on from the one before. */
static int
find_segment (BpgEmgRecording *recording, gsize index, int last)
{
  int n_segments = (int) bpg_emg_recording_get_n_segments (recording);

  for (int tried = 0; tried < n_segments; tried++) {
    int i = (MAX (last, 0) + tried) % n_segments;
    const BpgSegment *segment = bpg_emg_recording_get_segment (recording, (guint) i);

    if (index >= segment->start && index - segment->start < segment->count)
      return i;
  }
  return -1;
}

GBytes *
bpg_csv_write (BpgEmgRecording *recording)
{
  guint channels = bpg_emg_recording_get_channels (recording);
  guint rate = bpg_emg_recording_get_rate (recording);
  double lsb = (double) bpg_emg_recording_get_scale_nano (recording) / 1e9;
  GString *out = g_string_new (NULL);
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  int current = -1;

  g_string_append_printf (out, "# {\"fs_hz\": %u, \"lsb\": %s, \"unit\": \"%s\"}\nsample,time_s", rate,
                          g_ascii_formatd (number, sizeof number, "%.9g", lsb),
                          bpg_unit_name (bpg_emg_recording_get_unit (recording)));
  for (guint c = 0; c < channels; c++)
    g_string_append_printf (out, ",e%u", c + 1);
  g_string_append (out, ",gesture,name,rep\n");
  for (gsize i = 0; i < bpg_emg_recording_get_n_samples (recording); i++) {
    const gint16 *sample = bpg_emg_recording_get_sample (recording, i);

    g_string_append_printf (out, "%" G_GSIZE_FORMAT ",%s", i,
                            g_ascii_formatd (number, sizeof number, "%.6f", (double) i / rate));
    for (guint c = 0; c < channels; c++)
      g_string_append_printf (out, ",%s", g_ascii_formatd (number, sizeof number, "%.9g", sample[c] * lsb));
    current = find_segment (recording, i, current);
    if (current >= 0) {
      const BpgSegment *segment = bpg_emg_recording_get_segment (recording, (guint) current);

      g_string_append_printf (out, ",%u,%s,%u\n", segment->gesture, segment->name, segment->repetition);
    } else {
      g_string_append (out, ",,,\n");
    }
  }
  return g_string_free_to_bytes (out);
}
