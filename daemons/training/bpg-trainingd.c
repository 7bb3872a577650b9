/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-trainingd.h"

#include "bpg-dbus.h"
#include "bpg-file.h"
#include "bpg-method.h"
#include "bpg-model-registry.h"
#include "bpg-movement.h"
#include "bpg-names.h"
#include "bpg-options.h"
#include "bpg-path.h"
#include "bpg-session.h"
#include "bpg-train-job.h"
#include "bpg-training-convert.h"
#include "bpg-tuners.h"

#include <string.h>
#include <unistd.h>

#define MOST_IMPORTED_BYTES (64u * 1024)
#define MOST_RECORDINGS 64
#define MOST_DEVICE_ID 63u
#define MOST_OLD_SESSIONS 16

struct _BpgTrainingd {
  GObject parent_instance;

  BpgService *service; /* not owned: it owns what is exported and outlives the daemon */
  BpgModelRegistry *registry;
  BpgTuners *tuners;
  GQueue sessions; /* BpgSession, oldest first */
  guint last_session;
};

G_DEFINE_FINAL_TYPE (BpgTrainingd, bpg_trainingd, G_TYPE_OBJECT)

static void
drop_session (gpointer session)
{
  bpg_session_close (session);
  g_object_unref (session);
}

static void
bpg_trainingd_dispose (GObject *object)
{
  BpgTrainingd *self = BPG_TRAININGD (object);

  g_queue_clear_full (&self->sessions, drop_session);
  g_clear_object (&self->tuners);
  g_clear_object (&self->registry);
  G_OBJECT_CLASS (bpg_trainingd_parent_class)->dispose (object);
}

static void
bpg_trainingd_class_init (BpgTrainingdClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_trainingd_dispose;
}

static void
bpg_trainingd_init (BpgTrainingd *self)
{
  g_queue_init (&self->sessions);
}

/* A call of StartSession between its checks. */
typedef struct {
  BpgTrainingd *daemon;
  GDBusMethodInvocation *invocation;
  GStrv movements;
  guint repetitions;
  guint attempts;
  BpgSessionTimes times;
  char *recording;
  char *purpose;
  char *note;
} Start;

static void
start_free (Start *start)
{
  g_object_unref (start->daemon);
  g_strfreev (start->movements);
  g_free (start->recording);
  g_free (start->purpose);
  g_free (start->note);
  g_free (start);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Start, start_free)

static Start *
start_new (BpgTrainingd *self, GVariant *given, GError **error)
{
  g_autoptr (Start) start = g_new0 (Start, 1);
  const BpgOption options[] = {
    {"movements", "as", &start->movements, 1, 64},
    {"repetitions", "u", &start->repetitions, 1, 20},
    {"hold", "d", &start->times.hold, 0.5, 30},
    {"rest", "d", &start->times.rest, 0.5, 30},
    {"prepare", "d", &start->times.prepare, 0, 10},
    {"attempts", "u", &start->attempts, 1, 100},
    {"recording", "o", &start->recording, 0, 0},
    {"purpose", "s", &start->purpose, 0, 64},
    {"note", "s", &start->note, 0, 256},
    {NULL},
  };

  start->daemon = g_object_ref (self);
  start->repetitions = 3;
  start->attempts = 3;
  start->times = (BpgSessionTimes) {.prepare = 1, .hold = 3, .rest = 2};
  start->purpose = g_strdup ("training");
  start->note = g_strdup ("");
  if (!bpg_options_parse (given, options, error))
    return NULL;
  if (!g_str_equal (start->purpose, "training") && !g_str_equal (start->purpose, "recalibration")) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "Option 'purpose' must be training or recalibration");
    return NULL;
  }
  return g_steal_pointer (&start);
}

static gboolean
check_arm (BpgTrainingd *self, BpgDBusProsthesis1 *arm, GError **error)
{
  const char *path = g_dbus_proxy_get_object_path (G_DBUS_PROXY (arm));

  if (bpg_dbus_prosthesis1_get_device_id (arm) == NULL) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, "There is no prosthesis %s; connect it first", path);
    return FALSE;
  }
  if (!bpg_dbus_prosthesis1_get_connected (arm)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_DISCONNECTED, "The prosthesis is not connected; plug it in and switch it on");
    return FALSE;
  }
  if (g_strcmp0 (bpg_dbus_prosthesis1_get_state (arm), "bound") != 0) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_WRONG_STATE, "The prosthesis is not bound to a patient; bind it first");
    return FALSE;
  }
  for (GList *l = self->sessions.head; l != NULL; l = l->next) {
    if (!bpg_session_is_over (l->data) && g_str_equal (bpg_session_get_prosthesis (l->data), path)) {
      g_set_error (error, BPG_ERROR, BPG_ERROR_BUSY, "A session runs on this prosthesis: %s",
                   bpg_session_get_path (l->data));
      return FALSE;
    }
  }
  return TRUE;
}

static void
forget_old_sessions (BpgTrainingd *self)
{
  GList *next;

  for (GList *l = self->sessions.head; l != NULL && self->sessions.length > MOST_OLD_SESSIONS; l = next) {
    next = l->next;
    if (bpg_session_is_over (l->data)) {
      drop_session (l->data);
      g_queue_delete_link (&self->sessions, l);
    }
  }
}

static BpgSession *
make_session (const Start *start, BpgDBusProsthesis1 *arm, GError **error)
{
  BpgTrainingd *self = start->daemon;
  g_autoptr (BpgSessionPlan) plan = NULL;
  BpgSession *session;
  BpgSessionOptions options = {
    .times = start->times,
    .recording = start->recording,
    .purpose = start->purpose,
    .note = start->note,
    .sender = g_dbus_method_invocation_get_sender (start->invocation),
  };

  if (!check_arm (self, arm, error))
    return NULL;
  plan = bpg_session_plan_new ((const char *const *) start->movements, start->repetitions, start->attempts, error);
  if (plan == NULL)
    return NULL;
  session = bpg_session_new (self->service, arm, plan, &options, ++self->last_session);
  g_queue_push_tail (&self->sessions, session);
  forget_old_sessions (self);
  return session;
}

static void
on_arm (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (Start) start = user_data;
  GError *error = NULL;
  g_autoptr (BpgDBusProsthesis1) arm = bpg_dbus_prosthesis1_proxy_new_finish (result, &error);
  BpgSession *session = NULL;

  if (arm != NULL)
    session = make_session (start, arm, &error);
  if (session == NULL)
    g_dbus_method_invocation_take_error (start->invocation, bpg_error_convert (error, NULL));
  else
    g_dbus_method_invocation_return_value (start->invocation, g_variant_new ("(o)", bpg_session_get_path (session)));
}

static void
start_session_authorized (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgTrainingd *self = object;
  g_autoptr (GVariant) options = NULL;
  const char *path;
  GError *error = NULL;
  Start *start;

  g_variant_get (parameters, "(&o@a{sv})", &path, &options);
  start = start_new (self, options, &error);
  if (start == NULL) {
    g_dbus_method_invocation_take_error (invocation, error);
    return;
  }
  start->invocation = invocation;
  bpg_dbus_prosthesis1_proxy_new (bpg_service_get_connection (self->service), G_DBUS_PROXY_FLAGS_NONE, BPG_BUS_PAIRING,
                                  path, NULL, on_arm, start);
}

static gboolean
on_handle_start_session (BpgDBusTraining1 *skeleton, GDBusMethodInvocation *invocation, const char *prosthesis,
                         GVariant *options, gpointer user_data)
{
  BpgTrainingd *self = user_data;
  const char *details[] = {"prosthesis", prosthesis, NULL};
  GError *error = NULL;
  Start *checked = start_new (self, options, &error);

  if (checked == NULL) {
    g_dbus_method_invocation_take_error (invocation, error);
  } else {
    start_free (checked);
    bpg_authority_authorize (bpg_service_get_authority (self->service), invocation, BPG_ACTION_TRAINING_RECORD, details,
                             G_OBJECT (self), start_session_authorized);
  }
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static BpgModelEntry *
find_model (BpgTrainingd *self, const char *path, GError **error)
{
  BpgModelEntry *entry = bpg_model_registry_find_path (self->registry, path);

  if (entry == NULL)
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, "There is no model %s", path);
  return entry;
}

static gboolean
take_recordings (BpgTrainRequest *request, GVariant *recordings, GError **error)
{
  gsize n = g_variant_n_children (recordings);

  if (n < 1 || n > MOST_RECORDINGS) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "Name 1 to %d recordings", MOST_RECORDINGS);
    return FALSE;
  }
  request->recordings = g_variant_dup_objv (recordings, NULL);
  for (gsize i = 0; i < n; i++) {
    if (g_strv_contains ((const char *const *) request->recordings + i + 1, request->recordings[i])) {
      g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "The recording %s is named twice", request->recordings[i]);
      return FALSE;
    }
  }
  return TRUE;
}

static GArray *
take_repetitions (GVariant *numbers)
{
  GArray *repetitions;
  gconstpointer data;
  gsize n;

  if (numbers == NULL)
    return NULL;
  repetitions = g_array_new (FALSE, FALSE, sizeof (guint));
  data = g_variant_get_fixed_array (numbers, &n, sizeof (guint32));
  g_array_append_vals (repetitions, data, (guint) n);
  return repetitions;
}

static gboolean
find_models (BpgTrainingd *self, BpgTrainRequest *request, const char *from, const char *compare, GError **error)
{
  BpgModelEntry *entry;

  request->find_rival = compare == NULL;
  if (from != NULL) {
    entry = find_model (self, from, error);
    if (entry == NULL)
      return FALSE;
    request->from = g_object_ref (entry);
  }
  if (compare != NULL && !g_str_equal (compare, "/")) {
    entry = find_model (self, compare, error);
    if (entry == NULL)
      return FALSE;
    request->rival = g_object_ref (entry);
  }
  return TRUE;
}

static BpgTrainRequest *
parse_train (BpgTrainingd *self, GVariant *parameters, GError **error)
{
  g_autoptr (BpgTrainRequest) request = bpg_train_request_new ();
  g_autoptr (GVariant) recordings = g_variant_get_child_value (parameters, 0);
  g_autoptr (GVariant) given = g_variant_get_child_value (parameters, 1);
  g_autoptr (GVariant) numbers = NULL;
  g_autofree char *from = NULL;
  g_autofree char *compare = NULL;
  const BpgOption options[] = {
    {"from", "o", &from, 0, 0},
    {"compare", "o", &compare, 0, 0},
    {"window_ms", "u", &request->window_ms, 10, 1000},
    {"hop_ms", "u", &request->hop_ms, 1, 1000},
    {"repetitions", "au", &numbers, 1, 64},
    {"holdout", "b", &request->holdout, 0, 0},
    {"note", "s", &request->note, 0, 127},
    {NULL},
  };

  if (!bpg_options_parse (given, options, error) || !take_recordings (request, recordings, error) ||
      !find_models (self, request, from, compare, error))
    return NULL;
  request->repetitions = take_repetitions (numbers);
  return g_steal_pointer (&request);
}

static BpgTrainRequest *
parse_evaluate (BpgTrainingd *self, GVariant *parameters, BpgModelEntry **model, GError **error)
{
  g_autoptr (BpgTrainRequest) request = bpg_train_request_new ();
  g_autoptr (GVariant) recordings = g_variant_get_child_value (parameters, 1);
  g_autoptr (GVariant) given = g_variant_get_child_value (parameters, 2);
  g_autoptr (GVariant) numbers = NULL;
  const char *path;
  const BpgOption options[] = {{"repetitions", "au", &numbers, 1, 64}, {NULL}};

  g_variant_get_child (parameters, 0, "&o", &path);
  if (!bpg_options_parse (given, options, error) || !take_recordings (request, recordings, error))
    return NULL;
  *model = find_model (self, path, error);
  if (*model == NULL)
    return NULL;
  request->repetitions = take_repetitions (numbers);
  return g_steal_pointer (&request);
}

static BpgJob *
start_job (BpgTrainingd *self, GDBusMethodInvocation *invocation, const char *kind, const char *subject, GError **error)
{
  BpgJob *job = bpg_job_list_start (bpg_service_get_jobs (self->service), kind, subject,
                                    g_dbus_method_invocation_get_sender (invocation), NULL, error);

  if (job != NULL)
    g_dbus_method_invocation_return_value (invocation, g_variant_new ("(o)", bpg_job_get_path (job)));
  return job;
}

static void
train_authorized (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgTrainingd *self = object;
  GError *error = NULL;
  g_autoptr (BpgTrainRequest) request = parse_train (self, parameters, &error);
  g_autoptr (BpgJob) job = request != NULL ? start_job (self, invocation, "train", request->recordings[0], &error) : NULL;

  if (job == NULL)
    g_dbus_method_invocation_take_error (invocation, error);
  else
    bpg_train_job_run (self->service, self->registry, job, g_steal_pointer (&request));
}

static gboolean
on_handle_train (BpgDBusTraining1 *skeleton, GDBusMethodInvocation *invocation, const char *const *recordings,
                 GVariant *options, gpointer user_data)
{
  BpgTrainingd *self = user_data;

  bpg_authority_authorize (bpg_service_get_authority (self->service), invocation, BPG_ACTION_TRAINING_TRAIN, NULL,
                           G_OBJECT (self), train_authorized);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
evaluate_authorized (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgTrainingd *self = object;
  GError *error = NULL;
  BpgModelEntry *model = NULL;
  g_autoptr (BpgTrainRequest) request = parse_evaluate (self, parameters, &model, &error);
  g_autoptr (BpgJob) job = NULL;

  if (request != NULL)
    job = start_job (self, invocation, "evaluate", bpg_model_entry_get_path (model), &error);
  if (job == NULL)
    g_dbus_method_invocation_take_error (invocation, error);
  else
    bpg_evaluate_job_run (self->service, self->registry, job, model, g_steal_pointer (&request));
}

static gboolean
on_handle_evaluate (BpgDBusTraining1 *skeleton, GDBusMethodInvocation *invocation, const char *model,
                    const char *const *recordings, GVariant *options, gpointer user_data)
{
  BpgTrainingd *self = user_data;

  bpg_authority_authorize (bpg_service_get_authority (self->service), invocation, BPG_ACTION_TRAINING_TRAIN, NULL,
                           G_OBJECT (self), evaluate_authorized);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
on_imported (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GDBusMethodInvocation *invocation = user_data;
  GError *error = NULL;
  g_autoptr (BpgModelEntry) entry = bpg_model_registry_add_finish (BPG_MODEL_REGISTRY (source), result, &error);

  if (entry == NULL)
    g_dbus_method_invocation_take_error (invocation, error);
  else
    g_dbus_method_invocation_return_value_with_unix_fd_list (
      invocation, g_variant_new ("(o)", bpg_model_entry_get_path (entry)), NULL);
}

/* A file somebody handed over, on its way into the registry. */
typedef struct {
  BpgTrainingd *self;
  GDBusMethodInvocation *invocation;
  int fd;
  char *prosthesis;
  char *note;
} Import;

static void
import_free (Import *import)
{
  if (import->fd >= 0)
    close (import->fd);
  g_object_unref (import->self);
  g_free (import->prosthesis);
  g_free (import->note);
  g_free (import);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Import, import_free)

static void
import_model (BpgTrainingd *self, GDBusMethodInvocation *invocation, BpgModel *model, const char *prosthesis,
              const char *note)
{
  const struct bpg_bpm *bpm = bpg_model_get_bpm (model);
  BpgModelOrigin origin = {
    .prosthesis = prosthesis,
    .patient = g_utf8_validate (bpm->subject, -1, NULL) ? bpm->subject : "",
    .state = "candidate",
    .note = note,
  };

  bpg_model_registry_add_async (self->registry, model, &origin, NULL, on_imported, invocation);
}

/* Not on the main loop: the file may lie where reading takes as long as its owner likes. */
static void
read_import (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Import *import = task_data;
  GError *error = NULL;
  GBytes *bytes = bpg_file_read_fd (import->fd, MOST_IMPORTED_BYTES, &error);

  if (bytes != NULL)
    g_task_return_pointer (task, bytes, (GDestroyNotify) g_bytes_unref);
  else
    g_task_return_error (task, error);
}

static void
on_import_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Import *import = g_task_get_task_data (G_TASK (result));
  GError *error = NULL;
  g_autoptr (GBytes) bytes = g_task_propagate_pointer (G_TASK (result), &error);
  g_autoptr (BpgModel) model = bytes != NULL ? bpg_model_new (bytes, &error) : NULL;

  if (model == NULL)
    g_dbus_method_invocation_take_error (import->invocation, bpg_training_convert (error));
  else
    import_model (import->self, import->invocation, model, import->prosthesis, import->note);
}

static gboolean
check_device_id (const char *prosthesis, GError **error)
{
  gsize length = strlen (prosthesis);

  if (length >= 1 && length <= MOST_DEVICE_ID)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "A deviceId has 1 to %u bytes", MOST_DEVICE_ID);
  return FALSE;
}

static void
import_authorized (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  g_autoptr (Import) import = g_new0 (Import, 1);
  const BpgOption options[] = {{"note", "s", &import->note, 0, 256}, {NULL}};
  g_autoptr (GVariant) given = NULL;
  g_autoptr (GTask) task = NULL;
  gint32 handle;
  GError *error = NULL;

  import->self = g_object_ref (object);
  import->invocation = invocation;
  import->fd = -1;
  import->note = g_strdup ("");
  g_variant_get (parameters, "(hs@a{sv})", &handle, &import->prosthesis, &given);
  if (bpg_options_parse (given, options, &error) && check_device_id (import->prosthesis, &error))
    import->fd = bpg_method_get_fd (invocation, handle, &error);
  if (import->fd < 0) {
    g_dbus_method_invocation_take_error (invocation, error);
    return;
  }
  task = g_task_new (NULL, NULL, on_import_read, NULL);
  g_task_set_source_tag (task, import_authorized);
  g_task_set_task_data (task, g_steal_pointer (&import), (GDestroyNotify) import_free);
  g_task_run_in_thread (task, read_import);
}

static gboolean
on_handle_import_model (BpgDBusTraining1 *skeleton, GDBusMethodInvocation *invocation, GUnixFDList *fds, GVariant *file,
                        const char *prosthesis, GVariant *options, gpointer user_data)
{
  BpgTrainingd *self = user_data;
  const char *details[] = {"prosthesis", prosthesis, NULL};

  bpg_authority_authorize (bpg_service_get_authority (self->service), invocation, BPG_ACTION_TRAINING_TRAIN, details,
                           G_OBJECT (self), import_authorized);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
publish_movements (BpgTrainingd *self)
{
  GVariantBuilder builder;
  guint n;
  const BpgMovement *all = bpg_movement_get_all (&n);

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(ys)"));
  for (guint i = 0; i < n; i++)
    g_variant_builder_add (&builder, "(ys)", all[i].code, all[i].name);
  g_object_set (bpg_service_get_manager (self->service), "movements", g_variant_builder_end (&builder), NULL);
}

GObject *
bpg_trainingd_start (BpgService *service, GError **error)
{
  g_autoptr (BpgTrainingd) self = g_object_new (BPG_TYPE_TRAININGD, NULL);
  GDBusInterfaceSkeleton *manager = bpg_service_get_manager (service);

  self->service = service;
  self->registry = bpg_model_registry_new (service, error);
  if (self->registry == NULL)
    return NULL;
  self->tuners = bpg_tuners_new (service, self->registry);
  g_signal_connect_object (self->registry, "added", G_CALLBACK (bpg_tuners_look), self->tuners, G_CONNECT_SWAPPED);
  publish_movements (self);
  g_signal_connect_object (manager, "handle-start-session", G_CALLBACK (on_handle_start_session), self, 0);
  g_signal_connect_object (manager, "handle-train", G_CALLBACK (on_handle_train), self, 0);
  g_signal_connect_object (manager, "handle-evaluate", G_CALLBACK (on_handle_evaluate), self, 0);
  g_signal_connect_object (manager, "handle-import-model", G_CALLBACK (on_handle_import_model), self, 0);
  return G_OBJECT (g_steal_pointer (&self));
}

static gboolean
recover (BpgJob *job, gpointer user_data)
{
  BpgTrainingd *self = user_data;

  if (!g_str_equal (bpg_job_get_kind (job), "session"))
    return FALSE;
  bpg_session_recover (self->service, job);
  return TRUE;
}

static void
ready (GObject *daemon)
{
  bpg_job_list_recover (bpg_service_get_jobs (BPG_TRAININGD (daemon)->service), recover, daemon);
}

const BpgServiceInfo *
bpg_trainingd_info (void)
{
  static const BpgServiceInfo info = {
    .name = "training",
    .bus_name = BPG_BUS_TRAINING,
    .root = BPG_PATH_TRAINING,
    .summary = "Runs guided sessions, judges repetitions, trains models and watches for drift.",
    .manager_type = bpg_dbus_training1_skeleton_get_type,
    .start = bpg_trainingd_start,
    .ready = ready,
  };

  return &info;
}
