/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-file.h"
#include "bpg-open.h"
#include "bpg-table.h"

#include <stdio.h>
#include <unistd.h>

#define CONTAINER_MAX (256u * 1024 * 1024)

static char *patient_option;
static char *prosthesis_option;
static char *note_option;

typedef struct {
  char *patient;    /* object path, or NULL */
  char *prosthesis; /* deviceId, or NULL */
} Filter;

static gboolean
is_wanted (BpgObject *object, gpointer data)
{
  Filter *filter = data;
  g_autofree char *patient = bpg_object_get_string (object, "Recording1.Patient");
  g_autofree char *prosthesis = bpg_object_get_string (object, "Recording1.Prosthesis");

  return (filter->patient == NULL || g_str_equal (filter->patient, patient)) &&
         (filter->prosthesis == NULL || g_str_equal (filter->prosthesis, prosthesis));
}

static gboolean
run_list (BpgCtl *ctl, GError **error)
{
  const BpgTable *table = bpg_table_get (BPG_THING_RECORDING);
  g_autoptr (BpgObject) patient = NULL;
  g_autoptr (GPtrArray) rows = NULL;
  Filter filter = {NULL, prosthesis_option};

  if (patient_option != NULL) {
    patient = bpg_ctl_find (ctl, BPG_THING_PATIENT, patient_option, error);
    if (patient == NULL)
      return FALSE;
    filter.patient = patient->path;
  }
  rows = bpg_table_load (ctl, table, is_wanted, &filter, error);
  if (rows == NULL)
    return FALSE;
  bpg_output_table (ctl->output, table->columns, rows, _(table->empty));
  return TRUE;
}

/* Whatever the format of the file, recordsd takes a container. */
static int
open_container (const char *path, GError **error)
{
  g_autofree char *temporary = NULL;
  g_autoptr (BpgRecordingFile) file = NULL;
  g_autoptr (GBytes) bytes = NULL;
  BpgEdfInfo info = {0};
  GError *local = NULL;
  int fd = g_file_open_tmp ("bionicctl-XXXXXX.bpr", &temporary, error);
  gboolean saved;

  if (fd < 0)
    return -1;
  close (fd);
  file = bpg_recording_file_load (path, NULL, &local);
  saved = file != NULL && bpg_recording_file_save (file, temporary, "recording", &info, NULL, 0600, &local);
  if (saved)
    bytes = bpg_file_read (temporary, CONTAINER_MAX, error);
  else
    bpg_ctl_take_training_error (error, local);
  unlink (temporary);
  return bytes != NULL
           ? bpg_file_new_memory ("recording", g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), error)
           : -1;
}

static gboolean
run_import (BpgCtl *ctl, GError **error)
{
  g_autoptr (BpgObject) patient = NULL;
  g_autoptr (GVariant) reply = NULL;
  GVariantDict options;
  int fd;

  if (patient_option == NULL)
    return bpg_ctl_usage (error, _("Whose recording is it? Say --patient"));
  patient = bpg_ctl_find (ctl, BPG_THING_PATIENT, patient_option, error);
  if (patient == NULL)
    return FALSE;
  fd = open_container (ctl->arguments[0], error);
  if (fd < 0)
    return FALSE;
  g_variant_dict_init (&options, NULL);
  if (prosthesis_option != NULL)
    g_variant_dict_insert (&options, "prosthesis", "s", prosthesis_option);
  if (note_option != NULL)
    g_variant_dict_insert (&options, "note", "s", note_option);
  reply = bpg_ctl_call_fd (ctl, BPG_PATH_RECORDS, "Records1.ImportRecording",
                           g_variant_new ("(oh@a{sv})", patient->path, 0, g_variant_dict_end (&options)), "(o)", fd, NULL,
                           error);
  close (fd);
  if (reply == NULL)
    return FALSE;
  bpg_ctl_print_made (ctl, reply);
  return TRUE;
}

static gboolean
run_delete (BpgCtl *ctl, GError **error)
{
  return bpg_ctl_delete_all (ctl, BPG_THING_RECORDING, "Recording1.Delete", error);
}

static const GOptionEntry list_options[] = {
  {"patient", 'p', 0, G_OPTION_ARG_STRING, &patient_option, N_("Only of this patient"), N_("PATIENT")},
  {"prosthesis", 0, 0, G_OPTION_ARG_STRING, &prosthesis_option, N_("Only of this arm, by its whole name"), N_("ID")},
  {NULL},
};

static const GOptionEntry import_options[] = {
  {"patient", 'p', 0, G_OPTION_ARG_STRING, &patient_option, N_("Whose recording it is"), N_("PATIENT")},
  {"prosthesis", 0, 0, G_OPTION_ARG_STRING, &prosthesis_option, N_("Which arm it was made with"), N_("ID")},
  {"note", 0, 0, G_OPTION_ARG_STRING, &note_option, N_("A remark"), N_("TEXT")},
  {NULL},
};

const BpgVerb bpg_verb_recordings = {
  .name = "recordings",
  .arguments = "",
  .summary = N_("List the recordings"),
  .details = N_("Example:\n  bionicctl recordings --patient P7K2"),
  .options = list_options,
  .run = run_list,
};

const BpgVerb bpg_verb_recordings_import = {
  .name = "recordings import",
  .arguments = N_("FILE --patient PATIENT"),
  .summary = N_("Take a recording made elsewhere"),
  .details = N_("FILE is a .bpr, .json (with .bin beside it), .edf or .csv.\n\n"
                "Example:\n  bionicctl recordings import old.edf --patient P7K2 --prosthesis BP-0001"),
  .minimum = 1,
  .maximum = 1,
  .options = import_options,
  .run = run_import,
};

const BpgVerb bpg_verb_recordings_delete = {
  .name = "recordings delete",
  .arguments = N_("RECORDING…"),
  .summary = N_("Delete recordings"),
  .details = N_("Example:\n  bionicctl recordings delete 3fa9"),
  .minimum = 1,
  .maximum = 64,
  .run = run_delete,
};
