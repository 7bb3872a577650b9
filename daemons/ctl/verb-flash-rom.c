/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-find.h"
#include "bpg-wait.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define KILOBYTE 1024u
#define MAX_IMAGES 16

static char *port_option;
static gboolean erase_option;
static gboolean erase_images_option;
static gboolean no_reset_option;
static int baud_option;
static char *flash_size_option;
static gboolean no_wait_option;

static const BpgField fields[] = {
  {"bytes", N_("Images"), bpg_format_bytes},
  {"written", N_("Written"), bpg_format_bytes},
  {"flash_size", N_("Flash"), bpg_format_bytes},
  {"baud", N_("Baud"), NULL},
  {"resumed", N_("Resumed"), NULL},
  {"seconds", N_("Time"), bpg_format_seconds},
  {NULL},
};

/* A number of bytes: 4194304, 0x400000, 4096K or 4M. */
static gboolean
parse_size (const char *text, guint64 *value)
{
  char *end;
  guint64 unit = 1;

  errno = 0;
  *value = g_ascii_strtoull (text, &end, 0);
  if (end == text || errno != 0 || text[0] == '-')
    return FALSE;
  if (g_ascii_toupper (*end) == 'K')
    unit = KILOBYTE;
  else if (g_ascii_toupper (*end) == 'M')
    unit = KILOBYTE * KILOBYTE;
  *value *= unit;
  return end[unit > 1 ? 1 : 0] == '\0';
}

/* IMAGE@OFFSET: opens the image, which becomes number @handle of those that are handed over. */
static gboolean
take_image (const char *text, GVariantBuilder *images, GArray *fds, GError **error)
{
  const char *at = strrchr (text, '@');
  g_autofree char *path = at != NULL ? g_strndup (text, (gsize) (at - text)) : NULL;
  guint64 offset;
  int fd;

  if (at == NULL || *path == '\0' || !parse_size (at + 1, &offset) || offset > G_MAXUINT32)
    return bpg_ctl_usage (error, _("'%s' is not IMAGE@OFFSET, for example boot.bin@0x0"), text);
  fd = open (path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return bpg_error_set_errno (error, errno, FALSE, path);
  g_variant_builder_add (images, "(uh)", (guint32) offset, (gint32) fds->len);
  g_array_append_val (fds, fd);
  return TRUE;
}

static gboolean
build_options (GVariantDict *options, GError **error)
{
  guint64 flash_size;

  if (erase_option && erase_images_option)
    return bpg_ctl_usage (error, _("--erase and --erase-images exclude each other"));
  if (erase_option || erase_images_option)
    g_variant_dict_insert (options, "erase", "s", erase_option ? "chip" : "images");
  if (no_reset_option)
    g_variant_dict_insert (options, "reset", "b", FALSE);
  if (baud_option != 0)
    g_variant_dict_insert (options, "baud", "u", (guint32) baud_option);
  if (flash_size_option == NULL)
    return TRUE;
  if (!parse_size (flash_size_option, &flash_size))
    return bpg_ctl_usage (error, _("'%s' is no size, for example 4M"), flash_size_option);
  g_variant_dict_insert (options, "flash_size", "t", flash_size);
  return TRUE;
}

static GVariant *
start (BpgCtl *ctl, GVariant *images, GVariant *options, const GArray *fds, GError **error)
{
  g_autofree char *port = g_canonicalize_filename (port_option, NULL);

  return bpg_ctl_call_fds (ctl, BPG_PATH_UPDATE, "Update1.FlashRom",
                           g_variant_new ("(s@a(uh)@a{sv})", port, images, options), "(o)", (const int *) fds->data,
                           fds->len, error);
}

static void
close_fd (gpointer data)
{
  close (*(int *) data);
}

static GVariant *
call (BpgCtl *ctl, GError **error)
{
  g_autoptr (GArray) fds = g_array_new (FALSE, FALSE, sizeof (int));
  g_auto (GVariantDict) options = G_VARIANT_DICT_INIT (NULL);
  g_auto (GVariantBuilder) images = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a(uh)"));
  gboolean good = TRUE;

  g_array_set_clear_func (fds, close_fd);
  for (guint i = 0; i < ctl->n_arguments && good; i++)
    good = take_image (ctl->arguments[i], &images, fds, error);
  if (!good || !build_options (&options, error))
    return NULL;
  return start (ctl, g_variant_builder_end (&images), g_variant_dict_end (&options), fds, error);
}

static void
print (BpgCtl *ctl, GVariant *result)
{
  gboolean restarted = FALSE;

  if (ctl->output->mode != BPG_OUTPUT_HUMAN) {
    bpg_output_document (ctl->output, result);
    return;
  }
  bpg_output_row (ctl->output, fields, result);
  g_variant_lookup (result, "restarted", "b", &restarted);
  bpg_ctl_note (ctl, restarted ? _("The chip starts what is in its flash now.")
                               : _("Press RESET on the board: the chip starts what is in its flash then."));
}

static gboolean
run (BpgCtl *ctl, GError **error)
{
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) result = NULL;
  const char *job;

  if (port_option == NULL)
    return bpg_ctl_usage (error, _("Say which line with --port PATH"));
  reply = call (ctl, error);
  if (reply == NULL)
    return FALSE;
  g_variant_get (reply, "(&o)", &job);
  if (no_wait_option) {
    bpg_ctl_print_made (ctl, reply);
    return TRUE;
  }
  result = bpg_ctl_wait (ctl, job, _("Flashing"), error);
  if (result == NULL)
    return FALSE;
  print (ctl, result);
  return TRUE;
}

static const GOptionEntry options[] = {
  {"port", 'p', 0, G_OPTION_ARG_FILENAME, &port_option, N_("Serial device, or socket that stands for one"), N_("PATH")},
  {"erase", 0, 0, G_OPTION_ARG_NONE, &erase_option, N_("Erase the whole flash first"), NULL},
  {"erase-images", 0, 0, G_OPTION_ARG_NONE, &erase_images_option, N_("Erase first where the images will be"), NULL},
  {"no-reset", 0, 0, G_OPTION_ARG_NONE, &no_reset_option, N_("Leave DTR and RTS alone"), NULL},
  {"baud", 0, 0, G_OPTION_ARG_INT, &baud_option, N_("Highest speed to try, 115200 to 921600"), N_("N")},
  {"flash-size", 0, 0, G_OPTION_ARG_STRING, &flash_size_option, N_("Instead of asking the flash"), N_("BYTES")},
  {"no-wait", 0, 0, G_OPTION_ARG_NONE, &no_wait_option, N_("Start the job and return"), NULL},
  {NULL},
};

const BpgVerb bpg_verb_flash_rom = {
  .name = "flash-rom",
  .arguments = N_("--port PATH IMAGE@OFFSET…"),
  .summary = N_("Bring a bare ESP32-C3 to life through its ROM loader"),
  .details = N_("Only what differs is written, and all is verified. A chip that a plain image would make useless is\n"
                "refused. Where the line cannot reset the chip: hold BOOT, press RESET, let BOOT go.\n\n"
                "Examples:\n  bionicctl flash-rom --port /dev/ttyACM0 boot.bin@0x0 firmware.bin@0x10000\n"
                "  bionicctl flash-rom --port /dev/ttyUSB0 --erase --baud 460800 firmware.bin@0x10000"),
  .minimum = 1,
  .maximum = MAX_IMAGES,
  .options = options,
  .run = run,
};
