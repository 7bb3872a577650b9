/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-binding.h"

#include "bpg-challenge.h"
#include "bpg-error.h"
#include "bpg-log.h"
#include "bpg-names.h"
#include "bpg-path.h"
#include "bpg-peers.h"
#include "bpg-request.h"

#include "link/messages.h"

#define POLL_SECONDS 1u
/* The arm keeps the time; this is for an arm that does not. */
#define GRACE_SECONDS 4u
/* After a restart, so long for the arm to be found again. */
#define RETURN_SECONDS 30u

struct _BpgBinding {
  GObject parent_instance;

  BpgProsthesis *prosthesis;
  BpgBookkeeper *bookkeeper;
  BpgJob *job;
  gulong cancel_handler;
  gboolean unbind;
  BpgCode *code;
  char *patient; /* object path */
  char *side;
  GBytes *clinic_key;
  guint timeout;
  gint64 deadline;    /* monotonic, µs */
  gboolean waiting;   /* for the button */
  gboolean resumed;   /* the arm may be away until the deadline */
  gboolean saw_wish;  /* the arm says that it waits for the button */
  gboolean withdrawn; /* an earlier wish was taken back once */
  gboolean done;
  guint poll_id;
  gboolean refreshing;
  BpgRequest *request;
};

G_DEFINE_FINAL_TYPE (BpgBinding, bpg_binding, G_TYPE_OBJECT)

enum { SIGNAL_DONE, N_SIGNALS };
static guint signals[N_SIGNALS];

static void ask_arm (BpgBinding *self);
static void judge (BpgBinding *self);

static void
stop_waiting (BpgBinding *self)
{
  self->waiting = FALSE;
  g_clear_handle_id (&self->poll_id, g_source_remove);
  if (self->request != NULL)
    bpg_request_withdraw (self->request);
  g_clear_object (&self->request);
  if (self->prosthesis != NULL)
    g_signal_handlers_disconnect_by_data (bpg_prosthesis_get_skeleton (self->prosthesis), self);
}

static void
bpg_binding_dispose (GObject *object)
{
  BpgBinding *self = BPG_BINDING (object);

  /* Without an end the job is left to the next process. */
  self->done = TRUE;
  stop_waiting (self);
  if (self->job != NULL)
    g_signal_handlers_disconnect_by_data (bpg_job_get_cancellable (self->job), self);
  g_clear_object (&self->prosthesis);
  g_clear_object (&self->bookkeeper);
  g_clear_object (&self->job);
  g_clear_pointer (&self->code, bpg_code_free);
  g_clear_pointer (&self->clinic_key, g_bytes_unref);
  g_clear_pointer (&self->patient, g_free);
  g_clear_pointer (&self->side, g_free);
  G_OBJECT_CLASS (bpg_binding_parent_class)->dispose (object);
}

static void
bpg_binding_class_init (BpgBindingClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_binding_dispose;
  signals[SIGNAL_DONE] =
    g_signal_new ("done", BPG_TYPE_BINDING, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bpg_binding_init (BpgBinding *self)
{
}

static const char *
get_patient_id (BpgBinding *self)
{
  return bpg_path_get_element (self->patient, BPG_PATH_RECORDS, "patient");
}

static GDBusConnection *
get_connection (BpgBinding *self)
{
  return bpg_service_get_connection (bpg_prosthesis_get_service (self->prosthesis));
}

static GVariant *
describe_result (BpgBinding *self)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&builder, "{sv}", "prosthesis",
                         g_variant_new_object_path (bpg_prosthesis_get_path (self->prosthesis)));
  if (!self->unbind) {
    g_variant_builder_add (&builder, "{sv}", "patient", g_variant_new_string (get_patient_id (self)));
    g_variant_builder_add (&builder, "{sv}", "side", g_variant_new_string (self->side));
  }
  return g_variant_builder_end (&builder);
}

static void
end (BpgBinding *self, const GError *error, gboolean with_result)
{
  g_autoptr (BpgBinding) owned = g_object_ref (self);

  if (self->done)
    return;
  self->done = TRUE;
  stop_waiting (self);
  g_signal_handlers_disconnect_by_data (bpg_job_get_cancellable (self->job), self);
  /* Whoever hears Finished finds the properties as they are now. */
  g_dbus_interface_skeleton_flush (G_DBUS_INTERFACE_SKELETON (bpg_prosthesis_get_skeleton (self->prosthesis)));
  if (error != NULL)
    bpg_job_fail (self->job, error, with_result ? describe_result (self) : NULL);
  else
    bpg_job_succeed (self->job, describe_result (self));
  g_signal_emit (self, signals[SIGNAL_DONE], 0);
}

static void
fail (BpgBinding *self, GError *error)
{
  g_autoptr (GError) owned = error;

  end (self, owned, FALSE);
}

G_GNUC_PRINTF (3, 4)
static void
fail_with (BpgBinding *self, BpgError code, const char *format, ...)
{
  va_list args;
  GError *error;

  va_start (args, format);
  error = g_error_new_valist (BPG_ERROR, (int) code, format, args);
  va_end (args);
  fail (self, error);
}

/* Takes the wish back from the arm, where it can be reached; nobody waits for the answer. */
static void
withdraw_wish (BpgBinding *self)
{
  static const struct bpg_unbind_request message = {0};
  static const BpgLinkRequest request = {BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_UNBIND, &bpg_unbind_request_format,
                                         &message, 0, 1};
  BpgLink *link = bpg_prosthesis_get_link (self->prosthesis);

  if (link != NULL)
    bpg_link_request_async (link, &request, NULL, NULL, NULL);
}

static gboolean
on_cancel_idle (gpointer user_data)
{
  BpgBinding *self = BPG_BINDING (user_data);

  if (self->done)
    return G_SOURCE_REMOVE;
  if (self->waiting && g_get_monotonic_time () < self->deadline)
    withdraw_wish (self);
  fail_with (self, BPG_ERROR_CANCELLED, "It was cancelled; the arm stays %sbound", self->unbind ? "" : "un");
  return G_SOURCE_REMOVE;
}

/* Not from inside g_cancellable_cancel(); only until it is being written down, where there is no way back. */
static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  g_idle_add_full (G_PRIORITY_DEFAULT, on_cancel_idle, g_object_ref (user_data), g_object_unref);
}

static void
on_settled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgBinding) self = user_data;
  g_autoptr (GError) error = NULL;

  gboolean settled = bpg_bookkeeper_settle_finish (BPG_BOOKKEEPER (source), result, &error);

  if (self->done)
    return;
  if (settled) {
    end (self, NULL, TRUE);
    return;
  }
  g_prefix_error (&error, "The arm is %s, but that is not written down with the patient%s: ",
                  self->unbind ? "unbound" : "bound",
                  g_error_matches (error, BPG_ERROR, BPG_ERROR_NOT_FOUND) ? "" : " and will be tried again");
  end (self, error, TRUE);
}

/* The person has pressed: there is no way back, and what has happened is kept whatever comes. */
static void
write_down (BpgBinding *self)
{
  BpgDBusProsthesis1 *skeleton = bpg_prosthesis_get_skeleton (self->prosthesis);
  const char *device_id = bpg_prosthesis_get_device_id (self->prosthesis);
  g_autoptr (GError) error = NULL;

  stop_waiting (self);
  g_signal_handlers_disconnect_by_data (bpg_job_get_cancellable (self->job), self);
  bpg_job_set_phase (self->job, "recording", "Writing it down");
  if (!bpg_bookkeeper_follow (self->bookkeeper, device_id, bpg_dbus_prosthesis1_get_state (skeleton),
                              bpg_dbus_prosthesis1_get_patient (skeleton), bpg_dbus_prosthesis1_get_side (skeleton),
                              &error)) {
    end (self, error, TRUE);
    return;
  }
  bpg_bookkeeper_settle_async (self->bookkeeper, device_id, on_settled, g_object_ref (self));
}

static void
judge_bound (BpgBinding *self)
{
  BpgDBusProsthesis1 *skeleton = bpg_prosthesis_get_skeleton (self->prosthesis);

  if (!g_str_equal (bpg_dbus_prosthesis1_get_patient (skeleton), get_patient_id (self)) ||
      !g_str_equal (bpg_dbus_prosthesis1_get_side (skeleton), self->side))
    fail_with (self, BPG_ERROR_WRONG_STATE, "The arm says that it is bound to somebody else, or to the other side");
  else
    write_down (self);
}

static void
give_up (BpgBinding *self)
{
  if (self->resumed)
    fail_with (self, BPG_ERROR_FAILED, "The service was restarted meanwhile, and the button was not pressed; start again");
  else
    fail_with (self, BPG_ERROR_TIMED_OUT, "Nobody pressed the button on the arm within %u seconds", self->timeout);
}

/* Where the arm is: the one place that decides how the wait ends. */
static void
judge (BpgBinding *self)
{
  gboolean late = g_get_monotonic_time () > self->deadline;
  BpgDBusProsthesis1 *skeleton;
  const char *state;

  if (!self->waiting)
    return;
  skeleton = bpg_prosthesis_get_skeleton (self->prosthesis);
  state = bpg_dbus_prosthesis1_get_state (skeleton);
  if (!bpg_dbus_prosthesis1_get_connected (skeleton)) {
    if (!self->resumed || late)
      fail_with (self, BPG_ERROR_DISCONNECTED, "The arm has gone before it was %s; plug it in again and repeat it",
                 self->unbind ? "unbound" : "bound");
    return;
  }
  if (!self->unbind && g_str_equal (state, "bound"))
    judge_bound (self);
  else if (self->unbind && g_str_equal (state, "unbound"))
    write_down (self);
  else if (g_str_equal (state, self->unbind ? "unbinding" : "binding") && !late)
    self->saw_wish = TRUE;
  else if (late || self->saw_wish || !self->unbind)
    give_up (self);
}

static void
on_refreshed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgBinding) self = user_data;
  g_autoptr (GError) error = NULL;

  self->refreshing = FALSE;
  if (!bpg_arm_monitor_refresh_finish (BPG_ARM_MONITOR (source), result, &error))
    bpg_debug (NULL, "the state of an arm that is to be bound is not known: %s", error->message);
  else
    judge (self);
}

static gboolean
on_poll (gpointer user_data)
{
  BpgBinding *self = BPG_BINDING (user_data);
  BpgArmMonitor *monitor = bpg_prosthesis_get_monitor (self->prosthesis);
  gboolean connected = bpg_dbus_prosthesis1_get_connected (bpg_prosthesis_get_skeleton (self->prosthesis));

  if (monitor != NULL && connected && !self->refreshing) {
    self->refreshing = TRUE;
    bpg_arm_monitor_refresh_async (monitor, BPG_ARM_IDENTITY_PART, on_refreshed, g_object_ref (self));
  }
  if (!connected || g_get_monotonic_time () > self->deadline + GRACE_SECONDS * G_USEC_PER_SEC)
    judge (self);
  return self->poll_id != 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void
on_arm_changed (GObject *skeleton, GParamSpec *pspec, gpointer user_data)
{
  g_autoptr (BpgBinding) self = g_object_ref (user_data);

  /* A link that is coming up is judged when its state has been asked for. */
  if (bpg_dbus_prosthesis1_get_connected (BPG_DBUS_PROSTHESIS1 (skeleton)) && g_str_equal (pspec->name, "connected"))
    on_poll (self);
  else
    judge (self);
}

static void
wait_for_button (BpgBinding *self)
{
  BpgDBusProsthesis1 *skeleton = bpg_prosthesis_get_skeleton (self->prosthesis);
  const char *message = self->unbind ? "Press the button on the prosthesis to take the binding back"
                                     : "Press the button on the prosthesis to bind it to the patient";
  gint64 left = (self->deadline - g_get_monotonic_time ()) / G_USEC_PER_SEC;

  self->waiting = TRUE;
  bpg_job_set_phase (self->job, "waiting", message);
  self->request = bpg_request_new (bpg_prosthesis_get_service (self->prosthesis), "press-button", message,
                                   bpg_prosthesis_get_path (self->prosthesis), self->job, (guint) MAX (left, 1));
  g_signal_connect (skeleton, "notify::state", G_CALLBACK (on_arm_changed), self);
  g_signal_connect (skeleton, "notify::connected", G_CALLBACK (on_arm_changed), self);
  self->poll_id = g_timeout_add_seconds (POLL_SECONDS, on_poll, self);
}

static void
on_earlier_withdrawn (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgBinding) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) payload = bpg_link_request_finish (BPG_LINK (source), result, &error);

  if (self->done)
    return;
  if (payload != NULL)
    ask_arm (self);
  else
    fail (self, g_steal_pointer (&error));
}

/* The arm still waits for the button of an earlier attempt, of before a crash or of a lost reply. */
static void
withdraw_earlier (BpgBinding *self)
{
  static const struct bpg_unbind_request message = {0};
  static const BpgLinkRequest request = {BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_UNBIND, &bpg_unbind_request_format,
                                         &message, 0, 1};

  self->withdrawn = TRUE;
  bpg_link_request_async (bpg_prosthesis_get_link (self->prosthesis), &request, bpg_job_get_cancellable (self->job),
                          on_earlier_withdrawn, g_object_ref (self));
}

static void
on_asked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgBinding) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) payload = bpg_link_request_finish (BPG_LINK (source), result, &error);

  if (self->done)
    return;
  if (payload != NULL)
    wait_for_button (self);
  else if (g_error_matches (error, BPG_ERROR, BPG_ERROR_BUSY) && !self->withdrawn &&
           bpg_prosthesis_get_link (self->prosthesis) != NULL)
    withdraw_earlier (self);
  else
    fail (self, g_steal_pointer (&error));
}

/* What the next process needs to end this job, written before the arm is asked. */
static gboolean
remember (BpgBinding *self, GError **error)
{
  gint64 until = g_get_real_time () + self->timeout * G_USEC_PER_SEC;
  g_autoptr (GVariant) payload = g_variant_ref_sink (
    g_variant_new ("(sssux)", bpg_prosthesis_get_device_id (self->prosthesis), self->unbind ? "" : self->patient,
                   self->unbind ? "" : self->side, self->timeout, until));
  g_autofree char *text = g_variant_print (payload, TRUE);

  self->deadline = g_get_monotonic_time () + self->timeout * G_USEC_PER_SEC;
  return bpg_job_set_payload (self->job, text, error);
}

static void
send_bind (BpgBinding *self)
{
  struct bpg_bind_request message = {
    .patient = bpg_text (get_patient_id (self)),
    .side = bpg_text (self->side),
    .key = {g_bytes_get_data (self->clinic_key, NULL), g_bytes_get_size (self->clinic_key)},
    .timeout = self->timeout,
  };
  BpgLinkRequest request = {BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_BIND, &bpg_bind_request_format, &message, 0, 3};

  bpg_link_request_async (bpg_prosthesis_get_link (self->prosthesis), &request, bpg_job_get_cancellable (self->job),
                          on_asked, g_object_ref (self));
}

static void
send_unbind (BpgBinding *self)
{
  struct bpg_unbind_request message = {self->timeout};
  /* Once: the second one would take the first one back. */
  BpgLinkRequest request = {BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_UNBIND, &bpg_unbind_request_format, &message, 0, 1};

  bpg_link_request_async (bpg_prosthesis_get_link (self->prosthesis), &request, bpg_job_get_cancellable (self->job),
                          on_asked, g_object_ref (self));
}

static gboolean
is_connected (BpgBinding *self)
{
  if (bpg_dbus_prosthesis1_get_connected (bpg_prosthesis_get_skeleton (self->prosthesis)))
    return TRUE;
  fail_with (self, BPG_ERROR_DISCONNECTED, "The prosthesis is not connected; plug it in");
  return FALSE;
}

static void
ask_arm (BpgBinding *self)
{
  g_autoptr (GError) error = NULL;

  if (!is_connected (self))
    return;
  bpg_job_set_phase (self->job, "asking", "Asking the arm");
  if (!remember (self, &error))
    fail (self, g_steal_pointer (&error));
  else if (self->unbind)
    send_unbind (self);
  else
    send_bind (self);
}

static void
on_clinic_key (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgBinding) self = user_data;
  g_autoptr (GError) error = NULL;

  self->clinic_key = bpg_peers_get_clinic_key_finish (G_DBUS_CONNECTION (source), result, &error);
  if (self->done)
    return;
  if (self->clinic_key == NULL)
    fail (self, g_steal_pointer (&error));
  else
    ask_arm (self);
}

static void
on_patient (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgBinding) self = user_data;
  g_autoptr (GError) error = NULL;
  gboolean found = bpg_peers_find_patient_finish (G_DBUS_CONNECTION (source), result, &error);

  if (self->done)
    return;
  if (!found)
    fail (self, g_steal_pointer (&error));
  else
    bpg_peers_get_clinic_key_async (get_connection (self), bpg_job_get_cancellable (self->job), on_clinic_key,
                                    g_object_ref (self));
}

static void
on_challenged (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgBinding) self = user_data;
  g_autoptr (GError) error = NULL;
  gboolean proved = bpg_challenge_finish (BPG_LINK (source), result, &error);

  if (self->done)
    return;
  if (!proved)
    fail (self, g_steal_pointer (&error));
  else if (self->unbind)
    ask_arm (self);
  else
    bpg_peers_find_patient_async (get_connection (self), self->patient, bpg_job_get_cancellable (self->job), on_patient,
                                  g_object_ref (self));
}

static void
check_arm (BpgBinding *self)
{
  GBytes *key = bpg_prosthesis_get_key (self->prosthesis);
  const char *device_id = bpg_prosthesis_get_device_id (self->prosthesis);
  g_autoptr (GError) error = NULL;

  if (!is_connected (self))
    return;
  bpg_job_set_phase (self->job, "checking", "Making sure that it is the right arm");
  if (self->code != NULL &&
      !bpg_code_check (self->code, device_id, bpg_prosthesis_get_fingerprint (self->prosthesis), key, &error))
    fail (self, g_steal_pointer (&error));
  else
    bpg_challenge_async (bpg_prosthesis_get_link (self->prosthesis), device_id, key, bpg_job_get_cancellable (self->job),
                         on_challenged, g_object_ref (self));
}

static gboolean
on_start (gpointer user_data)
{
  BpgBinding *self = BPG_BINDING (user_data);

  if (!self->done)
    check_arm (self);
  return G_SOURCE_REMOVE;
}

static BpgBinding *
new_binding (BpgProsthesis *prosthesis, BpgBookkeeper *bookkeeper, BpgJob *job, guint timeout)
{
  BpgBinding *self = g_object_new (BPG_TYPE_BINDING, NULL);

  self->prosthesis = g_object_ref (prosthesis);
  self->bookkeeper = g_object_ref (bookkeeper);
  self->job = g_object_ref (job);
  self->timeout = timeout;
  g_signal_connect_object (bpg_job_get_cancellable (job), "cancelled", G_CALLBACK (on_cancelled), self, 0);
  return self;
}

/* From the main loop, so that the job's path is out before the job can end. */
static BpgBinding *
begin (BpgBinding *self)
{
  g_idle_add_full (G_PRIORITY_DEFAULT, on_start, g_object_ref (self), g_object_unref);
  return self;
}

BpgBinding *
bpg_binding_start_bind (BpgProsthesis *prosthesis, BpgBookkeeper *bookkeeper, BpgJob *job, BpgCode *code,
                        const char *patient, const char *side, guint timeout)
{
  BpgBinding *self = new_binding (prosthesis, bookkeeper, job, timeout);

  self->code = code;
  self->patient = g_strdup (patient);
  self->side = g_strdup (side);
  return begin (self);
}

BpgBinding *
bpg_binding_start_unbind (BpgProsthesis *prosthesis, BpgBookkeeper *bookkeeper, BpgJob *job, guint timeout)
{
  BpgBinding *self = new_binding (prosthesis, bookkeeper, job, timeout);

  self->unbind = TRUE;
  return begin (self);
}

BpgBinding *
bpg_binding_resume (BpgProsthesis *prosthesis, BpgBookkeeper *bookkeeper, BpgJob *job)
{
  const char *text = bpg_job_get_payload (job);
  g_autoptr (GVariant) payload =
    text != NULL ? g_variant_parse (G_VARIANT_TYPE ("(sssux)"), text, NULL, NULL, NULL) : NULL;
  const char *patient, *side;
  BpgBinding *self;
  guint timeout;
  gint64 until;

  if (payload == NULL)
    return NULL;
  g_variant_get (payload, "(&s&s&sux)", NULL, &patient, &side, &timeout, &until);
  self = new_binding (prosthesis, bookkeeper, job, timeout);
  self->unbind = patient[0] == '\0';
  self->patient = g_strdup (patient);
  self->side = g_strdup (side);
  self->resumed = TRUE;
  /* The clock may have been set meanwhile. */
  self->deadline = g_get_monotonic_time () + CLAMP (until - g_get_real_time (), RETURN_SECONDS * G_USEC_PER_SEC,
                                                    (RETURN_SECONDS + timeout) * G_USEC_PER_SEC);
  wait_for_button (self);
  return self;
}
