/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-container.h"

#include "bpg-error.h"
#include "bpg-file.h"
#include "bpg-json.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

static const char magic[8] = {'B', 'P', 'G', 'R', 'E', 'C', '1', '\n'};

#define PREFIX_LENGTH 12u
#define MAX_TEXT 4096u

static char **
list_texts (BpgRecordingInfo *self, guint i)
{
  char **const texts[] = {&self->id,      &self->patient, &self->prosthesis, &self->unit,    &self->filters,
                          &self->electrodes, &self->purpose, &self->source,  &self->session, &self->note};

  return i < G_N_ELEMENTS (texts) ? texts[i] : NULL;
}

BpgRecordingInfo *
bpg_recording_info_new (void)
{
  BpgRecordingInfo *self = g_new0 (BpgRecordingInfo, 1);

  for (guint i = 0; list_texts (self, i) != NULL; i++)
    *list_texts (self, i) = g_strdup ("");
  return self;
}

BpgRecordingInfo *
bpg_recording_info_copy (const BpgRecordingInfo *self)
{
  BpgRecordingInfo *copy = g_memdup2 (self, sizeof *self);

  for (guint i = 0; list_texts (copy, i) != NULL; i++)
    *list_texts (copy, i) = g_strdup (*list_texts (copy, i));
  return copy;
}

void
bpg_recording_info_free (BpgRecordingInfo *self)
{
  for (guint i = 0; list_texts (self, i) != NULL; i++)
    g_free (*list_texts (self, i));
  g_free (self);
}

gboolean
bpg_recording_info_check (const BpgRecordingInfo *self, GError **error)
{
  BpgRecordingInfo *info = (BpgRecordingInfo *) self;

  if (self->rate == 0 || self->rate > BPG_RECORDING_MAX_RATE) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "A sampling rate of %u Hz makes no sense", self->rate);
    return FALSE;
  }
  if (self->channels == 0 || self->channels > BPG_RECORDING_MAX_CHANNELS) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "%u electrodes make no sense (1 to %u)", self->channels,
                 BPG_RECORDING_MAX_CHANNELS);
    return FALSE;
  }
  if (!isfinite (self->lsb) || self->lsb <= 0) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "The scale of a count must be a positive number");
    return FALSE;
  }
  if (self->unit[0] == '\0') {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "The unit of a count is missing");
    return FALSE;
  }
  for (guint i = 0; list_texts (info, i) != NULL; i++)
    if (strlen (*list_texts (info, i)) > MAX_TEXT) {
      g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "A text is longer than %u bytes", MAX_TEXT);
      return FALSE;
    }
  return TRUE;
}

static void
add_text (JsonBuilder *builder, const char *key, const char *value)
{
  json_builder_set_member_name (builder, key);
  json_builder_add_string_value (builder, value);
}

static void
add_number (JsonBuilder *builder, const char *key, guint64 value)
{
  json_builder_set_member_name (builder, key);
  json_builder_add_int_value (builder, (gint64) value);
}

static void
add_segments (JsonBuilder *builder, GPtrArray *repetitions)
{
  guint64 start = 0;

  json_builder_set_member_name (builder, "segments");
  json_builder_begin_array (builder);
  for (guint i = 0; i < repetitions->len; i++) {
    const BpgRepetition *repetition = g_ptr_array_index (repetitions, i);

    json_builder_begin_object (builder);
    add_number (builder, "start", start);
    add_number (builder, "count", repetition->count);
    add_number (builder, "gesture", repetition->code);
    add_text (builder, "name", repetition->movement);
    add_number (builder, "rep", repetition->repetition);
    if (g_variant_n_children (repetition->verdict) > 0) {
      json_builder_set_member_name (builder, "verdict");
      json_builder_add_value (builder, json_gvariant_serialize (repetition->verdict));
    }
    json_builder_end_object (builder);
    start += repetition->count;
  }
  json_builder_end_array (builder);
}

static void
add_gaps (JsonBuilder *builder, GPtrArray *repetitions)
{
  guint64 start = 0;

  json_builder_set_member_name (builder, "gaps");
  json_builder_begin_array (builder);
  for (guint i = 0; i < repetitions->len; i++) {
    const BpgRepetition *repetition = g_ptr_array_index (repetitions, i);
    GVariantIter iter;
    guint64 first, count;

    g_variant_iter_init (&iter, repetition->lost);
    while (g_variant_iter_next (&iter, "(tt)", &first, &count)) {
      json_builder_begin_object (builder);
      add_number (builder, "start", start + first);
      add_number (builder, "count", count);
      json_builder_end_object (builder);
    }
    start += repetition->count;
  }
  json_builder_end_array (builder);
}

static void
add_clock (JsonBuilder *builder, GPtrArray *repetitions)
{
  json_builder_set_member_name (builder, "clock");
  json_builder_begin_array (builder);
  for (guint i = 0; i < repetitions->len; i++) {
    const BpgRepetition *repetition = g_ptr_array_index (repetitions, i);
    GVariantIter iter;
    guint64 tick, monotonic, real;

    g_variant_iter_init (&iter, repetition->clock);
    while (g_variant_iter_next (&iter, "(ttt)", &tick, &monotonic, &real)) {
      json_builder_begin_array (builder);
      json_builder_add_int_value (builder, (gint64) tick);
      json_builder_add_int_value (builder, (gint64) monotonic);
      json_builder_add_int_value (builder, (gint64) real);
      json_builder_end_array (builder);
    }
  }
  json_builder_end_array (builder);
}

static char *
build_json (const BpgRecordingInfo *info, GPtrArray *repetitions, gsize *length)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonGenerator) generator = json_generator_new ();
  g_autoptr (JsonNode) root = NULL;
  guint64 samples = 0;

  for (guint i = 0; i < repetitions->len; i++)
    samples += ((const BpgRepetition *) g_ptr_array_index (repetitions, i))->count;

  json_builder_begin_object (builder);
  add_number (builder, "fs_hz", info->rate);
  add_number (builder, "channels", info->channels);
  add_number (builder, "samples", samples);
  add_text (builder, "dtype", "int16le");
  json_builder_set_member_name (builder, "lsb");
  json_builder_add_double_value (builder, info->lsb);
  add_text (builder, "unit", info->unit);
  add_text (builder, "subject", info->patient);
  add_text (builder, "patient", info->patient);
  add_text (builder, "prosthesis", info->prosthesis);
  add_text (builder, "session", info->session);
  add_text (builder, "recording", info->id);
  add_text (builder, "placement", info->electrodes);
  add_text (builder, "electrodes", info->electrodes);
  add_text (builder, "filters", info->filters);
  add_text (builder, "purpose", info->purpose);
  add_text (builder, "source", info->source);
  add_text (builder, "note", info->note);
  add_segments (builder, repetitions);
  add_gaps (builder, repetitions);
  add_clock (builder, repetitions);
  json_builder_end_object (builder);

  root = json_builder_get_root (builder);
  json_generator_set_root (generator, root);
  return json_generator_to_data (generator, length);
}

int
bpg_container_build (const BpgRecordingInfo *info, GPtrArray *repetitions, GPtrArray *samples, GError **error)
{
  gsize json_length;
  g_autofree char *json = build_json (info, repetitions, &json_length);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  guint32 length = GUINT32_TO_LE ((guint32) json_length);

  if (json_length > BPG_CONTAINER_MAX_JSON) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_LIMIT_EXCEEDED, "The recording's description is too long");
    return -1;
  }
  g_byte_array_append (bytes, (const guint8 *) magic, sizeof magic);
  g_byte_array_append (bytes, (const guint8 *) &length, sizeof length);
  g_byte_array_append (bytes, (const guint8 *) json, (guint) json_length);
  for (guint i = 0; i < samples->len; i++) {
    GBytes *part = g_ptr_array_index (samples, i);

    g_byte_array_append (bytes, g_bytes_get_data (part, NULL), (guint) g_bytes_get_size (part));
  }
  return bpg_file_new_memory ("recording", bytes->data, bytes->len, error);
}

static JsonObject *
parse_json (GBytes *container, JsonParser *parser, gsize *offset, GError **error)
{
  gsize total;
  const guint8 *data = g_bytes_get_data (container, &total);
  guint32 length;

  if (total < PREFIX_LENGTH || memcmp (data, magic, sizeof magic) != 0) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "This is not a recording (.bpr)");
    return NULL;
  }
  memcpy (&length, data + sizeof magic, sizeof length);
  length = GUINT32_FROM_LE (length);
  if (length > total - PREFIX_LENGTH) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The recording is truncated");
    return NULL;
  }
  if (length > BPG_CONTAINER_MAX_JSON) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_LIMIT_EXCEEDED, "The recording's description is longer than %u bytes",
                 BPG_CONTAINER_MAX_JSON);
    return NULL;
  }
  *offset = PREFIX_LENGTH + length;
  return bpg_json_parse_object (parser, (const char *) data + PREFIX_LENGTH, length, error);
}

static gboolean
read_info (JsonObject *object, BpgRecordingInfo *info, guint64 *n_samples, GError **error)
{
  guint64 rate, channels;
  g_autofree char *type = NULL;

  if (!bpg_json_get_uint (object, "fs_hz", 1, BPG_RECORDING_MAX_RATE, &rate, error) ||
      !bpg_json_get_uint (object, "channels", 1, BPG_RECORDING_MAX_CHANNELS, &channels, error) ||
      !bpg_json_get_uint (object, "samples", 1, BPG_RECORDING_MAX_BYTES / 2, n_samples, error) ||
      !bpg_json_get_double (object, "lsb", &info->lsb, error) ||
      !bpg_json_get_text (object, "unit", 64, &info->unit, error))
    return FALSE;
  info->rate = (guint32) rate;
  info->channels = (guint32) channels;

  type = g_strdup ("int16le");
  if (!bpg_json_get_text (object, "dtype", 16, &type, error) ||
      !bpg_json_get_text (object, "prosthesis", 128, &info->prosthesis, error) ||
      !bpg_json_get_text (object, "filters", MAX_TEXT, &info->filters, error) ||
      !bpg_json_get_text (object, "electrodes", MAX_TEXT, &info->electrodes, error) ||
      !bpg_json_get_text (object, "purpose", 64, &info->purpose, error) ||
      !bpg_json_get_text (object, "source", 64, &info->source, error) ||
      !bpg_json_get_label (object, "session", MAX_TEXT, &info->session, error) ||
      !bpg_json_get_text (object, "note", MAX_TEXT, &info->note, error))
    return FALSE;
  if (g_str_equal (type, "int16le"))
    return bpg_recording_info_check (info, error);
  g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "Samples of type '%s' are not understood, only int16le", type);
  return FALSE;
}

static BpgRepetition *
read_segment (JsonArray *segments, guint i, guint64 n_samples, guint64 *start, GError **error)
{
  g_autoptr (BpgRepetition) repetition = bpg_repetition_new ();
  JsonObject *segment = bpg_json_get_element (segments, i, error);
  guint64 code, number;

  repetition->movement = g_strdup ("");
  if (segment == NULL || !bpg_json_get_uint (segment, "start", 0, n_samples - 1, start, error) ||
      !bpg_json_get_uint (segment, "count", 1, n_samples - *start, &repetition->count, error) ||
      !bpg_json_get_uint (segment, "gesture", 0, 255, &code, error) ||
      !bpg_json_get_uint (segment, "rep", 1, 65535, &number, error) ||
      !bpg_json_get_text (segment, "name", BPG_MOVEMENT_NAME_MAX, &repetition->movement, error))
    return NULL;
  repetition->code = (guint8) code;
  repetition->repetition = (guint32) number;
  return bpg_repetition_check (repetition, error) ? g_steal_pointer (&repetition) : NULL;
}

/* Gives each repetition the part of the container's gaps that lies in it. */
static gboolean
read_gaps (JsonObject *object, BpgRepetition *repetition, guint64 start, guint64 n_samples, GError **error)
{
  g_autoptr (GVariantBuilder) builder = g_variant_builder_new (G_VARIANT_TYPE ("a(tt)"));
  JsonArray *gaps;

  if (!bpg_json_get_array (object, "gaps", BPG_MAX_GAPS, &gaps, error))
    return FALSE;
  for (guint i = 0; gaps != NULL && i < json_array_get_length (gaps); i++) {
    JsonObject *gap = bpg_json_get_element (gaps, i, error);
    guint64 first, count, end;

    if (gap == NULL || !bpg_json_get_uint (gap, "start", 0, n_samples, &first, error) ||
        !bpg_json_get_uint (gap, "count", 0, n_samples - first, &count, error))
      return FALSE;
    end = MIN (first + count, start + repetition->count);
    first = MAX (first, start);
    if (first < end)
      g_variant_builder_add (builder, "(tt)", first - start, end - first);
  }
  g_variant_unref (repetition->lost);
  repetition->lost = g_variant_ref_sink (g_variant_builder_end (builder));
  return TRUE;
}

static gboolean
read_segments (JsonObject *object, GBytes *samples, guint64 n_samples, guint frame, GPtrArray *repetitions,
               GPtrArray *parts, GError **error)
{
  JsonArray *segments;

  if (!bpg_json_get_array (object, "segments", BPG_RECORDING_MAX_REPETITIONS, &segments, error))
    return FALSE;
  for (guint i = 0; segments != NULL && i < json_array_get_length (segments); i++) {
    guint64 start;
    BpgRepetition *repetition = read_segment (segments, i, n_samples, &start, error);

    if (repetition == NULL)
      return FALSE;
    g_ptr_array_add (repetitions, repetition);
    if (!read_gaps (object, repetition, start, n_samples, error))
      return FALSE;
    g_ptr_array_add (parts, g_bytes_new_from_bytes (samples, start * frame, repetition->count * frame));
  }
  if (repetitions->len > 0)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The recording names no segment");
  return FALSE;
}

/* Segments may overlap; their sum is what will be stored. */
static gboolean
check_sum (GPtrArray *repetitions, guint frame, GError **error)
{
  guint64 sum = 0;

  for (guint i = 0; i < repetitions->len; i++)
    sum += ((const BpgRepetition *) g_ptr_array_index (repetitions, i))->count * frame;
  if (sum <= BPG_RECORDING_MAX_BYTES)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_LIMIT_EXCEEDED, "The segments add up to more than %u MB",
               BPG_RECORDING_MAX_BYTES / 1024 / 1024);
  return FALSE;
}

BpgRecordingInfo *
bpg_container_parse (GBytes *container, GPtrArray **repetitions, GPtrArray **samples, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  g_autoptr (BpgRecordingInfo) info = bpg_recording_info_new ();
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func ((GDestroyNotify) bpg_repetition_free);
  g_autoptr (GPtrArray) parts = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_autoptr (GBytes) data = NULL;
  g_autoptr (GError) local = NULL;
  gsize offset = 0;
  guint64 n_samples = 0;
  JsonObject *object = parse_json (container, parser, &offset, error);

  if (object == NULL)
    return NULL;
  if (!read_info (object, info, &n_samples, &local)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "%s", local->message);
    return NULL;
  }
  if (n_samples * info->channels * 2 != g_bytes_get_size (container) - offset) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The recording's length does not fit its description");
    return NULL;
  }
  data = g_bytes_new_from_bytes (container, offset, g_bytes_get_size (container) - offset);
  if (!read_segments (object, data, n_samples, info->channels * 2, found, parts, &local)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "%s", local->message);
    return NULL;
  }
  if (!check_sum (found, info->channels * 2, error))
    return NULL;
  *repetitions = g_steal_pointer (&found);
  *samples = g_steal_pointer (&parts);
  return g_steal_pointer (&info);
}
