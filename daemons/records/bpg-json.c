/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-json.h"

#include "bpg-error.h"

#include <math.h>
#include <string.h>

/* The parser calls itself for each level; what would exhaust the stack is refused before. */
static gboolean
is_shallow (const char *text, gsize length)
{
  gboolean in_text = FALSE;
  guint depth = 0;

  for (gsize i = 0; i < length; i++) {
    if (in_text && text[i] == '\\')
      i++;
    else if (text[i] == '"')
      in_text = !in_text;
    else if (!in_text && (text[i] == '{' || text[i] == '[') && ++depth > BPG_JSON_MAX_DEPTH)
      return FALSE;
    else if (!in_text && (text[i] == '}' || text[i] == ']') && depth > 0)
      depth--;
  }
  return TRUE;
}

JsonObject *
bpg_json_parse_object (JsonParser *parser, const char *text, gsize length, GError **error)
{
  g_autoptr (GError) local = NULL;
  JsonNode *root = NULL;

  if (!g_utf8_validate_len (text, length, NULL) || !is_shallow (text, length)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The description is not JSON as it is expected");
    return NULL;
  }
  if (!json_parser_load_from_data (parser, text, (gssize) length, &local) ||
      (root = json_parser_get_root (parser)) == NULL || !JSON_NODE_HOLDS_OBJECT (root)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The description is not a JSON object%s%s",
                 local != NULL ? ": " : "", local != NULL ? local->message : "");
    return NULL;
  }
  return json_node_get_object (root);
}

static gboolean
fail (const char *key, const char *what, GError **error)
{
  g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "'%s' %s", key, what);
  return FALSE;
}

static JsonNode *
get_number (JsonObject *object, const char *key)
{
  JsonNode *node = json_object_get_member (object, key);
  GType type = node != NULL && JSON_NODE_HOLDS_VALUE (node) ? json_node_get_value_type (node) : G_TYPE_INVALID;

  return type == G_TYPE_INT64 || type == G_TYPE_DOUBLE ? node : NULL;
}

gboolean
bpg_json_get_uint (JsonObject *object, const char *key, guint64 minimum, guint64 maximum, guint64 *value,
                   GError **error)
{
  JsonNode *node = get_number (object, key);
  double number = node != NULL ? json_node_get_double (node) : NAN;

  if (!(number >= (double) minimum && number <= (double) maximum) || number != floor (number))
    return fail (key, "is missing or out of bounds", error);
  *value = json_node_get_value_type (node) == G_TYPE_INT64 ? (guint64) json_node_get_int (node) : (guint64) number;
  return *value >= minimum && *value <= maximum ? TRUE : fail (key, "is out of bounds", error);
}

gboolean
bpg_json_get_double (JsonObject *object, const char *key, double *value, GError **error)
{
  JsonNode *node = get_number (object, key);

  if (node == NULL || !isfinite (json_node_get_double (node)))
    return fail (key, "is missing or no finite number", error);
  *value = json_node_get_double (node);
  return TRUE;
}

gboolean
bpg_json_get_text (JsonObject *object, const char *key, gsize limit, char **value, GError **error)
{
  JsonNode *node = json_object_get_member (object, key);

  if (node == NULL)
    return TRUE;
  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
    return fail (key, "is not a text", error);
  if (strlen (json_node_get_string (node)) > limit)
    return fail (key, "is too long", error);
  g_free (*value);
  *value = json_node_dup_string (node);
  return TRUE;
}

gboolean
bpg_json_get_label (JsonObject *object, const char *key, gsize limit, char **value, GError **error)
{
  JsonNode *node = json_object_get_member (object, key);

  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_INT64)
    return bpg_json_get_text (object, key, limit, value, error);
  g_free (*value);
  *value = g_strdup_printf ("%" G_GINT64_FORMAT, json_node_get_int (node));
  return TRUE;
}

gboolean
bpg_json_get_array (JsonObject *object, const char *key, guint limit, JsonArray **value, GError **error)
{
  JsonNode *node = json_object_get_member (object, key);

  *value = NULL;
  if (node == NULL)
    return TRUE;
  if (!JSON_NODE_HOLDS_ARRAY (node))
    return fail (key, "is not an array", error);
  *value = json_node_get_array (node);
  return json_array_get_length (*value) <= limit ? TRUE : fail (key, "has too many elements", error);
}

JsonObject *
bpg_json_get_element (JsonArray *array, guint i, GError **error)
{
  JsonNode *node = json_array_get_element (array, i);

  if (JSON_NODE_HOLDS_OBJECT (node))
    return json_node_get_object (node);
  g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "Element %u is not an object", i);
  return NULL;
}
