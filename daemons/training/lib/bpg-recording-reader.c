/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-recording-reader.h"

#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

#include "bpg-training-error.h"

#define CONTAINER_MAGIC "BPGREC1\n"
#define CONTAINER_HEAD 12

static gboolean
corrupt (GError    **error,
         const char *name,
         const char *format,
         ...) G_GNUC_PRINTF (3, 4);

static gboolean
corrupt (GError    **error,
         const char *name,
         const char *format,
         ...)
{
  g_autofree char *what = NULL;
  va_list args;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_CORRUPT, "%s: %s; export or record it again", name, what);
  return FALSE;
}

static JsonNode *
member_of_value (JsonObject *object,
                 const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) ? node : NULL;
}

static gboolean
read_integer (JsonObject *object,
              const char *member,
              gint64      least,
              gint64      most,
              gint64     *value,
              const char *name,
              GError    **error)
{
  JsonNode *node = member_of_value (object, member);

  if (node == NULL)
    return corrupt (error, name, "“%s” is missing", member);
  if (json_node_get_value_type (node) != G_TYPE_INT64)
    return corrupt (error, name, "“%s” is not a whole number", member);
  *value = json_node_get_int (node);
  if (*value < least || *value > most)
    return corrupt (error, name, "“%s” is %" G_GINT64_FORMAT ", not within %" G_GINT64_FORMAT "…%" G_GINT64_FORMAT,
                    member, *value, least, most);
  return TRUE;
}

static const char *
peek_text (JsonObject *object,
           const char *member)
{
  JsonNode *node = member_of_value (object, member);

  return node != NULL && json_node_get_value_type (node) == G_TYPE_STRING ? json_node_get_string (node) : NULL;
}

/* Sessions are numbers in some recordings and words in others. */
static char *
dup_label (JsonObject *object,
           const char *member)
{
  JsonNode *node = member_of_value (object, member);

  if (node == NULL)
    return NULL;
  if (json_node_get_value_type (node) == G_TYPE_INT64)
    return g_strdup_printf ("%" G_GINT64_FORMAT, json_node_get_int (node));
  return g_strdup (peek_text (object, member));
}

static gboolean
read_scale (JsonObject *object,
            guint64    *scale_nano,
            guint      *unit,
            const char *name,
            GError    **error)
{
  JsonNode *node = member_of_value (object, "lsb");
  const char *word = peek_text (object, "unit");
  double lsb;

  if (node == NULL)
    return corrupt (error, name, "“lsb” is missing");
  if (json_node_get_value_type (node) != G_TYPE_DOUBLE && json_node_get_value_type (node) != G_TYPE_INT64)
    return corrupt (error, name, "“lsb” is not a number");
  lsb = json_node_get_double (node);
  if (!isfinite (lsb) || lsb < 1e-9 || lsb > 1e9)
    return corrupt (error, name, "“lsb” is not a usable scale");
  *scale_nano = (guint64) llround (lsb * 1e9);
  *unit = bpg_unit_from_name (word);
  if (*unit == 0)
    return corrupt (error, name, "“unit” is %s, not a known unit", word != NULL ? word : "missing");
  return TRUE;
}

static gboolean
read_segment (JsonNode   *node,
              gsize       n_samples,
              BpgSegment *segment,
              const char *name,
              GError    **error)
{
  JsonObject *object;
  gint64 start, count, gesture, repetition = 0;
  const char *movement;

  if (!JSON_NODE_HOLDS_OBJECT (node))
    return corrupt (error, name, "a segment is not an object");
  object = json_node_get_object (node);
  if (!read_integer (object, "start", 0, (gint64) n_samples, &start, name, error) ||
      !read_integer (object, "count", 0, (gint64) n_samples, &count, name, error) ||
      !read_integer (object, "gesture", 0, 255, &gesture, name, error))
    return FALSE;
  if (json_object_has_member (object, "rep") && !read_integer (object, "rep", 0, 65535, &repetition, name, error))
    return FALSE;
  if (start + count > (gint64) n_samples)
    return corrupt (error, name, "a segment runs past the last sample");
  movement = peek_text (object, "name");
  if (movement == NULL || *movement == '\0' || strlen (movement) >= BPG_BPM_NAME_LENGTH)
    return corrupt (error, name, "a segment's “name” is missing or longer than %u bytes", BPG_BPM_NAME_LENGTH - 1);

  segment->start = (gsize) start;
  segment->count = (gsize) count;
  segment->gesture = (guint8) gesture;
  segment->repetition = (guint) repetition;
  segment->name = g_strdup (movement);
  segment->context = g_strdup (peek_text (object, "context"));
  segment->verdict = g_strdup (peek_text (object, "verdict"));
  return TRUE;
}

static GArray *
read_segments (JsonObject *object,
               gsize       n_samples,
               const char *name,
               GError    **error)
{
  g_autoptr (GArray) segments = g_array_new (FALSE, TRUE, sizeof (BpgSegment));
  JsonNode *node = json_object_get_member (object, "segments");
  JsonArray *array;

  g_array_set_clear_func (segments, (GDestroyNotify) bpg_segment_clear);
  if (node == NULL || !JSON_NODE_HOLDS_ARRAY (node))
    {
      corrupt (error, name, "“segments” is missing or not a list");
      return NULL;
    }
  array = json_node_get_array (node);
  if (json_array_get_length (array) > BPG_RECORDING_SEGMENTS_MAX)
    {
      g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_LIMIT,
                   "%s: more than %u segments; split the recording", name, BPG_RECORDING_SEGMENTS_MAX);
      return NULL;
    }
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      BpgSegment segment = { 0 };

      if (!read_segment (json_array_get_element (array, i), n_samples, &segment, name, error))
        return NULL;
      g_array_append_val (segments, segment);
    }
  return g_steal_pointer (&segments);
}

static GArray *
read_gaps (JsonObject *object,
           gsize       n_samples,
           const char *name,
           GError    **error)
{
  g_autoptr (GArray) gaps = g_array_new (FALSE, TRUE, sizeof (BpgGap));
  JsonNode *node = json_object_get_member (object, "gaps");
  JsonArray *array;

  if (node == NULL)
    return g_steal_pointer (&gaps);
  if (!JSON_NODE_HOLDS_ARRAY (node) || json_array_get_length (json_node_get_array (node)) > BPG_RECORDING_SEGMENTS_MAX)
    {
      corrupt (error, name, "“gaps” is not a list of sensible length");
      return NULL;
    }
  array = json_node_get_array (node);
  for (guint i = 0; i < json_array_get_length (array); i++)
    {
      JsonNode *element = json_array_get_element (array, i);
      gint64 start, count;
      BpgGap gap;

      if (!JSON_NODE_HOLDS_OBJECT (element))
        {
          corrupt (error, name, "a gap is not an object");
          return NULL;
        }
      if (!read_integer (json_node_get_object (element), "start", 0, (gint64) n_samples, &start, name, error) ||
          !read_integer (json_node_get_object (element), "count", 0, G_MAXINT32, &count, name, error))
        return NULL;
      gap.start = (gsize) start;
      gap.count = (gsize) count;
      g_array_append_val (gaps, gap);
    }
  return g_steal_pointer (&gaps);
}

static GBytes *
widen_samples (GBytes     *samples,
               const char *dtype,
               gsize       values,
               const char *name,
               GError    **error)
{
  gsize size;
  const guint8 *bytes = g_bytes_get_data (samples, &size);
  gboolean narrow = g_strcmp0 (dtype, "int8") == 0;
  g_autofree gint16 *wide = NULL;

  if (!narrow && g_strcmp0 (dtype, "int16le") != 0)
    {
      corrupt (error, name, "“dtype” is %s, neither int8 nor int16le", dtype != NULL ? dtype : "missing");
      return NULL;
    }
  if (size != values * (narrow ? 1 : 2))
    {
      corrupt (error, name, "%" G_GSIZE_FORMAT " bytes of samples where %" G_GSIZE_FORMAT " are announced: the file is %s",
               size, values * (narrow ? 1 : 2), size < values * (narrow ? 1 : 2) ? "cut short" : "too long");
      return NULL;
    }
  if (!narrow && G_BYTE_ORDER == G_LITTLE_ENDIAN && (gsize) bytes % 2 == 0)
    return g_bytes_ref (samples);

  wide = g_new (gint16, MAX (values, 1));
  for (gsize i = 0; i < values; i++)
    wide[i] = narrow ? (gint8) bytes[i] : bpg_load_i16 (bytes + 2 * i);
  return g_bytes_new_take (g_steal_pointer (&wide), values * sizeof (gint16));
}

static JsonObject *
parse_object (JsonParser *parser,
              const char *name,
              const char *json,
              gsize       length,
              GError    **error)
{
  g_autoptr (GError) local = NULL;
  JsonNode *root;

  if (length > BPG_RECORDING_JSON_MAX)
    {
      g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_LIMIT, "%s: the description is longer than %u bytes",
                   name, BPG_RECORDING_JSON_MAX);
      return NULL;
    }
  if (!g_utf8_validate (json, (gssize) length, NULL))
    {
      corrupt (error, name, "the description is not UTF-8 text");
      return NULL;
    }
  if (!json_parser_load_from_data (parser, json, (gssize) length, &local))
    {
      corrupt (error, name, "the description is not JSON (%s)", local->message);
      return NULL;
    }
  root = json_parser_get_root (parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    {
      corrupt (error, name, "the description is not an object");
      return NULL;
    }
  return json_node_get_object (root);
}

BpgEmgRecording *
bpg_recording_read_parts (const char *name,
                          const char *json,
                          gsize       json_length,
                          GBytes     *samples,
                          GError    **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GArray) segments = NULL;
  g_autoptr (GArray) gaps = NULL;
  g_autoptr (GBytes) wide = NULL;
  g_autofree char *session = NULL;
  g_autofree char *subject = NULL;
  JsonObject *object = parse_object (parser, name, json, json_length, error);
  BpgEmgRecording *self;
  gint64 rate, channels, n_samples;
  guint64 scale_nano = 0;
  guint unit = 0;

  if (object == NULL)
    return NULL;
  if (!read_integer (object, "fs_hz", BPG_RATE_MIN, BPG_RATE_MAX, &rate, name, error) ||
      !read_integer (object, "channels", BPG_CHANNELS_MIN, BPG_CHANNELS_MAX, &channels, name, error) ||
      !read_integer (object, "samples", 1, BPG_RECORDING_BYTES_MAX / 8, &n_samples, name, error) ||
      !read_scale (object, &scale_nano, &unit, name, error))
    return NULL;
  wide = widen_samples (samples, peek_text (object, "dtype"), (gsize) (n_samples * channels), name, error);
  if (wide == NULL)
    return NULL;
  segments = read_segments (object, (gsize) n_samples, name, error);
  if (segments == NULL)
    return NULL;
  gaps = read_gaps (object, (gsize) n_samples, name, error);
  if (gaps == NULL)
    return NULL;

  session = dup_label (object, "session");
  subject = dup_label (object, "subject");
  self = bpg_emg_recording_new ((guint) rate, (guint) channels, scale_nano, unit, g_steal_pointer (&wide),
                                g_steal_pointer (&segments), g_steal_pointer (&gaps));
  bpg_emg_recording_set_origin (self, name, subject, session, peek_text (object, "placement"));
  return self;
}

/* Read rather than mapped: a file that shrinks under a mapping kills the reader. */
static GBytes *
read_file (const char *path,
           gsize       most,
           GError    **error)
{
  g_autoptr (GError) local = NULL;
  g_autofree char *contents = NULL;
  GStatBuf status;
  gsize length;

  if (g_stat (path, &status) == 0 && !S_ISREG (status.st_mode))
    {
      g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_NOT_FOUND, "%s is not a file; name a recording's .json",
                   path);
      return NULL;
    }
  if (g_stat (path, &status) == 0 && (gsize) status.st_size > most)
    {
      g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_LIMIT,
                   "%s is larger than %" G_GSIZE_FORMAT " bytes; split the recording", path, most);
      return NULL;
    }
  if (!g_file_get_contents (path, &contents, &length, &local))
    {
      g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_NOT_FOUND, "%s; check the name and that it may be read",
                   local->message);
      return NULL;
    }
  return g_bytes_new_take (g_steal_pointer (&contents), length);
}

BpgEmgRecording *
bpg_recording_read_file (const char *path,
                         GError    **error)
{
  g_autoptr (GBytes) json = NULL;
  g_autoptr (GBytes) samples = NULL;
  g_autofree char *stem = NULL;
  g_autofree char *binary = NULL;

  if (!g_str_has_suffix (path, ".json"))
    {
      g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_INVALID_ARGUMENT,
                   "%s does not end in .json; name a recording's side-car", path);
      return NULL;
    }
  stem = g_strndup (path, strlen (path) - strlen (".json"));
  binary = g_strconcat (stem, ".bin", NULL);
  json = read_file (path, BPG_RECORDING_JSON_MAX, error);
  if (json == NULL)
    return NULL;
  samples = read_file (binary, BPG_RECORDING_BYTES_MAX, error);
  if (samples == NULL)
    return NULL;
  return bpg_recording_read_parts (path, g_bytes_get_size (json) > 0 ? g_bytes_get_data (json, NULL) : "",
                                   g_bytes_get_size (json), samples, error);
}

BpgEmgRecording *
bpg_recording_read_bytes (GBytes  *container,
                          GError **error)
{
  g_autoptr (GBytes) samples = NULL;
  gsize size;
  const guint8 *bytes = g_bytes_get_data (container, &size);
  guint32 length;

  if (size < CONTAINER_HEAD || memcmp (bytes, CONTAINER_MAGIC, strlen (CONTAINER_MAGIC)) != 0)
    {
      corrupt (error, "recording", "it does not begin as one");
      return NULL;
    }
  length = bpg_load_u32 (bytes + 8);
  if (length > size - CONTAINER_HEAD)
    {
      corrupt (error, "recording", "its description is cut short");
      return NULL;
    }
  samples = g_bytes_new_from_bytes (container, CONTAINER_HEAD + length, size - CONTAINER_HEAD - length);
  return bpg_recording_read_parts ("recording", (const char *) bytes + CONTAINER_HEAD, length, samples, error);
}
