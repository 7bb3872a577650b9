/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-recording-fetch.h"

#include "bpg-error.h"
#include "bpg-names.h"
#include "bpg-path.h"

#include <gio/gunixfdlist.h>
#include <unistd.h>

#define INTERFACE "org.bionicpro.Recording1"

typedef struct {
  GStrv paths;
  GPtrArray *recordings;
} Fetch;

static void
fetch_free (Fetch *fetch)
{
  g_strfreev (fetch->paths);
  g_clear_pointer (&fetch->recordings, g_ptr_array_unref);
  g_free (fetch);
}

static void
recording_free (BpgFetchedRecording *recording)
{
  if (recording->file >= 0)
    close (recording->file);
  g_free (recording->path);
  g_free (recording->prosthesis);
  g_free (recording->patient);
  g_free (recording);
}

static void fetch_next (GTask *task);

GError *
bpg_recording_fetch_convert (GError *error, const char *path)
{
  g_autoptr (GError) foreign = error;

  if (g_error_matches (foreign, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_METHOD) ||
      g_error_matches (foreign, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_OBJECT) ||
      g_error_matches (foreign, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_INTERFACE) ||
      g_error_matches (foreign, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS))
    return g_error_new (BPG_ERROR, BPG_ERROR_NOT_FOUND, "There is no recording %s", path);
  return bpg_error_convert (g_steal_pointer (&foreign), path);
}

static BpgFetchedRecording *
last (Fetch *fetch)
{
  return fetch->recordings->pdata[fetch->recordings->len - 1];
}

static void
on_opened (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Fetch *fetch = g_task_get_task_data (task);
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GVariant) reply = NULL;
  GError *error = NULL;
  gint32 handle = -1;

  reply = g_dbus_connection_call_with_unix_fd_list_finish (G_DBUS_CONNECTION (source), &fds, result, &error);
  if (reply != NULL)
    g_variant_get (reply, "(h)", &handle);
  if (reply != NULL && fds != NULL && handle >= 0 && handle < g_unix_fd_list_get_length (fds))
    last (fetch)->file = g_unix_fd_list_get (fds, handle, &error);
  else if (reply != NULL)
    error = g_error_new (BPG_ERROR, BPG_ERROR_CORRUPT, "the reply came without its file");
  if (error != NULL)
    g_task_return_error (task, bpg_error_convert (error, last (fetch)->path));
  else
    fetch_next (task);
}

static gboolean
take_properties (Fetch *fetch, GVariant *properties, GError **error)
{
  BpgFetchedRecording *recording = last (fetch);
  const char *patient = "", *element;

  if (!g_variant_lookup (properties, "Prosthesis", "s", &recording->prosthesis) ||
      !g_variant_lookup (properties, "Patient", "&o", &patient)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, "%s is no recording", recording->path);
    return FALSE;
  }
  element = bpg_path_get_element (patient, BPG_PATH_RECORDS, "patient");
  recording->patient = g_strdup (element != NULL ? element : "");
  if (!g_str_equal (recording->prosthesis, ((BpgFetchedRecording *) fetch->recordings->pdata[0])->prosthesis)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "The recordings are not all of one prosthesis");
    return FALSE;
  }
  return TRUE;
}

static void
on_properties (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Fetch *fetch = g_task_get_task_data (task);
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) properties = NULL;
  GError *error = NULL;

  reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  if (reply == NULL) {
    g_task_return_error (task, bpg_recording_fetch_convert (error, last (fetch)->path));
    return;
  }
  g_variant_get (reply, "(@a{sv})", &properties);
  if (!take_properties (fetch, properties, &error)) {
    g_task_return_error (task, error);
    return;
  }
  g_dbus_connection_call_with_unix_fd_list (G_DBUS_CONNECTION (source), BPG_BUS_RECORDS, last (fetch)->path, INTERFACE,
                                            "Open", g_variant_new ("(a{sv})", NULL), G_VARIANT_TYPE ("(h)"),
                                            G_DBUS_CALL_FLAGS_NONE, -1, NULL, g_task_get_cancellable (task), on_opened,
                                            g_object_ref (task));
}

static void
fetch_next (GTask *task)
{
  Fetch *fetch = g_task_get_task_data (task);
  const char *path = fetch->paths[fetch->recordings->len];
  BpgFetchedRecording *recording;

  if (path == NULL) {
    g_task_return_pointer (task, g_steal_pointer (&fetch->recordings), (GDestroyNotify) g_ptr_array_unref);
    return;
  }
  recording = g_new0 (BpgFetchedRecording, 1);
  recording->path = g_strdup (path);
  recording->file = -1;
  g_ptr_array_add (fetch->recordings, recording);
  g_dbus_connection_call (g_task_get_source_object (task), BPG_BUS_RECORDS, path, "org.freedesktop.DBus.Properties",
                          "GetAll", g_variant_new ("(s)", INTERFACE), G_VARIANT_TYPE ("(a{sv})"), G_DBUS_CALL_FLAGS_NONE,
                          -1, g_task_get_cancellable (task), on_properties, g_object_ref (task));
}

void
bpg_recording_fetch_async (GDBusConnection *connection, const char *const *paths, GCancellable *cancellable,
                           GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (connection, cancellable, callback, user_data);
  Fetch *fetch = g_new0 (Fetch, 1);

  g_task_set_source_tag (task, bpg_recording_fetch_async);
  fetch->paths = g_strdupv ((char **) paths);
  fetch->recordings = g_ptr_array_new_with_free_func ((GDestroyNotify) recording_free);
  g_task_set_task_data (task, fetch, (GDestroyNotify) fetch_free);
  fetch_next (task);
}

GPtrArray *
bpg_recording_fetch_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
