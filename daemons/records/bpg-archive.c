/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-archive.h"

#include "bpg-error.h"
#include "bpg-file.h"
#include "bpg-log.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/random.h>

#define INDEX_FILE "records.db"

struct _BpgArchive {
  GObject parent_instance;

  BpgService *service;
  BpgStore *store;
  BpgSeal *seal;
  char *folder;
};

G_DEFINE_FINAL_TYPE (BpgArchive, bpg_archive, G_TYPE_OBJECT)

static const char *const migrations[] = {
  "CREATE TABLE patient (id TEXT PRIMARY KEY, created INTEGER NOT NULL, details BLOB NOT NULL);"
  "CREATE TABLE binding (number INTEGER PRIMARY KEY, patient TEXT NOT NULL REFERENCES patient ON DELETE CASCADE,"
  " prosthesis TEXT NOT NULL, fingerprint TEXT NOT NULL, side TEXT NOT NULL, since INTEGER NOT NULL,"
  " until INTEGER NOT NULL);"
  "CREATE INDEX binding_patient ON binding (patient);"
  "CREATE TABLE recording (id TEXT PRIMARY KEY, patient TEXT NOT NULL REFERENCES patient ON DELETE CASCADE,"
  " prosthesis TEXT NOT NULL, state TEXT NOT NULL, created INTEGER NOT NULL, rate INTEGER NOT NULL,"
  " channels INTEGER NOT NULL, lsb REAL NOT NULL, unit TEXT NOT NULL, filters TEXT NOT NULL,"
  " electrodes TEXT NOT NULL, purpose TEXT NOT NULL, source TEXT NOT NULL, session TEXT NOT NULL,"
  " note TEXT NOT NULL);"
  "CREATE INDEX recording_patient ON recording (patient);"
  "CREATE TABLE repetition (recording TEXT NOT NULL REFERENCES recording ON DELETE CASCADE,"
  " place INTEGER NOT NULL, movement TEXT NOT NULL, code INTEGER NOT NULL, repetition INTEGER NOT NULL,"
  " count INTEGER NOT NULL, lost TEXT NOT NULL, clock TEXT NOT NULL, verdict TEXT NOT NULL, file TEXT NOT NULL,"
  " digest TEXT NOT NULL, PRIMARY KEY (recording, place)) WITHOUT ROWID;"
  "CREATE UNIQUE INDEX repetition_file ON repetition (file);"
  "CREATE TABLE prosthesis (id TEXT PRIMARY KEY, next INTEGER NOT NULL, overwritten INTEGER NOT NULL,"
  " fetched INTEGER NOT NULL);"
  "CREATE TABLE usage (prosthesis TEXT NOT NULL, sequence INTEGER NOT NULL, patient TEXT NOT NULL,"
  " time INTEGER NOT NULL, content BLOB NOT NULL, PRIMARY KEY (prosthesis, sequence)) WITHOUT ROWID;"
  "CREATE INDEX usage_patient ON usage (patient);",
};

static void
bpg_archive_finalize (GObject *object)
{
  BpgArchive *self = BPG_ARCHIVE (object);

  g_clear_object (&self->store);
  g_clear_object (&self->seal);
  g_clear_object (&self->service);
  g_free (self->folder);
  G_OBJECT_CLASS (bpg_archive_parent_class)->finalize (object);
}

static void
bpg_archive_class_init (BpgArchiveClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_archive_finalize;
}

static void
bpg_archive_init (BpgArchive *self)
{
}

BpgArchive *
bpg_archive_new (BpgService *service, GError **error)
{
  g_autoptr (BpgArchive) self = g_object_new (BPG_TYPE_ARCHIVE, NULL);

  self->service = g_object_ref (service);
  self->seal = bpg_seal_new ();
  self->folder = g_build_filename (bpg_service_get_state_dir (service), "samples", NULL);
  if (!bpg_file_ensure_folder (self->folder, error))
    return NULL;
  self->store = bpg_service_open_store (service, INDEX_FILE, migrations, G_N_ELEMENTS (migrations), error);
  return self->store != NULL ? g_steal_pointer (&self) : NULL;
}

BpgService *
bpg_archive_get_service (BpgArchive *self)
{
  return self->service;
}

BpgStore *
bpg_archive_get_store (BpgArchive *self)
{
  return self->store;
}

BpgSeal *
bpg_archive_get_seal (BpgArchive *self)
{
  return self->seal;
}

const char *
bpg_archive_get_folder (BpgArchive *self)
{
  return self->folder;
}

char *
bpg_archive_new_id (guint length, const char *alphabet)
{
  g_autofree char *id = g_malloc0 (length + 1);
  gsize n_letters = strlen (alphabet);
  guint done = 0;

  while (done < length) {
    guint8 byte;

    if (getrandom (&byte, 1, 0) != 1)
      continue;
    /* Without the last, partial round of the alphabet, so that each letter is as likely as the other. */
    if (byte < 256 / n_letters * n_letters)
      id[done++] = alphabet[byte % n_letters];
  }
  return g_steal_pointer (&id);
}

static GHashTable *
list_known_files (BpgArchive *self, GError **error)
{
  g_autoptr (GHashTable) known = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (sqlite3_stmt) statement = bpg_store_prepare (self->store, error, "SELECT file FROM repetition", "");
  int more = -1;

  while (statement != NULL && (more = bpg_store_step (self->store, statement, error)) > 0)
    g_hash_table_add (known, g_strdup ((const char *) sqlite3_column_text (statement, 0)));
  return more == 0 ? g_steal_pointer (&known) : NULL;
}

guint
bpg_archive_remove_orphans (BpgArchive *self)
{
  g_autofree char *broken = g_build_filename (bpg_service_get_state_dir (self->service), INDEX_FILE ".broken", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GHashTable) known = NULL;
  g_autoptr (GDir) dir = NULL;
  const char *name;
  guint removed = 0;

  /* With an index that was set aside, now or earlier, every file would look like an orphan; they wait for the index to
   * be restored. */
  if (g_file_test (broken, G_FILE_TEST_EXISTS))
    return 0;
  known = list_known_files (self, &error);
  dir = known != NULL ? g_dir_open (self->folder, 0, &error) : NULL;
  if (dir == NULL) {
    bpg_warning (self->folder, "Cannot be tidied up: %s", error->message);
    return 0;
  }

  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (self->folder, name, NULL);

    if (!g_hash_table_contains (known, name) && g_unlink (path) == 0)
      removed++;
  }
  if (removed > 0)
    bpg_notice (self->folder, "removed %u files that no recording names", removed);
  return removed;
}

static void
discard (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  BpgArchive *self = source;
  GStrv files = task_data;
  GError *error = NULL;

  for (guint i = 0; files[i] != NULL; i++) {
    g_autofree char *path = g_build_filename (self->folder, files[i], NULL);

    if (g_unlink (path) != 0 && errno != ENOENT && error == NULL)
      bpg_error_set_errno (&error, errno, FALSE, path);
  }
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

void
bpg_archive_discard_async (BpgArchive *self, GStrv files, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);

  g_task_set_source_tag (task, bpg_archive_discard_async);
  g_task_set_task_data (task, g_strdupv (files), (GDestroyNotify) g_strfreev);
  g_task_run_in_thread (task, discard);
}

gboolean
bpg_archive_discard_finish (BpgArchive *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}
