/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-recording-file.h"

#include "training/lib/bpg-output-file.h"
#include "training/lib/bpg-recording-reader.h"
#include "training/lib/bpg-training-error.h"

#include <string.h>

#define CONTAINER_MAGIC "BPGREC1\n"
#define CONTAINER_HEAD 12

void
bpg_recording_file_free (BpgRecordingFile *self)
{
  g_clear_object (&self->recording);
  g_clear_pointer (&self->side_car, json_node_unref);
  g_clear_pointer (&self->annotations, g_array_unref);
  g_free (self);
}

static BpgRecordingFile *
file_new (BpgEmgRecording *recording)
{
  BpgRecordingFile *self = g_new0 (BpgRecordingFile, 1);

  self->recording = recording;
  return self;
}

/* The reader has found it to be sound JSON before. */
static JsonNode *
parse_side_car (const char *text, gsize length)
{
  g_autoptr (JsonParser) parser = json_parser_new ();

  return json_parser_load_from_data (parser, text, (gssize) length, NULL) ? json_parser_steal_root (parser) : NULL;
}

BpgRecordingFile *
bpg_recording_file_from_container (GBytes *container, GError **error)
{
  BpgEmgRecording *recording = bpg_recording_read_bytes (container, error);
  BpgRecordingFile *self;
  const guint8 *bytes = g_bytes_get_data (container, NULL);

  if (recording == NULL)
    return NULL;
  self = file_new (recording);
  self->side_car = parse_side_car ((const char *) bytes + CONTAINER_HEAD,
                                   bytes[8] | bytes[9] << 8 | bytes[10] << 16 | (gsize) bytes[11] << 24);
  return self;
}

static GBytes *
read_bytes (const char *path, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (GMappedFile) file = NULL;

  if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
    file = g_mapped_file_new (path, FALSE, &local);
  if (file == NULL) {
    g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_NOT_FOUND, "%s; check the name and that it may be read",
                 local != NULL ? local->message : path);
    return NULL;
  }
  if (g_mapped_file_get_length (file) > 4 * (gsize) BPG_RECORDING_BYTES_MAX) {
    g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_LIMIT, "%s is too large; split the recording", path);
    return NULL;
  }
  return g_mapped_file_get_bytes (file);
}

static BpgRecordingFile *
load_emgpack (const char *path, GError **error)
{
  BpgEmgRecording *recording = bpg_recording_read_file (path, error);
  g_autoptr (GBytes) text = NULL;
  BpgRecordingFile *self;

  if (recording == NULL)
    return NULL;
  self = file_new (recording);
  text = read_bytes (path, NULL);
  if (text != NULL)
    self->side_car = parse_side_car (g_bytes_get_data (text, NULL), g_bytes_get_size (text));
  return self;
}

static BpgRecordingFile *
load_edf (GBytes *bytes, GError **error)
{
  GArray *annotations = NULL;
  BpgEmgRecording *recording = bpg_edf_read (bytes, &annotations, error);
  BpgRecordingFile *self;

  if (recording == NULL)
    return NULL;
  self = file_new (recording);
  self->annotations = annotations;
  return self;
}

BpgRecordingFile *
bpg_recording_file_load (const char *path, const BpgCsvScale *scale, GError **error)
{
  const BpgCsvScale nothing = {0};
  g_autoptr (GBytes) bytes = NULL;
  BpgRecordingFile *self = NULL;
  BpgEmgRecording *recording;

  if (g_str_has_suffix (path, ".json"))
    return load_emgpack (path, error);
  if (!bpg_recording_file_is_known (path)) {
    g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_INVALID_ARGUMENT,
                 "%s ends in none of .json, .bpr, .edf and .csv; name a recording", path);
    return NULL;
  }
  bytes = read_bytes (path, error);
  if (bytes == NULL)
    return NULL;
  if (g_str_has_suffix (path, ".bpr")) {
    self = bpg_recording_file_from_container (bytes, error);
  } else if (g_str_has_suffix (path, ".edf")) {
    self = load_edf (bytes, error);
  } else {
    recording = bpg_csv_read (bytes, scale != NULL ? scale : &nothing, error);
    self = recording != NULL ? file_new (recording) : NULL;
  }
  if (self == NULL)
    g_prefix_error (error, "%s: ", path);
  return self;
}

gboolean
bpg_recording_file_is_known (const char *path)
{
  return g_str_has_suffix (path, ".json") || g_str_has_suffix (path, ".bpr") || g_str_has_suffix (path, ".edf") ||
         g_str_has_suffix (path, ".csv");
}

static void
set_text (JsonObject *object, const char *member, const char *text)
{
  if (text != NULL && *text != '\0')
    json_object_set_string_member (object, member, text);
}

static JsonArray *
build_segments (BpgEmgRecording *recording)
{
  JsonArray *segments = json_array_new ();

  for (guint i = 0; i < bpg_emg_recording_get_n_segments (recording); i++) {
    const BpgSegment *segment = bpg_emg_recording_get_segment (recording, i);
    JsonObject *object = json_object_new ();

    json_object_set_int_member (object, "start", (gint64) segment->start);
    json_object_set_int_member (object, "count", (gint64) segment->count);
    json_object_set_int_member (object, "gesture", segment->gesture);
    json_object_set_string_member (object, "name", segment->name);
    json_object_set_int_member (object, "rep", segment->repetition);
    set_text (object, "context", segment->context);
    set_text (object, "verdict", segment->verdict);
    json_array_add_object_element (segments, object);
  }
  return segments;
}

static JsonArray *
build_gaps (BpgEmgRecording *recording)
{
  JsonArray *gaps = json_array_new ();

  for (guint i = 0; i < bpg_emg_recording_get_n_gaps (recording); i++) {
    const BpgGap *gap = bpg_emg_recording_get_gap (recording, i);
    JsonObject *object = json_object_new ();

    json_object_set_int_member (object, "start", (gint64) gap->start);
    json_object_set_int_member (object, "count", (gint64) gap->count);
    json_array_add_object_element (gaps, object);
  }
  return gaps;
}

/* What the recording's own side-car told is kept, the samples are int16 from here on. */
static char *
build_side_car (BpgRecordingFile *self)
{
  BpgEmgRecording *recording = self->recording;
  g_autoptr (JsonNode) node = self->side_car != NULL ? json_node_copy (self->side_car) : NULL;
  JsonObject *object;

  if (node == NULL) {
    node = json_node_new (JSON_NODE_OBJECT);
    json_node_take_object (node, json_object_new ());
    object = json_node_get_object (node);
    json_object_set_string_member (object, "format", "emgpack-1");
    json_object_set_int_member (object, "fs_hz", bpg_emg_recording_get_rate (recording));
    json_object_set_int_member (object, "channels", bpg_emg_recording_get_channels (recording));
    json_object_set_double_member (object, "lsb", (double) bpg_emg_recording_get_scale_nano (recording) / 1e9);
    json_object_set_string_member (object, "unit", bpg_unit_name (bpg_emg_recording_get_unit (recording)));
    set_text (object, "subject", bpg_emg_recording_get_subject (recording));
    set_text (object, "session", bpg_emg_recording_get_session (recording));
    set_text (object, "placement", bpg_emg_recording_get_placement (recording));
    json_object_set_array_member (object, "segments", build_segments (recording));
    json_object_set_array_member (object, "gaps", build_gaps (recording));
  }
  object = json_node_get_object (node);
  json_object_set_int_member (object, "samples", (gint64) bpg_emg_recording_get_n_samples (recording));
  json_object_set_string_member (object, "dtype", "int16le");
  return json_to_string (node, TRUE);
}

static GByteArray *
build_samples (BpgEmgRecording *recording)
{
  GByteArray *bytes = g_byte_array_new ();
  guint channels = bpg_emg_recording_get_channels (recording);

  for (gsize i = 0; i < bpg_emg_recording_get_n_samples (recording); i++) {
    const gint16 *sample = bpg_emg_recording_get_sample (recording, i);

    for (guint c = 0; c < channels; c++) {
      guint16 bits = GUINT16_TO_LE ((guint16) sample[c]);

      g_byte_array_append (bytes, (const guint8 *) &bits, sizeof bits);
    }
  }
  return bytes;
}

/* The samples first: a side-car is only there when what it describes is. */
static gboolean
save_emgpack (BpgRecordingFile *self, const char *path, int mode, GError **error)
{
  g_autofree char *stem = g_strndup (path, strlen (path) - strlen (".json"));
  g_autofree char *binary = g_strconcat (stem, ".bin", NULL);
  g_autofree char *text = build_side_car (self);
  g_autoptr (GByteArray) samples = build_samples (self->recording);

  return bpg_output_file_write (binary, samples->data, samples->len, mode, error) &&
         bpg_output_file_write (path, text, strlen (text), mode, error);
}

static gboolean
save_container (BpgRecordingFile *self, const char *path, int mode, GError **error)
{
  g_autofree char *text = build_side_car (self);
  g_autoptr (GByteArray) samples = build_samples (self->recording);
  g_autoptr (GByteArray) out = g_byte_array_new ();
  guint32 length = GUINT32_TO_LE ((guint32) strlen (text));

  g_byte_array_append (out, (const guint8 *) CONTAINER_MAGIC, strlen (CONTAINER_MAGIC));
  g_byte_array_append (out, (const guint8 *) &length, sizeof length);
  g_byte_array_append (out, (const guint8 *) text, (guint) strlen (text));
  g_byte_array_append (out, samples->data, samples->len);
  return bpg_output_file_write (path, out->data, out->len, mode, error);
}

gboolean
bpg_recording_file_save (BpgRecordingFile *self, const char *path, const char *stem, const BpgEdfInfo *info,
                         GArray *more, int mode, GError **error)
{
  g_autoptr (GBytes) bytes = NULL;

  if (!bpg_recording_file_is_known (path)) {
    g_autofree char *file = g_strconcat (stem, ".json", NULL);
    g_autofree char *inside = g_build_filename (path, file, NULL);

    if (g_mkdir_with_parents (path, 0700) != 0) {
      g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_FAILED, "The folder %s cannot be made; choose another",
                   path);
      return FALSE;
    }
    return save_emgpack (self, inside, mode, error);
  }
  if (g_str_has_suffix (path, ".json"))
    return save_emgpack (self, path, mode, error);
  if (g_str_has_suffix (path, ".bpr"))
    return save_container (self, path, mode, error);
  bytes = g_str_has_suffix (path, ".csv") ? bpg_csv_write (self->recording)
                                          : bpg_edf_write (self->recording, info, more, error);
  return bytes != NULL && bpg_output_file_write (path, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), mode, error);
}
