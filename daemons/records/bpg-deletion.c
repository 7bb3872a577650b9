/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-deletion.h"

static GStrv
list_files (BpgStore *store, const char *patient, GError **error)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autoptr (sqlite3_stmt) statement =
    bpg_store_prepare (store, error,
                       "SELECT file FROM repetition JOIN recording ON recording.id = repetition.recording"
                       " WHERE recording.patient = ?", "s", patient);
  int more = -1;

  while (statement != NULL && (more = bpg_store_step (store, statement, error)) > 0)
    g_strv_builder_add (builder, (const char *) sqlite3_column_text (statement, 0));
  return more == 0 ? g_strv_builder_end (builder) : NULL;
}

gboolean
bpg_deletion_delete_rows (BpgArchive *archive, const char *patient, GStrv *files, GError **error)
{
  BpgStore *store = bpg_archive_get_store (archive);
  g_auto (GStrv) found = list_files (store, patient, error);

  if (found == NULL || !bpg_store_begin (store, error))
    return FALSE;
  /* Bindings, recordings and their repetitions go with the patient's row. */
  if (!bpg_store_run (store, error, "DELETE FROM usage WHERE patient = ?", "s", patient) ||
      !bpg_store_run (store, error, "DELETE FROM patient WHERE id = ?", "s", patient)) {
    bpg_store_roll_back (store);
    return FALSE;
  }
  if (!bpg_store_commit (store, error))
    return FALSE;
  *files = g_steal_pointer (&found);
  return TRUE;
}
