/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-file.h"
#include "bpg-table.h"

#include "training/lib/bpg-output-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define MODEL_MAX (64u * 1024)

static char *prosthesis_option;
static char *note_option;
static char *out_option;

static gboolean
is_wanted (BpgObject *object, gpointer data)
{
  g_autofree char *prosthesis = bpg_object_get_string (object, "Model1.Prosthesis");

  return data == NULL || g_str_equal (data, prosthesis);
}

static gboolean
run_list (BpgCtl *ctl, GError **error)
{
  const BpgTable *table = bpg_table_get (BPG_THING_MODEL);
  g_autoptr (GPtrArray) rows = bpg_table_load (ctl, table, is_wanted, prosthesis_option, error);

  if (rows == NULL)
    return FALSE;
  bpg_output_table (ctl->output, table->columns, rows, _(table->empty));
  return TRUE;
}

static gboolean
run_import (BpgCtl *ctl, GError **error)
{
  g_autoptr (BpgObject) prosthesis = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autofree char *device = NULL;
  GVariantDict options;
  int fd = open (ctl->arguments[0], O_RDONLY | O_CLOEXEC);

  if (fd < 0)
    return bpg_error_set_errno (error, errno, FALSE, ctl->arguments[0]);
  prosthesis = bpg_ctl_find (ctl, BPG_THING_PROSTHESIS, prosthesis_option, error);
  if (prosthesis != NULL) {
    device = bpg_object_get_string (prosthesis, "Prosthesis1.DeviceId");
    g_variant_dict_init (&options, NULL);
    if (note_option != NULL)
      g_variant_dict_insert (&options, "note", "s", note_option);
    reply = bpg_ctl_call_fd (ctl, BPG_PATH_TRAINING, "Training1.ImportModel",
                             g_variant_new ("(hs@a{sv})", 0, device, g_variant_dict_end (&options)), "(o)", fd, NULL, error);
  }
  close (fd);
  if (reply == NULL)
    return FALSE;
  bpg_ctl_print_made (ctl, reply);
  return TRUE;
}

static gboolean
run_export (BpgCtl *ctl, GError **error)
{
  g_autoptr (BpgObject) model = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GBytes) bytes = NULL;
  int fd = -1;

  if (out_option == NULL)
    return bpg_ctl_usage (error, _("Say where to with --out FILE.bpm"));
  model = bpg_ctl_find (ctl, BPG_THING_MODEL, ctl->arguments[0], error);
  if (model == NULL)
    return FALSE;
  reply = bpg_ctl_call_fd (ctl, model->path, "Model1.Open", g_variant_new ("(a{sv})", NULL), "(h)", -1, &fd, error);
  if (reply == NULL)
    return FALSE;
  bytes = bpg_file_read_fd (fd, MODEL_MAX, error);
  close (fd);
  return bytes != NULL &&
         bpg_output_file_write (out_option, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), 0644, error);
}

static gboolean
run_delete (BpgCtl *ctl, GError **error)
{
  return bpg_ctl_delete_all (ctl, BPG_THING_MODEL, "Model1.Delete", error);
}

static const GOptionEntry list_options[] = {
  {"prosthesis", 0, 0, G_OPTION_ARG_STRING, &prosthesis_option, N_("Only for this arm, by its whole name"), N_("ID")},
  {NULL},
};

static const GOptionEntry import_options[] = {
  {"prosthesis", 0, 0, G_OPTION_ARG_STRING, &prosthesis_option, N_("Which arm it is for"), N_("ID")},
  {"note", 0, 0, G_OPTION_ARG_STRING, &note_option, N_("A remark"), N_("TEXT")},
  {NULL},
};

static const GOptionEntry export_options[] = {
  {"out", 'o', 0, G_OPTION_ARG_FILENAME, &out_option, N_("Where to"), N_("FILE.bpm")},
  {NULL},
};

const BpgVerb bpg_verb_models = {
  .name = "models",
  .arguments = "",
  .summary = N_("List the models"),
  .details = N_("Example:\n  bionicctl models --prosthesis BP-0001"),
  .options = list_options,
  .run = run_list,
};

const BpgVerb bpg_verb_models_import = {
  .name = "models import",
  .arguments = N_("FILE.bpm"),
  .summary = N_("Take a model made elsewhere, for example by 'lab train'"),
  .details = N_("Example:\n  bionicctl models import tuned.bpm --prosthesis BP-0001"),
  .minimum = 1,
  .maximum = 1,
  .options = import_options,
  .run = run_import,
};

const BpgVerb bpg_verb_models_export = {
  .name = "models export",
  .arguments = N_("MODEL --out FILE.bpm"),
  .summary = N_("Write a model to a file"),
  .details = N_("Example:\n  bionicctl models export 3fa9 --out arm.bpm; bionicctl lab info arm.bpm"),
  .minimum = 1,
  .maximum = 1,
  .options = export_options,
  .run = run_export,
};

const BpgVerb bpg_verb_models_delete = {
  .name = "models delete",
  .arguments = N_("MODEL…"),
  .summary = N_("Delete models from the registry"),
  .details = N_("What is on an arm stays there.\n\nExample:\n  bionicctl models delete 3fa9"),
  .minimum = 1,
  .maximum = 64,
  .run = run_delete,
};
