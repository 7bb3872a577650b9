/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-firmware-work.h"

#include "bpg-error.h"
#include "bpg-firmware-procedure.h"
#include "bpg-inhibitor.h"
#include "bpg-log.h"
#include "bpg-names.h"
#include "bpg-power.h"
#include "bpg-reporter.h"

#include <string.h>

#define REFRESH_SECONDS 3
/* An arm that restarts is back by then, or not at all; it is looked for so often. */
#define RESTART_SECONDS 60
#define LOOK_MILLISECONDS 500

struct _BpgFirmwareWork {
  GObject parent_instance;

  BpgService *service;
  BpgHistory *history;
  BpgFirmwareSettings *settings;
  BpgSlots *slots;
  BpgArm *arm;
  BpgJob *job;
  BpgOrder *order;
  BpgWorkFunc func;
  GWeakRef owner;
  gint64 began;
  GBytes *container;
  BpgFirmware *firmware;
  BpgPower power;
  BpgManagement *management;
  BpgProcedure procedure;
  char *containers;
  gint64 restarted; /* monotonic time when the arm was first told to restart, 0 before */
  gint64 told;      /* and when it was last told */
  guint look_id;
  GVariant *result; /* while the prosthesis is looked at a last time */
  BpgInhibitor *inhibitor;
  BpgReporter reporter;
};

G_DEFINE_FINAL_TYPE (BpgFirmwareWork, bpg_firmware_work, G_TYPE_OBJECT)

static void acquire (BpgFirmwareWork *self);
static void refresh (BpgFirmwareWork *self);
static void run (BpgFirmwareWork *self, BpgProcedureKind kind);

static void
bpg_firmware_work_finalize (GObject *object)
{
  BpgFirmwareWork *self = BPG_FIRMWARE_WORK (object);

  g_clear_handle_id (&self->look_id, g_source_remove);
  g_clear_object (&self->management);
  g_clear_pointer (&self->container, g_bytes_unref);
  g_clear_pointer (&self->firmware, bpg_firmware_free);
  g_clear_pointer (&self->order, bpg_order_free);
  g_clear_pointer (&self->arm, bpg_arm_free);
  g_clear_pointer (&self->result, g_variant_unref);
  g_clear_pointer (&self->settings, bpg_firmware_settings_unref);
  g_clear_object (&self->job);
  g_clear_object (&self->slots);
  g_clear_object (&self->inhibitor);
  g_clear_object (&self->history);
  g_clear_object (&self->service);
  g_weak_ref_clear (&self->owner);
  bpg_reporter_clear (&self->reporter);
  g_free (self->containers);
  G_OBJECT_CLASS (bpg_firmware_work_parent_class)->finalize (object);
}

static void
bpg_firmware_work_class_init (BpgFirmwareWorkClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_firmware_work_finalize;
}

static void
bpg_firmware_work_init (BpgFirmwareWork *self)
{
  bpg_reporter_init (&self->reporter);
  g_weak_ref_init (&self->owner, NULL);
  self->began = g_get_monotonic_time ();
}

/* The order as it now stands must be on the disk before the arm hears of the next step. */
static void
store_order (BpgFirmwareWork *self)
{
  g_autofree char *payload = bpg_order_print (self->order);
  g_autoptr (GError) error = NULL;

  if (!bpg_job_set_payload (self->job, payload, &error))
    bpg_warning (bpg_job_get_path (self->job), "A crash now would be forgotten: %s", error->message);
}

static GError *
explain (BpgFirmwareWork *self, const GError *error)
{
  if (g_error_matches (error, BPG_ERROR, BPG_ERROR_DISCONNECTED) && self->restarted != 0)
    return g_error_new (BPG_ERROR, BPG_ERROR_DISCONNECTED,
                        "The prosthesis is not back %d s after it was told to restart. Switch it off and on: it then "
                        "runs the old firmware, or the new one on trial",
                        RESTART_SECONDS);
  if (g_error_matches (error, BPG_ERROR, BPG_ERROR_DISCONNECTED))
    return g_error_new (BPG_ERROR, BPG_ERROR_DISCONNECTED,
                        "The prosthesis has left; its old firmware is still there. Plug it in and start again: what was "
                        "written already is not written twice");
  if (g_error_matches (error, BPG_ERROR, BPG_ERROR_TIMED_OUT))
    return g_error_new (BPG_ERROR, BPG_ERROR_TIMED_OUT,
                        "%s. The old firmware is still there; check the cable and start again", error->message);
  return g_error_copy (error);
}

/* Of a container that somebody else named only its hash is known. */
static const char *
get_version (BpgFirmwareWork *self)
{
  const BpgSlotEntry *entry = bpg_slot_table_find (&self->procedure.table, BPG_IMAGE_FIRMWARE, self->order->image);

  return self->order->version[0] == '\0' && entry != NULL ? entry->version : self->order->version;
}

static void
add_event (BpgFirmwareWork *self, const char *action, const char *error_name)
{
  const char *number = strrchr (bpg_job_get_path (self->job), '/') + 1;
  const BpgHistoryEvent event = {
    .action = action,
    .model = "",
    .firmware = self->order->image,
    .version = get_version (self),
    .error = error_name,
    .job = g_ascii_strtoull (number, NULL, 10),
  };
  g_autoptr (GError) error = NULL;

  if (!bpg_slots_add_event (self->slots, &event, &error))
    bpg_warning (bpg_job_get_path (self->job), "The history cannot be written: %s", error->message);
}

static void
end (BpgFirmwareWork *self)
{
  g_autoptr (GObject) owner = g_weak_ref_get (&self->owner);

  /* The channel is let go before anybody hears of the end, so that the next job finds it free. */
  g_clear_object (&self->management);
  bpg_inhibitor_set (self->inhibitor, FALSE);
  bpg_slots_set_job (self->slots, NULL, FALSE);
  if (self->procedure.has_table)
    bpg_slots_take_table (self->slots, &self->procedure.table, 0, BPG_SLOTS_FIRMWARE);
  if (owner != NULL)
    self->func (self->slots, !self->procedure.has_table, owner);
}

static void
fail (BpgFirmwareWork *self, const GError *error)
{
  g_autoptr (GError) explained = explain (self, error);
  g_autoptr (GError) ours = bpg_error_convert (g_steal_pointer (&explained), NULL);

  add_event (self, "failed", bpg_error_get_name (ours->code));
  end (self);
  bpg_job_fail (self->job, ours, NULL);
}

static GVariant *
build_result (BpgFirmwareWork *self)
{
  const BpgSlotEntry *entry = bpg_slot_table_find (&self->procedure.table, BPG_IMAGE_FIRMWARE, self->order->image);
  GVariantBuilder builder;
  guint64 bytes = self->container != NULL ? g_bytes_get_size (self->container) : 0;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "slot",
                         g_variant_new_string (entry != NULL ? bpg_slot_entry_get_name (entry) : ""));
  g_variant_builder_add (&builder, "{sv}", "hash", g_variant_new_string (self->order->image));
  g_variant_builder_add (&builder, "{sv}", "version", g_variant_new_string (get_version (self)));
  g_variant_builder_add (&builder, "{sv}", "bytes", g_variant_new_uint64 (bytes));
  g_variant_builder_add (
    &builder, "{sv}", "seconds",
    g_variant_new_double ((double) (g_get_monotonic_time () - self->began) / (double) G_USEC_PER_SEC));
  return g_variant_builder_end (&builder);
}

static gboolean
is_patient (BpgFirmwareWork *self)
{
  return self->restarted != 0 && g_get_monotonic_time () - self->restarted < RESTART_SECONDS * G_USEC_PER_SEC;
}

/* After LOOK_MILLISECONDS. */
static void
call_later (BpgFirmwareWork *self, GSourceFunc func)
{
  if (self->look_id == 0)
    self->look_id =
      g_timeout_add_full (G_PRIORITY_DEFAULT, LOOK_MILLISECONDS, func, g_object_ref (self), g_object_unref);
}

static gboolean
on_refresh_again (gpointer user_data)
{
  BpgFirmwareWork *self = user_data;

  self->look_id = 0;
  refresh (self);
  return G_SOURCE_REMOVE;
}

static void
on_refreshed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgFirmwareWork) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  if (reply == NULL && is_patient (self)) {
    call_later (self, on_refresh_again);
    return;
  }
  /* The work is done whether or not the prosthesis can be looked at now. */
  if (reply == NULL)
    bpg_debug (bpg_job_get_path (self->job), "not refreshed: %s", error->message);
  if (self->restarted != 0)
    end (self);
  bpg_job_succeed (self->job, self->result);
}

/* Whoever hears that the job has ended shall find its outcome in the prosthesis's properties too, and the prosthesis
 * there: by this call at the latest pairing learns that it was started anew, and asks once more who it is. */
static void
refresh (BpgFirmwareWork *self)
{
  g_dbus_connection_call (bpg_service_get_connection (self->service), BPG_BUS_PAIRING, self->arm->path,
                          "org.bionicpro.Prosthesis1", "Refresh", g_variant_new ("(a{sv})", NULL), NULL,
                          G_DBUS_CALL_FLAGS_NO_AUTO_START, REFRESH_SECONDS * 1000, NULL, on_refreshed,
                          g_object_ref (self));
}

static void
succeed (BpgFirmwareWork *self)
{
  static const char *const actions[] = {
    [BPG_PROCEDURE_INSTALL] = "install",
    [BPG_PROCEDURE_START_TRIAL] = "trial",
    [BPG_PROCEDURE_CONFIRM] = "confirm",
    [BPG_PROCEDURE_ROLL_BACK] = "roll-back",
  };

  add_event (self, actions[self->order->kind], "");
  if (self->order->kind == BPG_PROCEDURE_INSTALL &&
      bpg_slot_table_get_trial (&self->procedure.table, BPG_IMAGE_FIRMWARE) != NULL)
    add_event (self, "trial", "");
  self->result = g_variant_ref_sink (build_result (self));
  /* An arm that has just restarted is not free for the next job before it is there again. */
  if (self->restarted == 0)
    end (self);
  else
    g_clear_object (&self->management);
  refresh (self);
}

/* The restart. */

static gboolean
on_look_again (gpointer user_data)
{
  BpgFirmwareWork *self = user_data;

  self->look_id = 0;
  acquire (self);
  return G_SOURCE_REMOVE;
}

/* The channel is of no use while the arm restarts, and on most lines it goes with it. */
static void
look_again_later (BpgFirmwareWork *self)
{
  g_clear_object (&self->management);
  call_later (self, on_look_again);
}

/* While the arm restarts it cannot be reached, and that is no error yet. */
static void
take_error (BpgFirmwareWork *self, const GError *error)
{
  if (is_patient (self) && (g_error_matches (error, BPG_ERROR, BPG_ERROR_DISCONNECTED) ||
                            g_error_matches (error, BPG_ERROR, BPG_ERROR_TIMED_OUT)))
    look_again_later (self);
  else
    fail (self, error);
}

/* The management channel. */

static void
on_acquired (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgFirmwareWork) self = user_data;
  g_autoptr (GError) error = NULL;

  self->management = bpg_management_acquire_finish (result, &error);
  if (self->management == NULL)
    take_error (self, error);
  else if (self->order->image[0] == '\0' && self->restarted == 0)
    run (self, BPG_PROCEDURE_READ);
  else
    run (self, self->order->kind);
}

static void
acquire (BpgFirmwareWork *self)
{
  bpg_management_acquire_async (bpg_service_get_connection (self->service), self->arm->path,
                                bpg_order_get_job_kind (self->order), bpg_job_get_cancellable (self->job), on_acquired,
                                g_object_ref (self));
}

/* The procedure, in a worker. */

static gboolean
on_report (gpointer user_data)
{
  BpgFirmwareWork *self = user_data;
  double progress;
  g_autofree char *phase = bpg_reporter_take (&self->reporter, &progress);
  gboolean writing = g_str_equal (phase, "uploading") || g_str_equal (phase, "verifying");

  bpg_job_set_phase (self->job, phase, NULL);
  bpg_job_set_progress (self->job, progress);
  if (g_str_equal (phase, "restarting")) {
    self->restarted = g_get_monotonic_time ();
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
  BpgFirmwareWork *self = user_data;

  bpg_reporter_report (&self->reporter, phase, progress, on_report, self);
}

static void
run_procedure (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  BpgFirmwareWork *self = source;
  GError *error = NULL;

  if (bpg_procedure_run (&self->procedure, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

typedef struct {
  const char *hash;
  const char *version;
} Meant;

static gboolean
take_entry (const BpgSlotEntry *entry, Meant *meant, const char *otherwise, GError **error)
{
  if (entry == NULL) {
    g_set_error_literal (error, BPG_ERROR, BPG_ERROR_WRONG_STATE, otherwise);
    return FALSE;
  }
  *meant = (Meant){entry->hash, entry->version};
  return TRUE;
}

/* Back to an older version without a trial that failed is a downgrade like any other. */
static gboolean
find_back (BpgFirmwareWork *self, Meant *meant, GError **error)
{
  const BpgSlotTable *table = &self->procedure.table;
  guint64 packed = 0;

  if (!bpg_firmware_find_back (table, &meant->hash, &meant->version)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, "The arm holds no earlier firmware; install it");
    return FALSE;
  }
  if (self->order->downgrade || bpg_slot_table_get_trial (table, BPG_IMAGE_FIRMWARE) != NULL ||
      (bpg_firmware_pack_version (meant->version, &packed) && packed >= self->procedure.policy.arm.version))
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_VERSION_TOO_OLD,
               "Version %s, which the arm holds as well, is older than what runs. Go back with 'downgrade'",
               meant->version);
  return FALSE;
}

/* What an order without a container means is known once the slots were seen. */
static gboolean
find_meant (BpgFirmwareWork *self, Meant *meant, GError **error)
{
  const BpgSlotTable *table = &self->procedure.table;

  switch (self->order->kind) {
  case BPG_PROCEDURE_START_TRIAL:
    return take_entry (bpg_slot_table_get_pending (table, BPG_IMAGE_FIRMWARE), meant,
                       "No firmware is waiting for its trial; install some first", error);
  case BPG_PROCEDURE_CONFIRM:
    return take_entry (bpg_slot_table_get_trial (table, BPG_IMAGE_FIRMWARE), meant,
                       "No firmware is on trial; the arm was restarted and went back, or it was not started", error);
  default:
    return find_back (self, meant, error);
  }
}

static void
resolve (BpgFirmwareWork *self)
{
  g_autoptr (GError) error = NULL;
  Meant meant;

  bpg_slots_take_table (self->slots, &self->procedure.table, 0, BPG_SLOTS_NOTHING);
  if (!find_meant (self, &meant, &error)) {
    fail (self, error);
    return;
  }
  bpg_order_set_text (&self->order->image, meant.hash);
  bpg_order_set_text (&self->order->version, meant.version);
  store_order (self);
  run (self, self->order->kind);
}

static void
on_run (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgFirmwareWork) self = BPG_FIRMWARE_WORK (g_object_ref (source));
  g_autoptr (GError) error = NULL;

  if (!g_task_propagate_boolean (G_TASK (result), &error)) {
    take_error (self, error);
    return;
  }
  if (self->procedure.told)
    self->told = g_get_monotonic_time ();
  if (self->procedure.kind == BPG_PROCEDURE_READ) {
    resolve (self);
  } else if (!self->procedure.restarting) {
    succeed (self);
  } else if (is_patient (self)) {
    look_again_later (self);
  } else {
    g_set_error (&error, BPG_ERROR, BPG_ERROR_TIMED_OUT, "The arm answers, but does not restart");
    fail (self, error);
  }
}

static void
run (BpgFirmwareWork *self, BpgProcedureKind kind)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, on_run, NULL);

  self->procedure = (BpgProcedure){
    .kind = kind,
    .firmware = TRUE,
    .management = self->management,
    .container = self->container,
    .image = self->order->image,
    .trial = self->order->trial,
    .may_start_trial = !(self->order->recovered && self->order->trial_begun),
    .downgrade = self->order->downgrade,
    .policy = {
      .firmware = self->firmware,
      .power = self->power,
      .override = self->order->override,
      .downgrade = self->order->downgrade,
      .worn = self->order->worn,
    },
    .containers = self->containers,
    .back = self->restarted != 0,
    .away = g_get_monotonic_time () - self->told,
    .func = report,
    .user_data = self,
    .cancellable = bpg_job_get_cancellable (self->job),
  };
  g_task_run_in_thread (task, run_procedure);
}

/* Before the arm is asked: the container, and what this PC runs on. */

static void
prepare_in_worker (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  BpgFirmwareWork *self = source;
  GError *error = NULL;

  self->power = bpg_power_read (self->settings->power);
  if (self->order->kind == BPG_PROCEDURE_INSTALL)
    self->container = bpg_firmware_folder_open (self->settings, self->order->image, &self->firmware, &error);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static void
on_prepared (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgFirmwareWork) self = BPG_FIRMWARE_WORK (g_object_ref (source));
  g_autoptr (GError) error = NULL;

  g_task_propagate_boolean (G_TASK (result), &error);
  if (error == NULL && g_cancellable_is_cancelled (bpg_job_get_cancellable (self->job)))
    g_set_error (&error, BPG_ERROR, BPG_ERROR_CANCELLED, "It was cancelled");
  if (error != NULL)
    fail (self, error);
  else
    acquire (self);
}

void
bpg_firmware_work_start (BpgService *service, BpgHistory *history, BpgFirmwareSettings *settings, BpgSlots *slots,
                         const BpgArm *arm, BpgJob *job, BpgOrder *order, BpgWorkFunc func, GObject *owner)
{
  g_autoptr (BpgFirmwareWork) self = g_object_new (BPG_TYPE_FIRMWARE_WORK, NULL);
  g_autoptr (GTask) task = g_task_new (self, NULL, on_prepared, NULL);

  self->service = g_object_ref (service);
  self->history = g_object_ref (history);
  self->settings = bpg_firmware_settings_ref (settings);
  self->slots = g_object_ref (slots);
  self->arm = bpg_arm_copy (arm);
  self->job = g_object_ref (job);
  self->order = order;
  self->func = func;
  self->containers = bpg_history_get_path (history, "");
  self->inhibitor =
    bpg_inhibitor_new (bpg_service_get_connection (service), "Firmware is being written to a prosthesis");
  g_weak_ref_set (&self->owner, owner);
  /* Somebody was waiting for the arm's restart when the service ended: so are we. */
  if (order->recovered && order->trial_begun)
    self->restarted = self->told = g_get_monotonic_time ();
  bpg_slots_set_job (slots, bpg_job_get_path (job), FALSE);
  bpg_job_set_phase (job, "preparing", NULL);
  g_task_run_in_thread (task, prepare_in_worker);
}
