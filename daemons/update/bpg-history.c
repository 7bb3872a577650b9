/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-history.h"

#include "bpg-file.h"
#include "bpg-log.h"
#include "bpg-slot-table.h"

#include <glib/gstdio.h>
#include <string.h>

#define LEAST_DIGITS 8

struct _BpgHistory {
  GObject parent_instance;

  BpgStore *store;
  char *folder;
};

G_DEFINE_FINAL_TYPE (BpgHistory, bpg_history, G_TYPE_OBJECT)

static const char *const migrations[] = {
  "CREATE TABLE event (number INTEGER PRIMARY KEY AUTOINCREMENT, prosthesis TEXT NOT NULL, patient TEXT NOT NULL,"
  " time INTEGER NOT NULL, action TEXT NOT NULL, model TEXT NOT NULL, error TEXT NOT NULL, job INTEGER NOT NULL);"
  "CREATE UNIQUE INDEX event_job ON event (job, action) WHERE job > 0;"
  "CREATE INDEX event_prosthesis ON event (prosthesis, number);"
  "CREATE TABLE container (image TEXT PRIMARY KEY, prosthesis TEXT NOT NULL, patient TEXT NOT NULL,"
  " model TEXT NOT NULL, hardware TEXT NOT NULL, side TEXT NOT NULL, key TEXT NOT NULL,"
  " version INTEGER NOT NULL, created INTEGER NOT NULL);"
  "CREATE INDEX container_prosthesis ON container (prosthesis, created);"
  /* When a model was last confirmed; outlives the events, which are bounded. */
  "CREATE TABLE confirmed (prosthesis TEXT NOT NULL, patient TEXT NOT NULL, model TEXT NOT NULL,"
  " number INTEGER NOT NULL, PRIMARY KEY (prosthesis, patient, model)) WITHOUT ROWID;"
  "CREATE TABLE arm (prosthesis TEXT PRIMARY KEY, trial TEXT NOT NULL) WITHOUT ROWID;",
  /* Firmware. */
  "ALTER TABLE event ADD COLUMN firmware TEXT NOT NULL DEFAULT '';"
  "ALTER TABLE event ADD COLUMN version TEXT NOT NULL DEFAULT '';"
  "ALTER TABLE arm ADD COLUMN firmware TEXT NOT NULL DEFAULT '';",
};

static void
bpg_history_finalize (GObject *object)
{
  BpgHistory *self = BPG_HISTORY (object);

  g_clear_object (&self->store);
  g_free (self->folder);
  G_OBJECT_CLASS (bpg_history_parent_class)->finalize (object);
}

static void
bpg_history_class_init (BpgHistoryClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_history_finalize;
}

static void
bpg_history_init (BpgHistory *self)
{
}

BpgHistory *
bpg_history_new (BpgService *service, GError **error)
{
  g_autoptr (BpgHistory) self = g_object_new (BPG_TYPE_HISTORY, NULL);

  self->folder = g_build_filename (bpg_service_get_state_dir (service), "containers", NULL);
  if (!bpg_file_ensure_folder (self->folder, error))
    return NULL;
  self->store = bpg_service_open_store (service, "update.db", migrations, G_N_ELEMENTS (migrations), error);
  return self->store != NULL ? g_steal_pointer (&self) : NULL;
}

char *
bpg_history_get_path (BpgHistory *self, const char *image)
{
  return g_build_filename (self->folder, image, NULL);
}

static gboolean
is_confirmation (const char *action)
{
  return g_str_equal (action, "confirm") || g_str_equal (action, "roll-back");
}

static gboolean
add_rows (BpgHistory *self, const BpgHistoryEvent *event, GError **error)
{
  if (!bpg_store_run (self->store, error,
                      "INSERT OR IGNORE INTO event (prosthesis, patient, time, action, model, firmware, version, error,"
                      " job) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", "sstssssst", event->prosthesis, event->patient,
                      (guint64) g_get_real_time (), event->action, event->model,
                      event->firmware != NULL ? event->firmware : "", event->version != NULL ? event->version : "",
                      event->error, event->job))
    return FALSE;
  if (is_confirmation (event->action) && event->model[0] != '\0' &&
      !bpg_store_run (self->store, error,
                      "INSERT OR REPLACE INTO confirmed (prosthesis, patient, model, number)"
                      " VALUES (?, ?, ?, (SELECT max (number) FROM event))", "sss", event->prosthesis, event->patient,
                      event->model))
    return FALSE;
  return bpg_store_run (self->store, error,
                        "DELETE FROM event WHERE prosthesis = ? AND number <= (SELECT number FROM event"
                        " WHERE prosthesis = ? ORDER BY number DESC LIMIT 1 OFFSET ?)", "ssu", event->prosthesis,
                        event->prosthesis, BPG_HISTORY_MAX);
}

gboolean
bpg_history_add (BpgHistory *self, const BpgHistoryEvent *event, GError **error)
{
  if (!bpg_store_begin (self->store, error))
    return FALSE;
  if (add_rows (self, event, error))
    return bpg_store_commit (self->store, error);
  bpg_store_roll_back (self->store);
  return FALSE;
}

GVariant *
bpg_history_list (BpgHistory *self, const char *prosthesis, const char *patient)
{
  g_autoptr (GVariantBuilder) builder = g_variant_builder_new (G_VARIANT_TYPE ("aa{sv}"));
  g_autoptr (GError) error = NULL;
  g_autoptr (sqlite3_stmt) statement =
    bpg_store_prepare (self->store, &error,
                       "SELECT time, action, model, error, firmware, version FROM event WHERE prosthesis = ? AND patient = ?"
                       " ORDER BY number DESC LIMIT ?", "ssu", prosthesis, patient, BPG_HISTORY_MAX);

  while (statement != NULL && bpg_store_step (self->store, statement, &error) > 0) {
    static const char *const keys[] = {"action", "model", "error", "firmware", "version"};

    g_variant_builder_open (builder, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add (builder, "{sv}", "time",
                           g_variant_new_uint64 ((guint64) sqlite3_column_int64 (statement, 0)));
    for (int i = 0; i < (int) G_N_ELEMENTS (keys); i++)
      g_variant_builder_add (builder, "{sv}", keys[i],
                             g_variant_new_string ((const char *) sqlite3_column_text (statement, i + 1)));
    g_variant_builder_close (builder);
  }
  if (error != NULL)
    bpg_warning (prosthesis, "The history cannot be read: %s", error->message);
  return g_variant_builder_end (builder);
}

BpgContainerRow *
bpg_container_row_copy (const BpgContainerRow *row)
{
  BpgContainerRow *copy = g_memdup2 (row, sizeof *row);

  copy->image = g_strdup (row->image);
  copy->prosthesis = g_strdup (row->prosthesis);
  copy->patient = g_strdup (row->patient);
  copy->model = g_strdup (row->model);
  copy->hardware = g_strdup (row->hardware);
  copy->side = g_strdup (row->side);
  copy->key = g_strdup (row->key);
  return copy;
}

void
bpg_container_row_free (BpgContainerRow *row)
{
  g_free (row->image);
  g_free (row->prosthesis);
  g_free (row->patient);
  g_free (row->model);
  g_free (row->hardware);
  g_free (row->side);
  g_free (row->key);
  g_free (row);
}

/* What is too much goes oldest first; one that is needed again is signed again, as long as its model is there. */
static void
forget_containers (BpgHistory *self, const char *prosthesis)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (sqlite3_stmt) statement =
    bpg_store_prepare (self->store, &error,
                       "SELECT image FROM container WHERE prosthesis = ? ORDER BY created DESC LIMIT -1 OFFSET ?",
                       "su", prosthesis, BPG_HISTORY_MAX);

  while (statement != NULL && bpg_store_step (self->store, statement, &error) > 0) {
    const char *image = (const char *) sqlite3_column_text (statement, 0);
    g_autofree char *path = bpg_history_get_path (self, image);

    if (bpg_store_run (self->store, &error, "DELETE FROM container WHERE image = ?", "s", image))
      g_unlink (path);
  }
  if (error != NULL)
    bpg_warning (prosthesis, "Old containers cannot be forgotten: %s", error->message);
}

gboolean
bpg_history_add_container (BpgHistory *self, const BpgContainerRow *row, GError **error)
{
  if (!bpg_store_run (self->store, error,
                      "INSERT OR REPLACE INTO container (image, prosthesis, patient, model, hardware, side, key,"
                      " version, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", "ssssssstt", row->image, row->prosthesis,
                      row->patient, row->model, row->hardware, row->side, row->key, row->version,
                      (guint64) g_get_real_time ()))
    return FALSE;
  forget_containers (self, row->prosthesis);
  return TRUE;
}

BpgContainerRow *
bpg_history_find_container (BpgHistory *self, const char *prosthesis, const char *patient, const char *model)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (sqlite3_stmt) statement =
    bpg_store_prepare (self->store, &error,
                       "SELECT image, prosthesis, patient, model, hardware, side, key, version FROM container"
                       " WHERE prosthesis = ? AND patient = ? AND model = ? ORDER BY created DESC LIMIT 1", "sss",
                       prosthesis, patient, model);
  BpgContainerRow *row;

  if (statement == NULL || bpg_store_step (self->store, statement, &error) != 1) {
    if (error != NULL)
      bpg_warning (prosthesis, "The containers cannot be read: %s", error->message);
    return NULL;
  }
  row = g_new0 (BpgContainerRow, 1);
  row->image = g_strdup ((const char *) sqlite3_column_text (statement, 0));
  row->prosthesis = g_strdup ((const char *) sqlite3_column_text (statement, 1));
  row->patient = g_strdup ((const char *) sqlite3_column_text (statement, 2));
  row->model = g_strdup ((const char *) sqlite3_column_text (statement, 3));
  row->hardware = g_strdup ((const char *) sqlite3_column_text (statement, 4));
  row->side = g_strdup ((const char *) sqlite3_column_text (statement, 5));
  row->key = g_strdup ((const char *) sqlite3_column_text (statement, 6));
  row->version = (guint64) sqlite3_column_int64 (statement, 7);
  return row;
}

/* Returns the text of the first row, %NULL for none; an unreadable store is logged and says none. */
static char *
take_text (BpgHistory *self, sqlite3_stmt *statement, GError **error)
{
  if (statement != NULL && bpg_store_step (self->store, statement, error) == 1)
    return g_strdup ((const char *) sqlite3_column_text (statement, 0));
  return NULL;
}

char *
bpg_history_find_model (BpgHistory *self, const char *image)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (sqlite3_stmt) statement =
    bpg_store_prepare (self->store, &error, "SELECT model FROM container WHERE image = ?", "s", image);
  char *model = take_text (self, statement, &error);

  if (error != NULL)
    bpg_warning (NULL, "The containers cannot be read: %s", error->message);
  return model != NULL ? model : g_strdup ("");
}

static char *
find_before (BpgHistory *self, const char *prosthesis, const char *patient, const char *current, GError **error)
{
  g_autoptr (sqlite3_stmt) statement =
    bpg_store_prepare (self->store, error,
                       "SELECT model FROM confirmed WHERE prosthesis = ? AND patient = ? AND model != ?"
                       " ORDER BY number DESC LIMIT 1", "sss", prosthesis, patient, current != NULL ? current : "");
  g_autoptr (GError) local = NULL;
  char *model = take_text (self, statement, &local);

  if (local != NULL)
    g_propagate_error (error, g_steal_pointer (&local));
  else if (model == NULL && statement != NULL)
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, "No earlier model was confirmed on this prosthesis");
  return model;
}

static gboolean
check_prefix (const char *wanted, GError **error)
{
  gsize length = strlen (wanted);

  if (length >= LEAST_DIGITS && length <= 64 && strspn (wanted, "0123456789abcdef") == length)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "A model is named by %d to 64 digits of its hash",
               LEAST_DIGITS);
  return FALSE;
}

char *
bpg_history_find_earlier (BpgHistory *self, const char *prosthesis, const char *patient, const char *current,
                          const char *wanted, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = NULL;
  g_autofree char *found = NULL;
  g_autofree char *pattern = NULL;
  g_autoptr (GError) local = NULL;

  if (wanted == NULL)
    return find_before (self, prosthesis, patient, current, error);
  if (!check_prefix (wanted, error))
    return NULL;
  pattern = g_strconcat (wanted, "*", NULL);
  statement = bpg_store_prepare (self->store, error,
                                 "SELECT model FROM confirmed WHERE prosthesis = ? AND patient = ? AND model GLOB ?",
                                 "sss", prosthesis, patient, pattern);
  found = statement != NULL ? take_text (self, statement, &local) : NULL;
  if (found != NULL && bpg_store_step (self->store, statement, &local) == 0)
    return g_steal_pointer (&found);

  if (local != NULL)
    g_propagate_error (error, g_steal_pointer (&local));
  else if (found != NULL)
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "More than one model begins with %s", wanted);
  else if (statement != NULL)
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, "No model %s was confirmed on this prosthesis", wanted);
  return NULL;
}

guint64
bpg_history_get_last_version (BpgHistory *self)
{
  g_autoptr (sqlite3_stmt) statement =
    bpg_store_prepare (self->store, NULL, "SELECT coalesce (max (version), 0) FROM container", "");

  if (statement == NULL || bpg_store_step (self->store, statement, NULL) != 1)
    return 0;
  return (guint64) sqlite3_column_int64 (statement, 0);
}

char *
bpg_history_get_trial (BpgHistory *self, const char *prosthesis, guint image)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (sqlite3_stmt) statement = bpg_store_prepare (
    self->store, &error,
    image == BPG_IMAGE_FIRMWARE ? "SELECT firmware FROM arm WHERE prosthesis = ?"
                                : "SELECT trial FROM arm WHERE prosthesis = ?",
    "s", prosthesis);
  char *trial = take_text (self, statement, &error);

  if (error != NULL)
    bpg_warning (prosthesis, "The last state cannot be read: %s", error->message);
  return trial != NULL ? trial : g_strdup ("");
}

gboolean
bpg_history_set_trial (BpgHistory *self, const char *prosthesis, guint image, const char *hash, GError **error)
{
  if (image == BPG_IMAGE_FIRMWARE)
    return bpg_store_run (self->store, error,
                          "INSERT INTO arm (prosthesis, trial, firmware) VALUES (?, '', ?)"
                          " ON CONFLICT (prosthesis) DO UPDATE SET firmware = excluded.firmware", "ss", prosthesis, hash);
  return bpg_store_run (self->store, error,
                        "INSERT INTO arm (prosthesis, trial) VALUES (?, ?)"
                        " ON CONFLICT (prosthesis) DO UPDATE SET trial = excluded.trial", "ss", prosthesis, hash);
}
