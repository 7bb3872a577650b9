/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-store.h"

#include "bpg-error.h"
#include "bpg-log.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

struct _BpgStore {
  GObject parent_instance;

  sqlite3 *database;
  char *path;
  char *quarantined;
};

G_DEFINE_FINAL_TYPE (BpgStore, bpg_store, G_TYPE_OBJECT)

static void
bpg_store_finalize (GObject *object)
{
  BpgStore *self = BPG_STORE (object);

  sqlite3_close_v2 (self->database);
  g_free (self->path);
  g_free (self->quarantined);
  G_OBJECT_CLASS (bpg_store_parent_class)->finalize (object);
}

static void
bpg_store_class_init (BpgStoreClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_store_finalize;
}

static void
bpg_store_init (BpgStore *self)
{
}

static gboolean
set_error (BpgStore *self, int rc, GError **error)
{
  BpgError code = BPG_ERROR_FAILED;

  switch (rc & 0xff) {
  case SQLITE_FULL:
    code = BPG_ERROR_NO_SPACE;
    break;
  case SQLITE_IOERR:
    code = sqlite3_system_errno (self->database) == ENOSPC ? BPG_ERROR_NO_SPACE : BPG_ERROR_FAILED;
    break;
  case SQLITE_CORRUPT:
  case SQLITE_NOTADB:
    code = BPG_ERROR_CORRUPT;
    break;
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    code = BPG_ERROR_BUSY;
    break;
  default:
    break;
  }
  g_set_error (error, BPG_ERROR, code, "%s: %s", self->path,
               self->database != NULL ? sqlite3_errmsg (self->database) : sqlite3_errstr (rc));
  return FALSE;
}

gboolean
bpg_store_exec (BpgStore *self, const char *sql, GError **error)
{
  int rc = sqlite3_exec (self->database, sql, NULL, NULL, NULL);

  return rc == SQLITE_OK ? TRUE : set_error (self, rc, error);
}

static int
bind_bytes (sqlite3_stmt *statement, int index, GBytes *bytes)
{
  gsize length = 0;
  const void *data = bytes != NULL ? g_bytes_get_data (bytes, &length) : NULL;

  if (bytes == NULL)
    return sqlite3_bind_null (statement, index);
  return sqlite3_bind_blob64 (statement, index, data != NULL ? data : "", length, SQLITE_TRANSIENT);
}

static int
bind_all (sqlite3_stmt *statement, const char *types, va_list *args)
{
  int rc = SQLITE_OK;

  for (int i = 1; *types != '\0' && rc == SQLITE_OK; types++, i++) {
    switch (*types) {
    case 's':
      rc = sqlite3_bind_text (statement, i, va_arg (*args, const char *), -1, SQLITE_TRANSIENT);
      break;
    case 'i':
      rc = sqlite3_bind_int (statement, i, va_arg (*args, int));
      break;
    case 'u':
      rc = sqlite3_bind_int64 (statement, i, va_arg (*args, guint));
      break;
    case 't':
      rc = sqlite3_bind_int64 (statement, i, (gint64) va_arg (*args, guint64));
      break;
    case 'd':
      rc = sqlite3_bind_double (statement, i, va_arg (*args, double));
      break;
    case 'b':
      rc = bind_bytes (statement, i, va_arg (*args, GBytes *));
      break;
    default:
      g_assert_not_reached ();
    }
  }
  return rc;
}

static sqlite3_stmt *
prepare_va (BpgStore *self, GError **error, const char *sql, const char *types, va_list *args)
{
  g_autoptr (sqlite3_stmt) statement = NULL;
  int rc = sqlite3_prepare_v2 (self->database, sql, -1, &statement, NULL);

  if (rc == SQLITE_OK)
    rc = bind_all (statement, types, args);
  if (rc != SQLITE_OK) {
    set_error (self, rc, error);
    return NULL;
  }
  return g_steal_pointer (&statement);
}

sqlite3_stmt *
bpg_store_prepare (BpgStore *self, GError **error, const char *sql, const char *types, ...)
{
  sqlite3_stmt *statement;
  va_list args;

  va_start (args, types);
  statement = prepare_va (self, error, sql, types, &args);
  va_end (args);
  return statement;
}

int
bpg_store_step (BpgStore *self, sqlite3_stmt *statement, GError **error)
{
  int rc = sqlite3_step (statement);

  if (rc == SQLITE_ROW)
    return 1;
  if (rc == SQLITE_DONE)
    return 0;
  set_error (self, rc, error);
  return -1;
}

gboolean
bpg_store_run (BpgStore *self, GError **error, const char *sql, const char *types, ...)
{
  g_autoptr (sqlite3_stmt) statement = NULL;
  va_list args;
  int more;

  va_start (args, types);
  statement = prepare_va (self, error, sql, types, &args);
  va_end (args);
  if (statement == NULL)
    return FALSE;

  do
    more = bpg_store_step (self, statement, error);
  while (more > 0);
  return more == 0;
}

gint64
bpg_store_get_last_id (BpgStore *self)
{
  return sqlite3_last_insert_rowid (self->database);
}

gboolean
bpg_store_begin (BpgStore *self, GError **error)
{
  return bpg_store_exec (self, "BEGIN IMMEDIATE", error);
}

gboolean
bpg_store_commit (BpgStore *self, GError **error)
{
  if (bpg_store_exec (self, "COMMIT", error))
    return TRUE;
  bpg_store_roll_back (self);
  return FALSE;
}

void
bpg_store_roll_back (BpgStore *self)
{
  g_autoptr (GError) error = NULL;

  if (sqlite3_get_autocommit (self->database))
    return;
  if (!bpg_store_exec (self, "ROLLBACK", &error))
    bpg_warning (NULL, "Rolling back: %s", error->message);
}

const char *
bpg_store_get_quarantined (BpgStore *self)
{
  return self->quarantined;
}

static int
get_schema (BpgStore *self, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = bpg_store_prepare (self, error, "PRAGMA user_version", "");

  if (statement == NULL || bpg_store_step (self, statement, error) != 1)
    return -1;
  return sqlite3_column_int (statement, 0);
}

static gboolean
check_health (BpgStore *self, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = bpg_store_prepare (self, error, "PRAGMA quick_check(1)", "");

  if (statement == NULL || bpg_store_step (self, statement, error) != 1)
    return FALSE;
  if (g_strcmp0 ((const char *) sqlite3_column_text (statement, 0), "ok") == 0)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "%s: %s", self->path, sqlite3_column_text (statement, 0));
  return FALSE;
}

static gboolean
migrate (BpgStore *self, const char *const *migrations, guint n_migrations, GError **error)
{
  int schema = get_schema (self, error);

  if (schema < 0)
    return FALSE;
  if ((guint) schema > n_migrations) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "%s is of schema %d, this version knows %u", self->path, schema,
                 n_migrations);
    return FALSE;
  }

  for (guint i = (guint) schema; i < n_migrations; i++) {
    g_autofree char *mark = g_strdup_printf ("PRAGMA user_version = %u", i + 1);

    if (!bpg_store_begin (self, error))
      return FALSE;
    if (!bpg_store_exec (self, migrations[i], error) || !bpg_store_exec (self, mark, error)) {
      bpg_store_roll_back (self);
      return FALSE;
    }
    if (!bpg_store_commit (self, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
open_database (BpgStore *self, const char *const *migrations, guint n_migrations, GError **error)
{
  int rc = sqlite3_open_v2 (self->path, &self->database,
                            SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW, NULL);

  if (rc != SQLITE_OK)
    return set_error (self, rc, error);
  sqlite3_extended_result_codes (self->database, 1);
  sqlite3_busy_timeout (self->database, 2000);
  return bpg_store_exec (self, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                               "PRAGMA cache_size=-256;", error) &&
         check_health (self, error) && migrate (self, migrations, n_migrations, error);
}

/* Renames the file and its companions, so that nothing is lost and an empty one can take its place. */
static gboolean
set_aside (BpgStore *self, GError **error)
{
  static const char *const companions[] = {"-wal", "-shm"};

  g_clear_pointer (&self->database, sqlite3_close_v2);
  for (guint i = 0; i < 1000 && self->quarantined == NULL; i++) {
    g_autofree char *name = i == 0 ? g_strdup_printf ("%s.broken", self->path)
                                   : g_strdup_printf ("%s.broken.%u", self->path, i);

    if (!g_file_test (name, G_FILE_TEST_EXISTS))
      self->quarantined = g_steal_pointer (&name);
  }
  if (self->quarantined == NULL || g_rename (self->path, self->quarantined) != 0)
    return bpg_error_set_errno (error, errno, FALSE, self->path);

  for (guint i = 0; i < G_N_ELEMENTS (companions); i++) {
    g_autofree char *from = g_strconcat (self->path, companions[i], NULL);
    g_autofree char *to = g_strconcat (self->quarantined, companions[i], NULL);

    if (g_rename (from, to) != 0 && errno != ENOENT)
      return bpg_error_set_errno (error, errno, FALSE, from);
  }
  return TRUE;
}

BpgStore *
bpg_store_new (const char *path, const char *const *migrations, guint n_migrations, GError **error)
{
  g_autoptr (BpgStore) self = g_object_new (BPG_TYPE_STORE, NULL);
  g_autoptr (GError) local = NULL;

  self->path = g_strdup (path);
  if (open_database (self, migrations, n_migrations, &local))
    return g_steal_pointer (&self);

  /* A full disk or a missing folder says nothing about the file; only what is wrong with its content does. */
  if (!g_error_matches (local, BPG_ERROR, BPG_ERROR_CORRUPT)) {
    g_propagate_error (error, g_steal_pointer (&local));
    return NULL;
  }

  bpg_warning (path, "Set aside because it cannot be used: %s", local->message);
  if (!set_aside (self, error) || !open_database (self, migrations, n_migrations, error))
    return NULL;
  return g_steal_pointer (&self);
}
