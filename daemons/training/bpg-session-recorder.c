/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-session-recorder.h"

#include "bpg-error.h"
#include "bpg-file.h"
#include "bpg-log.h"
#include "bpg-names.h"
#include "bpg-path.h"
#include "bpg-recording-fetch.h"

#include <gio/gunixfdlist.h>
#include <unistd.h>

#define RECORDING_INTERFACE "org.bionicpro.Recording1"
#define MOST_BYTES (512u * 1024 * 1024)

struct _BpgSessionRecorder {
  GObject parent_instance;

  GDBusConnection *connection;
  char *path;
  GBytes *earlier;
  /* What a recording that is continued must fit. */
  char *prosthesis;
  guint rate;
  guint channels;
};

G_DEFINE_FINAL_TYPE (BpgSessionRecorder, bpg_session_recorder, G_TYPE_OBJECT)

static void
bpg_session_recorder_finalize (GObject *object)
{
  BpgSessionRecorder *self = BPG_SESSION_RECORDER (object);

  g_clear_object (&self->connection);
  g_clear_pointer (&self->earlier, g_bytes_unref);
  g_free (self->path);
  g_free (self->prosthesis);
  G_OBJECT_CLASS (bpg_session_recorder_parent_class)->finalize (object);
}

static void
bpg_session_recorder_class_init (BpgSessionRecorderClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_session_recorder_finalize;
}

static void
bpg_session_recorder_init (BpgSessionRecorder *self)
{
}

BpgSessionRecorder *
bpg_session_recorder_new (GDBusConnection *connection)
{
  BpgSessionRecorder *self = g_object_new (BPG_TYPE_SESSION_RECORDER, NULL);

  self->connection = g_object_ref (connection);
  return self;
}

const char *
bpg_session_recorder_get_path (BpgSessionRecorder *self)
{
  return self->path;
}

GBytes *
bpg_session_recorder_get_earlier (BpgSessionRecorder *self)
{
  return self->earlier;
}

static void
call_recording (BpgSessionRecorder *self, const char *path, const char *method, GVariant *parameters, const char *reply,
                GUnixFDList *fds, GTask *task, GAsyncReadyCallback callback)
{
  g_dbus_connection_call_with_unix_fd_list (self->connection, BPG_BUS_RECORDS, path, RECORDING_INTERFACE, method,
                                            parameters, G_VARIANT_TYPE (reply), G_DBUS_CALL_FLAGS_NONE, -1, fds,
                                            g_task_get_cancellable (task), callback, task);
}

static void
return_error (GTask *task, GError *error, const char *what)
{
  g_task_return_error (task, bpg_error_convert (error, what));
}

static void
on_created (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BpgSessionRecorder *self = g_task_get_source_object (task);
  g_autoptr (GVariant) reply = NULL;
  GError *error = NULL;

  reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  if (reply == NULL) {
    return_error (task, error, "Beginning the recording");
    return;
  }
  g_variant_get (reply, "(o)", &self->path);
  g_task_return_boolean (task, TRUE);
}

void
bpg_session_recorder_create_async (BpgSessionRecorder *self, const BpgRecordingSetup *setup, GCancellable *cancellable,
                                   GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  g_autofree char *patient = bpg_path_build (BPG_PATH_RECORDS, "patient", setup->patient);
  GVariantDict options;

  g_task_set_source_tag (task, bpg_session_recorder_create_async);
  g_variant_dict_init (&options, NULL);
  g_variant_dict_insert (&options, "rate", "u", setup->rate);
  g_variant_dict_insert (&options, "channels", "u", setup->channels);
  g_variant_dict_insert (&options, "lsb", "d", setup->lsb);
  g_variant_dict_insert (&options, "unit", "s", setup->unit);
  g_variant_dict_insert (&options, "purpose", "s", setup->purpose);
  g_variant_dict_insert (&options, "session", "s", setup->session);
  if (setup->note[0] != '\0')
    g_variant_dict_insert (&options, "note", "s", setup->note);
  g_dbus_connection_call (self->connection, BPG_BUS_RECORDS, BPG_PATH_RECORDS, "org.bionicpro.Records1",
                          "CreateRecording",
                          g_variant_new ("(os@a{sv})", patient, setup->prosthesis, g_variant_dict_end (&options)),
                          G_VARIANT_TYPE ("(o)"), G_DBUS_CALL_FLAGS_NONE, -1, cancellable, on_created, task);
}

/* Reads the one file descriptor of a reply; a memory file, so this waits for no disk. */
static GBytes *
take_file (GVariant *reply, GUnixFDList *fds, GError **error)
{
  gint32 handle;
  int fd;
  GBytes *bytes;

  g_variant_get (reply, "(h)", &handle);
  if (fds == NULL || handle < 0 || handle >= g_unix_fd_list_get_length (fds)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The reply came without its file");
    return NULL;
  }
  fd = g_unix_fd_list_get (fds, handle, error);
  if (fd < 0)
    return NULL;
  bytes = bpg_file_read_fd (fd, MOST_BYTES, error);
  close (fd);
  return bytes;
}

static void
on_opened (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BpgSessionRecorder *self = g_task_get_source_object (task);
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GVariant) reply = NULL;
  GError *error = NULL;

  reply = g_dbus_connection_call_with_unix_fd_list_finish (G_DBUS_CONNECTION (source), &fds, result, &error);
  if (reply != NULL)
    self->earlier = take_file (reply, fds, &error);
  if (self->earlier == NULL) {
    return_error (task, error, "Reading the recording to be continued");
    return;
  }
  self->path = g_strdup (g_task_get_task_data (task));
  g_task_return_boolean (task, TRUE);
}

static gboolean
check_fits (BpgSessionRecorder *self, GVariant *properties, GError **error)
{
  const char *prosthesis = "", *state = "";
  guint rate = 0, channels = 0;

  g_variant_lookup (properties, "Prosthesis", "&s", &prosthesis);
  g_variant_lookup (properties, "State", "&s", &state);
  g_variant_lookup (properties, "SamplingRate", "u", &rate);
  g_variant_lookup (properties, "Channels", "u", &channels);
  if (g_str_equal (state, "complete")) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_WRONG_STATE, "The recording is complete; begin a new one");
    return FALSE;
  }
  if (!g_str_equal (prosthesis, self->prosthesis) || rate != self->rate || channels != self->channels) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INCOMPATIBLE,
                 "The recording is of prosthesis %s with %u electrodes at %u Hz, not of this one; begin a new one",
                 prosthesis, channels, rate);
    return FALSE;
  }
  return TRUE;
}

static void
on_properties (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BpgSessionRecorder *self = g_task_get_source_object (task);
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) properties = NULL;
  guint64 samples = 0;
  GError *error = NULL;

  reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  if (reply == NULL) {
    g_task_return_error (task, bpg_recording_fetch_convert (error, g_task_get_task_data (task)));
    return;
  }
  g_variant_get (reply, "(@a{sv})", &properties);
  if (!check_fits (self, properties, &error)) {
    g_task_return_error (task, error);
    return;
  }
  if (g_variant_lookup (properties, "Samples", "t", &samples) && samples == 0) {
    self->path = g_strdup (g_task_get_task_data (task));
    g_task_return_boolean (task, TRUE);
    return;
  }
  call_recording (self, g_task_get_task_data (task), "Open", g_variant_new ("(a{sv})", NULL), "(h)", NULL,
                  g_object_ref (task), on_opened);
}

void
bpg_session_recorder_continue_async (BpgSessionRecorder *self, const char *path, const BpgRecordingSetup *setup,
                                     GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, bpg_session_recorder_continue_async);
  g_task_set_task_data (task, g_strdup (path), g_free);
  self->prosthesis = g_strdup (setup->prosthesis);
  self->rate = setup->rate;
  self->channels = setup->channels;
  g_dbus_connection_call (self->connection, BPG_BUS_RECORDS, path, "org.freedesktop.DBus.Properties", "GetAll",
                          g_variant_new ("(s)", RECORDING_INTERFACE), G_VARIANT_TYPE ("(a{sv})"), G_DBUS_CALL_FLAGS_NONE,
                          -1, cancellable, on_properties, task);
}

gboolean
bpg_session_recorder_open_finish (BpgSessionRecorder *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
on_called (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GVariant) reply = NULL;
  GError *error = NULL;

  reply = g_dbus_connection_call_with_unix_fd_list_finish (G_DBUS_CONNECTION (source), NULL, result, &error);
  if (reply == NULL)
    return_error (task, error, g_task_get_task_data (task));
  else
    g_task_return_boolean (task, TRUE);
}

static GVariant *
describe (const BpgStep *step, const BpgRepetitionBuffer *buffer, GVariant *verdict)
{
  GVariantBuilder lost, clock;
  GVariantDict details;

  g_variant_builder_init (&lost, G_VARIANT_TYPE ("a(tt)"));
  for (guint i = 0; i < buffer->gaps->len; i++) {
    const BpgSpan *gap = &g_array_index (buffer->gaps, BpgSpan, i);

    g_variant_builder_add (&lost, "(tt)", (guint64) gap->start, (guint64) gap->count);
  }
  g_variant_builder_init (&clock, G_VARIANT_TYPE ("a(ttt)"));
  for (guint i = 0; i < buffer->clock->len; i++) {
    const BpgClockPair *pair = &g_array_index (buffer->clock, BpgClockPair, i);

    g_variant_builder_add (&clock, "(ttt)", pair->tick, pair->monotonic, pair->real);
  }

  g_variant_dict_init (&details, NULL);
  g_variant_dict_insert (&details, "movement", "s", step->movement);
  g_variant_dict_insert (&details, "code", "y", step->code);
  g_variant_dict_insert (&details, "repetition", "u", step->repetition);
  g_variant_dict_insert (&details, "count", "t", (guint64) bpg_repetition_buffer_get_count (buffer));
  g_variant_dict_insert_value (&details, "lost", g_variant_builder_end (&lost));
  g_variant_dict_insert_value (&details, "clock", g_variant_builder_end (&clock));
  if (verdict != NULL)
    g_variant_dict_insert_value (&details, "verdict", verdict);
  if (step->replaces)
    g_variant_dict_insert (&details, "replaces", "b", TRUE);
  return g_variant_dict_end (&details);
}

void
bpg_session_recorder_append_async (BpgSessionRecorder *self, const BpgStep *step, const BpgRepetitionBuffer *buffer,
                                   GVariant *verdict, GCancellable *cancellable, GAsyncReadyCallback callback,
                                   gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autoptr (GVariant) details = g_variant_ref_sink (describe (step, buffer, verdict));
  g_autoptr (GUnixFDList) fds = NULL;
  GError *error = NULL;
  int fd;

  g_task_set_source_tag (task, bpg_session_recorder_append_async);
  g_task_set_task_data (task, (gpointer) "Keeping the repetition", NULL);
  fd = bpg_file_new_memory ("repetition", buffer->samples->data, (gsize) buffer->samples->len * sizeof (gint16), &error);
  if (fd < 0) {
    g_task_return_error (task, error);
    return;
  }
  fds = g_unix_fd_list_new_from_array (&fd, 1);
  call_recording (self, self->path, "AppendRepetition", g_variant_new ("(h@a{sv})", 0, details), "(u)", fds,
                  g_object_ref (task), on_called);
}

gboolean
bpg_session_recorder_append_finish (BpgSessionRecorder *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static GVariant *
complete_parameters (gboolean interrupted)
{
  GVariantDict options;

  g_variant_dict_init (&options, NULL);
  if (interrupted)
    g_variant_dict_insert (&options, "interrupted", "b", TRUE);
  return g_variant_new ("(@a{sv})", g_variant_dict_end (&options));
}

void
bpg_session_recorder_complete_async (BpgSessionRecorder *self, gboolean interrupted, GAsyncReadyCallback callback,
                                     gpointer user_data)
{
  GTask *task = g_task_new (self, NULL, callback, user_data);

  g_task_set_source_tag (task, bpg_session_recorder_complete_async);
  g_task_set_task_data (task, (gpointer) "Closing the recording", NULL);
  call_recording (self, self->path, "Complete", complete_parameters (interrupted), "()", NULL, task, on_called);
}

gboolean
bpg_session_recorder_complete_finish (BpgSessionRecorder *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
on_interrupted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  if (reply == NULL)
    bpg_warning (g_task_get_task_data (task), "could not be marked interrupted: %s", error->message);
  g_task_return_boolean (task, reply != NULL);
}

void
bpg_session_recorder_interrupt_async (GDBusConnection *connection, const char *path, GAsyncReadyCallback callback,
                                      gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (connection, NULL, callback, user_data);

  g_task_set_source_tag (task, bpg_session_recorder_interrupt_async);
  if (path == NULL) {
    g_task_return_boolean (task, TRUE);
    return;
  }
  g_task_set_task_data (task, g_strdup (path), g_free);
  g_dbus_connection_call (connection, BPG_BUS_RECORDS, path, RECORDING_INTERFACE, "Complete", complete_parameters (TRUE),
                          NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, on_interrupted, g_object_ref (task));
}
