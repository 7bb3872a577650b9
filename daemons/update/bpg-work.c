/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-work.h"

#include "bpg-error.h"
#include "bpg-file.h"
#include "bpg-inhibitor.h"
#include "bpg-log.h"
#include "bpg-names.h"
#include "bpg-package.h"
#include "bpg-reporter.h"

#include <gio/gunixfdlist.h>
#include <stdlib.h>
#include <string.h>

#define OPEN_SECONDS 30
#define REFRESH_SECONDS 3

struct _BpgWork {
  GObject parent_instance;

  BpgService *service;
  BpgHistory *history;
  BpgSigner *signer;
  BpgSlots *slots;
  BpgArm *arm;
  BpgJob *job;
  BpgOrder *order;
  BpgWorkFunc func;
  GWeakRef owner;
  gint64 began;
  BpgPackageOrder *package_order; /* while the package is made */
  BpgPackage *package;
  GVariant *result; /* while the prosthesis is looked at a last time */
  BpgManagement *management;
  BpgProcedure procedure;

  BpgInhibitor *inhibitor;
  BpgReporter reporter;
};

G_DEFINE_FINAL_TYPE (BpgWork, bpg_work, G_TYPE_OBJECT)

static void prepare (BpgWork *self, int model_fd);
static void acquire (BpgWork *self);
static void run (BpgWork *self, BpgProcedureKind kind);

static void
bpg_work_finalize (GObject *object)
{
  BpgWork *self = BPG_WORK (object);

  g_clear_object (&self->management);
  g_clear_pointer (&self->package, bpg_package_free);
  g_clear_pointer (&self->package_order, bpg_package_order_free);
  g_clear_pointer (&self->order, bpg_order_free);
  g_clear_pointer (&self->arm, bpg_arm_free);
  g_clear_object (&self->job);
  g_clear_object (&self->slots);
  g_clear_pointer (&self->result, g_variant_unref);
  g_clear_object (&self->signer);
  g_clear_object (&self->history);
  g_clear_object (&self->service);
  g_weak_ref_clear (&self->owner);
  g_clear_object (&self->inhibitor);
  bpg_reporter_clear (&self->reporter);
  G_OBJECT_CLASS (bpg_work_parent_class)->finalize (object);
}

static void
bpg_work_class_init (BpgWorkClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_work_finalize;
}

static void
bpg_work_init (BpgWork *self)
{
  bpg_reporter_init (&self->reporter);
  g_weak_ref_init (&self->owner, NULL);
  self->began = g_get_monotonic_time ();
}

/* The order as it now stands must be on the disk before the arm hears of the next step. */
static void
store_order (BpgWork *self)
{
  g_autofree char *payload = bpg_order_print (self->order);
  g_autoptr (GError) error = NULL;

  if (!bpg_job_set_payload (self->job, payload, &error))
    bpg_warning (bpg_job_get_path (self->job), "A crash now would be forgotten: %s", error->message);
}

GError *
bpg_work_explain (const GError *error)
{
  if (g_error_matches (error, BPG_ERROR, BPG_ERROR_DISCONNECTED))
    return g_error_new (BPG_ERROR, BPG_ERROR_DISCONNECTED,
                        "The prosthesis has left; its old model is still there. Plug it in and start again: what was "
                        "written already is not written twice");
  if (g_error_matches (error, BPG_ERROR, BPG_ERROR_TIMED_OUT))
    return g_error_new (BPG_ERROR, BPG_ERROR_TIMED_OUT,
                        "%s. The old model is still there; check the cable and start again", error->message);
  if (g_error_matches (error, BPG_ERROR, BPG_ERROR_BATTERY_TOO_LOW))
    return g_error_new (BPG_ERROR, BPG_ERROR_BATTERY_TOO_LOW,
                        "The prosthesis's battery is too low for that; charge it and start again");
  return g_error_copy (error);
}

/* What the history says of a job that ended well. */
static void
add_event (BpgWork *self, const char *action, const char *model, const char *error_name)
{
  const char *number = strrchr (bpg_job_get_path (self->job), '/') + 1;
  const BpgHistoryEvent event = {
    .action = action, .model = model, .error = error_name, .job = g_ascii_strtoull (number, NULL, 10)};
  g_autoptr (GError) error = NULL;

  if (!bpg_slots_add_event (self->slots, &event, &error))
    bpg_warning (bpg_job_get_path (self->job), "The history cannot be written: %s", error->message);
}

static void
end (BpgWork *self)
{
  g_autoptr (GObject) owner = g_weak_ref_get (&self->owner);

  /* The channel is let go before anybody hears of the end, so that the next job finds it free. */
  g_clear_object (&self->management);
  bpg_inhibitor_set (self->inhibitor, FALSE);
  bpg_slots_set_job (self->slots, NULL, FALSE);
  if (self->procedure.has_table)
    bpg_slots_take_table (self->slots, &self->procedure.table, self->procedure.trial_seconds, BPG_SLOTS_MODEL);
  if (owner != NULL)
    self->func (self->slots, !self->procedure.has_table, owner);
}

static void
fail (BpgWork *self, const GError *error)
{
  g_autoptr (GError) explained = bpg_work_explain (error);
  g_autoptr (GError) ours = bpg_error_convert (g_steal_pointer (&explained), NULL);

  add_event (self, "failed", self->order->model, bpg_error_get_name (ours->code));
  end (self);
  bpg_job_fail (self->job, ours, NULL);
}

static GVariant *
build_result (BpgWork *self, const char *model)
{
  const BpgSlotTable *table = &self->procedure.table;
  const BpgSlotEntry *entry = bpg_slot_table_find (table, BPG_IMAGE_MODEL, self->order->image);
  GVariantBuilder builder;
  guint64 bytes = self->package != NULL ? g_bytes_get_size (self->package->container) : 0;

  if (entry == NULL)
    entry = bpg_slot_table_get_active (table, BPG_IMAGE_MODEL);
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "slot",
                         g_variant_new_string (entry != NULL ? bpg_slot_entry_get_name (entry) : ""));
  g_variant_builder_add (&builder, "{sv}", "hash", g_variant_new_string (entry != NULL ? entry->hash : ""));
  g_variant_builder_add (&builder, "{sv}", "model", g_variant_new_string (model));
  g_variant_builder_add (&builder, "{sv}", "bytes", g_variant_new_uint64 (bytes));
  g_variant_builder_add (
    &builder, "{sv}", "seconds",
    g_variant_new_double ((double) (g_get_monotonic_time () - self->began) / (double) G_USEC_PER_SEC));
  return g_variant_builder_end (&builder);
}

static void
on_refreshed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgWork) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  /* The work is done whether or not the prosthesis can be looked at now. */
  if (reply == NULL)
    bpg_debug (bpg_job_get_path (self->job), "not refreshed: %s", error->message);
  bpg_job_succeed (self->job, self->result);
}

/* Whoever hears that the job has ended shall find its outcome in the prosthesis's properties too. */
static void
refresh_and_succeed (BpgWork *self, GVariant *result)
{
  self->result = g_variant_ref_sink (result);
  g_dbus_connection_call (bpg_service_get_connection (self->service), BPG_BUS_PAIRING, self->arm->path,
                          "org.bionicpro.Prosthesis1", "Refresh", g_variant_new ("(a{sv})", NULL), NULL,
                          G_DBUS_CALL_FLAGS_NO_AUTO_START, REFRESH_SECONDS * 1000, NULL, on_refreshed,
                          g_object_ref (self));
}

static void
succeed (BpgWork *self)
{
  const BpgSlotEntry *active = bpg_slot_table_get_active (&self->procedure.table, BPG_IMAGE_MODEL);
  g_autofree char *active_model =
    active != NULL ? bpg_history_find_model (self->history, active->hash) : g_strdup ("");
  const char *model = self->order->model[0] != '\0' ? self->order->model : active_model;
  GVariant *result = build_result (self, model);

  switch (self->order->kind) {
  case BPG_PROCEDURE_INSTALL:
    add_event (self, "install", model, "");
    if (bpg_slot_table_get_trial (&self->procedure.table, BPG_IMAGE_MODEL) != NULL)
      add_event (self, "trial", model, "");
    break;
  case BPG_PROCEDURE_START_TRIAL:
    add_event (self, "trial", model, "");
    break;
  case BPG_PROCEDURE_CONFIRM:
    add_event (self, "confirm", model, "");
    break;
  case BPG_PROCEDURE_ROLL_BACK:
    add_event (self, "roll-back", model, "");
    break;
  case BPG_PROCEDURE_READ:
  default:
    break;
  }
  end (self);
  refresh_and_succeed (self, result);
}

/* The model's file, from whoever keeps the models. */

static void
on_model_opened (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgWork) self = user_data;
  g_autoptr (GUnixFDList) fds = NULL;
  GError *error = NULL;
  g_autoptr (GVariant) reply =
    g_dbus_connection_call_with_unix_fd_list_finish (G_DBUS_CONNECTION (source), &fds, result, &error);
  int fd = -1;

  if (reply != NULL && fds != NULL && g_unix_fd_list_get_length (fds) > 0)
    fd = g_unix_fd_list_get (fds, 0, &error);
  if (error == NULL) {
    prepare (self, fd);
  } else {
    g_autoptr (GError) ours = bpg_error_convert (error, "The model");

    fail (self, ours);
  }
}

static void
open_model (BpgWork *self)
{
  g_dbus_connection_call_with_unix_fd_list (
    bpg_service_get_connection (self->service), BPG_BUS_TRAINING, self->order->model_path, "org.bionicpro.Model1",
    "Open", g_variant_new ("(a{sv})", NULL), G_VARIANT_TYPE ("(h)"), G_DBUS_CALL_FLAGS_NONE, OPEN_SECONDS * 1000, NULL,
    bpg_job_get_cancellable (self->job), on_model_opened, g_object_ref (self));
}

/* The container: read or signed in a worker, and on the disk before the arm hears of it. */

static void
make_package (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  BpgWork *self = source;
  GError *error = NULL;
  g_autoptr (BpgPackage) package = bpg_package_make (self->package_order, self->signer, &error);

  if (package != NULL && package->fresh) {
    g_autofree char *path = bpg_history_get_path (self->history, package->row->image);
    GBytes *container = package->container;

    bpg_file_write_durable (path, g_bytes_get_data (container, NULL), g_bytes_get_size (container), 0600, &error);
  }
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, g_steal_pointer (&package), (GDestroyNotify) bpg_package_free);
}

static void
on_package_made (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgWork) self = BPG_WORK (g_object_ref (source));
  g_autoptr (GError) error = NULL;

  g_clear_pointer (&self->package_order, bpg_package_order_free);
  self->package = g_task_propagate_pointer (G_TASK (result), &error);
  if (self->package != NULL && self->package->fresh)
    bpg_history_add_container (self->history, self->package->row, &error);
  if (error == NULL && g_cancellable_is_cancelled (bpg_job_get_cancellable (self->job)))
    g_set_error (&error, BPG_ERROR, BPG_ERROR_CANCELLED, "It was cancelled");
  if (error != NULL) {
    fail (self, error);
    return;
  }
  bpg_order_set_text (&self->order->image, self->package->row->image);
  store_order (self);
  if (self->management != NULL)
    run (self, self->order->kind);
  else
    acquire (self);
}

static void
prepare (BpgWork *self, int model_fd)
{
  BpgPackageOrder *order = g_new0 (BpgPackageOrder, 1);
  g_autoptr (GTask) task = g_task_new (self, NULL, on_package_made, NULL);

  order->model_fd = model_fd;
  order->model = g_strdup (self->order->model);
  order->prosthesis = g_strdup (self->arm->device_id);
  order->patient = g_strdup (self->arm->patient);
  order->hardware = g_strdup (self->arm->hardware);
  order->side = g_strdup (self->arm->side);
  order->last_version = bpg_history_get_last_version (self->history);
  order->earlier =
    bpg_history_find_container (self->history, self->arm->device_id, self->arm->patient, self->order->model);
  if (order->earlier != NULL)
    order->earlier_path = bpg_history_get_path (self->history, order->earlier->image);
  self->package_order = order;
  g_task_run_in_thread (task, make_package);
}

/* The management channel. */

static void
on_acquired (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgWork) self = user_data;
  g_autoptr (GError) error = NULL;

  self->management = bpg_management_acquire_finish (result, &error);
  if (self->management == NULL)
    fail (self, error);
  else if (self->order->kind == BPG_PROCEDURE_ROLL_BACK && self->package == NULL)
    run (self, BPG_PROCEDURE_READ);
  else
    run (self, self->order->kind);
}

static void
acquire (BpgWork *self)
{
  bpg_management_acquire_async (bpg_service_get_connection (self->service), self->arm->path,
                                bpg_order_get_job_kind (self->order), bpg_job_get_cancellable (self->job), on_acquired,
                                g_object_ref (self));
}

/* The procedure, in a worker. */

static gboolean
on_report (gpointer user_data)
{
  BpgWork *self = user_data;
  double progress;
  g_autofree char *phase = bpg_reporter_take (&self->reporter, &progress);
  gboolean writing = g_str_equal (phase, "uploading") || g_str_equal (phase, "verifying");

  bpg_job_set_phase (self->job, phase, NULL);
  bpg_job_set_progress (self->job, progress);
  if (g_str_equal (phase, "trial") && !self->order->trial_begun) {
    self->order->trial_begun = TRUE;
    store_order (self);
  }
  bpg_inhibitor_set (self->inhibitor, writing);
  bpg_slots_set_job (self->slots, bpg_job_get_path (self->job), writing);
  bpg_reporter_release (&self->reporter);
  return G_SOURCE_REMOVE;
}

static void
report (const char *phase, double progress, gpointer user_data)
{
  BpgWork *self = user_data;

  bpg_reporter_report (&self->reporter, phase, progress, on_report, self);
}

static void
run_procedure (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  BpgWork *self = source;
  GError *error = NULL;

  if (bpg_procedure_run (&self->procedure, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

/* RollBack knows where to only when it has seen what decides now. */
static void
resolve (BpgWork *self)
{
  const char *wanted = self->order->wanted[0] != '\0' ? self->order->wanted : NULL;
  g_autofree char *model = NULL;
  g_autoptr (GError) error = NULL;

  bpg_slots_take_table (self->slots, &self->procedure.table, 0, BPG_SLOTS_NOTHING);
  if (self->order->model[0] != '\0') {
    prepare (self, -1);
    return;
  }
  model = bpg_history_find_earlier (self->history, self->arm->device_id, self->arm->patient,
                                    bpg_slots_get_active (self->slots), wanted, &error);
  if (model == NULL) {
    fail (self, error);
    return;
  }
  bpg_order_set_text (&self->order->model, model);
  store_order (self);
  prepare (self, -1);
}

static void
on_run (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgWork) self = BPG_WORK (g_object_ref (source));
  g_autoptr (GError) error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error))
    fail (self, error);
  else if (self->procedure.kind == BPG_PROCEDURE_READ)
    resolve (self);
  else
    succeed (self);
}

static void
run (BpgWork *self, BpgProcedureKind kind)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, on_run, NULL);
  gboolean confirms = kind == BPG_PROCEDURE_CONFIRM;

  self->procedure = (BpgProcedure){
    .kind = kind,
    .management = self->management,
    .container = self->package != NULL ? self->package->container : NULL,
    /* A fresh Confirm takes what it finds on trial; one that was cut off must not take something else. */
    .image = confirms && !self->order->recovered ? NULL : self->order->image,
    .trial = self->order->trial,
    .may_start_trial = !(self->order->recovered && self->order->trial_begun),
    .seconds = self->order->seconds,
    .func = report,
    .user_data = self,
    .cancellable = bpg_job_get_cancellable (self->job),
  };
  g_task_run_in_thread (task, run_procedure);
}

void
bpg_work_start (BpgService *service, BpgHistory *history, BpgSigner *signer, BpgSlots *slots, const BpgArm *arm,
                BpgJob *job, BpgOrder *order, BpgWorkFunc func, GObject *owner)
{
  g_autoptr (BpgWork) self = g_object_new (BPG_TYPE_WORK, NULL);

  self->service = g_object_ref (service);
  self->history = g_object_ref (history);
  self->signer = g_object_ref (signer);
  self->slots = g_object_ref (slots);
  self->arm = bpg_arm_copy (arm);
  self->job = g_object_ref (job);
  self->order = order;
  self->func = func;
  g_weak_ref_set (&self->owner, owner);
  self->inhibitor = bpg_inhibitor_new (bpg_service_get_connection (service), "A model is being written to a prosthesis");
  bpg_slots_set_job (slots, bpg_job_get_path (job), FALSE);
  if (order->kind != BPG_PROCEDURE_INSTALL) {
    acquire (self);
    return;
  }
  bpg_job_set_phase (job, "signing", NULL);
  /* The container of a job that was cut off is there already, whatever has become of the model. */
  if (order->image[0] != '\0')
    prepare (self, -1);
  else
    open_model (self);
}
