/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-lease-desk.h"

#include "bpg-error.h"
#include "bpg-lease.h"

#include <gio/gunixfdlist.h>

#define MAX_WAITING 32u

typedef struct {
  GDBusMethodInvocation *invocation;
  char *purpose;
} Waiting;

struct _BpgLeaseDesk {
  GObject parent_instance;

  BpgDBusProsthesis1 *skeleton;
  BpgLink *link;
  BpgLease *lease;
  GQueue waiting;
};

G_DEFINE_FINAL_TYPE (BpgLeaseDesk, bpg_lease_desk, G_TYPE_OBJECT)

enum { SIGNAL_RETURNED, N_SIGNALS };
static guint signals[N_SIGNALS];

static void serve_next (BpgLeaseDesk *self);

static void
waiting_free (Waiting *waiting)
{
  g_free (waiting->purpose);
  g_free (waiting);
}

static void
bpg_lease_desk_dispose (GObject *object)
{
  bpg_lease_desk_set_link (BPG_LEASE_DESK (object), NULL);
  G_OBJECT_CLASS (bpg_lease_desk_parent_class)->dispose (object);
}

static void
bpg_lease_desk_class_init (BpgLeaseDeskClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_lease_desk_dispose;
  signals[SIGNAL_RETURNED] =
    g_signal_new ("returned", BPG_TYPE_LEASE_DESK, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bpg_lease_desk_init (BpgLeaseDesk *self)
{
  g_queue_init (&self->waiting);
}

BpgLeaseDesk *
bpg_lease_desk_new (BpgDBusProsthesis1 *skeleton)
{
  BpgLeaseDesk *self = g_object_new (BPG_TYPE_LEASE_DESK, NULL);

  self->skeleton = skeleton;
  return self;
}

static void
drop_lease (BpgLeaseDesk *self)
{
  if (self->lease == NULL)
    return;
  g_signal_handlers_disconnect_by_data (self->lease, self);
  bpg_lease_end (self->lease);
  g_clear_object (&self->lease);
  bpg_dbus_prosthesis1_set_leased (self->skeleton, FALSE);
}

static void
on_ended (BpgLease *lease, gpointer user_data)
{
  g_autoptr (BpgLeaseDesk) self = g_object_ref (user_data);

  drop_lease (self);
  serve_next (self);
  g_signal_emit (self, signals[SIGNAL_RETURNED], 0);
}

/* Gives the free channel to one caller. */
static gboolean
serve (BpgLeaseDesk *self, GDBusMethodInvocation *invocation, const char *purpose)
{
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GError) error = NULL;
  int fd = -1;

  self->lease = bpg_lease_new (self->link, purpose, &fd, &error);
  if (self->lease == NULL) {
    g_dbus_method_invocation_return_gerror (invocation, error);
    return FALSE;
  }
  g_signal_connect (self->lease, "ended", G_CALLBACK (on_ended), self);
  bpg_dbus_prosthesis1_set_leased (self->skeleton, TRUE);
  g_dbus_interface_skeleton_flush (G_DBUS_INTERFACE_SKELETON (self->skeleton));
  /* A caller that has left the bus meanwhile never gets the descriptor: it is closed unsent, which ends the lease. */
  fds = g_unix_fd_list_new_from_array (&fd, 1);
  bpg_dbus_prosthesis1_complete_acquire_management (self->skeleton, invocation, fds, g_variant_new_handle (0));
  return TRUE;
}

static void
serve_next (BpgLeaseDesk *self)
{
  while (self->lease == NULL && self->link != NULL && !g_queue_is_empty (&self->waiting)) {
    Waiting *waiting = g_queue_pop_head (&self->waiting);

    serve (self, waiting->invocation, waiting->purpose);
    waiting_free (waiting);
  }
}

void
bpg_lease_desk_set_link (BpgLeaseDesk *self, BpgLink *link)
{
  Waiting *waiting;

  drop_lease (self);
  g_set_object (&self->link, link);
  while (link == NULL && (waiting = g_queue_pop_head (&self->waiting)) != NULL) {
    g_dbus_method_invocation_return_error (waiting->invocation, BPG_ERROR, BPG_ERROR_DISCONNECTED,
                                           "The prosthesis was disconnected");
    waiting_free (waiting);
  }
}

void
bpg_lease_desk_acquire (BpgLeaseDesk *self, GDBusMethodInvocation *invocation, gboolean wait, const char *purpose)
{
  Waiting *waiting;

  if (self->link == NULL) {
    g_dbus_method_invocation_return_error (invocation, BPG_ERROR, BPG_ERROR_DISCONNECTED,
                                           "The prosthesis is not connected");
    return;
  }
  if (self->lease == NULL) {
    serve (self, invocation, purpose);
    return;
  }
  if (!wait || self->waiting.length >= MAX_WAITING) {
    const char *holder = bpg_lease_get_purpose (self->lease);

    g_dbus_method_invocation_return_error (invocation, BPG_ERROR, BPG_ERROR_BUSY,
                                           "The management channel is held by another%s%s", holder[0] != '\0' ? ": " : "",
                                           holder);
    return;
  }
  waiting = g_new0 (Waiting, 1);
  waiting->invocation = invocation;
  waiting->purpose = g_strdup (purpose);
  g_queue_push_tail (&self->waiting, waiting);
}
