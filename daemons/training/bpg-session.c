/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-session.h"

#include "bpg-error.h"
#include "bpg-log.h"
#include "bpg-names.h"
#include "bpg-options.h"
#include "bpg-session-private.h"

G_DEFINE_FINAL_TYPE (BpgSession, bpg_session, G_TYPE_OBJECT)

static const char *const state_names[] = {
  [BPG_SESSION_READY] = "ready",       [BPG_SESSION_RUNNING] = "running",   [BPG_SESSION_PAUSED] = "paused",
  [BPG_SESSION_WAITING] = "waiting",   [BPG_SESSION_FINISHED] = "finished", [BPG_SESSION_ABORTED] = "aborted",
  [BPG_SESSION_FAILED] = "failed",
};

static const char *const phase_names[] = {
  [BPG_PHASE_NONE] = "",          [BPG_PHASE_PREPARE] = "prepare", [BPG_PHASE_HOLD] = "hold",
  [BPG_PHASE_JUDGING] = "judging", [BPG_PHASE_REST] = "rest",
};

static void
bpg_session_dispose (GObject *object)
{
  BpgSession *self = BPG_SESSION (object);

  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  g_clear_handle_id (&self->silence_id, g_source_remove);
  if (self->reader != NULL)
    bpg_stream_reader_stop (self->reader);
  if (self->arm != NULL)
    g_signal_handlers_disconnect_by_data (self->arm, self);
  g_clear_object (&self->reader);
  g_clear_object (&self->pacer);
  g_clear_object (&self->recorder);
  g_clear_object (&self->judge);
  g_clear_object (&self->job);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->plan);
  g_clear_object (&self->arm);
  g_clear_object (&self->skeleton);
  g_clear_object (&self->service);
  G_OBJECT_CLASS (bpg_session_parent_class)->dispose (object);
}

static void
bpg_session_finalize (GObject *object)
{
  BpgSession *self = BPG_SESSION (object);

  g_clear_pointer (&self->buffer, bpg_repetition_buffer_free);
  g_clear_pointer (&self->verdict, bpg_verdict_free);
  g_clear_error (&self->end_error);
  g_ptr_array_unref (self->verdicts);
  g_free (self->path);
  g_free (self->sender);
  g_free (self->continued);
  g_free (self->purpose);
  g_free (self->note);
  g_free (self->unit);
  G_OBJECT_CLASS (bpg_session_parent_class)->finalize (object);
}

static void
bpg_session_class_init (BpgSessionClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_session_dispose;
  G_OBJECT_CLASS (klass)->finalize = bpg_session_finalize;
}

static void
bpg_session_init (BpgSession *self)
{
  self->cancellable = g_cancellable_new ();
  self->verdicts = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
}

void
bpg_session_set_state (BpgSession *self, BpgSessionState state)
{
  self->state = state;
  bpg_dbus_session1_set_state (self->skeleton, state_names[state]);
}

void
bpg_session_publish_step (BpgSession *self)
{
  const BpgStep *step = bpg_session_plan_get_step (self->plan);

  if (step != NULL)
    g_object_set (self->skeleton, "movement", step->movement, "code", step->code, "repetition", step->repetition,
                  "attempt", step->attempt, NULL);
  g_object_set (self->skeleton, "phase", phase_names[self->phase], "step", bpg_session_plan_get_done (self->plan),
                "steps", bpg_session_plan_get_total (self->plan), "seconds-left",
                self->pacer != NULL ? bpg_pacer_get_seconds_left (self->pacer) : 0.0, NULL);
}

GVariant *
bpg_session_describe_verdict (const BpgStep *step, const BpgVerdict *verdict)
{
  GVariantBuilder reasons, figures, electrodes;
  GVariantDict details;

  g_variant_builder_init (&reasons, G_VARIANT_TYPE ("as"));
  g_variant_builder_init (&figures, G_VARIANT_TYPE ("a{sd}"));
  g_variant_builder_init (&electrodes, G_VARIANT_TYPE ("au"));
  for (guint i = 0; i < BPG_VERDICT_N_RULES; i++) {
    if (verdict->reasons & 1u << i)
      g_variant_builder_add (&reasons, "s", bpg_verdict_rule_name (i));
    /* NaN: the rule had nothing to compare with. */
    if (verdict->figures[i] == verdict->figures[i])
      g_variant_builder_add (&figures, "{sd}", bpg_verdict_rule_name (i), verdict->figures[i]);
  }
  g_variant_builder_add (&figures, "{sd}", "onset", verdict->onset);
  g_variant_builder_add (&figures, "{sd}", "release", verdict->release);
  for (guint i = 0; i < BPG_CHANNELS_MAX; i++) {
    if (verdict->electrodes & 1u << i)
      g_variant_builder_add (&electrodes, "u", i);
  }
  g_variant_dict_init (&details, NULL);
  g_variant_dict_insert (&details, "attempt", "u", step->attempt);
  g_variant_dict_insert_value (&details, "reasons", g_variant_builder_end (&reasons));
  g_variant_dict_insert_value (&details, "figures", g_variant_builder_end (&figures));
  g_variant_dict_insert_value (&details, "electrodes", g_variant_builder_end (&electrodes));
  g_variant_dict_insert (&details, "advice", "s", verdict->advice);
  return g_variant_dict_end (&details);
}

void
bpg_session_tell_verdict (BpgSession *self, const BpgStep *step, const BpgVerdict *verdict)
{
  g_autoptr (GVariant) details = g_variant_ref_sink (bpg_session_describe_verdict (step, verdict));
  GVariantBuilder all;
  GVariantDict entry;

  g_variant_dict_init (&entry, details);
  g_variant_dict_insert (&entry, "movement", "s", step->movement);
  g_variant_dict_insert (&entry, "repetition", "u", step->repetition);
  g_variant_dict_insert (&entry, "accepted", "b", verdict->accepted);
  g_ptr_array_add (self->verdicts, g_variant_ref_sink (g_variant_dict_end (&entry)));
  g_variant_builder_init (&all, G_VARIANT_TYPE ("aa{sv}"));
  for (guint i = 0; i < self->verdicts->len; i++)
    g_variant_builder_add_value (&all, self->verdicts->pdata[i]);
  bpg_dbus_session1_set_verdicts (self->skeleton, g_variant_builder_end (&all));
  bpg_session_publish_step (self);
  g_dbus_interface_skeleton_flush (G_DBUS_INTERFACE_SKELETON (self->skeleton));
  bpg_dbus_session1_emit_verdict (self->skeleton, step->movement, step->repetition, verdict->accepted, details);
  bpg_info (self->path, "%s %u, attempt %u: %s", step->movement, step->repetition, step->attempt,
            verdict->accepted ? "accepted" : verdict->advice);
}

/* Answers with @error (consumed), or with nothing when there is none; what changed goes out before. */
static void
answer (BpgSession *self, GDBusMethodInvocation *invocation, GError *error)
{
  if (error != NULL) {
    g_dbus_method_invocation_take_error (invocation, error);
    return;
  }
  g_dbus_interface_skeleton_flush (G_DBUS_INTERFACE_SKELETON (self->skeleton));
  g_dbus_method_invocation_return_value (invocation, NULL);
}

static gboolean
require_state (BpgSession *self, guint states, GError **error)
{
  if (states & 1u << self->state && !self->ending)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_WRONG_STATE, "The session is %s",
               self->ending ? "ending" : state_names[self->state]);
  return FALSE;
}

#define IN(state) (1u << (state))
#define UNDER_WAY (IN (BPG_SESSION_RUNNING) | IN (BPG_SESSION_PAUSED) | IN (BPG_SESSION_WAITING))

static void
do_begin (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgSession *self = object;
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 0);
  GError *error = NULL;

  if (bpg_options_none (options, &error) && require_state (self, IN (BPG_SESSION_READY), &error))
    self->job = bpg_job_list_start (bpg_service_get_jobs (self->service), "session", self->path,
                                    g_dbus_method_invocation_get_sender (invocation), NULL, &error);
  if (error != NULL) {
    g_dbus_method_invocation_take_error (invocation, error);
    return;
  }
  bpg_dbus_session1_set_job (self->skeleton, bpg_job_get_path (self->job));
  bpg_session_set_state (self, BPG_SESSION_RUNNING);
  g_dbus_interface_skeleton_flush (G_DBUS_INTERFACE_SKELETON (self->skeleton));
  bpg_dbus_session1_complete_begin (self->skeleton, invocation, bpg_job_get_path (self->job));
  bpg_session_open (self);
}

static void
do_pause (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgSession *self = object;
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 0);
  GError *error = NULL;

  if (bpg_options_none (options, &error) && require_state (self, IN (BPG_SESSION_RUNNING), &error)) {
    bpg_session_set_state (self, BPG_SESSION_PAUSED);
    bpg_session_halt (self);
  }
  answer (self, invocation, error);
}

/* Prompts the step at hand, unless one is being judged: that one goes on by itself when it is done. */
static void
go_on (BpgSession *self)
{
  bpg_session_set_state (self, BPG_SESSION_RUNNING);
  if (!self->busy && self->pacer != NULL)
    bpg_session_start_step (self);
}

static void
do_resume (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgSession *self = object;
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 0);
  GError *error = NULL;

  if (bpg_options_none (options, &error) && require_state (self, IN (BPG_SESSION_PAUSED), &error))
    go_on (self);
  answer (self, invocation, error);
}

static void
do_redo (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgSession *self = object;
  g_autoptr (GVariant) options = NULL;
  gboolean doing = self->phase == BPG_PHASE_HOLD || self->phase == BPG_PHASE_JUDGING;
  const char *movement;
  guint repetition;
  GError *error = NULL;

  g_variant_get (parameters, "(&su@a{sv})", &movement, &repetition, &options);
  if (bpg_options_none (options, &error) && require_state (self, UNDER_WAY, &error) &&
      bpg_session_plan_redo (self->plan, movement, repetition, doing, &error)) {
    if (self->state == BPG_SESSION_WAITING)
      go_on (self);
    else if (self->phase == BPG_PHASE_PREPARE)
      bpg_session_start_step (self);
    else
      bpg_session_publish_step (self);
  }
  answer (self, invocation, error);
}

static void
do_skip (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgSession *self = object;
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 0);
  GError *error = NULL;

  if (bpg_options_none (options, &error) && require_state (self, UNDER_WAY, &error)) {
    if (self->busy) {
      error = g_error_new (BPG_ERROR, BPG_ERROR_WRONG_STATE, "The repetition is being judged; wait for the verdict");
    } else {
      bpg_session_halt (self);
      bpg_session_plan_skip (self->plan);
      if (self->state != BPG_SESSION_PAUSED || bpg_session_plan_get_step (self->plan) == NULL)
        go_on (self);
      else
        bpg_session_publish_step (self);
    }
  }
  answer (self, invocation, error);
}

static void
do_finish (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgSession *self = object;
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 0);
  GError *error = NULL;

  if (bpg_options_none (options, &error) && require_state (self, UNDER_WAY, &error))
    bpg_session_end (self, NULL);
  answer (self, invocation, error);
}

static void
do_abort (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgSession *self = object;
  g_autoptr (GVariant) options = g_variant_get_child_value (parameters, 0);
  GError *error = NULL;

  if (bpg_options_none (options, &error) && require_state (self, UNDER_WAY | IN (BPG_SESSION_READY), &error))
    bpg_session_end (self, g_error_new (BPG_ERROR, BPG_ERROR_CANCELLED, "The session was aborted"));
  answer (self, invocation, error);
}

static const struct {
  const char *method;
  BpgAuthorizedFunc func;
} methods[] = {
  {"Begin", do_begin}, {"Pause", do_pause},   {"Resume", do_resume}, {"Redo", do_redo},
  {"Skip", do_skip},   {"Finish", do_finish}, {"Abort", do_abort},
};

/* Whoever started the session steers it; anybody else needs the right to start one. */
static gboolean
handle (BpgSession *self, GDBusMethodInvocation *invocation)
{
  const char *method = g_dbus_method_invocation_get_method_name (invocation);
  const char *details[] = {"session", self->path, NULL};
  guint i = 0;

  while (!g_str_equal (methods[i].method, method))
    i++;
  if (g_strcmp0 (g_dbus_method_invocation_get_sender (invocation), self->sender) == 0)
    methods[i].func (self, invocation, g_dbus_method_invocation_get_parameters (invocation));
  else
    bpg_authority_authorize (bpg_service_get_authority (self->service), invocation, BPG_ACTION_TRAINING_RECORD, details,
                             G_OBJECT (self), methods[i].func);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
on_handle (BpgDBusSession1 *skeleton, GDBusMethodInvocation *invocation, GVariant *options, gpointer user_data)
{
  return handle (user_data, invocation);
}

static gboolean
on_handle_redo (BpgDBusSession1 *skeleton, GDBusMethodInvocation *invocation, const char *movement, guint repetition,
                GVariant *options, gpointer user_data)
{
  return handle (user_data, invocation);
}

static void
connect_methods (BpgSession *self)
{
  static const char *const signals[] = {"handle-begin", "handle-pause",  "handle-resume",
                                        "handle-skip",  "handle-finish", "handle-abort"};

  for (guint i = 0; i < G_N_ELEMENTS (signals); i++)
    g_signal_connect_object (self->skeleton, signals[i], G_CALLBACK (on_handle), self, 0);
  g_signal_connect_object (self->skeleton, "handle-redo", G_CALLBACK (on_handle_redo), self, 0);
}

static void
export_session (BpgSession *self)
{
  g_autoptr (GDBusObjectSkeleton) object = NULL;

  self->skeleton = bpg_dbus_session1_skeleton_new ();
  g_object_set (self->skeleton, "prosthesis", bpg_session_get_prosthesis (self), "patient",
                bpg_dbus_prosthesis1_get_patient (self->arm), "movement", "", "recording", "/", "job", "/", "verdicts",
                g_variant_new ("aa{sv}", NULL), "separability", g_variant_new ("a(ssd)", NULL), "advice", "", "error", "",
                "error-message", "", NULL);
  bpg_session_set_state (self, BPG_SESSION_READY);
  bpg_session_publish_step (self);
  connect_methods (self);
  object = bpg_service_export (self->service, self->path, G_DBUS_INTERFACE_SKELETON (self->skeleton), NULL);
}

BpgSession *
bpg_session_new (BpgService *service, BpgDBusProsthesis1 *arm, BpgSessionPlan *plan, const BpgSessionOptions *options,
                 guint number)
{
  BpgSession *self = g_object_new (BPG_TYPE_SESSION, NULL);

  self->service = g_object_ref (service);
  self->arm = g_object_ref (arm);
  self->plan = g_object_ref (plan);
  self->times = options->times;
  self->continued = g_strdup (options->recording);
  self->purpose = g_strdup (options->purpose);
  self->note = g_strdup (options->note);
  self->sender = g_strdup (options->sender);
  self->path = g_strdup_printf ("%s/session/%u", bpg_service_get_root (service), number);
  export_session (self);
  return self;
}

const char *
bpg_session_get_path (BpgSession *self)
{
  return self->path;
}

const char *
bpg_session_get_prosthesis (BpgSession *self)
{
  return g_dbus_proxy_get_object_path (G_DBUS_PROXY (self->arm));
}

gboolean
bpg_session_is_over (BpgSession *self)
{
  return self->state >= BPG_SESSION_FINISHED;
}

void
bpg_session_close (BpgSession *self)
{
  bpg_service_unexport (self->service, self->path);
}

typedef struct {
  BpgJob *job;
  char *recording;
} Recovery;

static void
on_interrupted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Recovery *recovery = user_data;
  g_autoptr (GError) error = g_error_new (
    BPG_ERROR, BPG_ERROR_FAILED,
    "The service was restarted in the middle of the session; what was accepted is kept%s%s",
    recovery->recording != NULL ? ", go on with StartSession and the option recording " : "",
    recovery->recording != NULL ? recovery->recording : "");
  GVariantDict figures;

  g_variant_dict_init (&figures, NULL);
  if (recovery->recording != NULL)
    g_variant_dict_insert (&figures, "recording", "o", recovery->recording);
  bpg_job_fail (recovery->job, error, g_variant_dict_end (&figures));
  g_object_unref (recovery->job);
  g_free (recovery->recording);
  g_free (recovery);
}

void
bpg_session_recover (BpgService *service, BpgJob *job)
{
  Recovery *recovery = g_new0 (Recovery, 1);
  const char *recording = bpg_job_get_payload (job);

  recovery->job = g_object_ref (job);
  if (recording != NULL && g_variant_is_object_path (recording))
    recovery->recording = g_strdup (recording);
  bpg_session_recorder_interrupt_async (bpg_service_get_connection (service), recovery->recording, on_interrupted,
                                        recovery);
}
