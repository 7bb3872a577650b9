/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-bookkeeper.h"

#include "bpg-error.h"
#include "bpg-log.h"
#include "bpg-names.h"
#include "bpg-peers.h"

struct _BpgBookkeeper {
  GObject parent_instance;

  GDBusConnection *connection;
  BpgRegistry *registry;
  guint watch_id;
};

G_DEFINE_FINAL_TYPE (BpgBookkeeper, bpg_bookkeeper, G_TYPE_OBJECT)

static void
bpg_bookkeeper_dispose (GObject *object)
{
  BpgBookkeeper *self = BPG_BOOKKEEPER (object);

  g_clear_handle_id (&self->watch_id, g_bus_unwatch_name);
  g_clear_object (&self->connection);
  g_clear_object (&self->registry);
  G_OBJECT_CLASS (bpg_bookkeeper_parent_class)->dispose (object);
}

static void
bpg_bookkeeper_class_init (BpgBookkeeperClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_bookkeeper_dispose;
}

static void
bpg_bookkeeper_init (BpgBookkeeper *self)
{
}

/* One call to Records1 on its way. */
typedef struct {
  char *device_id;
  char *patient;
  gboolean bound;
} Entry;

static void
entry_free (Entry *entry)
{
  g_free (entry->device_id);
  g_free (entry->patient);
  g_free (entry);
}

static void
pay (BpgBookkeeper *self, const Entry *entry)
{
  g_autoptr (GError) error = NULL;

  if (self->registry != NULL && !bpg_registry_pay_debt (self->registry, entry->device_id, entry->patient, &error))
    bpg_warning (entry->device_id, "its binding will be told to Records1 once more: %s", error->message);
}

static void
on_recorded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BpgBookkeeper *self = g_task_get_source_object (task);
  Entry *entry = g_task_get_task_data (task);
  GError *error = NULL;
  gboolean recorded = bpg_peers_record_binding_finish (G_DBUS_CONNECTION (source), result, &error);
  gboolean unknown = g_error_matches (error, BPG_ERROR, BPG_ERROR_NOT_FOUND);

  /* The end of a binding that is not known there, because the patient was deleted, has nothing to be written to. */
  if (recorded || (unknown && !entry->bound)) {
    g_clear_error (&error);
    pay (self, entry);
    g_task_return_boolean (task, TRUE);
    return;
  }
  /* A patient who is not there, of another clinic or deleted, will not come by asking again. */
  if (unknown)
    pay (self, entry);
  bpg_notice (entry->device_id, "its binding is not written down: %s", error->message);
  g_task_return_error (task, error);
}

typedef struct {
  BpgBookkeeper *self;
  const char *device_id; /* NULL: of all */
  GTask *task;           /* of whoever waits for the one, or NULL */
  guint sent;
} Sending;

static void
send_debt (const char *device_id, const char *fingerprint, const char *patient, const char *side, gboolean bound,
           gpointer user_data)
{
  Sending *sending = user_data;
  Entry *entry;
  GTask *task;

  if (sending->device_id != NULL && !g_str_equal (device_id, sending->device_id))
    return;
  /* Whoever waits hears of the first one, the present binding; older ones follow. */
  task = sending->task != NULL && sending->sent == 0 ? g_object_ref (sending->task)
                                                     : g_task_new (sending->self, NULL, NULL, NULL);
  entry = g_new0 (Entry, 1);
  entry->device_id = g_strdup (device_id);
  entry->patient = g_strdup (patient);
  entry->bound = bound;
  g_task_set_task_data (task, entry, (GDestroyNotify) entry_free);
  sending->sent++;
  bpg_peers_record_binding_async (sending->self->connection, patient, device_id, fingerprint, side, bound, on_recorded,
                                  task);
}

static void
on_records_there (GDBusConnection *connection, const char *name, const char *owner, gpointer user_data)
{
  Sending sending = {user_data, NULL, NULL, 0};

  bpg_registry_foreach_debt (BPG_BOOKKEEPER (user_data)->registry, send_debt, &sending);
}

BpgBookkeeper *
bpg_bookkeeper_new (GDBusConnection *connection, BpgRegistry *registry)
{
  BpgBookkeeper *self = g_object_new (BPG_TYPE_BOOKKEEPER, NULL);

  self->connection = g_object_ref (connection);
  self->registry = g_object_ref (registry);
  self->watch_id = g_bus_watch_name_on_connection (connection, BPG_BUS_RECORDS, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                                   on_records_there, NULL, self, NULL);
  return self;
}

gboolean
bpg_bookkeeper_follow (BpgBookkeeper *self, const char *device_id, const char *state, const char *patient,
                       const char *side, GError **error)
{
  g_autofree char *known = bpg_registry_dup_patient (self->registry, device_id);
  gboolean bound = g_str_equal (state, "bound");

  /* While it waits for the button, nothing is decided. */
  if (!bound && !g_str_equal (state, "unbound"))
    return TRUE;
  if (g_str_equal (known, bound ? patient : ""))
    return TRUE;
  bpg_info (device_id, bound ? "bound" : "not bound any more");
  return bpg_registry_set_binding (self->registry, device_id, bound ? patient : "", side, known, error);
}

void
bpg_bookkeeper_settle_async (BpgBookkeeper *self, const char *device_id, GAsyncReadyCallback callback,
                             gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);
  Sending sending = {self, device_id, task, 0};

  g_task_set_source_tag (task, bpg_bookkeeper_settle_async);
  bpg_registry_foreach_debt (self->registry, send_debt, &sending);
  if (sending.sent == 0)
    g_task_return_boolean (task, TRUE);
}

gboolean
bpg_bookkeeper_settle_finish (BpgBookkeeper *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}
