/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-decisions.h"

#include "training/lib/bpg-training-error.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

#define FILE_MAX (256u * 1024 * 1024)

typedef struct {
  GArray *rows;
  GPtrArray *names;
  double largest; /* of confidence and speed: tells parts of 1 from parts of 1000 */
} Loader;

static void
set_name (Loader *self, guint movement, const char *name)
{
  if (name == NULL || *name == '\0' || g_ascii_isdigit (*name) || self->names->pdata[movement] != NULL)
    return;
  self->names->pdata[movement] = g_strdup (name);
}

static void
add_row (Loader *self, const BpgDecisionRow *row)
{
  self->largest = MAX (self->largest, MAX (row->confidence, row->speed));
  g_array_append_val (self->rows, *row);
}

static int
find_column (char **names, const char *wanted)
{
  for (int i = 0; names[i] != NULL; i++) {
    if (g_ascii_strcasecmp (g_strstrip (names[i]), wanted) == 0)
      return i;
  }
  return -1;
}

static double
get_field (char **fields, guint n_fields, int column, double otherwise)
{
  char *end;
  double value;

  if (column < 0 || (guint) column >= n_fields)
    return otherwise;
  value = g_ascii_strtod (fields[column], &end);
  return end != fields[column] && isfinite (value) ? value : otherwise;
}

static gboolean
load_csv (Loader *self, const char *text, GError **error)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_auto (GStrv) header = g_strsplit (lines[0] != NULL ? lines[0] : "", ",", -1);
  int sample = find_column (header, "sample"), movement = find_column (header, "movement");
  int name = find_column (header, "name"), confidence = find_column (header, "confidence");
  int speed = find_column (header, "speed");

  if (sample < 0 || movement < 0) {
    g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_CORRUPT,
                 "the first line must name the columns sample and movement");
    return FALSE;
  }
  for (guint i = 1; lines[i] != NULL; i++) {
    g_auto (GStrv) fields = g_strsplit (g_strchomp (lines[i]), ",", -1);
    guint n_fields = g_strv_length (fields);
    double at = get_field (fields, n_fields, sample, -1.0);
    double code = get_field (fields, n_fields, movement, -1.0);
    BpgDecisionRow row = {.confidence = get_field (fields, n_fields, confidence, -1.0),
                          .speed = get_field (fields, n_fields, speed, -1.0)};

    if (lines[i][0] == '\0' || lines[i][0] == '#')
      continue;
    if (at < 0.0 || at > 1e15 || code < 0.0 || code > 255.0) {
      g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_CORRUPT, "line %u is no decision", i + 1);
      return FALSE;
    }
    row.sample = (guint64) at;
    row.movement = (guint8) code;
    if (name >= 0 && (guint) name < n_fields)
      set_name (self, row.movement, fields[name]);
    add_row (self, &row);
  }
  return TRUE;
}

static JsonArray *
find_list (JsonNode *root)
{
  JsonNode *node = root;

  if (root != NULL && JSON_NODE_HOLDS_OBJECT (root))
    node = json_object_get_member (json_node_get_object (root), "decisions");
  return node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
}

static gboolean
load_json (Loader *self, const char *text, GError **error)
{
  g_autoptr (JsonParser) parser = json_parser_new ();
  JsonArray *list = NULL;

  if (json_parser_load_from_data (parser, text, -1, NULL))
    list = find_list (json_parser_get_root (parser));
  for (guint i = 0; list != NULL && i < json_array_get_length (list); i++) {
    JsonNode *node = json_array_get_element (list, i);
    JsonObject *object = JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node) : NULL;
    gint64 sample = object != NULL ? json_object_get_int_member_with_default (object, "sample", -1) : -1;
    gint64 movement = object != NULL ? json_object_get_int_member_with_default (object, "movement", -1) : -1;
    BpgDecisionRow row = {.sample = (guint64) sample, .movement = (guint8) movement};

    if (sample < 0 || movement < 0 || movement > 255) {
      g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_CORRUPT, "entry %u is no decision", i + 1);
      return FALSE;
    }
    row.confidence = json_object_get_double_member_with_default (object, "confidence", -1.0);
    row.speed = json_object_get_double_member_with_default (object, "speed", -1.0);
    set_name (self, row.movement, json_object_get_string_member_with_default (object, "name", NULL));
    add_row (self, &row);
  }
  if (list == NULL)
    g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_CORRUPT, "there is no list of decisions");
  return list != NULL;
}

static int
compare_samples (gconstpointer a, gconstpointer b)
{
  const BpgDecisionRow *first = a, *second = b;

  return (first->sample > second->sample) - (first->sample < second->sample);
}

static void
normalise (Loader *self)
{
  double scale = self->largest > 1.0 ? 1000.0 : 1.0;

  for (guint i = 0; i < self->rows->len; i++) {
    BpgDecisionRow *row = &g_array_index (self->rows, BpgDecisionRow, i);

    row->confidence = row->confidence < 0.0 ? -1.0 : MIN (row->confidence / scale, 1.0);
    row->speed = row->speed < 0.0 ? -1.0 : MIN (row->speed / scale, 1.0);
  }
  g_array_sort (self->rows, compare_samples);
}

GArray *
bpg_decisions_parse (const char *text, gboolean json, GPtrArray **names, GError **error)
{
  g_autoptr (GArray) rows = g_array_new (FALSE, FALSE, sizeof (BpgDecisionRow));
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_free);
  Loader self = {.rows = rows, .names = found};

  g_ptr_array_set_size (found, 256);
  if (!(json ? load_json (&self, text, error) : load_csv (&self, text, error)))
    return NULL;
  normalise (&self);
  if (names != NULL)
    *names = g_steal_pointer (&found);
  return g_steal_pointer (&rows);
}

GArray *
bpg_decisions_load (const char *path, GPtrArray **names, GError **error)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) local = NULL;
  GArray *rows;
  gsize length;

  if (!g_file_get_contents (path, &text, &length, &local)) {
    g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_NOT_FOUND, "%s; check the name", local->message);
    return NULL;
  }
  if (length > FILE_MAX || strlen (text) != length) {
    g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_CORRUPT, "%s is no text of sensible length", path);
    return NULL;
  }
  rows = bpg_decisions_parse (text, g_str_has_suffix (path, ".json"), names, error);
  if (rows == NULL)
    g_prefix_error (error, "%s: ", path);
  return rows;
}
