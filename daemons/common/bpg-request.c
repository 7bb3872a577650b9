/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-request.h"

#include "bpg-dbus.h"
#include "bpg-error.h"
#include "bpg-names.h"
#include "bpg-options.h"

struct _BpgRequest {
  GObject parent_instance;

  GDBusObjectManagerServer *objects;
  BpgAuthority *authority;
  BpgDBusRequest1 *skeleton;
  BpgJob *job;
  char *path;
};

G_DEFINE_FINAL_TYPE (BpgRequest, bpg_request, G_TYPE_OBJECT)

void
bpg_request_withdraw (BpgRequest *self)
{
  if (self->path != NULL)
    g_dbus_object_manager_server_unexport (self->objects, self->path);
  g_clear_pointer (&self->path, g_free);
}

static void
bpg_request_dispose (GObject *object)
{
  BpgRequest *self = BPG_REQUEST (object);

  bpg_request_withdraw (self);
  g_clear_object (&self->skeleton);
  g_clear_object (&self->job);
  g_clear_object (&self->authority);
  g_clear_object (&self->objects);
  G_OBJECT_CLASS (bpg_request_parent_class)->dispose (object);
}

static void
bpg_request_class_init (BpgRequestClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_request_dispose;
}

static void
bpg_request_init (BpgRequest *self)
{
}

static void
dismiss_authorized (gpointer object, GDBusMethodInvocation *invocation, GVariant *parameters)
{
  BpgRequest *self = BPG_REQUEST (object);

  /* Withdrawn while polkit was asked: it was done after all, and the job may be going on. */
  if (self->path == NULL) {
    g_dbus_method_invocation_return_error (invocation, BPG_ERROR, BPG_ERROR_WRONG_STATE, "The request has been withdrawn");
    return;
  }
  g_dbus_method_invocation_return_value (invocation, NULL);
  bpg_request_withdraw (self);
  if (self->job != NULL)
    g_cancellable_cancel (bpg_job_get_cancellable (self->job));
}

static gboolean
on_handle_dismiss (BpgDBusRequest1 *skeleton, GDBusMethodInvocation *invocation, GVariant *options, gpointer user_data)
{
  BpgRequest *self = BPG_REQUEST (user_data);
  g_autoptr (GError) error = NULL;

  if (!bpg_options_none (options, &error))
    g_dbus_method_invocation_return_gerror (invocation, error);
  else if (self->job != NULL && bpg_job_is_started_by (self->job, g_dbus_method_invocation_get_sender (invocation)))
    dismiss_authorized (self, invocation, NULL);
  else
    bpg_authority_authorize (self->authority, invocation, BPG_ACTION_CANCEL_ANY_JOB, NULL, G_OBJECT (self),
                             dismiss_authorized);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

BpgRequest *
bpg_request_new (BpgService *service, const char *kind, const char *message, const char *subject, BpgJob *job,
                 guint seconds)
{
  static guint last = 0;
  BpgRequest *self = g_object_new (BPG_TYPE_REQUEST, NULL);
  guint64 expires = seconds == 0 ? 0 : (guint64) g_get_real_time () + seconds * (guint64) G_USEC_PER_SEC;
  g_autoptr (GDBusObjectSkeleton) object = NULL;

  self->objects = g_object_ref (bpg_service_get_objects (service));
  self->authority = g_object_ref (bpg_service_get_authority (service));
  self->job = job != NULL ? g_object_ref (job) : NULL;
  self->path = g_strdup_printf ("%s/request/%u", bpg_service_get_root (service), ++last);
  self->skeleton = bpg_dbus_request1_skeleton_new ();
  g_object_set (self->skeleton, "kind", kind, "message", message, "subject", subject, "job",
                job != NULL ? bpg_job_get_path (job) : "/", "expires", expires, NULL);
  g_signal_connect_object (self->skeleton, "handle-dismiss", G_CALLBACK (on_handle_dismiss), self, 0);

  object = g_dbus_object_skeleton_new (self->path);
  g_dbus_object_skeleton_add_interface (object, G_DBUS_INTERFACE_SKELETON (self->skeleton));
  g_dbus_object_manager_server_export (self->objects, object);
  return self;
}
