/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-registry.h"

#include "bpg-error.h"
#include "bpg-log.h"

/* Strangers, never bound here, that are remembered; the longest unseen makes room. A device can call itself anything. */
#define MAX_STRANGERS 256u

struct _BpgRegistry {
  GObject parent_instance;

  BpgStore *store;
};

G_DEFINE_FINAL_TYPE (BpgRegistry, bpg_registry, G_TYPE_OBJECT)

static const char *const migrations[] = {
  "CREATE TABLE prosthesis (device_id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, hardware TEXT NOT NULL,"
  " patient TEXT NOT NULL DEFAULT '', side TEXT NOT NULL DEFAULT '', connections INTEGER NOT NULL DEFAULT 0,"
  " seen INTEGER NOT NULL);"
  "CREATE TABLE debt (device_id TEXT NOT NULL, patient TEXT NOT NULL, side TEXT NOT NULL, bound INTEGER NOT NULL,"
  " PRIMARY KEY (device_id, patient));"
  "CREATE TABLE port (path TEXT PRIMARY KEY, baud INTEGER NOT NULL);",
};

static void
bpg_registry_dispose (GObject *object)
{
  g_clear_object (&BPG_REGISTRY (object)->store);
  G_OBJECT_CLASS (bpg_registry_parent_class)->dispose (object);
}

static void
bpg_registry_class_init (BpgRegistryClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_registry_dispose;
}

static void
bpg_registry_init (BpgRegistry *self)
{
}

BpgRegistry *
bpg_registry_new (BpgService *service, GError **error)
{
  g_autoptr (BpgRegistry) self = g_object_new (BPG_TYPE_REGISTRY, NULL);

  self->store = bpg_service_open_store (service, "pairing.db", migrations, G_N_ELEMENTS (migrations), error);
  return self->store != NULL ? g_steal_pointer (&self) : NULL;
}

static const char *
column (sqlite3_stmt *statement, int index)
{
  const char *text = (const char *) sqlite3_column_text (statement, index);

  return text != NULL ? text : "";
}

/* 1: known with this key; 0: not known; -1: error. */
static int
compare (BpgRegistry *self, const BpgArmIdentity *identity, GError **error)
{
  g_autoptr (sqlite3_stmt) statement =
    bpg_store_prepare (self->store, error, "SELECT fingerprint FROM prosthesis WHERE device_id = ?", "s",
                       identity->device_id);
  int found = statement != NULL ? bpg_store_step (self->store, statement, error) : -1;

  if (found <= 0 || g_str_equal (column (statement, 0), identity->fingerprint))
    return found;
  g_set_error (error, BPG_ERROR, BPG_ERROR_WRONG_PROSTHESIS,
               "What calls itself %s is known here with another key; do not use it before you know why. If its secure"
               " element was exchanged, start the service once with --forget %s",
               identity->device_id, identity->device_id);
  return -1;
}

static gboolean
make_room (BpgRegistry *self, GError **error)
{
  return bpg_store_run (self->store, error,
                        "DELETE FROM prosthesis WHERE device_id IN (SELECT device_id FROM prosthesis"
                        " WHERE patient = '' ORDER BY seen DESC LIMIT -1 OFFSET ?)",
                        "u", MAX_STRANGERS - 1);
}

static gboolean
remember (BpgRegistry *self, const BpgArmIdentity *identity, gboolean known, GError **error)
{
  guint64 now = (guint64) g_get_real_time ();

  if (known)
    return bpg_store_run (self->store, error,
                          "UPDATE prosthesis SET connections = connections + 1, seen = ?, hardware = ?"
                          " WHERE device_id = ?",
                          "tss", now, identity->hardware, identity->device_id);
  return make_room (self, error) &&
         bpg_store_run (self->store, error,
                        "INSERT INTO prosthesis (device_id, fingerprint, hardware, connections, seen)"
                        " VALUES (?, ?, ?, 1, ?)",
                        "ssst", identity->device_id, identity->fingerprint, identity->hardware, now);
}

gboolean
bpg_registry_admit (BpgRegistry *self, const BpgArmIdentity *identity, GError **error)
{
  g_autoptr (GError) local = NULL;
  int known = compare (self, identity, error);

  if (known < 0)
    return FALSE;
  /* A full disk keeps nobody from using an arm that has proved its key. */
  if (!remember (self, identity, known > 0, &local))
    bpg_warning (identity->device_id, "its connection cannot be written down: %s", local->message);
  return TRUE;
}

gboolean
bpg_registry_forget (BpgRegistry *self, const char *device_id, GError **error)
{
  g_autoptr (sqlite3_stmt) statement = bpg_store_prepare (
    self->store, error, "DELETE FROM prosthesis WHERE device_id = ? RETURNING device_id", "s", device_id);
  int found = statement != NULL ? bpg_store_step (self->store, statement, error) : -1;

  if (found == 0)
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, "No prosthesis %s is known here", device_id);
  return found > 0 && bpg_store_step (self->store, statement, error) == 0;
}

guint64
bpg_registry_get_connections (BpgRegistry *self, const char *device_id)
{
  g_autoptr (sqlite3_stmt) statement =
    bpg_store_prepare (self->store, NULL, "SELECT connections FROM prosthesis WHERE device_id = ?", "s", device_id);

  if (statement == NULL || bpg_store_step (self->store, statement, NULL) != 1)
    return 0;
  return (guint64) sqlite3_column_int64 (statement, 0);
}

char *
bpg_registry_dup_patient (BpgRegistry *self, const char *device_id)
{
  g_autoptr (sqlite3_stmt) statement =
    bpg_store_prepare (self->store, NULL, "SELECT patient FROM prosthesis WHERE device_id = ?", "s", device_id);

  if (statement == NULL || bpg_store_step (self->store, statement, NULL) != 1)
    return g_strdup ("");
  return g_strdup (column (statement, 0));
}

static gboolean
write_binding (BpgRegistry *self, const char *device_id, const char *patient, const char *side, const char *former,
               GError **error)
{
  gboolean bound = patient[0] != '\0';

  return bpg_store_run (self->store, error, "UPDATE prosthesis SET patient = ?, side = ? WHERE device_id = ?", "sss",
                        patient, bound ? side : "", device_id) &&
         bpg_store_run (self->store, error,
                        "INSERT OR REPLACE INTO debt (device_id, patient, side, bound) VALUES (?, ?, ?, ?)", "sssi",
                        device_id, bound ? patient : former, side, (int) bound);
}

gboolean
bpg_registry_set_binding (BpgRegistry *self, const char *device_id, const char *patient, const char *side,
                          const char *former, GError **error)
{
  if (!bpg_store_begin (self->store, error))
    return FALSE;
  if (!write_binding (self, device_id, patient, side, former != NULL ? former : "", error)) {
    bpg_store_roll_back (self->store);
    return FALSE;
  }
  return bpg_store_commit (self->store, error);
}

gboolean
bpg_registry_pay_debt (BpgRegistry *self, const char *device_id, const char *patient, GError **error)
{
  return bpg_store_run (self->store, error, "DELETE FROM debt WHERE device_id = ? AND patient = ?", "ss", device_id,
                        patient);
}

void
bpg_registry_foreach_debt (BpgRegistry *self, BpgRegistryDebtFunc func, gpointer user_data)
{
  g_autoptr (sqlite3_stmt) statement =
    bpg_store_prepare (self->store, NULL,
                       "SELECT debt.device_id, fingerprint, debt.patient, debt.side, bound FROM debt"
                       " JOIN prosthesis USING (device_id) ORDER BY debt.rowid DESC",
                       "");

  while (statement != NULL && bpg_store_step (self->store, statement, NULL) == 1)
    func (column (statement, 0), column (statement, 1), column (statement, 2), column (statement, 3),
          sqlite3_column_int (statement, 4) != 0, user_data);
}

void
bpg_registry_foreach (BpgRegistry *self, BpgRegistryRowFunc func, gpointer user_data)
{
  g_autoptr (sqlite3_stmt) statement =
    bpg_store_prepare (self->store, NULL, "SELECT device_id, fingerprint, patient, side, hardware FROM prosthesis", "");

  while (statement != NULL && bpg_store_step (self->store, statement, NULL) == 1) {
    BpgRegistryRow row = {column (statement, 0), column (statement, 1), column (statement, 2), column (statement, 3),
                          column (statement, 4)};

    func (&row, user_data);
  }
}

gboolean
bpg_registry_add_port (BpgRegistry *self, const char *path, guint baud, GError **error)
{
  return bpg_store_run (self->store, error, "INSERT OR REPLACE INTO port (path, baud) VALUES (?, ?)", "su", path, baud);
}

gboolean
bpg_registry_remove_port (BpgRegistry *self, const char *path, GError **error)
{
  return bpg_store_run (self->store, error, "DELETE FROM port WHERE path = ?", "s", path);
}

void
bpg_registry_foreach_port (BpgRegistry *self, BpgRegistryPortFunc func, gpointer user_data)
{
  g_autoptr (sqlite3_stmt) statement = bpg_store_prepare (self->store, NULL, "SELECT path, baud FROM port", "");

  while (statement != NULL && bpg_store_step (self->store, statement, NULL) == 1)
    func (column (statement, 0), (guint) sqlite3_column_int (statement, 1), user_data);
}
