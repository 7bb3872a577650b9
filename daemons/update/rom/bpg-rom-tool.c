/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The library by itself, for tests and for the bench: neither bus nor rights nor jobs. Prints phases on standard error and
 * the figures as one object of JSON. */
#include "bpg-rom-flash.h"

#include "bpg-error.h"

#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>

static int baud_option;
static gboolean no_reset_option;
static gboolean plain_option;
static gboolean deflated_option;
static char *erase_option;
static int flash_size_option;
static int absent_option = 60;

static const GOptionEntry entries[] = {
  {"baud", 0, 0, G_OPTION_ARG_INT, &baud_option, "Highest speed", "BAUD"},
  {"no-reset", 0, 0, G_OPTION_ARG_NONE, &no_reset_option, "Leave the modem lines alone", NULL},
  {"plain", 0, 0, G_OPTION_ARG_NONE, &plain_option, "Deflate nothing", NULL},
  {"deflated", 0, 0, G_OPTION_ARG_NONE, &deflated_option, "Deflate everything", NULL},
  {"erase", 0, 0, G_OPTION_ARG_STRING, &erase_option, "Erase first", "chip|images"},
  {"flash-size", 0, 0, G_OPTION_ARG_INT, &flash_size_option, "Instead of asking the flash", "BYTES"},
  {"absent", 0, 0, G_OPTION_ARG_INT, &absent_option, "Wait so long for a line that has gone", "SECONDS"},
  {NULL},
};

static void
report_phase (const char *phase, double progress, const char *message, gpointer user_data)
{
  g_printerr ("%s %.3f%s%s\n", phase, progress, message != NULL ? " " : "", message != NULL ? message : "");
}

/* FILE@OFFSET. */
static gboolean
read_image (const char *text, BpgRomImage *image, GError **error)
{
  const char *at = strrchr (text, '@');
  g_autofree char *file = at != NULL ? g_strndup (text, (gsize) (at - text)) : NULL;
  char *contents;
  gsize length;

  if (at == NULL) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "%s is not FILE@OFFSET", text);
    return FALSE;
  }
  if (!g_file_get_contents (file, &contents, &length, error))
    return FALSE;
  image->offset = (guint32) g_ascii_strtoull (at + 1, NULL, 0);
  image->bytes = g_bytes_new_take (contents, length);
  return TRUE;
}

static void
print_report (const BpgRomReport *report)
{
  printf ("{\"revision\": %u, \"flash_size\": %" G_GUINT64_FORMAT ", \"baud\": %u, \"bytes\": %" G_GUINT64_FORMAT
          ", \"written\": %" G_GUINT64_FORMAT ", \"deflated\": %s, \"seconds\": %.6f, \"write_seconds\": %.6f"
          ", \"requests\": %u, \"retries\": %u, \"resumed\": %u, \"restarted\": %s}\n",
          report->revision, report->flash_size, report->baud, report->bytes, report->written,
          report->deflated ? "true" : "false", report->seconds, report->write_seconds, report->requests,
          report->retries, report->resumed, report->restarted ? "true" : "false");
}

static BpgRomErase
get_erase (void)
{
  if (g_strcmp0 (erase_option, "chip") == 0)
    return BPG_ROM_ERASE_CHIP;
  return erase_option != NULL ? BPG_ROM_ERASE_IMAGES : BPG_ROM_ERASE_NONE;
}

static BpgRomMode
get_mode (void)
{
  if (plain_option)
    return BPG_ROM_MODE_PLAIN;
  return deflated_option ? BPG_ROM_MODE_DEFLATED : BPG_ROM_MODE_AUTO;
}

static gboolean
flash (const char *path, BpgRomImage *images, guint n_images, GError **error)
{
  BpgRomReport report;
  const BpgRomOrder order = {
    .path = path,
    .baud = (guint) baud_option,
    .reset = !no_reset_option,
    .flash_size = (guint64) flash_size_option,
    .mode = get_mode (),
    .erase = get_erase (),
    .absent_seconds = (guint) absent_option,
    .images = images,
    .n_images = n_images,
    .func = report_phase,
  };
  gboolean good = bpg_rom_flash (&order, &report, error);

  print_report (&report);
  return good;
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new ("PATH FILE@OFFSET…");
  g_autoptr (GError) error = NULL;
  g_autofree BpgRomImage *images = NULL;
  guint n_images = 0;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || argc < 3 ||
      (baud_option != 0 && !bpg_rom_line_is_speed ((guint) baud_option))) {
    g_printerr ("bpg-rom-tool: %s\n", error != NULL ? error->message : "see --help");
    return 2;
  }
  images = g_new0 (BpgRomImage, (gsize) argc - 2);
  for (int i = 2; i < argc && error == NULL; i++)
    n_images += read_image (argv[i], &images[n_images], &error) ? 1 : 0;
  if (error == NULL)
    flash (argv[1], images, n_images, &error);
  for (guint i = 0; i < n_images; i++)
    g_bytes_unref (images[i].bytes);
  if (error == NULL)
    return 0;
  g_printerr ("%s: %s\n", error->domain == BPG_ERROR ? bpg_error_get_name (error->code) : "error", error->message);
  return 1;
}
