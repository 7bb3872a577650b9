/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-tuner.h"

#include "bpg-log.h"
#include "bpg-movement.h"
#include "bpg-path.h"
#include "bpg-stream.h"
#include "lib/bpg-drift.h"

#include <gio/gunixfdlist.h>

/* The figure rests on so many of the latest decisions for a movement: half a minute of use at ten milliseconds a
 * decision. */
#define MOST_DECISIONS 3000u
#define RETRY_SECONDS 5

struct _BpgTuner {
  GObject parent_instance;

  BpgService *service;
  BpgModelRegistry *registry;
  BpgDBusProsthesis1 *arm;
  BpgDBusTuning1 *skeleton;
  char *path;

  GCancellable *cancellable; /* of the stream being opened; NULL when none is */
  BpgStreamReader *reader;
  guint retry_id;

  char *hash; /* of the model on the arm */
  BpgModel *model;
  GArray *latest; /* BpgDriftDecision, a ring once it is full */
  guint64 decisions;
  guint update_id;
};

G_DEFINE_FINAL_TYPE (BpgTuner, bpg_tuner, G_TYPE_OBJECT)

static void
stop_listening (BpgTuner *self)
{
  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  if (self->reader != NULL)
    bpg_stream_reader_stop (self->reader);
  g_clear_object (&self->reader);
  g_clear_handle_id (&self->retry_id, g_source_remove);
}

static void
bpg_tuner_dispose (GObject *object)
{
  BpgTuner *self = BPG_TUNER (object);

  stop_listening (self);
  g_clear_handle_id (&self->update_id, g_source_remove);
  if (self->arm != NULL)
    g_signal_handlers_disconnect_by_data (self->arm, self);
  g_clear_object (&self->model);
  g_clear_object (&self->arm);
  g_clear_object (&self->skeleton);
  g_clear_object (&self->registry);
  g_clear_object (&self->service);
  G_OBJECT_CLASS (bpg_tuner_parent_class)->dispose (object);
}

static void
bpg_tuner_finalize (GObject *object)
{
  BpgTuner *self = BPG_TUNER (object);

  g_array_unref (self->latest);
  g_free (self->hash);
  g_free (self->path);
  G_OBJECT_CLASS (bpg_tuner_parent_class)->finalize (object);
}

static void
bpg_tuner_class_init (BpgTunerClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_tuner_dispose;
  G_OBJECT_CLASS (klass)->finalize = bpg_tuner_finalize;
}

static void
bpg_tuner_init (BpgTuner *self)
{
  self->latest = g_array_new (FALSE, FALSE, sizeof (BpgDriftDecision));
}

static const char *
advise (const BpgDrift *drift)
{
  if (drift->decisions < BPG_DRIFT_DECISIONS_MIN)
    return "";
  if (drift->drifted)
    return "The signal has moved away from the model: one repetition of each movement will repair it.";
  return "The model fits.";
}

static void
publish (BpgTuner *self)
{
  BpgDrift drift = {0};
  gboolean known = FALSE;

  if (self->model != NULL) {
    bpg_drift_from_decisions (self->model, (const BpgDriftDecision *) (void *) self->latest->data, self->latest->len,
                              &drift);
    known = drift.decisions >= BPG_DRIFT_DECISIONS_MIN;
  }
  g_object_set (self->skeleton, "decisions", self->decisions, "drift", known ? drift.figure : -1.0, "threshold",
                drift.threshold, "drifted", known && drift.drifted, "advice", advise (&drift), NULL);
}

static gboolean
on_update (gpointer user_data)
{
  BpgTuner *self = user_data;

  self->update_id = 0;
  publish (self);
  return G_SOURCE_REMOVE;
}

/* At most once a second, and never while nothing comes. */
static void
publish_soon (BpgTuner *self)
{
  if (self->update_id == 0)
    self->update_id = g_timeout_add_seconds (1, on_update, self);
}

static void
on_record (BpgStreamReader *reader, const BpgStreamHeader *header, const void *body, gpointer user_data)
{
  BpgTuner *self = user_data;
  const BpgStreamDecision *decision = body;
  BpgDriftDecision entry;

  /* At rest most windows are far from nothing in particular: only movements say whether the signal is still the same. */
  if (header->type != BPG_STREAM_DECISION || header->length < sizeof *decision || decision->raw == BPG_MOVEMENT_REST)
    return;
  entry = (BpgDriftDecision) {decision->distance, decision->confidence};
  if (self->latest->len < MOST_DECISIONS)
    g_array_append_val (self->latest, entry);
  else
    g_array_index (self->latest, BpgDriftDecision, self->decisions % MOST_DECISIONS) = entry;
  self->decisions++;
  publish_soon (self);
}

static void listen_to_arm (BpgTuner *self);

static gboolean
on_retry (gpointer user_data)
{
  BpgTuner *self = user_data;

  self->retry_id = 0;
  listen_to_arm (self);
  return G_SOURCE_REMOVE;
}

static void
retry_later (BpgTuner *self)
{
  stop_listening (self);
  if (bpg_dbus_prosthesis1_get_connected (self->arm))
    self->retry_id = g_timeout_add_seconds (RETRY_SECONDS, on_retry, self);
}

static void
on_stream_end (BpgStreamReader *reader, const GError *error, gpointer user_data)
{
  retry_later (user_data);
}

static void
on_stream (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgTuner) self = user_data;
  g_autoptr (GVariant) stream = NULL;
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GError) error = NULL;
  int fd = -1;

  if (bpg_dbus_prosthesis1_call_open_stream_finish (BPG_DBUS_PROSTHESIS1 (source), &stream, NULL, &fds, result, &error) &&
      fds != NULL && g_unix_fd_list_get_length (fds) > 0)
    fd = g_unix_fd_list_get (fds, 0, &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  g_clear_object (&self->cancellable);
  if (fd < 0) {
    bpg_debug (self->path, "no decisions to be had: %s", error != NULL ? error->message : "the reply came without its file");
    retry_later (self);
    return;
  }
  self->reader = bpg_stream_reader_new (fd, on_record, on_stream_end, self);
}

static void
listen_to_arm (BpgTuner *self)
{
  GVariantDict options;

  if (self->reader != NULL || self->cancellable != NULL)
    return;
  g_clear_handle_id (&self->retry_id, g_source_remove);
  g_variant_dict_init (&options, NULL);
  g_variant_dict_insert (&options, "samples", "b", FALSE);
  g_variant_dict_insert (&options, "events", "b", FALSE);
  self->cancellable = g_cancellable_new ();
  bpg_dbus_prosthesis1_call_open_stream (self->arm, g_variant_dict_end (&options), NULL, self->cancellable, on_stream,
                                         g_object_ref (self));
}

static void
forget_decisions (BpgTuner *self)
{
  g_array_set_size (self->latest, 0);
  self->decisions = 0;
  publish (self);
}

static void
on_connected (BpgTuner *self)
{
  if (bpg_dbus_prosthesis1_get_connected (self->arm)) {
    forget_decisions (self);
    listen_to_arm (self);
  } else {
    stop_listening (self);
  }
}

static void
on_model_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgTuner) self = user_data;
  BpgModelEntry *entry = BPG_MODEL_ENTRY (source);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = bpg_model_entry_read_finish (entry, result, &error);

  if (self->hash == NULL || bpg_model_registry_find_hash (self->registry, self->hash) != entry)
    return;
  g_clear_object (&self->model);
  if (bytes != NULL)
    self->model = bpg_model_new (bytes, &error);
  if (self->model == NULL)
    bpg_warning (self->path, "the model on the arm cannot be read: %s", error->message);
  publish (self);
}

void
bpg_tuner_look (BpgTuner *self)
{
  BpgModelEntry *entry = self->hash != NULL ? bpg_model_registry_find_hash (self->registry, self->hash) : NULL;
  const char *path = entry != NULL ? bpg_model_entry_get_path (entry) : "/";

  if (g_strcmp0 (bpg_dbus_tuning1_get_active_model (self->skeleton), path) == 0)
    return;
  bpg_dbus_tuning1_set_active_model (self->skeleton, path);
  g_clear_object (&self->model);
  if (entry != NULL)
    bpg_model_entry_read_async (entry, NULL, on_model_read, g_object_ref (self));
  publish (self);
}

static void
on_model_changed (BpgTuner *self)
{
  const char *hash = bpg_dbus_prosthesis1_get_model_hash (self->arm);

  if (g_strcmp0 (hash, self->hash) == 0)
    return;
  g_free (self->hash);
  self->hash = g_strdup (hash);
  forget_decisions (self);
  bpg_tuner_look (self);
}

BpgTuner *
bpg_tuner_new (BpgService *service, BpgModelRegistry *registry, BpgDBusProsthesis1 *arm)
{
  BpgTuner *self = g_object_new (BPG_TYPE_TUNER, NULL);
  g_autoptr (GDBusObjectSkeleton) object = NULL;

  self->service = g_object_ref (service);
  self->registry = g_object_ref (registry);
  self->arm = g_object_ref (arm);
  self->path = bpg_path_build (bpg_service_get_root (service), "prosthesis", bpg_dbus_prosthesis1_get_device_id (arm));
  self->skeleton = bpg_dbus_tuning1_skeleton_new ();
  g_object_set (self->skeleton, "prosthesis", g_dbus_proxy_get_object_path (G_DBUS_PROXY (arm)), "active-model", "/", NULL);
  publish (self);
  g_signal_connect_object (arm, "notify::connected", G_CALLBACK (on_connected), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (arm, "notify::model-hash", G_CALLBACK (on_model_changed), self, G_CONNECT_SWAPPED);
  object = bpg_service_export (service, self->path, G_DBUS_INTERFACE_SKELETON (self->skeleton), NULL);
  on_model_changed (self);
  on_connected (self);
  return self;
}

void
bpg_tuner_close (BpgTuner *self)
{
  stop_listening (self);
  bpg_service_unexport (self->service, self->path);
}
