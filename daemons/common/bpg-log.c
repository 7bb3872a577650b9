/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define G_LOG_DOMAIN "bionicpro"

#include "bpg-log.h"

#include <stdio.h>
#include <unistd.h>

static gboolean show_debug = FALSE;

void
bpg_log (GLogLevelFlags level, const char *object, const char *message_id, const char *format, ...)
{
  static const struct {
    GLogLevelFlags level;
    const char *priority;
  } priorities[] = {
    {G_LOG_LEVEL_DEBUG, "7"},
    {G_LOG_LEVEL_INFO, "6"},
    {G_LOG_LEVEL_MESSAGE, "5"},
    {G_LOG_LEVEL_WARNING, "4"},
    {G_LOG_LEVEL_CRITICAL, "3"},
  };
  g_autofree char *text = NULL;
  g_autofree char *line = NULL;
  GLogField fields[5];
  gsize n = 0;
  va_list args;

  if (level == G_LOG_LEVEL_DEBUG && !show_debug)
    return;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  line = object != NULL ? g_strdup_printf ("%s: %s", object, text) : g_strdup (text);

  fields[n++] = (GLogField){"MESSAGE", line, -1};
  for (guint i = 0; i < G_N_ELEMENTS (priorities); i++) {
    if (priorities[i].level == level)
      fields[n++] = (GLogField){"PRIORITY", priorities[i].priority, -1};
  }
  fields[n++] = (GLogField){"GLIB_DOMAIN", G_LOG_DOMAIN, -1};
  if (object != NULL)
    fields[n++] = (GLogField){"BIONICPRO_OBJECT", object, -1};
  if (message_id != NULL)
    fields[n++] = (GLogField){"MESSAGE_ID", message_id, -1};

  g_log_structured_array (level, fields, n);
}

static GLogWriterOutput
write_line (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
  if (level == G_LOG_LEVEL_DEBUG && !show_debug)
    return G_LOG_WRITER_HANDLED;
  if (g_log_writer_is_journald (STDERR_FILENO) &&
      g_log_writer_journald (level, fields, n_fields, user_data) == G_LOG_WRITER_HANDLED)
    return G_LOG_WRITER_HANDLED;

  for (gsize i = 0; i < n_fields; i++) {
    if (g_strcmp0 (fields[i].key, "MESSAGE") == 0)
      fprintf (stderr, "%s%s\n", level <= G_LOG_LEVEL_WARNING ? "warning: " : "", (const char *) fields[i].value);
  }
  return G_LOG_WRITER_HANDLED;
}

void
bpg_log_init (gboolean verbose)
{
  show_debug = verbose;
  g_log_set_writer_func (write_line, NULL, NULL);
}
