/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-recording.h"

#include "bpg-dbus.h"
#include "bpg-error.h"
#include "bpg-file.h"
#include "bpg-log.h"
#include "bpg-method.h"
#include "bpg-names.h"
#include "bpg-options.h"
#include "bpg-path.h"

#include <unistd.h>

#define ID_LENGTH 16
/* Calls that may wait for the disk; each holds a descriptor. A session waits for each answer. */
#define MAX_APPENDS 16u

struct _BpgRecording {
  GObject parent_instance;

  BpgArchive *archive;
  BpgDBusRecording1 *skeleton;
  BpgRecordingInfo *info;
  GPtrArray *repetitions; /* BpgRepetition */
  char *path;
  guint64 created;
  guint64 bytes;    /* of samples */
  GQueue appends;   /* Append, in the order they came; the head is being written */
  guint sender_watch; /* of whoever has it open */
};

enum { DELETED, N_SIGNALS };

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (BpgRecording, bpg_recording, G_TYPE_OBJECT)

static void run_next_append (BpgRecording *self);

static void
bpg_recording_dispose (GObject *object)
{
  BpgRecording *self = BPG_RECORDING (object);

  g_clear_handle_id (&self->sender_watch, g_bus_unwatch_name);
  g_clear_object (&self->skeleton);
  g_clear_object (&self->archive);
  G_OBJECT_CLASS (bpg_recording_parent_class)->dispose (object);
}

static void
bpg_recording_finalize (GObject *object)
{
  BpgRecording *self = BPG_RECORDING (object);

  g_clear_pointer (&self->info, bpg_recording_info_free);
  g_clear_pointer (&self->repetitions, g_ptr_array_unref);
  g_free (self->path);
  G_OBJECT_CLASS (bpg_recording_parent_class)->finalize (object);
}

static void
bpg_recording_class_init (BpgRecordingClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_recording_dispose;
  G_OBJECT_CLASS (klass)->finalize = bpg_recording_finalize;
  signals[DELETED] =
    g_signal_new ("deleted", BPG_TYPE_RECORDING, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bpg_recording_init (BpgRecording *self)
{
  g_queue_init (&self->appends);
}

/* Everything on the bus that follows from the repetitions. */
static void
publish_repetitions (BpgRecording *self)
{
  g_autoptr (GVariantBuilder) builder = g_variant_builder_new (G_VARIANT_TYPE ("aa{sv}"));
  guint64 start = 0, lost = 0;

  for (guint i = 0; i < self->repetitions->len; i++) {
    const BpgRepetition *repetition = g_ptr_array_index (self->repetitions, i);

    g_variant_builder_open (builder, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add (builder, "{sv}", "movement", g_variant_new_string (repetition->movement));
    g_variant_builder_add (builder, "{sv}", "code", g_variant_new_byte (repetition->code));
    g_variant_builder_add (builder, "{sv}", "repetition", g_variant_new_uint32 (repetition->repetition));
    g_variant_builder_add (builder, "{sv}", "start", g_variant_new_uint64 (start));
    g_variant_builder_add (builder, "{sv}", "count", g_variant_new_uint64 (repetition->count));
    g_variant_builder_close (builder);
    start += repetition->count;
    lost += bpg_repetition_count_lost (repetition);
  }
  self->bytes = start * self->info->channels * 2;
  g_object_set (self->skeleton, "repetitions", g_variant_builder_end (builder), "samples", start, "lost-samples", lost,
                NULL);
  g_dbus_interface_skeleton_flush (G_DBUS_INTERFACE_SKELETON (self->skeleton));
}

static void
on_sender_gone (GDBusConnection *connection, const char *name, gpointer user_data)
{
  BpgRecording *self = user_data;

  g_clear_handle_id (&self->sender_watch, g_bus_unwatch_name);
}

/* Whoever appends last has it open; when it leaves the bus without a word, nobody has. */
static void
watch_sender (BpgRecording *self, const char *sender)
{
  g_clear_handle_id (&self->sender_watch, g_bus_unwatch_name);
  if (sender != NULL)
    self->sender_watch =
      g_bus_watch_name_on_connection (bpg_service_get_connection (bpg_archive_get_service (self->archive)), sender,
                                      G_BUS_NAME_WATCHER_FLAGS_NONE, NULL, on_sender_gone, self, NULL);
}

static gboolean
store_state (BpgRecording *self, const char *state, GError **error)
{
  if (!bpg_store_run (bpg_archive_get_store (self->archive), error, "UPDATE recording SET state = ? WHERE id = ?", "ss",
                      state, self->info->id))
    return FALSE;
  bpg_dbus_recording1_set_state (self->skeleton, state);
  return TRUE;
}

typedef struct {
  GDBusMethodInvocation *invocation;
  gboolean completes; /* Complete waits its turn behind the samples */
  gboolean interrupted;

  BpgArchive *archive;
  char *patient;
  guint channels;
  int fd;
  BpgRepetition *repetition;
  gboolean replaces;
} Append;

static void
append_free (Append *append)
{
  if (append->fd >= 0)
    close (append->fd);
  g_clear_pointer (&append->repetition, bpg_repetition_free);
  g_clear_object (&append->archive);
  g_free (append->patient);
  g_free (append);
}

static void
write_samples (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Append *append = task_data;
  guint64 expected = append->repetition->count * append->channels * 2;
  GError *error = NULL;
  g_autoptr (GBytes) samples = bpg_file_read_fd (append->fd, BPG_RECORDING_MAX_BYTES, &error);

  if (samples != NULL && g_bytes_get_size (samples) != expected)
    g_set_error (&error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT,
                 "%" G_GUINT64_FORMAT " samples of %u electrodes are %" G_GUINT64_FORMAT " bytes, not %" G_GSIZE_FORMAT,
                 append->repetition->count, append->channels, expected, g_bytes_get_size (samples));
  if (error == NULL)
    bpg_repetition_write (append->repetition, append->archive, append->patient, samples, &error);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static guint
find_place (BpgRecording *self, const Append *append)
{
  for (guint i = 0; append->replaces && i < self->repetitions->len; i++) {
    const BpgRepetition *repetition = g_ptr_array_index (self->repetitions, i);

    if (repetition->code == append->repetition->code && repetition->repetition == append->repetition->repetition)
      return i;
  }
  return self->repetitions->len;
}

static gboolean
store_append (BpgRecording *self, Append *append, guint place, GError **error)
{
  BpgStore *store = bpg_archive_get_store (self->archive);

  if (!bpg_store_begin (store, error))
    return FALSE;
  /* A recording that was interrupted is open again when it is continued. */
  if (!bpg_repetition_store (append->repetition, store, self->info->id, place, error) ||
      !bpg_store_run (store, error, "UPDATE recording SET state = 'open' WHERE id = ?", "s", self->info->id)) {
    bpg_store_roll_back (store);
    return FALSE;
  }
  return bpg_store_commit (store, error);
}

static void
discard_file (BpgRecording *self, const char *file)
{
  g_auto (GStrv) files = g_new0 (char *, 2);

  /* When it cannot be removed now, it is at the next start, as the index does not name it. */
  files[0] = g_strdup (file);
  bpg_archive_discard_async (self->archive, files, NULL, NULL);
}

static void
take_append (BpgRecording *self, Append *append, guint place)
{
  if (place < self->repetitions->len) {
    BpgRepetition **slot = (BpgRepetition **) &g_ptr_array_index (self->repetitions, place);

    discard_file (self, (*slot)->file);
    bpg_repetition_free (*slot);
    *slot = g_steal_pointer (&append->repetition);
  } else {
    g_ptr_array_add (self->repetitions, g_steal_pointer (&append->repetition));
  }
  bpg_dbus_recording1_set_state (self->skeleton, "open");
  watch_sender (self, g_dbus_method_invocation_get_sender (append->invocation));
  publish_repetitions (self);
}

static void
on_samples_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BpgRecording *self = BPG_RECORDING (source);
  Append *append = g_queue_pop_head (&self->appends);
  guint place = find_place (self, append);
  g_autoptr (GError) error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error)) {
    g_dbus_method_invocation_return_gerror (append->invocation, error);
  } else if (!store_append (self, append, place, &error)) {
    discard_file (self, append->repetition->file);
    g_dbus_method_invocation_return_gerror (append->invocation, error);
  } else {
    take_append (self, append, place);
    g_dbus_method_invocation_return_value (append->invocation, g_variant_new ("(u)", place));
  }
  append_free (append);
  run_next_append (self);
}

static gboolean
check_append (BpgRecording *self, const Append *append, GError **error)
{
  const char *state = bpg_dbus_recording1_get_state (self->skeleton);

  if (g_str_equal (state, "complete")) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_WRONG_STATE, "Recording %s is complete; begin a new one", self->info->id);
    return FALSE;
  }
  if (append->completes)
    return TRUE;
  if (self->repetitions->len >= BPG_RECORDING_MAX_REPETITIONS ||
      append->repetition->count > (BPG_RECORDING_MAX_BYTES - self->bytes) / 2 / self->info->channels) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_LIMIT_EXCEEDED, "A recording holds %u repetitions and %u MB",
                 BPG_RECORDING_MAX_REPETITIONS, BPG_RECORDING_MAX_BYTES / 1024 / 1024);
    return FALSE;
  }
  return TRUE;
}

static void
complete (BpgRecording *self, Append *append)
{
  g_autoptr (GError) error = NULL;

  if (!store_state (self, append->interrupted ? "interrupted" : "complete", &error)) {
    g_dbus_method_invocation_return_gerror (append->invocation, error);
    return;
  }
  watch_sender (self, NULL);
  g_dbus_interface_skeleton_flush (G_DBUS_INTERFACE_SKELETON (self->skeleton));
  g_dbus_method_invocation_return_value (append->invocation, NULL);
}

/* One at a time, so that repetitions stand in the order in which they were handed in. */
static void
run_next_append (BpgRecording *self)
{
  Append *append;

  while ((append = g_queue_peek_head (&self->appends)) != NULL) {
    g_autoptr (GError) error = NULL;

    if (!check_append (self, append, &error)) {
      g_dbus_method_invocation_return_gerror (append->invocation, error);
    } else if (append->completes) {
      complete (self, append);
    } else {
      g_autoptr (GTask) task = g_task_new (self, NULL, on_samples_written, NULL);

      g_task_set_task_data (task, append, NULL);
      g_task_run_in_thread (task, write_samples);
      return;
    }
    append_free (g_queue_pop_head (&self->appends));
  }
}

static void
enqueue (BpgRecording *self, Append *append)
{
  if (self->appends.length >= MAX_APPENDS) {
    g_dbus_method_invocation_return_error (append->invocation, BPG_ERROR, BPG_ERROR_LIMIT_EXCEEDED,
                                           "%u calls wait for the disk already; wait for their answers", MAX_APPENDS);
    append_free (append);
    return;
  }
  append->archive = g_object_ref (self->archive);
  append->patient = g_strdup (self->info->patient);
  append->channels = self->info->channels;
  g_queue_push_tail (&self->appends, append);
  if (self->appends.length == 1)
    run_next_append (self);
}

static void
handle_append (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgRecording *self = BPG_RECORDING (object);
  g_autoptr (GVariant) details = NULL;
  g_autoptr (GError) error = NULL;
  Append *append = g_new0 (Append, 1);
  gint32 handle;

  g_variant_get (parameters, "(h@a{sv})", &handle, &details);
  append->invocation = invocation;
  append->fd = -1;
  append->repetition = bpg_repetition_parse (details, &append->replaces, &error);
  if (append->repetition != NULL)
    append->fd = bpg_method_get_fd (invocation, handle, &error);
  if (error != NULL) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    append_free (append);
    return;
  }
  enqueue (self, append);
}

static void
handle_complete (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 0);
  g_autoptr (GError) error = NULL;
  gboolean interrupted = FALSE;
  const BpgOption table[] = {{"interrupted", "b", &interrupted}, {NULL}};
  Append *append;

  if (!bpg_options_parse (options, table, &error)) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  append = g_new0 (Append, 1);
  append->invocation = invocation;
  append->completes = TRUE;
  append->interrupted = interrupted;
  append->fd = -1;
  enqueue (BPG_RECORDING (object), append);
}

typedef struct {
  BpgArchive *archive;
  BpgRecordingInfo *info;
  GPtrArray *repetitions;
} Reading;

static void
reading_free (Reading *reading)
{
  g_object_unref (reading->archive);
  bpg_recording_info_free (reading->info);
  g_ptr_array_unref (reading->repetitions);
  g_free (reading);
}

static void
build (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Reading *reading = task_data;
  g_autoptr (GPtrArray) samples = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  GError *error = NULL;
  int fd = -1;

  for (guint i = 0; i < reading->repetitions->len && error == NULL; i++) {
    GBytes *part = bpg_repetition_read (g_ptr_array_index (reading->repetitions, i), reading->archive,
                                        reading->info->patient, reading->info->channels, &error);

    if (part != NULL)
      g_ptr_array_add (samples, part);
  }
  if (error == NULL)
    fd = bpg_container_build (reading->info, reading->repetitions, samples, &error);
  if (fd < 0)
    g_task_return_error (task, error);
  else
    g_task_return_int (task, fd);
}

static void
on_built (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GDBusMethodInvocation *invocation = user_data;
  g_autoptr (GError) error = NULL;
  int fd = (int) g_task_propagate_int (G_TASK (result), &error);

  if (error != NULL)
    g_dbus_method_invocation_return_gerror (invocation, error);
  else
    bpg_method_return_fd (invocation, fd);
}

static void
handle_open (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgRecording *self = BPG_RECORDING (object);
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 0);
  g_autoptr (GError) error = NULL;
  g_autoptr (GTask) task = NULL;
  Reading *reading;

  if (bpg_options_none (options, &error))
    /* From the index, not from the list here, which may change while the worker reads. */
    reading = g_new0 (Reading, 1);
  else {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  reading->archive = g_object_ref (self->archive);
  reading->info = bpg_recording_info_copy (self->info);
  reading->repetitions = bpg_repetitions_load (bpg_archive_get_store (self->archive), self->info->id, &error);
  if (reading->repetitions == NULL) {
    reading->repetitions = g_ptr_array_new ();
    reading_free (reading);
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  task = g_task_new (self, NULL, on_built, invocation);
  g_task_set_task_data (task, reading, (GDestroyNotify) reading_free);
  g_task_run_in_thread (task, build);
}

static void
on_discarded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  /* The recording is gone from the index all the same, and its files go at the next start. */
  if (!bpg_archive_discard_finish (BPG_ARCHIVE (source), result, &error))
    bpg_warning (BPG_PATH_RECORDS, "%s", error->message);
  g_dbus_method_invocation_return_value (user_data, NULL);
}

static void
handle_delete (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgRecording *self = BPG_RECORDING (object);
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 0);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) files = bpg_recording_list_files (self);

  if (bpg_options_none (options, &error) && bpg_recording_is_busy (self))
    g_set_error (&error, BPG_ERROR, BPG_ERROR_BUSY, "A session is recording into %s; end it first", self->info->id);
  if (error == NULL)
    bpg_store_run (bpg_archive_get_store (self->archive), &error, "DELETE FROM recording WHERE id = ?", "s",
                   self->info->id);
  if (error != NULL) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return;
  }
  bpg_archive_discard_async (self->archive, files, on_discarded, invocation);
  bpg_recording_withdraw (self);
}

static const BpgMethod methods[] = {
  {"handle-append-repetition", BPG_ACTION_RECORDS_WRITE, handle_append},
  {"handle-complete", BPG_ACTION_RECORDS_WRITE, handle_complete},
  {"handle-open", BPG_ACTION_RECORDS_READ, handle_open},
  {"handle-delete", BPG_ACTION_RECORDS_DELETE, handle_delete},
  {NULL},
};

static BpgRecording *
bpg_recording_new (BpgArchive *archive, BpgRecordingInfo *info, GPtrArray *repetitions, const char *state,
                   guint64 created)
{
  BpgRecording *self = g_object_new (BPG_TYPE_RECORDING, NULL);
  BpgService *service = bpg_archive_get_service (archive);
  g_autofree char *patient_path = bpg_path_build (BPG_PATH_RECORDS, "patient", info->patient);

  self->archive = g_object_ref (archive);
  self->info = info;
  self->repetitions = repetitions;
  self->created = created;
  self->path = bpg_path_build (BPG_PATH_RECORDS, "recording", info->id);
  self->skeleton = bpg_dbus_recording1_skeleton_new ();
  g_object_set (self->skeleton, "id", info->id, "patient", patient_path, "prosthesis", info->prosthesis, "state", state,
                "created", created, "sampling-rate", info->rate, "channels", info->channels, "lsb", info->lsb, "unit",
                info->unit, "purpose", info->purpose, "source", info->source, "note", info->note, NULL);
  publish_repetitions (self);
  bpg_methods_connect (self->skeleton, bpg_service_get_authority (service), G_OBJECT (self), self->path, methods);
  g_object_unref (bpg_service_export (service, self->path, G_DBUS_INTERFACE_SKELETON (self->skeleton), NULL));
  return self;
}

static gboolean
store_rows (BpgStore *store, const BpgRecordingInfo *info, GPtrArray *repetitions, const char *state, guint64 created,
            GError **error)
{
  if (!bpg_store_run (store, error,
                      "INSERT INTO recording (id, patient, prosthesis, state, created, rate, channels, lsb, unit,"
                      " filters, electrodes, purpose, source, session, note)"
                      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", "sssstuudsssssss", info->id,
                      info->patient, info->prosthesis, state, created, info->rate, info->channels, info->lsb,
                      info->unit, info->filters, info->electrodes, info->purpose, info->source, info->session,
                      info->note))
    return FALSE;
  for (guint i = 0; i < repetitions->len; i++)
    if (!bpg_repetition_store (g_ptr_array_index (repetitions, i), store, info->id, i, error))
      return FALSE;
  return TRUE;
}

BpgRecording *
bpg_recording_create (BpgArchive *archive, const BpgRecordingInfo *info, GPtrArray *repetitions, const char *sender,
                      GError **error)
{
  g_autoptr (BpgRecordingInfo) own = bpg_recording_info_copy (info);
  g_autoptr (GPtrArray) list = repetitions != NULL
                                 ? g_ptr_array_ref (repetitions)
                                 : g_ptr_array_new_with_free_func ((GDestroyNotify) bpg_repetition_free);
  const char *state = repetitions != NULL ? "complete" : "open";
  guint64 created = (guint64) g_get_real_time ();
  BpgStore *store = bpg_archive_get_store (archive);
  BpgRecording *self;

  g_free (own->id);
  own->id = bpg_archive_new_id (ID_LENGTH, "0123456789abcdef");
  if (!bpg_recording_info_check (own, error) || !bpg_store_begin (store, error))
    return NULL;
  if (!store_rows (store, own, list, state, created, error)) {
    bpg_store_roll_back (store);
    return NULL;
  }
  if (!bpg_store_commit (store, error))
    return NULL;
  self = bpg_recording_new (archive, g_steal_pointer (&own), g_steal_pointer (&list), state, created);
  if (repetitions == NULL)
    watch_sender (self, sender);
  return self;
}

static char *
column_text (sqlite3_stmt *statement, int column)
{
  const char *text = (const char *) sqlite3_column_text (statement, column);

  return g_strdup (text != NULL ? text : "");
}

static BpgRecordingInfo *
load_info (sqlite3_stmt *statement)
{
  BpgRecordingInfo *info = g_new0 (BpgRecordingInfo, 1);

  info->id = column_text (statement, 0);
  info->patient = column_text (statement, 1);
  info->prosthesis = column_text (statement, 2);
  info->rate = (guint32) sqlite3_column_int64 (statement, 5);
  info->channels = (guint32) sqlite3_column_int64 (statement, 6);
  info->lsb = sqlite3_column_double (statement, 7);
  info->unit = column_text (statement, 8);
  info->filters = column_text (statement, 9);
  info->electrodes = column_text (statement, 10);
  info->purpose = column_text (statement, 11);
  info->source = column_text (statement, 12);
  info->session = column_text (statement, 13);
  info->note = column_text (statement, 14);
  return info;
}

GPtrArray *
bpg_recordings_load (BpgArchive *archive, GError **error)
{
  BpgStore *store = bpg_archive_get_store (archive);
  g_autoptr (GPtrArray) recordings = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (sqlite3_stmt) statement =
    bpg_store_prepare (store, error,
                       "SELECT id, patient, prosthesis, state, created, rate, channels, lsb, unit, filters, electrodes,"
                       " purpose, source, session, note FROM recording ORDER BY created", "");
  int more = -1;

  while (statement != NULL && (more = bpg_store_step (store, statement, error)) > 0) {
    g_autoptr (BpgRecordingInfo) info = load_info (statement);
    g_autofree char *state = column_text (statement, 3);
    GPtrArray *repetitions = bpg_repetitions_load (store, info->id, error);

    if (repetitions == NULL)
      return NULL;
    g_ptr_array_add (recordings, bpg_recording_new (archive, g_steal_pointer (&info), repetitions, state,
                                                    (guint64) sqlite3_column_int64 (statement, 4)));
  }
  return more == 0 ? g_steal_pointer (&recordings) : NULL;
}

const char *
bpg_recording_get_path (BpgRecording *self)
{
  return self->path;
}

const char *
bpg_recording_get_patient (BpgRecording *self)
{
  return self->info->patient;
}

gboolean
bpg_recording_is_busy (BpgRecording *self)
{
  return self->appends.length > 0 || self->sender_watch != 0;
}

GStrv
bpg_recording_list_files (BpgRecording *self)
{
  g_autoptr (GPtrArray) files = g_ptr_array_new ();

  for (guint i = 0; i < self->repetitions->len; i++)
    g_ptr_array_add (files, g_strdup (((BpgRepetition *) g_ptr_array_index (self->repetitions, i))->file));
  g_ptr_array_add (files, NULL);
  return (GStrv) g_ptr_array_free (g_steal_pointer (&files), FALSE);
}

void
bpg_recording_withdraw (BpgRecording *self)
{
  /* Whoever hears of it may let the last reference go. */
  g_object_ref (self);
  bpg_service_unexport (bpg_archive_get_service (self->archive), self->path);
  g_signal_emit (self, signals[DELETED], 0);
  g_object_unref (self);
}
