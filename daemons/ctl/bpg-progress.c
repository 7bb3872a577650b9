/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-progress.h"

#include <math.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BAR_CELLS 24
#define DEFAULT_COLUMNS 80

static gboolean shown;

gboolean
bpg_progress_is_wanted (void)
{
  return isatty (STDERR_FILENO) && g_strcmp0 (g_getenv ("TERM"), "dumb") != 0;
}

static int
get_columns (void)
{
  struct winsize size;

  return ioctl (STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : DEFAULT_COLUMNS;
}

char *
bpg_progress_bar (double fraction, guint cells)
{
  static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  guint eighths = (guint) lround (CLAMP (fraction, 0.0, 1.0) * cells * 8);
  GString *bar = g_string_new (NULL);
  guint used = eighths / 8;

  for (guint i = 0; i < used; i++)
    g_string_append (bar, "█");
  if (eighths % 8 != 0) {
    g_string_append (bar, parts[eighths % 8]);
    used++;
  }
  for (; used < cells; used++)
    g_string_append_c (bar, ' ');
  return g_string_free (bar, FALSE);
}

void
bpg_progress_show (const char *title, double fraction, const char *detail)
{
  g_autofree char *bar = bpg_progress_bar (fraction, BAR_CELLS);
  g_autofree char *percent = fraction < 0.0 ? g_strdup ("    ") : g_strdup_printf ("%3.0f%%", 100.0 * fraction);
  g_autofree char *head = g_strdup_printf ("%s ▕%s▏ %s ", title, bar, percent);
  glong room = get_columns () - g_utf8_strlen (head, -1) - 1;
  g_autofree char *tail = g_utf8_substring (detail, 0, MAX (MIN (room, g_utf8_strlen (detail, -1)), 0));

  fprintf (stderr, "\r\033[K%s%s", head, tail);
  fflush (stderr);
  shown = TRUE;
}

void
bpg_progress_clear (void)
{
  if (!shown)
    return;
  fputs ("\r\033[K", stderr);
  fflush (stderr);
  shown = FALSE;
}
