/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-work-private.h"

#include "bpg-error.h"
#include "bpg-log.h"
#include "bpg-names.h"

#include <string.h>

#define REFRESH_SECONDS 3

G_DEFINE_FINAL_TYPE (BpgWork, bpg_work, G_TYPE_OBJECT)

static void
bpg_work_finalize (GObject *object)
{
  BpgWork *self = BPG_WORK (object);

  g_clear_object (&self->management);
  g_clear_pointer (&self->data, self->funcs->free);
  g_clear_pointer (&self->order, bpg_order_free);
  g_clear_pointer (&self->arm, bpg_arm_free);
  g_clear_pointer (&self->result, g_variant_unref);
  g_clear_object (&self->job);
  g_clear_object (&self->slots);
  g_clear_object (&self->inhibitor);
  g_clear_object (&self->history);
  g_clear_object (&self->service);
  g_weak_ref_clear (&self->owner);
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

BpgWork *
bpg_work_new (const BpgWorkFuncs *funcs, const BpgWorkTask *task, gpointer data)
{
  BpgWork *self = g_object_new (BPG_TYPE_WORK, NULL);

  self->funcs = funcs;
  self->data = data;
  self->service = g_object_ref (task->service);
  self->history = g_object_ref (task->history);
  self->slots = g_object_ref (task->slots);
  self->arm = bpg_arm_copy (task->arm);
  self->job = g_object_ref (task->job);
  self->order = task->order;
  self->func = task->func;
  g_weak_ref_set (&self->owner, task->owner);
  self->inhibitor = bpg_inhibitor_new (bpg_service_get_connection (self->service), funcs->inhibition);
  bpg_slots_set_job (self->slots, bpg_job_get_path (self->job), FALSE);
  return self;
}

void
bpg_work_store_order (BpgWork *self)
{
  g_autofree char *payload = bpg_order_print (self->order);
  g_autoptr (GError) error = NULL;

  if (!bpg_job_set_payload (self->job, payload, &error))
    bpg_warning (bpg_job_get_path (self->job), "A crash now would be forgotten: %s", error->message);
}

/* The management channel. */

static void
on_acquired (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgWork) self = user_data;
  g_autoptr (GError) error = NULL;

  self->management = bpg_management_acquire_finish (result, &error);
  self->funcs->acquired (self, error);
}

void
bpg_work_acquire (BpgWork *self)
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
  if (self->funcs->begin_phase (self, phase))
    bpg_work_store_order (self);
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

static void
on_run (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgWork) self = BPG_WORK (g_object_ref (source));
  g_autoptr (GError) error = NULL;

  g_task_propagate_boolean (G_TASK (result), &error);
  self->funcs->ran (self, error);
}

void
bpg_work_run (BpgWork *self)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, on_run, NULL);

  self->procedure.management = self->management;
  self->procedure.func = report;
  self->procedure.user_data = self;
  self->procedure.cancellable = bpg_job_get_cancellable (self->job);
  g_task_run_in_thread (task, run_procedure);
}

/* The end. */

static void
add_event (BpgWork *self, const char *action, const char *error_name)
{
  const char *number = strrchr (bpg_job_get_path (self->job), '/') + 1;
  BpgHistoryEvent event = {
    .action = action,
    .model = "",
    .error = error_name,
    .job = g_ascii_strtoull (number, NULL, 10),
  };
  g_autoptr (GError) error = NULL;

  self->funcs->describe (self, &event);
  if (!bpg_slots_add_event (self->slots, &event, &error))
    bpg_warning (bpg_job_get_path (self->job), "The history cannot be written: %s", error->message);
}

void
bpg_work_record (BpgWork *self)
{
  static const char *const actions[] = {
    [BPG_PROCEDURE_INSTALL] = "install",
    [BPG_PROCEDURE_START_TRIAL] = "trial",
    [BPG_PROCEDURE_CONFIRM] = "confirm",
    [BPG_PROCEDURE_ROLL_BACK] = "roll-back",
  };

  add_event (self, actions[self->order->kind], "");
  if (self->order->kind == BPG_PROCEDURE_INSTALL &&
      bpg_slot_table_get_trial (&self->procedure.table, self->funcs->image) != NULL)
    add_event (self, "trial", "");
}

void
bpg_work_set_result (BpgWork *self, const BpgSlotEntry *entry, const char *hash, const char *key, const char *value,
                     GBytes *container)
{
  const char *slot = entry != NULL ? bpg_slot_entry_get_name (entry) : "";
  guint64 bytes = container != NULL ? g_bytes_get_size (container) : 0;
  double seconds = (double) (g_get_monotonic_time () - self->began) / (double) G_USEC_PER_SEC;
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "slot", g_variant_new_string (slot));
  g_variant_builder_add (&builder, "{sv}", "hash", g_variant_new_string (hash));
  g_variant_builder_add (&builder, "{sv}", key, g_variant_new_string (value));
  g_variant_builder_add (&builder, "{sv}", "bytes", g_variant_new_uint64 (bytes));
  g_variant_builder_add (&builder, "{sv}", "seconds", g_variant_new_double (seconds));
  self->result = g_variant_ref_sink (g_variant_builder_end (&builder));
}

static void
on_refreshed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgWork) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  if (reply == NULL)
    bpg_debug (bpg_job_get_path (self->job), "not refreshed: %s", error->message);
  self->funcs->refreshed (self, error);
}

void
bpg_work_refresh (BpgWork *self)
{
  g_dbus_connection_call (bpg_service_get_connection (self->service), BPG_BUS_PAIRING, self->arm->path,
                          "org.bionicpro.Prosthesis1", "Refresh", g_variant_new ("(a{sv})", NULL), NULL,
                          G_DBUS_CALL_FLAGS_NO_AUTO_START, REFRESH_SECONDS * 1000, NULL, on_refreshed,
                          g_object_ref (self));
}

void
bpg_work_release (BpgWork *self)
{
  g_autoptr (GObject) owner = g_weak_ref_get (&self->owner);

  /* The channel is let go before anybody hears of the end, so that the next job finds it free. */
  g_clear_object (&self->management);
  bpg_inhibitor_set (self->inhibitor, FALSE);
  bpg_slots_set_job (self->slots, NULL, FALSE);
  if (self->procedure.has_table)
    bpg_slots_take_table (self->slots, &self->procedure.table, self->procedure.trial_seconds, self->funcs->cause);
  if (owner != NULL)
    self->func (self->slots, !self->procedure.has_table, owner);
}

void
bpg_work_succeed (BpgWork *self)
{
  bpg_job_succeed (self->job, self->result);
}

static GError *
explain (BpgWork *self, const GError *error)
{
  GError *explained = self->funcs->explain != NULL ? self->funcs->explain (self, error) : NULL;

  if (explained != NULL)
    return explained;
  if (g_error_matches (error, BPG_ERROR, BPG_ERROR_DISCONNECTED))
    return g_error_new (BPG_ERROR, BPG_ERROR_DISCONNECTED,
                        "The prosthesis has left; its old %s is still there. Plug it in and start again: what was "
                        "written already is not written twice",
                        self->funcs->subject);
  if (g_error_matches (error, BPG_ERROR, BPG_ERROR_TIMED_OUT))
    return g_error_new (BPG_ERROR, BPG_ERROR_TIMED_OUT,
                        "%s. The old %s is still there; check the cable and start again", error->message,
                        self->funcs->subject);
  return g_error_copy (error);
}

void
bpg_work_fail (BpgWork *self, const GError *error)
{
  g_autoptr (GError) explained = explain (self, error);
  g_autoptr (GError) ours = bpg_error_convert (g_steal_pointer (&explained), NULL);

  add_event (self, "failed", bpg_error_get_name (ours->code));
  bpg_work_release (self);
  bpg_job_fail (self->job, ours, NULL);
}
