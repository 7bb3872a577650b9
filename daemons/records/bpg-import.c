/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-import.h"

#include "bpg-file.h"

#include <glib/gstdio.h>
#include <unistd.h>

typedef struct {
  int fd;
  char *patient;
  GPtrArray *repetitions;
} Import;

static void
import_free (Import *import)
{
  close (import->fd);
  g_free (import->patient);
  g_clear_pointer (&import->repetitions, g_ptr_array_unref);
  g_free (import);
}

static void
remove_written (BpgArchive *archive, GPtrArray *repetitions)
{
  for (guint i = 0; i < repetitions->len; i++) {
    const BpgRepetition *repetition = g_ptr_array_index (repetitions, i);
    g_autofree char *path =
      repetition->file != NULL ? g_build_filename (bpg_archive_get_folder (archive), repetition->file, NULL) : NULL;

    if (path != NULL)
      g_unlink (path);
  }
}

static void
import_file (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  BpgArchive *archive = source;
  Import *import = task_data;
  GError *error = NULL;
  g_autoptr (GPtrArray) repetitions = NULL;
  g_autoptr (GPtrArray) samples = NULL;
  g_autoptr (BpgRecordingInfo) info = NULL;
  g_autoptr (GBytes) container = bpg_file_read_fd (import->fd, BPG_RECORDING_MAX_BYTES, &error);

  if (container != NULL)
    info = bpg_container_parse (container, &repetitions, &samples, &error);
  for (guint i = 0; info != NULL && error == NULL && i < repetitions->len; i++)
    bpg_repetition_write (g_ptr_array_index (repetitions, i), archive, import->patient,
                          g_ptr_array_index (samples, i), &error);
  if (error != NULL) {
    if (repetitions != NULL)
      remove_written (archive, repetitions);
    g_task_return_error (task, error);
    return;
  }
  import->repetitions = g_steal_pointer (&repetitions);
  g_task_return_pointer (task, g_steal_pointer (&info), (GDestroyNotify) bpg_recording_info_free);
}

void
bpg_import_async (BpgArchive *archive, int fd, const char *patient, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (archive, NULL, callback, user_data);
  Import *import = g_new0 (Import, 1);

  import->fd = fd;
  import->patient = g_strdup (patient);
  g_task_set_source_tag (task, bpg_import_async);
  g_task_set_task_data (task, import, (GDestroyNotify) import_free);
  g_task_run_in_thread (task, import_file);
}

BpgRecordingInfo *
bpg_import_finish (BpgArchive *archive, GAsyncResult *result, GPtrArray **repetitions, GError **error)
{
  Import *import = g_task_get_task_data (G_TASK (result));
  BpgRecordingInfo *info = g_task_propagate_pointer (G_TASK (result), error);

  if (info != NULL)
    *repetitions = g_steal_pointer (&import->repetitions);
  return info;
}
