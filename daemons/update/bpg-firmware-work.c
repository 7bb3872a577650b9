/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-firmware-work.h"

#include "bpg-error.h"
#include "bpg-firmware-procedure.h"
#include "bpg-power.h"
#include "bpg-work-private.h"

/* An arm that restarts is back by then, or not at all; it is looked for so often. */
#define RESTART_SECONDS 60
#define LOOK_MILLISECONDS 500

typedef struct {
  BpgFirmwareSettings *settings;
  char *containers;
  GBytes *container;
  BpgFirmware *firmware;
  BpgPower power;
  gint64 restarted; /* monotonic time when the arm was first told to restart, 0 before */
  gint64 told;      /* and when it was last told */
} FirmwareWork;

static void
firmware_work_free (gpointer data)
{
  FirmwareWork *firmware = data;

  g_clear_pointer (&firmware->container, g_bytes_unref);
  g_clear_pointer (&firmware->firmware, bpg_firmware_free);
  g_clear_pointer (&firmware->settings, bpg_firmware_settings_unref);
  g_free (firmware->containers);
  g_free (firmware);
}

static GError *
explain (BpgWork *work, const GError *error)
{
  const FirmwareWork *firmware = work->data;

  if (!g_error_matches (error, BPG_ERROR, BPG_ERROR_DISCONNECTED) || firmware->restarted == 0)
    return NULL;
  return g_error_new (BPG_ERROR, BPG_ERROR_DISCONNECTED,
                      "The prosthesis is not back %d s after it was told to restart. Switch it off and on: it then "
                      "runs the old firmware, or the new one on trial",
                      RESTART_SECONDS);
}

/* Of a container that somebody else named only its hash is known. */
static const char *
get_version (BpgWork *work)
{
  const BpgSlotEntry *entry = bpg_slot_table_find (&work->procedure.table, BPG_IMAGE_FIRMWARE, work->order->image);

  return work->order->version[0] == '\0' && entry != NULL ? entry->version : work->order->version;
}

static void
describe (BpgWork *work, BpgHistoryEvent *event)
{
  event->firmware = work->order->image;
  event->version = get_version (work);
}

/* The restart. */

static gboolean
is_patient (const FirmwareWork *firmware)
{
  return firmware->restarted != 0 &&
         g_get_monotonic_time () - firmware->restarted < RESTART_SECONDS * G_USEC_PER_SEC;
}

/* After LOOK_MILLISECONDS. */
static void
call_later (BpgWork *work, GSourceFunc func)
{
  g_timeout_add_full (G_PRIORITY_DEFAULT, LOOK_MILLISECONDS, func, g_object_ref (work), g_object_unref);
}

static gboolean
on_look_again (gpointer user_data)
{
  bpg_work_acquire (user_data);
  return G_SOURCE_REMOVE;
}

/* The channel is of no use while the arm restarts, and on most lines it goes with it. */
static void
look_again_later (BpgWork *work)
{
  g_clear_object (&work->management);
  call_later (work, on_look_again);
}

/* While the arm restarts it cannot be reached, and that is no error yet. */
static void
take_error (BpgWork *work, const GError *error)
{
  if (is_patient (work->data) && (g_error_matches (error, BPG_ERROR, BPG_ERROR_DISCONNECTED) ||
                                  g_error_matches (error, BPG_ERROR, BPG_ERROR_TIMED_OUT)))
    look_again_later (work);
  else
    bpg_work_fail (work, error);
}

static gboolean
on_refresh_again (gpointer user_data)
{
  bpg_work_refresh (user_data);
  return G_SOURCE_REMOVE;
}

/* Pairing learns by this call at the latest that the arm was started anew, and asks once more who it is. */
static void
refreshed (BpgWork *work, const GError *error)
{
  const FirmwareWork *firmware = work->data;

  if (error != NULL && is_patient (firmware)) {
    call_later (work, on_refresh_again);
    return;
  }
  if (firmware->restarted != 0)
    bpg_work_release (work);
  bpg_work_succeed (work);
}

static void
succeed (BpgWork *work)
{
  const FirmwareWork *firmware = work->data;
  const BpgSlotEntry *entry = bpg_slot_table_find (&work->procedure.table, BPG_IMAGE_FIRMWARE, work->order->image);

  bpg_work_record (work);
  bpg_work_set_result (work, entry, work->order->image, "version", get_version (work), firmware->container);
  /* An arm that has just restarted is not free for the next job before it is there again. */
  if (firmware->restarted == 0)
    bpg_work_release (work);
  else
    g_clear_object (&work->management);
  bpg_work_refresh (work);
}

/* The procedure. */

static void
run (BpgWork *work, BpgProcedureKind kind)
{
  const FirmwareWork *firmware = work->data;
  const BpgOrder *order = work->order;

  work->procedure = (BpgProcedure){
    .kind = kind,
    .firmware = TRUE,
    .container = firmware->container,
    .image = order->image,
    .trial = order->trial,
    .may_start_trial = !(order->recovered && order->trial_begun),
    .downgrade = order->downgrade,
    .policy = {
      .firmware = firmware->firmware,
      .power = firmware->power,
      .override = order->override,
      .downgrade = order->downgrade,
      .worn = order->worn,
    },
    .containers = firmware->containers,
    .back = firmware->restarted != 0,
    .away = g_get_monotonic_time () - firmware->told,
  };
  bpg_work_run (work);
}

static void
acquired (BpgWork *work, const GError *error)
{
  const FirmwareWork *firmware = work->data;

  if (error != NULL)
    take_error (work, error);
  else if (work->order->image[0] == '\0' && firmware->restarted == 0)
    run (work, BPG_PROCEDURE_READ);
  else
    run (work, work->order->kind);
}

static gboolean
begin_phase (BpgWork *work, const char *phase)
{
  FirmwareWork *firmware = work->data;

  if (!g_str_equal (phase, "restarting"))
    return FALSE;
  firmware->restarted = g_get_monotonic_time ();
  work->order->trial_begun = TRUE;
  return TRUE;
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
find_back (BpgWork *work, Meant *meant, GError **error)
{
  const BpgSlotTable *table = &work->procedure.table;
  guint64 packed = 0;

  if (!bpg_firmware_find_back (table, &meant->hash, &meant->version)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, "The arm holds no earlier firmware; install it");
    return FALSE;
  }
  if (work->order->downgrade || bpg_slot_table_get_trial (table, BPG_IMAGE_FIRMWARE) != NULL ||
      (bpg_firmware_pack_version (meant->version, &packed) && packed >= work->procedure.policy.arm.version))
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_VERSION_TOO_OLD,
               "Version %s, which the arm holds as well, is older than what runs. Go back with 'downgrade'",
               meant->version);
  return FALSE;
}

/* What an order without a container means is known once the slots were seen. */
static gboolean
find_meant (BpgWork *work, Meant *meant, GError **error)
{
  const BpgSlotTable *table = &work->procedure.table;

  switch (work->order->kind) {
  case BPG_PROCEDURE_START_TRIAL:
    return take_entry (bpg_slot_table_get_pending (table, BPG_IMAGE_FIRMWARE), meant,
                       "No firmware is waiting for its trial; install some first", error);
  case BPG_PROCEDURE_CONFIRM:
    return take_entry (bpg_slot_table_get_trial (table, BPG_IMAGE_FIRMWARE), meant,
                       "No firmware is on trial; the arm was restarted and went back, or it was not started", error);
  default:
    return find_back (work, meant, error);
  }
}

static void
resolve (BpgWork *work)
{
  g_autoptr (GError) error = NULL;
  Meant meant;

  bpg_slots_take_table (work->slots, &work->procedure.table, 0, BPG_SLOTS_NOTHING);
  if (!find_meant (work, &meant, &error)) {
    bpg_work_fail (work, error);
    return;
  }
  bpg_order_set_text (&work->order->image, meant.hash);
  bpg_order_set_text (&work->order->version, meant.version);
  bpg_work_store_order (work);
  run (work, work->order->kind);
}

static void
ran (BpgWork *work, const GError *failure)
{
  FirmwareWork *firmware = work->data;
  g_autoptr (GError) error = NULL;

  if (failure != NULL) {
    take_error (work, failure);
    return;
  }
  if (work->procedure.told)
    firmware->told = g_get_monotonic_time ();
  if (work->procedure.kind == BPG_PROCEDURE_READ) {
    resolve (work);
  } else if (!work->procedure.restarting) {
    succeed (work);
  } else if (is_patient (firmware)) {
    look_again_later (work);
  } else {
    g_set_error (&error, BPG_ERROR, BPG_ERROR_TIMED_OUT, "The arm answers, but does not restart");
    bpg_work_fail (work, error);
  }
}

/* Before the arm is asked: the container, and what this PC runs on. */

static void
prepare_in_worker (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  const BpgOrder *order = BPG_WORK (source)->order;
  FirmwareWork *firmware = BPG_WORK (source)->data;
  GError *error = NULL;

  firmware->power = bpg_power_read (firmware->settings->power);
  if (order->kind == BPG_PROCEDURE_INSTALL)
    firmware->container = bpg_firmware_folder_open (firmware->settings, order->image, &firmware->firmware, &error);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

static void
on_prepared (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgWork) work = BPG_WORK (g_object_ref (source));
  g_autoptr (GError) error = NULL;

  g_task_propagate_boolean (G_TASK (result), &error);
  if (error == NULL && g_cancellable_is_cancelled (bpg_job_get_cancellable (work->job)))
    g_set_error (&error, BPG_ERROR, BPG_ERROR_CANCELLED, "It was cancelled");
  if (error != NULL)
    bpg_work_fail (work, error);
  else
    bpg_work_acquire (work);
}

static const BpgWorkFuncs funcs = {
  .subject = "firmware",
  .inhibition = "Firmware is being written to a prosthesis",
  .cause = BPG_SLOTS_FIRMWARE,
  .image = BPG_IMAGE_FIRMWARE,
  .explain = explain,
  .describe = describe,
  .acquired = acquired,
  .begin_phase = begin_phase,
  .ran = ran,
  .refreshed = refreshed,
  .free = firmware_work_free,
};

void
bpg_firmware_work_start (const BpgWorkTask *task, BpgFirmwareSettings *settings)
{
  FirmwareWork *firmware = g_new0 (FirmwareWork, 1);
  g_autoptr (BpgWork) work = bpg_work_new (&funcs, task, firmware);
  g_autoptr (GTask) preparation = g_task_new (work, NULL, on_prepared, NULL);

  firmware->settings = bpg_firmware_settings_ref (settings);
  firmware->containers = bpg_history_get_path (work->history, "");
  /* Somebody was waiting for the arm's restart when the service ended: so are we. */
  if (work->order->recovered && work->order->trial_begun)
    firmware->restarted = firmware->told = g_get_monotonic_time ();
  bpg_job_set_phase (work->job, "preparing", NULL);
  g_task_run_in_thread (preparation, prepare_in_worker);
}
