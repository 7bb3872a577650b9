/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-train-job.h"

#include "bpg-dbus.h"
#include "bpg-file.h"
#include "bpg-log.h"
#include "bpg-names.h"
#include "bpg-path.h"
#include "bpg-recording-fetch.h"
#include "bpg-training-convert.h"
#include "bpg-training-work.h"

#include <string.h>

#define MOST_BYTES (512u * 1024 * 1024)

/* One run: passed from step to step, each of which either starts the next or ends the job. */
typedef struct {
  gatomicrefcount references;
  BpgService *service;
  BpgModelRegistry *registry;
  BpgJob *job;
  BpgTrainRequest *request;
  BpgModelEntry *evaluated; /* NULL when training */
  GPtrArray *recordings;    /* BpgFetchedRecording */
  GBytes *from;
  GBytes *rival;
  GBytes *model; /* of the evaluated one */
  gboolean *seen; /* of each recording, whether the rival knows it */
  double rival_accuracy;
  double rival_low;
  gint64 started;

  BpgTrainingOutcome *outcome;
  BpgEvaluation *evaluation;
  BpgDrift drift;
} Run;

BpgTrainRequest *
bpg_train_request_new (void)
{
  BpgTrainRequest *self = g_new0 (BpgTrainRequest, 1);

  self->holdout = TRUE;
  return self;
}

static void
set_entry (BpgModelEntry **where, BpgModelEntry *entry)
{
  if (*where != NULL)
    bpg_model_entry_release (*where);
  g_set_object (where, entry);
  if (*where != NULL)
    bpg_model_entry_hold (*where);
}

void
bpg_train_request_free (BpgTrainRequest *self)
{
  g_strfreev (self->recordings);
  g_clear_pointer (&self->repetitions, g_array_unref);
  g_clear_object (&self->from);
  g_clear_object (&self->rival);
  g_free (self->note);
  g_free (self);
}

static Run *
run_ref (Run *run)
{
  g_atomic_ref_count_inc (&run->references);
  return run;
}

static void
run_unref (Run *run)
{
  if (!g_atomic_ref_count_dec (&run->references))
    return;
  if (run->request->from != NULL)
    bpg_model_entry_release (run->request->from);
  if (run->request->rival != NULL)
    bpg_model_entry_release (run->request->rival);
  set_entry (&run->evaluated, NULL);
  bpg_train_request_free (run->request);
  g_clear_pointer (&run->recordings, g_ptr_array_unref);
  g_clear_pointer (&run->from, g_bytes_unref);
  g_clear_pointer (&run->rival, g_bytes_unref);
  g_clear_pointer (&run->model, g_bytes_unref);
  g_free (run->seen);
  g_clear_pointer (&run->outcome, bpg_training_outcome_free);
  g_clear_pointer (&run->evaluation, bpg_evaluation_free);
  g_object_unref (run->job);
  g_object_unref (run->registry);
  g_object_unref (run->service);
  g_free (run);
}

static void
fail (Run *run, GError *error)
{
  g_autoptr (GError) ours = bpg_training_convert (error);

  bpg_job_fail (run->job, ours, NULL);
}

static GVariant *
describe_confusion (const BpgEvaluation *evaluation)
{
  guint n = evaluation->movements->len;
  GVariantBuilder rows;

  g_variant_builder_init (&rows, G_VARIANT_TYPE ("aau"));
  for (guint i = 0; i < n; i++)
    g_variant_builder_add_value (
      &rows, g_variant_new_fixed_array (G_VARIANT_TYPE_UINT32, evaluation->confusion + (gsize) i * n, n, sizeof (guint32)));
  return g_variant_builder_end (&rows);
}

static GVariant *
describe_movements (const BpgEvaluation *evaluation)
{
  GVariantBuilder names;

  g_variant_builder_init (&names, G_VARIANT_TYPE ("as"));
  for (guint i = 0; i < evaluation->movements->len; i++)
    g_variant_builder_add (&names, "s", g_array_index (evaluation->movements, BpgTrainingMovement, i).name);
  return g_variant_builder_end (&names);
}

static void
add_evaluation (GVariantDict *dict, const BpgEvaluation *evaluation)
{
  g_variant_dict_insert (dict, "accuracy", "d", 1 - evaluation->error);
  g_variant_dict_insert (dict, "accuracy_low", "d", 1 - evaluation->error_high);
  g_variant_dict_insert (dict, "accuracy_high", "d", 1 - evaluation->error_low);
  g_variant_dict_insert (dict, "windows", "u", evaluation->windows);
}

static void
add_tables (GVariantDict *dict, Run *run, const BpgEvaluation *evaluation)
{
  g_variant_dict_insert_value (dict, "confusion", describe_confusion (evaluation));
  g_variant_dict_insert_value (dict, "movements", describe_movements (evaluation));
  g_variant_dict_insert (dict, "seconds", "d", (double) (g_get_monotonic_time () - run->started) / G_USEC_PER_SEC);
}

static void
add_comparison (GVariantDict *dict, Run *run)
{
  g_variant_dict_insert (dict, "verdict", "s", run->outcome->verdict);
  if (run->outcome->compared_accuracy >= 0)
    g_variant_dict_insert (dict, "compared_accuracy", "d", run->outcome->compared_accuracy);
  if (run->request->rival != NULL && !g_str_equal (run->outcome->verdict, "first"))
    g_variant_dict_insert (dict, "compared_model", "o", bpg_model_entry_get_path (run->request->rival));
}

static void
on_added (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  Run *run = user_data;
  g_autoptr (BpgModelEntry) entry = bpg_model_registry_add_finish (BPG_MODEL_REGISTRY (source), result, &error);
  GVariantDict figures;

  if (entry == NULL) {
    bpg_job_fail (run->job, error, NULL);
    run_unref (run);
    return;
  }
  g_variant_dict_init (&figures, NULL);
  g_variant_dict_insert (&figures, "model", "o", bpg_model_entry_get_path (entry));
  add_evaluation (&figures, run->outcome->evaluation);
  add_comparison (&figures, run);
  add_tables (&figures, run, run->outcome->evaluation);
  if (g_str_equal (run->outcome->verdict, "worse")) {
    error = g_error_new (BPG_ERROR, BPG_ERROR_MODEL_WORSE,
                         "The new model is right in %.1f %% of the held-out windows, the present one in %.1f %%: keep the "
                         "present one or record again",
                         100 * (1 - run->outcome->evaluation->error), 100 * run->outcome->compared_accuracy);
    bpg_job_fail (run->job, error, g_variant_dict_end (&figures));
  } else {
    bpg_job_succeed (run->job, g_variant_dict_end (&figures));
  }
  run_unref (run);
}

static GVariant *
list_recordings (Run *run)
{
  GVariantBuilder paths;

  g_variant_builder_init (&paths, G_VARIANT_TYPE ("ao"));
  for (guint i = 0; i < run->recordings->len; i++)
    g_variant_builder_add (&paths, "o", ((BpgFetchedRecording *) run->recordings->pdata[i])->path);
  return g_variant_builder_end (&paths);
}

static void
keep_model (Run *run)
{
  const BpgFetchedRecording *first = run->recordings->pdata[0];
  GVariantDict evaluation;
  BpgModelOrigin origin = {
    .prosthesis = first->prosthesis,
    .patient = first->patient,
    .state = g_str_equal (run->outcome->verdict, "worse") ? "refused" : "candidate",
    .parent = run->request->from != NULL ? bpg_model_entry_get_hash (run->request->from) : NULL,
    .recordings = list_recordings (run),
    .note = run->request->note,
  };

  g_variant_dict_init (&evaluation, NULL);
  add_evaluation (&evaluation, run->outcome->evaluation);
  add_comparison (&evaluation, run);
  origin.evaluation = g_variant_dict_end (&evaluation);
  bpg_job_set_phase (run->job, "keeping", NULL);
  bpg_model_registry_add_async (run->registry, run->outcome->model, &origin, NULL, on_added, run_ref (run));
}

static void
tell_evaluation (Run *run)
{
  GVariantDict figures;

  g_variant_dict_init (&figures, NULL);
  add_evaluation (&figures, run->evaluation);
  add_tables (&figures, run, run->evaluation);
  g_variant_dict_insert (&figures, "distance", "d", run->drift.figure);
  g_variant_dict_insert (&figures, "threshold", "d", run->drift.threshold);
  bpg_job_succeed (run->job, g_variant_dict_end (&figures));
}

static void
on_worked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Run *run = user_data;
  GError *error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    fail (run, error);
  else if (run->evaluated == NULL)
    keep_model (run);
  else
    tell_evaluation (run);
  run_unref (run);
}

/* News from the worker, on its way to the main loop. */
typedef struct {
  Run *run;
  double done;
  const char *phase;
} News;

static gboolean
on_news (gpointer user_data)
{
  News *news = user_data;

  bpg_job_set_phase (news->run->job, news->phase, NULL);
  bpg_job_set_progress (news->run->job, news->done);
  return G_SOURCE_REMOVE;
}

static void
news_free (gpointer data)
{
  run_unref (((News *) data)->run);
  g_free (data);
}

static void
report (gpointer user_data, double done, const char *phase)
{
  News *news = g_new0 (News, 1);

  news->run = run_ref (user_data);
  news->done = done;
  news->phase = phase;
  g_main_context_invoke_full (NULL, G_PRIORITY_DEFAULT, on_news, news, news_free);
}

static gboolean
read_files (Run *run, GPtrArray *containers, GError **error)
{
  for (guint i = 0; i < run->recordings->len; i++) {
    const BpgFetchedRecording *recording = run->recordings->pdata[i];
    GBytes *bytes = bpg_file_read_fd (recording->file, MOST_BYTES, error);

    if (bytes == NULL)
      return FALSE;
    g_ptr_array_add (containers, bytes);
  }
  return TRUE;
}

static gboolean
parse_model (GBytes *bytes, BpgModel **model, GError **error)
{
  if (bytes != NULL)
    *model = bpg_model_new (bytes, error);
  return bytes == NULL || *model != NULL;
}

static gboolean
work (Run *run, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) containers = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_autoptr (BpgModel) from = NULL;
  g_autoptr (BpgModel) rival = NULL;
  g_autoptr (BpgModel) model = NULL;
  BpgTrainingTask task = {
    .containers = containers,
    .repetitions = run->request->repetitions,
    .mode = run->rival == NULL ? BPG_COMPARE_NONE : run->request->find_rival ? BPG_COMPARE_IF_FITS : BPG_COMPARE,
    .seen = run->seen,
    .rival_accuracy = run->rival_accuracy,
    .rival_low = run->rival_low,
    .window_ms = run->request->window_ms,
    .hop_ms = run->request->hop_ms,
    .holdout = run->request->holdout,
    .note = run->request->note,
    .cancellable = cancellable,
    .progress = report,
    .user_data = run,
  };

  if (!read_files (run, containers, error) || !parse_model (run->from, &from, error) ||
      !parse_model (run->rival, &rival, error) || !parse_model (run->model, &model, error))
    return FALSE;
  task.from = from;
  task.rival = rival;
  if (model != NULL) {
    run->evaluation = bpg_evaluation_work (&task, model, &run->drift, error);
    return run->evaluation != NULL;
  }
  run->outcome = bpg_training_work (&task, error);
  return run->outcome != NULL;
}

static void
work_in_worker (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  GError *error = NULL;

  if (work (task_data, cancellable, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* What the registry knows of the rival; the worker must not look there itself. */
static void
look_at_rival (Run *run)
{
  run->seen = g_new0 (gboolean, run->recordings->len);
  run->rival_accuracy = run->rival_low = -1;
  if (run->request->rival == NULL)
    return;
  for (guint i = 0; i < run->recordings->len; i++)
    run->seen[i] = bpg_model_registry_has_seen (run->registry, run->request->rival,
                                                ((BpgFetchedRecording *) run->recordings->pdata[i])->path);
  bpg_model_entry_get_accuracy (run->request->rival, &run->rival_accuracy, &run->rival_low);
}

static void
start_work (Run *run)
{
  g_autoptr (GTask) task = g_task_new (NULL, bpg_job_get_cancellable (run->job), on_worked, run_ref (run));

  look_at_rival (run);
  g_task_set_source_tag (task, start_work);
  /* Cancelled work is over when the worker is, so that nothing of it goes on unseen. */
  g_task_set_check_cancellable (task, FALSE);
  /* The reference belongs to on_worked(): the last one must not go in the worker. */
  g_task_set_task_data (task, run, NULL);
  g_task_run_in_thread (task, work_in_worker);
}

static void read_models (Run *run);

static void
on_model_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Run *run = user_data;
  BpgModelEntry *entry = BPG_MODEL_ENTRY (source);
  GError *error = NULL;
  g_autoptr (GBytes) bytes = bpg_model_entry_read_finish (entry, result, &error);

  if (bytes == NULL) {
    fail (run, error);
  } else {
    if (entry == run->evaluated)
      run->model = g_bytes_ref (bytes);
    if (entry == run->request->from)
      run->from = g_bytes_ref (bytes);
    if (entry == run->request->rival)
      run->rival = g_bytes_ref (bytes);
    read_models (run);
  }
  run_unref (run);
}

/* Reads the models that are needed, one after the other, then goes to work. */
static void
read_models (Run *run)
{
  BpgModelEntry *next = NULL;

  if (run->evaluated != NULL && run->model == NULL)
    next = run->evaluated;
  else if (run->request->from != NULL && run->from == NULL)
    next = run->request->from;
  else if (run->request->rival != NULL && run->rival == NULL)
    next = run->request->rival;
  if (next != NULL)
    bpg_model_entry_read_async (next, bpg_job_get_cancellable (run->job), on_model_read, run_ref (run));
  else
    start_work (run);
}

static void
on_arm (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Run *run = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  g_autoptr (GVariant) value = NULL;

  /* An arm that is not there now has no say; whoever wants another comparison names the model. */
  if (reply != NULL)
    g_variant_get (reply, "(v)", &value);
  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING)) {
    BpgModelEntry *entry = bpg_model_registry_find_hash (run->registry, g_variant_get_string (value, NULL));

    set_entry (&run->request->rival, entry);
  }
  read_models (run);
  run_unref (run);
}

/* The model to beat is, unless the caller said otherwise, the one the arm decides with. */
static void
find_rival (Run *run)
{
  const BpgFetchedRecording *first = run->recordings->pdata[0];
  g_autofree char *path = bpg_path_build (BPG_PATH_PAIRING, "prosthesis", first->prosthesis);

  if (!run->request->find_rival || run->evaluated != NULL) {
    read_models (run);
    return;
  }
  g_dbus_connection_call (bpg_service_get_connection (run->service), BPG_BUS_PAIRING, path,
                          "org.freedesktop.DBus.Properties", "Get",
                          g_variant_new ("(ss)", "org.bionicpro.Prosthesis1", "ModelHash"), G_VARIANT_TYPE ("(v)"),
                          G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, bpg_job_get_cancellable (run->job), on_arm, run_ref (run));
}

static void
on_fetched (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Run *run = user_data;
  GError *error = NULL;

  run->recordings = bpg_recording_fetch_finish (result, &error);
  if (run->recordings == NULL)
    fail (run, error);
  else
    find_rival (run);
  run_unref (run);
}

static void
start (BpgService *service, BpgModelRegistry *registry, BpgJob *job, BpgModelEntry *model, BpgTrainRequest *request)
{
  Run *run = g_new0 (Run, 1);

  g_atomic_ref_count_init (&run->references);
  run->service = g_object_ref (service);
  run->registry = g_object_ref (registry);
  run->job = g_object_ref (job);
  run->request = request;
  run->started = g_get_monotonic_time ();
  set_entry (&run->evaluated, model);
  if (request->from != NULL)
    bpg_model_entry_hold (request->from);
  if (request->rival != NULL)
    bpg_model_entry_hold (request->rival);
  bpg_job_set_phase (job, "fetching", NULL);
  bpg_recording_fetch_async (bpg_service_get_connection (service), (const char *const *) request->recordings,
                             bpg_job_get_cancellable (job), on_fetched, run);
}

void
bpg_train_job_run (BpgService *service, BpgModelRegistry *registry, BpgJob *job, BpgTrainRequest *request)
{
  start (service, registry, job, NULL, request);
}

void
bpg_evaluate_job_run (BpgService *service, BpgModelRegistry *registry, BpgJob *job, BpgModelEntry *model,
                      BpgTrainRequest *request)
{
  start (service, registry, job, model, request);
}
