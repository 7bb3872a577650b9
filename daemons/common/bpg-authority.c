/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-authority.h"

#include "bpg-error.h"

#include <polkit/polkit.h>

#define ANSWER_SECONDS 5
#define PERSON_SECONDS 300

struct _BpgAuthority {
  GObject parent_instance;

  gboolean session;
  PolkitAuthority *polkit;
};

G_DEFINE_FINAL_TYPE (BpgAuthority, bpg_authority, G_TYPE_OBJECT)

typedef struct {
  PolkitSubject *subject;
  PolkitDetails *details;
  char *action;
  PolkitCheckAuthorizationFlags flags;
  GCancellable *cancellable; /* ours: cancelled by the caller's and by the time limit */
  GCancellable *callers;
  gulong cancelled_id;
  guint timeout_id;
  gboolean timed_out;
} Check;

static void
check_free (Check *check)
{
  g_clear_handle_id (&check->timeout_id, g_source_remove);
  if (check->callers != NULL)
    g_cancellable_disconnect (check->callers, check->cancelled_id);
  g_clear_object (&check->callers);
  g_clear_object (&check->cancellable);
  g_clear_object (&check->subject);
  g_clear_object (&check->details);
  g_free (check->action);
  g_free (check);
}

static void
bpg_authority_dispose (GObject *object)
{
  BpgAuthority *self = BPG_AUTHORITY (object);

  g_clear_object (&self->polkit);
  G_OBJECT_CLASS (bpg_authority_parent_class)->dispose (object);
}

static void
bpg_authority_class_init (BpgAuthorityClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_authority_dispose;
}

static void
bpg_authority_init (BpgAuthority *self)
{
}

BpgAuthority *
bpg_authority_new (gboolean session)
{
  BpgAuthority *self = g_object_new (BPG_TYPE_AUTHORITY, NULL);

  self->session = session;
  return self;
}

static gboolean
on_time_limit (gpointer user_data)
{
  Check *check = user_data;

  check->timeout_id = 0;
  check->timed_out = TRUE;
  g_cancellable_cancel (check->cancellable);
  return G_SOURCE_REMOVE;
}

static void
on_callers_cancelled (GCancellable *callers, gpointer user_data)
{
  g_cancellable_cancel (user_data);
}

static void
return_unavailable (GTask *task, GError *error)
{
  Check *check = g_task_get_task_data (task);

  if (!check->timed_out && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_task_return_new_error (task, BPG_ERROR, BPG_ERROR_CANCELLED, "The question for authorization was cancelled");
  else
    g_task_return_new_error (task, BPG_ERROR, BPG_ERROR_AUTHORIZATION_UNAVAILABLE,
                             "polkit could not be asked about %s: %s", check->action,
                             check->timed_out ? "it does not answer" : error->message);
  g_error_free (error);
}

static void
on_checked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  Check *check = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (PolkitAuthorizationResult) answer =
    polkit_authority_check_authorization_finish (POLKIT_AUTHORITY (source), result, &error);

  if (answer == NULL)
    return_unavailable (task, error);
  else if (polkit_authorization_result_get_is_authorized (answer))
    g_task_return_boolean (task, TRUE);
  else if (polkit_authorization_result_get_dismissed (answer))
    g_task_return_new_error (task, BPG_ERROR, BPG_ERROR_AUTHORIZATION_DISMISSED, "The password for %s was not given",
                             check->action);
  else if (polkit_authorization_result_get_is_challenge (answer))
    g_task_return_new_error (task, BPG_ERROR, BPG_ERROR_AUTHORIZATION_OBTAINABLE,
                             "%s needs a password, and asking was not allowed", check->action);
  else
    g_task_return_new_error (task, BPG_ERROR, BPG_ERROR_NOT_AUTHORIZED, "You may not: %s", check->action);
}

static void
ask (BpgAuthority *self, GTask *task)
{
  Check *check = g_task_get_task_data (task);

  polkit_authority_check_authorization (self->polkit, check->subject, check->action, check->details, check->flags,
                                        check->cancellable, on_checked, task);
}

static void
on_polkit_found (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  BpgAuthority *self = g_task_get_source_object (task);
  GError *error = NULL;
  g_autoptr (PolkitAuthority) polkit = polkit_authority_get_finish (result, &error);

  if (polkit == NULL) {
    return_unavailable (task, error);
    return;
  }
  g_set_object (&self->polkit, polkit);
  ask (self, g_steal_pointer (&task));
}

static Check *
check_new (const char *sender, gboolean interactive, const char *action, const char *const *details,
           GCancellable *cancellable)
{
  Check *check = g_new0 (Check, 1);

  check->subject = polkit_system_bus_name_new (sender);
  check->action = g_strdup (action);
  check->flags = interactive ? POLKIT_CHECK_AUTHORIZATION_FLAGS_ALLOW_USER_INTERACTION
                             : POLKIT_CHECK_AUTHORIZATION_FLAGS_NONE;
  check->details = polkit_details_new ();
  for (guint i = 0; details != NULL && details[i] != NULL && details[i + 1] != NULL; i += 2)
    polkit_details_insert (check->details, details[i], details[i + 1]);
  check->cancellable = g_cancellable_new ();
  check->timeout_id = g_timeout_add_seconds (interactive ? PERSON_SECONDS : ANSWER_SECONDS, on_time_limit, check);
  if (cancellable != NULL) {
    check->callers = g_object_ref (cancellable);
    check->cancelled_id = g_cancellable_connect (cancellable, G_CALLBACK (on_callers_cancelled), check->cancellable, NULL);
  }
  return check;
}

void
bpg_authority_check_async (BpgAuthority *self, const char *sender, gboolean interactive, const char *action,
                           const char *const *details, GCancellable *cancellable, GAsyncReadyCallback callback,
                           gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);

  g_return_if_fail (BPG_IS_AUTHORITY (self));

  g_task_set_source_tag (task, bpg_authority_check_async);
  if (self->session) {
    g_task_return_boolean (task, TRUE);
    return;
  }
  if (sender == NULL) {
    g_task_return_new_error (task, BPG_ERROR, BPG_ERROR_NOT_AUTHORIZED, "The caller has no name on the bus");
    return;
  }

  g_task_set_task_data (task, check_new (sender, interactive, action, details, cancellable), (GDestroyNotify) check_free);
  if (self->polkit != NULL) {
    ask (self, g_steal_pointer (&task));
  } else {
    Check *check = g_task_get_task_data (task);

    polkit_authority_get_async (check->cancellable, on_polkit_found, g_steal_pointer (&task));
  }
}

gboolean
bpg_authority_check_finish (BpgAuthority *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

typedef struct {
  GDBusMethodInvocation *invocation;
  GObject *object;
  BpgAuthorizedFunc func;
} Waiting;

static void
on_authorized (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Waiting *waiting = user_data;
  g_autoptr (GObject) object = waiting->object;
  g_autoptr (GError) error = NULL;

  if (bpg_authority_check_finish (BPG_AUTHORITY (source), result, &error))
    waiting->func (object, waiting->invocation, g_dbus_method_invocation_get_parameters (waiting->invocation));
  else
    g_dbus_method_invocation_return_gerror (waiting->invocation, error);
}

void
bpg_authority_authorize (BpgAuthority *self, GDBusMethodInvocation *invocation, const char *action,
                         const char *const *details, GObject *object, BpgAuthorizedFunc func)
{
  Waiting *waiting = g_new0 (Waiting, 1);
  GDBusMessage *message = g_dbus_method_invocation_get_message (invocation);
  gboolean interactive =
    (g_dbus_message_get_flags (message) & G_DBUS_MESSAGE_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION) != 0;

  waiting->invocation = invocation;
  waiting->object = g_object_ref (object);
  waiting->func = func;
  bpg_authority_check_async (self, g_dbus_method_invocation_get_sender (invocation), interactive, action, details, NULL,
                             on_authorized, waiting);
}
