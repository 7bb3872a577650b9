/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-arm-monitor.h"

#include "bpg-arm-report.h"
#include "bpg-error.h"
#include "bpg-log.h"

#define BUSY_SECONDS 2u
#define IDLE_SECONDS 5u
#define HINT_MILLISECONDS 100u
/* Polls in a row without answer, and nothing else heard meanwhile: the arm has gone. */
#define MAX_FAILURES 2u
#define HEARD_USEC (4 * G_USEC_PER_SEC)

struct _BpgArmMonitor {
  GObject parent_instance;

  BpgLink *link;
  BpgDBusProsthesis1 *skeleton;
  char *device_id;
  char *fingerprint;
  GCancellable *cancellable;
  gboolean stopped;
  gboolean started;
  gboolean busy;
  guint poll_id;
  guint hint_id;
  BpgArmParts hinted;
  gboolean hinting; /* a hinted refresh is on its way */
  guint failures;
  guint64 uptime; /* ms, by the last status */
};

G_DEFINE_FINAL_TYPE (BpgArmMonitor, bpg_arm_monitor, G_TYPE_OBJECT)

enum { SIGNAL_POLLED, N_SIGNALS };
static guint signals[N_SIGNALS];

static void schedule_poll (BpgArmMonitor *self);

void
bpg_arm_monitor_stop (BpgArmMonitor *self)
{
  self->stopped = TRUE;
  g_cancellable_cancel (self->cancellable);
  g_clear_handle_id (&self->poll_id, g_source_remove);
  g_clear_handle_id (&self->hint_id, g_source_remove);
}

static void
bpg_arm_monitor_dispose (GObject *object)
{
  bpg_arm_monitor_stop (BPG_ARM_MONITOR (object));
  G_OBJECT_CLASS (bpg_arm_monitor_parent_class)->dispose (object);
}

static void
bpg_arm_monitor_finalize (GObject *object)
{
  BpgArmMonitor *self = BPG_ARM_MONITOR (object);

  g_clear_object (&self->link);
  g_clear_object (&self->skeleton);
  g_clear_object (&self->cancellable);
  g_free (self->device_id);
  g_free (self->fingerprint);
  G_OBJECT_CLASS (bpg_arm_monitor_parent_class)->finalize (object);
}

static void
bpg_arm_monitor_class_init (BpgArmMonitorClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_arm_monitor_dispose;
  G_OBJECT_CLASS (klass)->finalize = bpg_arm_monitor_finalize;
  signals[SIGNAL_POLLED] =
    g_signal_new ("polled", BPG_TYPE_ARM_MONITOR, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bpg_arm_monitor_init (BpgArmMonitor *self)
{
  self->cancellable = g_cancellable_new ();
}

BpgArmMonitor *
bpg_arm_monitor_new (BpgLink *link, const BpgArmIdentity *identity, BpgDBusProsthesis1 *skeleton)
{
  BpgArmMonitor *self = g_object_new (BPG_TYPE_ARM_MONITOR, NULL);

  self->link = g_object_ref (link);
  self->skeleton = g_object_ref (skeleton);
  self->device_id = g_strdup (identity->device_id);
  self->fingerprint = g_strdup (identity->fingerprint);
  return self;
}

static gboolean
check_uptime (BpgArmMonitor *self, guint64 uptime, GError **error)
{
  gboolean restarted = uptime < self->uptime;

  self->uptime = uptime;
  if (!restarted)
    return TRUE;
  g_set_error_literal (error, BPG_ERROR, BPG_ERROR_DISCONNECTED, "The arm was started anew");
  bpg_link_close (self->link, *error);
  return FALSE;
}

static gboolean
take_status (BpgArmMonitor *self, GBytes *payload, GError **error)
{
  guint64 uptime = 0;

  return bpg_arm_report_status (payload, self->skeleton, &uptime, error) && check_uptime (self, uptime, error);
}

static gboolean
take_identity (BpgArmMonitor *self, GBytes *payload, GError **error)
{
  g_autoptr (BpgArmIdentity) identity = bpg_arm_identity_parse (payload, error);

  if (identity == NULL)
    return FALSE;
  if (!g_str_equal (identity->device_id, self->device_id) || !g_str_equal (identity->fingerprint, self->fingerprint)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_WRONG_PROSTHESIS, "In the place of %s there is now %s", self->device_id,
                 identity->device_id);
    bpg_link_close (self->link, *error);
    return FALSE;
  }
  bpg_arm_report_identity (identity, self->skeleton);
  return TRUE;
}

static gboolean
take_part (BpgArmMonitor *self, BpgArmParts part, GBytes *payload, GError **error)
{
  if (part == BPG_ARM_STATUS_PART)
    return take_status (self, payload, error);
  if (part == BPG_ARM_PARAMETERS_PART)
    return bpg_arm_report_parameters (payload, self->skeleton, error);
  return take_identity (self, payload, error);
}

typedef struct {
  guint waiting;
  GError *error; /* the first one */
} Refresh;

static void
refresh_free (Refresh *refresh)
{
  g_clear_error (&refresh->error);
  g_free (refresh);
}

/* One part of a refresh on its way. */
typedef struct {
  GTask *task;
  BpgArmParts part;
} Part;

static void
on_part (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Part *part = user_data;
  g_autoptr (GTask) task = part->task;
  BpgArmMonitor *self = g_task_get_source_object (task);
  Refresh *refresh = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) payload = bpg_link_request_finish (BPG_LINK (source), result, &error);

  if (payload != NULL && !self->stopped)
    take_part (self, part->part, payload, &error);
  if (error != NULL && refresh->error == NULL)
    refresh->error = g_steal_pointer (&error);
  if (--refresh->waiting > 0)
    return;
  if (refresh->error != NULL)
    g_task_return_error (task, g_steal_pointer (&refresh->error));
  else
    g_task_return_boolean (task, TRUE);
}

static void
ask (BpgArmMonitor *self, GTask *task, BpgArmParts part, guint8 command)
{
  BpgLinkRequest request = {BPG_SMP_READ, BPG_GROUP_ARM, command, NULL, NULL, 0, 2};
  Refresh *refresh = g_task_get_task_data (task);
  Part *one = g_new0 (Part, 1);

  one->task = g_object_ref (task);
  one->part = part;
  refresh->waiting++;
  bpg_link_request_async (self->link, &request, self->cancellable, on_part, one);
}

void
bpg_arm_monitor_refresh_async (BpgArmMonitor *self, BpgArmParts parts, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);

  g_return_if_fail (parts != 0);

  g_task_set_source_tag (task, bpg_arm_monitor_refresh_async);
  g_task_set_task_data (task, g_new0 (Refresh, 1), (GDestroyNotify) refresh_free);
  /* In this order: a change of state is told before what follows from it. */
  if ((parts & BPG_ARM_IDENTITY_PART) != 0)
    ask (self, task, BPG_ARM_IDENTITY_PART, BPG_ARM_IDENTITY);
  if ((parts & BPG_ARM_PARAMETERS_PART) != 0)
    ask (self, task, BPG_ARM_PARAMETERS_PART, BPG_ARM_PARAMETERS);
  if ((parts & BPG_ARM_STATUS_PART) != 0)
    ask (self, task, BPG_ARM_STATUS_PART, BPG_ARM_STATUS);
}

gboolean
bpg_arm_monitor_refresh_finish (BpgArmMonitor *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
count_failure (BpgArmMonitor *self, const GError *error)
{
  if (g_get_monotonic_time () - bpg_link_get_heard (self->link) < HEARD_USEC)
    return;
  bpg_debug (self->device_id, "no answer: %s", error->message);
  if (++self->failures >= MAX_FAILURES)
    bpg_link_close (self->link, error);
}

static void
on_polled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BpgArmMonitor *self = BPG_ARM_MONITOR (source);
  g_autoptr (GError) error = NULL;

  if (bpg_arm_monitor_refresh_finish (self, result, &error))
    self->failures = 0;
  else if (!self->stopped)
    count_failure (self, error);
  if (self->stopped || !bpg_link_is_open (self->link))
    return;
  g_signal_emit (self, signals[SIGNAL_POLLED], 0);
  schedule_poll (self);
}

static gboolean
on_poll (gpointer user_data)
{
  BpgArmMonitor *self = user_data;
  BpgArmParts parts = BPG_ARM_STATUS_PART;

  self->poll_id = 0;
  /* An arm that waits for its button gives that up by itself, and says so to nobody. */
  if (g_strcmp0 (bpg_dbus_prosthesis1_get_state (self->skeleton), "binding") == 0)
    parts |= BPG_ARM_IDENTITY_PART;
  bpg_arm_monitor_refresh_async (self, parts, on_polled, NULL);
  return G_SOURCE_REMOVE;
}

static void
schedule_poll (BpgArmMonitor *self)
{
  gboolean often = self->busy || bpg_dbus_prosthesis1_get_trial_seconds_left (self->skeleton) > 0;

  g_clear_handle_id (&self->poll_id, g_source_remove);
  self->poll_id = g_timeout_add_seconds (often ? BUSY_SECONDS : IDLE_SECONDS, on_poll, self);
}

void
bpg_arm_monitor_start (BpgArmMonitor *self)
{
  self->started = TRUE;
  schedule_poll (self);
}

void
bpg_arm_monitor_set_busy (BpgArmMonitor *self, gboolean busy)
{
  if (self->busy == busy)
    return;
  self->busy = busy;
  /* Only sooner: a poll that is on its way schedules the next one itself. */
  if (busy && self->poll_id != 0)
    schedule_poll (self);
}

static void schedule_hint (BpgArmMonitor *self);

static void
on_hinted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BpgArmMonitor *self = BPG_ARM_MONITOR (source);
  g_autoptr (GError) error = NULL;

  self->hinting = FALSE;
  if (!bpg_arm_monitor_refresh_finish (self, result, &error))
    bpg_debug (self->device_id, "not refreshed: %s", error->message);
  schedule_hint (self);
}

static gboolean
on_hint (gpointer user_data)
{
  BpgArmMonitor *self = user_data;
  BpgArmParts parts = self->hinted;

  self->hint_id = 0;
  self->hinted = 0;
  self->hinting = TRUE;
  bpg_arm_monitor_refresh_async (self, parts, on_hinted, NULL);
  return G_SOURCE_REMOVE;
}

/* One at a time: an arm that reports without end and answers nothing must not pile requests up. */
static void
schedule_hint (BpgArmMonitor *self)
{
  if (!self->stopped && self->hinted != 0 && self->hint_id == 0 && !self->hinting)
    self->hint_id = g_timeout_add (HINT_MILLISECONDS, on_hint, self);
}

void
bpg_arm_monitor_hint (BpgArmMonitor *self, BpgArmParts parts)
{
  if (self->stopped || !self->started)
    return;
  self->hinted |= parts;
  schedule_hint (self);
}
