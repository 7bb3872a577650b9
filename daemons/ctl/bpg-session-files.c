/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-session-files.h"

#include "bpg-error.h"

#include "recognition/limits.h"

#include <glib/gi18n-lib.h>
#include <json-glib/json-glib.h>
#include <string.h>

#define DEPTH 3
#define MAX_FOUND 20000
/* What a virtual arm takes. */
#define MAX_RECORDINGS 200

void
bpg_session_files_free (BpgSessionFiles *self)
{
  g_ptr_array_unref (self->paths);
  g_free (self->subject);
  g_free (self->session);
  g_free (self);
}

static gboolean
is_side_car (const char *path)
{
  g_autofree char *stem = NULL;
  g_autofree char *samples = NULL;

  if (!g_str_has_suffix (path, ".json"))
    return FALSE;
  stem = g_strndup (path, strlen (path) - strlen (".json"));
  samples = g_strconcat (stem, ".bin", NULL);
  return g_file_test (samples, G_FILE_TEST_IS_REGULAR);
}

/* Side-cars below @path, to a depth that suits the folders recordings come in. */
static void
collect (const char *path, guint depth, GPtrArray *found)
{
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  const char *name;

  while (folder != NULL && found->len < MAX_FOUND && (name = g_dir_read_name (folder)) != NULL) {
    g_autofree char *child = g_build_filename (path, name, NULL);

    if (is_side_car (child))
      g_ptr_array_add (found, g_steal_pointer (&child));
    else if (depth > 0 && g_file_test (child, G_FILE_TEST_IS_DIR))
      collect (child, depth - 1, found);
  }
}

static int
compare_text (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* A member as text, whether it was written as a number or as text; "" when it is not there. */
static char *
get_text (JsonObject *object, const char *key)
{
  JsonNode *node = json_object_get_member (object, key);
  GValue value = G_VALUE_INIT;
  char *text;

  if (node == NULL || !JSON_NODE_HOLDS_VALUE (node))
    return g_strdup ("");
  if (json_node_get_value_type (node) == G_TYPE_STRING)
    return json_node_dup_string (node);
  json_node_get_value (node, &value);
  text = g_strdup_value_contents (&value);
  g_value_unset (&value);
  return text;
}

static gboolean
is_between (JsonObject *object, const char *key, gint64 least, gint64 most)
{
  JsonNode *node = json_object_get_member (object, key);

  return node != NULL && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_INT64 &&
         json_node_get_int (node) >= least && json_node_get_int (node) <= most;
}

/* What recordings of one session have in common, beside its name: one arm has one converter. %NULL for what no arm could
 * have recorded. */
static char *
read_key (const char *path, char **subject, char **session)
{
  static const char *const members[] = {"dataset", "fs_hz", "channels", "lsb", "unit"};
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GString) key = g_string_new (NULL);
  JsonNode *root;
  JsonObject *object;

  root = json_parser_load_from_file (parser, path, NULL) ? json_parser_get_root (parser) : NULL;
  object = root != NULL && JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
  if (object == NULL || !is_between (object, "fs_hz", BPG_RATE_MIN, BPG_RATE_MAX) ||
      !is_between (object, "channels", BPG_CHANNELS_MIN, BPG_CHANNELS_MAX))
    return NULL;
  *subject = get_text (object, "subject");
  *session = get_text (object, "session");
  g_string_printf (key, "%s\n%s", *subject, *session);
  for (guint i = 0; i < G_N_ELEMENTS (members); i++) {
    g_autofree char *text = get_text (object, members[i]);

    g_string_append_printf (key, "\n%s", text);
  }
  return g_string_free (g_steal_pointer (&key), FALSE);
}

static BpgSessionFiles *
take_first_session (GPtrArray *found)
{
  g_autoptr (BpgSessionFiles) self = g_new0 (BpgSessionFiles, 1);
  g_autofree char *wanted = NULL;

  self->paths = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < found->len && self->paths->len < MAX_RECORDINGS; i++) {
    g_autofree char *subject = NULL;
    g_autofree char *session = NULL;
    g_autofree char *key = read_key (found->pdata[i], &subject, &session);

    if (key == NULL || (wanted != NULL && strcmp (key, wanted) != 0))
      continue;
    if (wanted == NULL) {
      wanted = g_steal_pointer (&key);
      self->subject = g_steal_pointer (&subject);
      self->session = g_steal_pointer (&session);
    }
    g_ptr_array_add (self->paths, g_strdup (found->pdata[i]));
  }
  return wanted != NULL ? g_steal_pointer (&self) : NULL;
}

BpgSessionFiles *
bpg_session_files_find (const char *data, GError **error)
{
  g_autoptr (GPtrArray) found = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *absolute = g_canonicalize_filename (data, NULL);
  BpgSessionFiles *session;

  if (is_side_car (absolute))
    g_ptr_array_add (found, g_strdup (absolute));
  else
    collect (absolute, DEPTH, found);
  if (found->len == 0) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, _("No recording (X.json with X.bin beside it) in %s"), data);
    return NULL;
  }
  g_ptr_array_sort (found, compare_text);
  session = take_first_session (found);
  if (session == NULL)
    g_set_error (error, BPG_ERROR, BPG_ERROR_INCOMPATIBLE,
                 _("No .json file in %s describes a recording that an arm could have made: 'fs_hz' is %u to %u, "
                   "'channels' %u to %u"),
                 data, BPG_RATE_MIN, BPG_RATE_MAX, BPG_CHANNELS_MIN, BPG_CHANNELS_MAX);
  return session;
}
