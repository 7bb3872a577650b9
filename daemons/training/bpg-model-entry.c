/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-model-entry.h"

#include "bpg-file.h"
#include "bpg-names.h"
#include "bpg-options.h"
#include "bpg-path.h"
#include "recognition/bpm.h"

#include <gio/gunixfdlist.h>

struct _BpgModelEntry {
  GObject parent_instance;

  BpgService *service;
  BpgDBusModel1 *skeleton;
  char *path;
  char *file;
  char *digest;
  guint holds;
};

G_DEFINE_FINAL_TYPE (BpgModelEntry, bpg_model_entry, G_TYPE_OBJECT)

enum { SIGNAL_DELETED, N_SIGNALS };

static guint signals[N_SIGNALS];

static void
bpg_model_entry_finalize (GObject *object)
{
  BpgModelEntry *self = BPG_MODEL_ENTRY (object);

  g_clear_object (&self->skeleton);
  g_clear_object (&self->service);
  g_free (self->path);
  g_free (self->file);
  g_free (self->digest);
  G_OBJECT_CLASS (bpg_model_entry_parent_class)->finalize (object);
}

static void
bpg_model_entry_class_init (BpgModelEntryClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_model_entry_finalize;
  signals[SIGNAL_DELETED] = g_signal_new ("deleted", BPG_TYPE_MODEL_ENTRY, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                          G_TYPE_BOOLEAN, 1, G_TYPE_POINTER);
}

static void
bpg_model_entry_init (BpgModelEntry *self)
{
}

static void
read_in_worker (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  BpgModelEntry *self = source;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = bpg_file_read (self->file, BPG_BPM_LENGTH_MAX, &error);
  g_autofree char *hash = bytes != NULL ? g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, bytes) : NULL;

  if (g_strcmp0 (hash, bpg_dbus_model1_get_hash (self->skeleton)) == 0)
    g_task_return_pointer (task, g_steal_pointer (&bytes), (GDestroyNotify) g_bytes_unref);
  else
    g_task_return_new_error (task, BPG_ERROR, BPG_ERROR_CORRUPT, "The model's file is damaged: %s; train it again",
                             error != NULL ? error->message : "its hash has changed");
}

void
bpg_model_entry_read_async (BpgModelEntry *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                            gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, bpg_model_entry_read_async);
  g_task_run_in_thread (task, read_in_worker);
}

GBytes *
bpg_model_entry_read_finish (BpgModelEntry *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BpgModelEntry *self = BPG_MODEL_ENTRY (source);
  GDBusMethodInvocation *invocation = user_data;
  GError *error = NULL;
  g_autoptr (GBytes) bytes = bpg_model_entry_read_finish (self, result, &error);
  g_autoptr (GUnixFDList) fds = NULL;
  int fd = -1;

  if (bytes != NULL)
    fd = bpg_file_new_memory ("model", g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), &error);
  else
    bpg_service_set_problem (self->service, self->path, error->code, error->message);
  if (fd < 0) {
    g_dbus_method_invocation_take_error (invocation, error);
    return;
  }
  bpg_service_clear_problem (self->service, self->path);
  fds = g_unix_fd_list_new_from_array (&fd, 1);
  bpg_dbus_model1_complete_open (self->skeleton, invocation, fds, g_variant_new_handle (0));
}

static void
open_authorized (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  bpg_model_entry_read_async (object, NULL, on_read, invocation);
}

static void
delete_authorized (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgModelEntry *self = object;
  GError *error = NULL;
  gboolean deleted = FALSE;

  if (self->holds > 0)
    error = g_error_new (BPG_ERROR, BPG_ERROR_BUSY, "A job uses the model; wait for its end or cancel it");
  else
    g_signal_emit (self, signals[SIGNAL_DELETED], 0, &error, &deleted);
  if (!deleted)
    g_dbus_method_invocation_take_error (invocation, error);
  else
    g_dbus_method_invocation_return_value (invocation, NULL);
}

static gboolean
handle (BpgModelEntry *self, GDBusMethodInvocation *invocation, GVariant *options, const char *action,
        BpgAuthorizedFunc func)
{
  const char *details[] = {"model", bpg_dbus_model1_get_id (self->skeleton), NULL};
  GError *error = NULL;

  if (!bpg_options_none (options, &error))
    g_dbus_method_invocation_take_error (invocation, error);
  else
    bpg_authority_authorize (bpg_service_get_authority (self->service), invocation, action, details, G_OBJECT (self), func);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
on_handle_open (BpgDBusModel1 *skeleton, GDBusMethodInvocation *invocation, GUnixFDList *fds, GVariant *options,
                gpointer user_data)
{
  return handle (user_data, invocation, options, BPG_ACTION_TRAINING_READ, open_authorized);
}

static gboolean
on_handle_delete (BpgDBusModel1 *skeleton, GDBusMethodInvocation *invocation, GVariant *options, gpointer user_data)
{
  return handle (user_data, invocation, options, BPG_ACTION_TRAINING_TRAIN, delete_authorized);
}

BpgModelEntry *
bpg_model_entry_new (BpgService *service, const BpgModelRow *row, const char *file)
{
  BpgModelEntry *self = g_object_new (BPG_TYPE_MODEL_ENTRY, NULL);
  g_autofree char *id = g_strndup (row->hash, 16);
  g_autoptr (GDBusObjectSkeleton) object = NULL;

  self->service = g_object_ref (service);
  self->file = g_strdup (file);
  self->digest = g_strdup (row->digest);
  self->path = bpg_path_build (bpg_service_get_root (service), "model", id);
  self->skeleton = bpg_dbus_model1_skeleton_new ();
  g_object_set (self->skeleton, "id", id, "hash", row->hash, "prosthesis", row->prosthesis, "patient", row->patient,
                "state", row->state, "created", row->created, "parent", row->parent, "size", row->size, "sampling-rate",
                row->rate, "channels", row->channels, "window", row->window, "hop", row->hop, "movements", row->movements,
                "recordings", NULL, "note", row->note, NULL);
  if (row->recordings != NULL) {
    g_autofree const char **paths = g_variant_get_objv (row->recordings, NULL);

    bpg_dbus_model1_set_recordings (self->skeleton, paths);
  } else {
    bpg_dbus_model1_set_recordings (self->skeleton, (const char *const[]) {NULL});
  }
  bpg_dbus_model1_set_evaluation (self->skeleton,
                                  row->evaluation != NULL ? row->evaluation : g_variant_new ("a{sv}", NULL));
  g_signal_connect_object (self->skeleton, "handle-open", G_CALLBACK (on_handle_open), self, 0);
  g_signal_connect_object (self->skeleton, "handle-delete", G_CALLBACK (on_handle_delete), self, 0);
  object = bpg_service_export (service, self->path, G_DBUS_INTERFACE_SKELETON (self->skeleton), NULL);
  return self;
}

const char *
bpg_model_entry_get_path (BpgModelEntry *self)
{
  return self->path;
}

const char *
bpg_model_entry_get_hash (BpgModelEntry *self)
{
  return bpg_dbus_model1_get_hash (self->skeleton);
}

const char *
bpg_model_entry_get_digest (BpgModelEntry *self)
{
  return self->digest;
}

const char *
bpg_model_entry_get_parent (BpgModelEntry *self)
{
  return bpg_dbus_model1_get_parent (self->skeleton);
}

const char *
bpg_model_entry_get_file (BpgModelEntry *self)
{
  return self->file;
}

const char *
bpg_model_entry_get_prosthesis (BpgModelEntry *self)
{
  return bpg_dbus_model1_get_prosthesis (self->skeleton);
}

gboolean
bpg_model_entry_get_accuracy (BpgModelEntry *self, double *accuracy, double *low)
{
  GVariant *evaluation = bpg_dbus_model1_get_evaluation (self->skeleton);

  return g_variant_lookup (evaluation, "accuracy", "d", accuracy) &&
         g_variant_lookup (evaluation, "accuracy_low", "d", low);
}

gboolean
bpg_model_entry_has_recording (BpgModelEntry *self, const char *recording)
{
  return g_strv_contains (bpg_dbus_model1_get_recordings (self->skeleton), recording);
}

void
bpg_model_entry_hold (BpgModelEntry *self)
{
  self->holds++;
}

void
bpg_model_entry_release (BpgModelEntry *self)
{
  g_return_if_fail (self->holds > 0);
  self->holds--;
}

void
bpg_model_entry_close (BpgModelEntry *self)
{
  bpg_service_clear_problem (self->service, self->path);
  bpg_service_unexport (self->service, self->path);
}
