/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-path.h"

#include <string.h>

#define MAX_ID 128

char *
bpg_path_escape (const char *id)
{
  GString *out = g_string_new (NULL);

  for (gsize i = 0; id[i] != '\0' && i < MAX_ID; i++) {
    if (g_ascii_isalnum (id[i]))
      g_string_append_c (out, id[i]);
    else
      g_string_append_printf (out, "_%02x", (guchar) id[i]);
  }
  if (out->len == 0)
    g_string_append_c (out, '_');
  return g_string_free (out, FALSE);
}

char *
bpg_path_build (const char *root, const char *kind, const char *id)
{
  g_autofree char *escaped = bpg_path_escape (id);

  return g_strdup_printf ("%s/%s/%s", root, kind, escaped);
}

const char *
bpg_path_get_element (const char *path, const char *root, const char *kind)
{
  gsize root_length = strlen (root);
  gsize kind_length = strlen (kind);
  const char *rest;

  if (path == NULL || !g_str_has_prefix (path, root) || path[root_length] != '/')
    return NULL;
  rest = path + root_length + 1;
  if (strncmp (rest, kind, kind_length) != 0 || rest[kind_length] != '/')
    return NULL;
  rest += kind_length + 1;
  if (*rest == '\0' || strchr (rest, '/') != NULL)
    return NULL;
  return rest;
}
