/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim-recording.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "control/port.h"
#include "recognition/limits.h"

#define BYTES_MOST (64u * 1024 * 1024)
#define SIDE_CAR_MOST (16u * 1024 * 1024)
#define DEPTH_MOST 32u
#define LSB_LEAST 1e-9 /* the converter says nano-units */
#define SEGMENTS_MOST 100000u

static bool
refuse (GError **error, const char *path, const char *what)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s: %s", path, what);
  return false;
}

/* Reads a file of no more than @most bytes, which is looked at before. */
static bool
read_file (const char *path, gsize most, char **bytes, gsize *length, GError **error)
{
  GStatBuf status;

  if (g_stat (path, &status) == 0 && (!S_ISREG (status.st_mode) || (guint64) status.st_size > most))
    return refuse (error, path, "is not a file, or too large");
  return g_file_get_contents (path, bytes, length, error);
}

/* Whether a side-car nests no deeper than a parser that recurses can follow.
 * What could hide a bracket (comments, other quotes) is not JSON. */
static bool
is_shallow (const char *text, gsize length)
{
  bool quoted = false;
  unsigned depth = 0;

  for (gsize i = 0; i < length; i++)
    {
      if (text[i] == '"')
        quoted = !quoted;
      else if (quoted)
        i += text[i] == '\\' ? 1 : 0;
      else if (text[i] == '[' || text[i] == '{')
        depth++;
      else if (text[i] == ']' || text[i] == '}')
        depth -= depth > 0 ? 1 : 0;
      else if (strchr ("/#'`", text[i]) != NULL)
        return false;
      if (depth > DEPTH_MOST)
        return false;
    }
  return true;
}

static void
clear_segment (gpointer data)
{
  g_free (((struct sim_segment *) data)->name);
}

void
sim_recording_free (struct sim_recording *recording)
{
  if (recording == NULL)
    return;
  g_free (recording->path);
  g_free (recording->converter.unit);
  g_free (recording->values);
  g_array_unref (recording->segments);
  g_free (recording);
}

static bool
get_int (JsonObject *object, const char *key, gint64 least, gint64 most, gint64 *value)
{
  JsonNode *node = json_object_get_member (object, key);

  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node)
      || json_node_get_value_type (node) != G_TYPE_INT64)
    return false;
  *value = json_node_get_int (node);
  return *value >= least && *value <= most;
}

static bool
get_number (JsonObject *object, const char *key, double *value)
{
  JsonNode *node = json_object_get_member (object, key);

  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node)
      || (json_node_get_value_type (node) != G_TYPE_INT64
          && json_node_get_value_type (node) != G_TYPE_DOUBLE))
    return false;
  *value = json_node_get_double (node);
  return isfinite (*value);
}

static const char *
get_text (JsonObject *object, const char *key)
{
  JsonNode *node = json_object_get_member (object, key);

  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node)
      || json_node_get_value_type (node) != G_TYPE_STRING)
    return NULL;
  return json_node_get_string (node);
}

static bool
add_segment (struct sim_recording *recording, JsonNode *node)
{
  struct sim_segment segment = { 0 };
  JsonObject *object;
  gint64 start, count, gesture;
  gint64 repetition = 0;
  const char *name;

  if (!JSON_NODE_HOLDS_OBJECT (node))
    return false;
  object = json_node_get_object (node);
  if (!get_int (object, "start", 0, (gint64) recording->samples, &start)
      || !get_int (object, "count", 1, (gint64) recording->samples - start, &count)
      || !get_int (object, "gesture", 0, 255, &gesture))
    return false;
  if (json_object_has_member (object, "rep")
      && !get_int (object, "rep", 0, G_MAXINT32, &repetition))
    return false;
  name = get_text (object, "name");

  segment.start = (guint64) start;
  segment.count = (guint64) count;
  segment.gesture = (unsigned) gesture;
  segment.repetition = (unsigned) repetition;
  segment.name = g_strdup (name != NULL ? name : "");
  g_array_append_val (recording->segments, segment);
  return true;
}

static int
compare_segments (gconstpointer a, gconstpointer b)
{
  const struct sim_segment *first = a;
  const struct sim_segment *second = b;

  return first->start < second->start ? -1 : first->start > second->start;
}

static bool
read_segments (struct sim_recording *recording, JsonObject *object, GError **error)
{
  JsonNode *node = json_object_get_member (object, "segments");
  JsonArray *array;

  if (node == NULL)
    return true;
  if (!JSON_NODE_HOLDS_ARRAY (node))
    return refuse (error, recording->path, "\"segments\" is not an array");
  array = json_node_get_array (node);
  if (json_array_get_length (array) > SEGMENTS_MOST)
    return refuse (error, recording->path, "too many segments");
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      if (!add_segment (recording, json_array_get_element (array, i)))
        return refuse (error, recording->path, "a segment is not valid");
    }
  g_array_sort (recording->segments, compare_segments);
  return true;
}

static bool
read_samples (struct sim_recording *recording, const char *dtype, GError **error)
{
  gsize values = recording->samples * recording->converter.channels;
  gsize width = g_strcmp0 (dtype, "int8") == 0 ? 1 : 2;
  g_autofree char *stem = g_strndup (recording->path, strlen (recording->path) - strlen (".json"));
  g_autofree char *path = g_strconcat (stem, ".bin", NULL);
  g_autofree char *bytes = NULL;
  gsize length;

  if (width == 2 && g_strcmp0 (dtype, "int16le") != 0)
    return refuse (error, recording->path, "\"dtype\" is neither int8 nor int16le");
  if (!read_file (path, values * width, &bytes, &length, error))
    return false;
  if (length != values * width)
    return refuse (error, path, "its length is not samples x channels");

  recording->values = g_new (gint16, values);
  for (gsize i = 0; i < values; i++)
    recording->values[i] = width == 1 ? (gint16) ((gint8 *) bytes)[i]
                                      : (gint16) ((guint8) bytes[2 * i] | (guint8) bytes[2 * i + 1] << 8);
  return true;
}

static bool
read_recording (struct sim_recording *recording, JsonObject *object, GError **error)
{
  struct sim_converter *converter = &recording->converter;
  gint64 rate, channels, samples;
  const char *unit = get_text (object, "unit");

  if (!get_int (object, "fs_hz", BPG_RATE_MIN, BPG_RATE_MAX, &rate))
    return refuse (error, recording->path, "\"fs_hz\" is not a rate from 200 to 2000 Hz");
  if (!get_int (object, "channels", BPG_CHANNELS_MIN, BPG_PORT_MAX_CHANNELS, &channels))
    return refuse (error, recording->path, "\"channels\" is not a number from 4 to 16");
  if (!get_int (object, "samples", 1, BYTES_MOST / (2 * channels), &samples))
    return refuse (error, recording->path, "\"samples\" is not valid");
  if (!get_number (object, "lsb", &converter->lsb) || converter->lsb < LSB_LEAST
      || converter->lsb > 1e6)
    return refuse (error, recording->path, "\"lsb\" is not valid");
  if (unit == NULL || strlen (unit) > 63)
    return refuse (error, recording->path, "\"unit\" is not valid");

  converter->rate = (unsigned) rate;
  converter->channels = (unsigned) channels;
  converter->unit = g_strdup (unit);
  recording->samples = (guint64) samples;
  return read_segments (recording, object, error)
         && read_samples (recording, get_text (object, "dtype"), error);
}

struct sim_recording *
sim_recording_load (const char *path, GError **error)
{
  g_autoptr (SimRecording) recording = g_new0 (struct sim_recording, 1);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autofree char *text = NULL;
  gsize length;
  JsonNode *root;

  recording->path = g_strdup (path);
  recording->segments = g_array_new (FALSE, TRUE, sizeof (struct sim_segment));
  g_array_set_clear_func (recording->segments, clear_segment);
  if (!g_str_has_suffix (path, ".json"))
    {
      refuse (error, path, "is not a .json file");
      return NULL;
    }
  if (!read_file (path, SIDE_CAR_MOST, &text, &length, error))
    return NULL;
  if (!is_shallow (text, length))
    {
      refuse (error, path, "nests too deep, or is not JSON");
      return NULL;
    }
  if (!json_parser_load_from_data (parser, text, (gssize) length, error))
    {
      g_prefix_error (error, "%s: ", path);
      return NULL;
    }
  root = json_parser_get_root (parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    {
      refuse (error, path, "is not a JSON object");
      return NULL;
    }
  if (!read_recording (recording, json_node_get_object (root), error))
    return NULL;
  return g_steal_pointer (&recording);
}

const struct sim_segment *
sim_recording_segment_at (const struct sim_recording *recording, guint64 sample)
{
  const struct sim_segment *segments = (const struct sim_segment *) (void *) recording->segments->data;
  guint low = 0;
  guint high = recording->segments->len;

  while (low < high)
    {
      guint middle = (low + high) / 2;

      if (segments[middle].start + segments[middle].count <= sample)
        low = middle + 1;
      else
        high = middle;
    }
  if (low == recording->segments->len || segments[low].start > sample)
    return NULL;
  return &segments[low];
}

guint64
sim_recording_next_rest (const struct sim_recording *recording, guint64 sample)
{
  guint64 first = G_MAXUINT64;

  for (guint i = 0; i < recording->segments->len; i++)
    {
      const struct sim_segment *segment = &g_array_index (recording->segments, struct sim_segment, i);

      if (segment->gesture != 0)
        continue;
      if (first == G_MAXUINT64)
        first = segment->start;
      if (sample < segment->start + segment->count)
        return MAX (sample, segment->start);
    }
  return first;
}

bool
sim_converter_equal (const struct sim_converter *a, const struct sim_converter *b)
{
  return a->rate == b->rate && a->channels == b->channels && fabs (a->lsb - b->lsb) < 1e-9 * a->lsb
         && g_strcmp0 (a->unit, b->unit) == 0;
}
