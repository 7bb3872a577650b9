/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-model-work.h"

#include "bpg-error.h"
#include "bpg-file.h"
#include "bpg-names.h"
#include "bpg-package.h"
#include "bpg-work-private.h"

#include <gio/gunixfdlist.h>

#define OPEN_SECONDS 30

typedef struct {
  BpgSigner *signer;
  BpgPackageOrder *package_order; /* while the package is made */
  BpgPackage *package;
} ModelWork;

static void
model_work_free (gpointer data)
{
  ModelWork *model = data;

  g_clear_pointer (&model->package, bpg_package_free);
  g_clear_pointer (&model->package_order, bpg_package_order_free);
  g_clear_object (&model->signer);
  g_free (model);
}

static GError *
explain (BpgWork *work, const GError *error)
{
  if (!g_error_matches (error, BPG_ERROR, BPG_ERROR_BATTERY_TOO_LOW))
    return NULL;
  return g_error_new (BPG_ERROR, BPG_ERROR_BATTERY_TOO_LOW,
                      "The prosthesis's battery is too low for that; charge it and start again");
}

static void
describe (BpgWork *work, BpgHistoryEvent *event)
{
  event->model = work->order->model;
}

static void
refreshed (BpgWork *work, const GError *error)
{
  /* The work is done whether or not the prosthesis can be looked at now. */
  bpg_work_succeed (work);
}

static void
succeed (BpgWork *work)
{
  ModelWork *model = work->data;
  const BpgSlotTable *table = &work->procedure.table;
  const BpgSlotEntry *active = bpg_slot_table_get_active (table, BPG_IMAGE_MODEL);
  const BpgSlotEntry *entry = bpg_slot_table_find (table, BPG_IMAGE_MODEL, work->order->image);

  if (work->order->model[0] == '\0' && active != NULL) {
    g_autofree char *hash = bpg_history_find_model (work->history, active->hash);

    bpg_order_set_text (&work->order->model, hash);
  }
  if (entry == NULL)
    entry = active;
  bpg_work_set_result (work, entry, entry != NULL ? entry->hash : "", "model", work->order->model,
                       model->package != NULL ? model->package->container : NULL);
  bpg_work_record (work);
  bpg_work_release (work);
  bpg_work_refresh (work);
}

static void
run (BpgWork *work, BpgProcedureKind kind)
{
  ModelWork *model = work->data;
  const BpgOrder *order = work->order;
  gboolean confirms = kind == BPG_PROCEDURE_CONFIRM;

  work->procedure = (BpgProcedure){
    .kind = kind,
    .container = model->package != NULL ? model->package->container : NULL,
    /* A fresh Confirm takes what it finds on trial; one that was cut off must not take something else. */
    .image = confirms && !order->recovered ? NULL : order->image,
    .trial = order->trial,
    .may_start_trial = !(order->recovered && order->trial_begun),
    .seconds = order->seconds,
  };
  bpg_work_run (work);
}

/* The container: read or signed in a worker, and on the disk before the arm hears of it. */

static void
make_package (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  BpgWork *work = source;
  ModelWork *model = work->data;
  GError *error = NULL;
  g_autoptr (BpgPackage) package = bpg_package_make (model->package_order, model->signer, &error);

  if (package != NULL && package->fresh) {
    g_autofree char *path = bpg_history_get_path (work->history, package->row->image);
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
  g_autoptr (BpgWork) work = BPG_WORK (g_object_ref (source));
  ModelWork *model = work->data;
  g_autoptr (GError) error = NULL;

  g_clear_pointer (&model->package_order, bpg_package_order_free);
  model->package = g_task_propagate_pointer (G_TASK (result), &error);
  if (model->package != NULL && model->package->fresh)
    bpg_history_add_container (work->history, model->package->row, &error);
  if (error == NULL && g_cancellable_is_cancelled (bpg_job_get_cancellable (work->job)))
    g_set_error (&error, BPG_ERROR, BPG_ERROR_CANCELLED, "It was cancelled");
  if (error != NULL) {
    bpg_work_fail (work, error);
    return;
  }
  bpg_order_set_text (&work->order->image, model->package->row->image);
  bpg_work_store_order (work);
  if (work->management != NULL)
    run (work, work->order->kind);
  else
    bpg_work_acquire (work);
}

static void
prepare (BpgWork *work, int model_fd)
{
  ModelWork *model = work->data;
  BpgPackageOrder *order = g_new0 (BpgPackageOrder, 1);
  g_autoptr (GTask) task = g_task_new (work, NULL, on_package_made, NULL);

  order->model_fd = model_fd;
  order->model = g_strdup (work->order->model);
  order->prosthesis = g_strdup (work->arm->device_id);
  order->patient = g_strdup (work->arm->patient);
  order->hardware = g_strdup (work->arm->hardware);
  order->side = g_strdup (work->arm->side);
  order->last_version = bpg_history_get_last_version (work->history);
  order->earlier =
    bpg_history_find_container (work->history, work->arm->device_id, work->arm->patient, work->order->model);
  if (order->earlier != NULL)
    order->earlier_path = bpg_history_get_path (work->history, order->earlier->image);
  model->package_order = order;
  g_task_run_in_thread (task, make_package);
}

/* The model's file, from whoever keeps the models. */

static void
on_model_opened (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgWork) work = user_data;
  g_autoptr (GUnixFDList) fds = NULL;
  GError *error = NULL;
  g_autoptr (GVariant) reply =
    g_dbus_connection_call_with_unix_fd_list_finish (G_DBUS_CONNECTION (source), &fds, result, &error);
  int fd = -1;

  if (reply != NULL && fds != NULL && g_unix_fd_list_get_length (fds) > 0)
    fd = g_unix_fd_list_get (fds, 0, &error);
  if (error == NULL) {
    prepare (work, fd);
  } else {
    g_autoptr (GError) ours = bpg_error_convert (error, "The model");

    bpg_work_fail (work, ours);
  }
}

static void
open_model (BpgWork *work)
{
  g_dbus_connection_call_with_unix_fd_list (
    bpg_service_get_connection (work->service), BPG_BUS_TRAINING, work->order->model_path, "org.bionicpro.Model1",
    "Open", g_variant_new ("(a{sv})", NULL), G_VARIANT_TYPE ("(h)"), G_DBUS_CALL_FLAGS_NONE, OPEN_SECONDS * 1000, NULL,
    bpg_job_get_cancellable (work->job), on_model_opened, g_object_ref (work));
}

/* The procedure. */

static void
acquired (BpgWork *work, const GError *error)
{
  ModelWork *model = work->data;

  if (error != NULL)
    bpg_work_fail (work, error);
  else if (work->order->kind == BPG_PROCEDURE_ROLL_BACK && model->package == NULL)
    run (work, BPG_PROCEDURE_READ);
  else
    run (work, work->order->kind);
}

static gboolean
begin_phase (BpgWork *work, const char *phase)
{
  if (!g_str_equal (phase, "trial") || work->order->trial_begun)
    return FALSE;
  work->order->trial_begun = TRUE;
  return TRUE;
}

/* RollBack knows where to only when it has seen what decides now. */
static void
resolve (BpgWork *work)
{
  const char *wanted = work->order->wanted[0] != '\0' ? work->order->wanted : NULL;
  g_autofree char *model = NULL;
  g_autoptr (GError) error = NULL;

  bpg_slots_take_table (work->slots, &work->procedure.table, 0, BPG_SLOTS_NOTHING);
  if (work->order->model[0] != '\0') {
    prepare (work, -1);
    return;
  }
  model = bpg_history_find_earlier (work->history, work->arm->device_id, work->arm->patient,
                                    bpg_slots_get_active (work->slots), wanted, &error);
  if (model == NULL) {
    bpg_work_fail (work, error);
    return;
  }
  bpg_order_set_text (&work->order->model, model);
  bpg_work_store_order (work);
  prepare (work, -1);
}

static void
ran (BpgWork *work, const GError *error)
{
  if (error != NULL)
    bpg_work_fail (work, error);
  else if (work->procedure.kind == BPG_PROCEDURE_READ)
    resolve (work);
  else
    succeed (work);
}

static const BpgWorkFuncs funcs = {
  .subject = "model",
  .inhibition = "A model is being written to a prosthesis",
  .cause = BPG_SLOTS_MODEL,
  .image = BPG_IMAGE_MODEL,
  .explain = explain,
  .describe = describe,
  .acquired = acquired,
  .begin_phase = begin_phase,
  .ran = ran,
  .refreshed = refreshed,
  .free = model_work_free,
};

void
bpg_model_work_start (const BpgWorkTask *task, BpgSigner *signer)
{
  ModelWork *model = g_new0 (ModelWork, 1);
  g_autoptr (BpgWork) work = bpg_work_new (&funcs, task, model);

  model->signer = g_object_ref (signer);
  if (work->order->kind != BPG_PROCEDURE_INSTALL) {
    bpg_work_acquire (work);
    return;
  }
  bpg_job_set_phase (work->job, "signing", NULL);
  /* The container of a job that was cut off is there already, whatever has become of the model. */
  if (work->order->image[0] != '\0')
    prepare (work, -1);
  else
    open_model (work);
}
