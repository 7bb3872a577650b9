/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-job.h"

#include "bpg-dbus.h"
#include "bpg-error.h"
#include "bpg-job-private.h"
#include "bpg-log.h"
#include "bpg-options.h"

struct _BpgJob {
  GObject parent_instance;

  BpgJobList *list; /* not owned: the list owns its jobs and detaches them when it goes */
  BpgDBusJob1 *skeleton;
  GCancellable *cancellable;
  guint64 number;
  char *path;
  char *sender;
  char *payload;
  gboolean finished;
};

G_DEFINE_FINAL_TYPE (BpgJob, bpg_job, G_TYPE_OBJECT)

static void
bpg_job_finalize (GObject *object)
{
  BpgJob *self = BPG_JOB (object);

  g_clear_object (&self->skeleton);
  g_clear_object (&self->cancellable);
  g_free (self->path);
  g_free (self->sender);
  g_free (self->payload);
  G_OBJECT_CLASS (bpg_job_parent_class)->finalize (object);
}

static void
bpg_job_class_init (BpgJobClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_job_finalize;
}

static void
bpg_job_init (BpgJob *self)
{
  self->cancellable = g_cancellable_new ();
  self->skeleton = bpg_dbus_job1_skeleton_new ();
}

static void
cancel_authorized (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgJob *self = BPG_JOB (object);

  /* It may have ended while polkit was asked. */
  if (self->finished) {
    g_dbus_method_invocation_return_error (invocation, BPG_ERROR, BPG_ERROR_WRONG_STATE, "The job has ended");
    return;
  }
  bpg_info (self->path, "cancelled by %s", g_dbus_method_invocation_get_sender (invocation));
  g_dbus_method_invocation_return_value (invocation, NULL);
  g_cancellable_cancel (self->cancellable);
}

static gboolean
on_handle_cancel (BpgDBusJob1 *skeleton, GDBusMethodInvocation *invocation, GVariant *options, gpointer user_data)
{
  BpgJob *self = BPG_JOB (user_data);
  g_autoptr (GError) error = NULL;

  if (!bpg_options_none (options, &error)) {
    g_dbus_method_invocation_return_gerror (invocation, error);
  } else if (self->finished || self->list == NULL) {
    g_dbus_method_invocation_return_error (invocation, BPG_ERROR, BPG_ERROR_WRONG_STATE, "The job has ended");
  } else if (bpg_job_is_started_by (self, g_dbus_method_invocation_get_sender (invocation))) {
    cancel_authorized (self, invocation, NULL);
  } else {
    const char *details[] = {"job", self->path, NULL};

    bpg_authority_authorize (bpg_job_list_get_authority (self->list), invocation, "org.bionicpro.cancel-any-job", details,
                             G_OBJECT (self), cancel_authorized);
  }
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

BpgJob *
bpg_job_new (BpgJobList *list, const char *root, const BpgJobRow *row)
{
  BpgJob *self = g_object_new (BPG_TYPE_JOB, NULL);

  self->list = list;
  self->number = row->number;
  self->path = g_strdup_printf ("%s/job/%" G_GUINT64_FORMAT, root, row->number);
  self->sender = g_strdup (row->sender);
  self->payload = g_strdup (row->payload);
  g_object_set (self->skeleton, "kind", row->kind, "subject", row->subject, "state", "running", "phase", "", "progress",
                -1.0, "message", "", "started", row->started, "error", "", "error-message", "", "result",
                g_variant_new ("a{sv}", NULL), NULL);
  g_signal_connect_object (self->skeleton, "handle-cancel", G_CALLBACK (on_handle_cancel), self, 0);
  return self;
}

GDBusInterfaceSkeleton *
bpg_job_get_skeleton (BpgJob *self)
{
  return G_DBUS_INTERFACE_SKELETON (self->skeleton);
}

guint64
bpg_job_get_number (BpgJob *self)
{
  return self->number;
}

void
bpg_job_detach (BpgJob *self)
{
  self->list = NULL;
}

const char *
bpg_job_get_path (BpgJob *self)
{
  return self->path;
}

const char *
bpg_job_get_kind (BpgJob *self)
{
  return bpg_dbus_job1_get_kind (self->skeleton);
}

const char *
bpg_job_get_subject (BpgJob *self)
{
  return bpg_dbus_job1_get_subject (self->skeleton);
}

const char *
bpg_job_get_payload (BpgJob *self)
{
  return self->payload;
}

GCancellable *
bpg_job_get_cancellable (BpgJob *self)
{
  return self->cancellable;
}

gboolean
bpg_job_is_started_by (BpgJob *self, const char *sender)
{
  return self->sender != NULL && g_strcmp0 (self->sender, sender) == 0;
}

gboolean
bpg_job_is_finished (BpgJob *self)
{
  return self->finished;
}

void
bpg_job_set_phase (BpgJob *self, const char *phase, const char *message)
{
  if (self->finished)
    return;
  bpg_dbus_job1_set_phase (self->skeleton, phase);
  if (message != NULL)
    bpg_dbus_job1_set_message (self->skeleton, message);
  /* Each phase is told, also one that the next follows at once. */
  g_dbus_interface_skeleton_flush (G_DBUS_INTERFACE_SKELETON (self->skeleton));
}

void
bpg_job_set_progress (BpgJob *self, double progress)
{
  double before = bpg_dbus_job1_get_progress (self->skeleton);

  progress = CLAMP (progress, 0.0, 1.0);
  if (!self->finished && (progress >= before + 0.01 || (progress == 1.0 && before < 1.0)))
    bpg_dbus_job1_set_progress (self->skeleton, progress);
}

gboolean
bpg_job_set_payload (BpgJob *self, const char *payload, GError **error)
{
  if (self->list != NULL && !bpg_job_list_store_payload (self->list, self, payload, error))
    return FALSE;
  g_free (self->payload);
  self->payload = g_strdup (payload);
  return TRUE;
}

/* Tells the bus. The outcome is on the disk before, so that a crash here makes the next process tell it again. */
void
bpg_job_announce (BpgJob *self, const BpgJobOutcome *outcome)
{
  gboolean success = outcome->error_name[0] == '\0';

  self->finished = TRUE;
  if (success)
    bpg_dbus_job1_set_progress (self->skeleton, 1.0);
  g_object_set (self->skeleton, "state", "finished", "ended", (guint64) g_get_real_time (), "success", success, "error",
                outcome->error_name, "error-message", outcome->message, "result", outcome->result, NULL);
  g_dbus_interface_skeleton_flush (G_DBUS_INTERFACE_SKELETON (self->skeleton));
  bpg_dbus_job1_emit_finished (self->skeleton, success, outcome->error_name, outcome->message, outcome->result);
  if (success)
    bpg_info (self->path, "%s succeeded", bpg_job_get_kind (self));
  else
    bpg_notice (self->path, "%s failed: %s (%s)", bpg_job_get_kind (self), outcome->message, outcome->error_name);
}

static void
finish (BpgJob *self, const char *error_name, const char *message, GVariant *result)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (result != NULL ? result : g_variant_new ("a{sv}", NULL));
  BpgJobOutcome outcome = {error_name, message, owned};

  if (self->finished) {
    bpg_warning (self->path, "was to be ended a second time (%s)", error_name);
    return;
  }
  if (self->list != NULL)
    bpg_job_list_store_outcome (self->list, self, &outcome);
  bpg_job_announce (self, &outcome);
  if (self->list != NULL)
    bpg_job_list_job_announced (self->list, self);
}

void
bpg_job_succeed (BpgJob *self, GVariant *result)
{
  finish (self, "", "", result);
}

void
bpg_job_fail (BpgJob *self, const GError *error, GVariant *result)
{
  g_autoptr (GError) ours = bpg_error_convert (g_error_copy (error), NULL);

  finish (self, bpg_error_get_name (ours->code), ours->message, result);
}
