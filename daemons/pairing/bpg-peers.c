/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-peers.h"

#include "bpg-error.h"
#include "bpg-names.h"
#include "bpg-path.h"

#include "link/messages.h"

#define ANSWER_MILLISECONDS 20000

static gboolean
is_absent (const GError *error)
{
  return g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN) ||
         g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER) ||
         g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_SPAWN_FAILED) ||
         g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_SPAWN_EXEC_FAILED) ||
         g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_SPAWN_CHILD_EXITED) ||
         g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_SPAWN_SERVICE_NOT_FOUND);
}

/* Foreign errors become ours here. */
static GError *
convert (GError *error, const char *service)
{
  GError *ours;

  if (!is_absent (error))
    return bpg_error_convert (error, service);
  ours = g_error_new (BPG_ERROR, BPG_ERROR_FAILED, "%s is not on the bus and cannot be started; look into its journal",
                      service);
  g_error_free (error);
  return ours;
}

static void
call (GDBusConnection *connection, const char *service, const char *path, const char *interface, const char *method,
      GVariant *arguments, const GVariantType *type, GCancellable *cancellable, GAsyncReadyCallback callback, GTask *task)
{
  g_dbus_connection_call (connection, service, path, interface, method, arguments, type, G_DBUS_CALL_FLAGS_NONE,
                          ANSWER_MILLISECONDS, cancellable, callback, task);
}

static void
on_patient (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  if (reply != NULL) {
    g_task_return_boolean (task, TRUE);
  } else if (g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_OBJECT) ||
             g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_METHOD) ||
             g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_INTERFACE) ||
             g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS)) {
    g_error_free (error);
    g_task_return_new_error (task, BPG_ERROR, BPG_ERROR_NOT_FOUND, "There is no patient %s",
                             (const char *) g_task_get_task_data (task));
  } else {
    g_task_return_error (task, convert (error, BPG_BUS_RECORDS));
  }
}

void
bpg_peers_find_patient_async (GDBusConnection *connection, const char *patient, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (connection, NULL, callback, user_data);

  g_task_set_source_tag (task, bpg_peers_find_patient_async);
  g_task_set_task_data (task, g_strdup (patient), g_free);
  call (connection, BPG_BUS_RECORDS, patient, "org.freedesktop.DBus.Properties", "Get",
        g_variant_new ("(ss)", "org.bionicpro.Patient1", "Id"), G_VARIANT_TYPE ("(v)"), cancellable, on_patient, task);
}

gboolean
bpg_peers_find_patient_finish (GDBusConnection *connection, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, connection), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
on_clinic_key (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  g_autoptr (GVariant) bytes = NULL;
  g_autoptr (GBytes) key = NULL;

  if (reply == NULL) {
    g_task_return_error (task, convert (error, BPG_BUS_UPDATE));
    return;
  }
  bytes = g_variant_get_child_value (reply, 0);
  key = g_variant_get_data_as_bytes (bytes);
  if (g_bytes_get_size (key) == 0 || g_bytes_get_size (key) > BPG_KEY_MAX)
    g_task_return_new_error (task, BPG_ERROR, BPG_ERROR_CORRUPT, "The clinic's key has %zu bytes; that cannot be one",
                             g_bytes_get_size (key));
  else
    g_task_return_pointer (task, g_steal_pointer (&key), (GDestroyNotify) g_bytes_unref);
}

void
bpg_peers_get_clinic_key_async (GDBusConnection *connection, GCancellable *cancellable, GAsyncReadyCallback callback,
                                gpointer user_data)
{
  GTask *task = g_task_new (connection, NULL, callback, user_data);

  g_task_set_source_tag (task, bpg_peers_get_clinic_key_async);
  call (connection, BPG_BUS_UPDATE, BPG_PATH_UPDATE, BPG_BUS_UPDATE, "GetClinicKey",
        g_variant_new_parsed ("(@a{sv} {},)"), G_VARIANT_TYPE ("(ay)"), cancellable, on_clinic_key, task);
}

GBytes *
bpg_peers_get_clinic_key_finish (GDBusConnection *connection, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, connection), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
on_recorded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  GError *error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  if (reply != NULL)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, convert (error, BPG_BUS_RECORDS));
}

void
bpg_peers_record_binding_async (GDBusConnection *connection, const char *patient, const char *device_id,
                                const char *fingerprint, const char *side, gboolean bound,
                                GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (connection, NULL, callback, user_data);
  g_autofree char *path = bpg_path_build (BPG_PATH_RECORDS, "patient", patient);
  GVariantBuilder options;

  g_task_set_source_tag (task, bpg_peers_record_binding_async);
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "fingerprint", g_variant_new_string (fingerprint));
  g_variant_builder_add (&options, "{sv}", "side", g_variant_new_string (side));
  g_variant_builder_add (&options, "{sv}", "bound", g_variant_new_boolean (bound));
  call (connection, BPG_BUS_RECORDS, BPG_PATH_RECORDS, BPG_BUS_RECORDS, "RecordBinding",
        g_variant_new ("(osa{sv})", path, device_id, &options), NULL, NULL, on_recorded, task);
}

gboolean
bpg_peers_record_binding_finish (GDBusConnection *connection, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, connection), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}
