/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-inhibitor.h"

#include "bpg-log.h"

#include <gio/gunixfdlist.h>
#include <unistd.h>

#define NAME "org.freedesktop.login1"
#define PATH "/org/freedesktop/login1"
#define INTERFACE "org.freedesktop.login1.Manager"

struct _BpgInhibitor {
  GObject parent_instance;

  GDBusConnection *connection;
  char *why;
  GCancellable *cancellable; /* of the question, %NULL while none is wanted */
  int fd;
};

G_DEFINE_FINAL_TYPE (BpgInhibitor, bpg_inhibitor, G_TYPE_OBJECT)

static void
release (BpgInhibitor *self)
{
  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  if (self->fd >= 0)
    close (self->fd);
  self->fd = -1;
}

static void
bpg_inhibitor_finalize (GObject *object)
{
  BpgInhibitor *self = BPG_INHIBITOR (object);

  release (self);
  g_object_unref (self->connection);
  g_free (self->why);
  G_OBJECT_CLASS (bpg_inhibitor_parent_class)->finalize (object);
}

static void
bpg_inhibitor_class_init (BpgInhibitorClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_inhibitor_finalize;
}

static void
bpg_inhibitor_init (BpgInhibitor *self)
{
  self->fd = -1;
}

BpgInhibitor *
bpg_inhibitor_new (GDBusConnection *connection, const char *why)
{
  BpgInhibitor *self = g_object_new (BPG_TYPE_INHIBITOR, NULL);

  self->connection = g_object_ref (connection);
  self->why = g_strdup (why);
  return self;
}

/* Of a question that is no longer wanted, the descriptor has gone with the reply. */
static void
on_inhibited (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgInhibitor) self = user_data;
  g_autoptr (GUnixFDList) fds = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply =
    g_dbus_connection_call_with_unix_fd_list_finish (G_DBUS_CONNECTION (source), &fds, result, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (reply != NULL && fds != NULL && g_unix_fd_list_get_length (fds) > 0)
    self->fd = g_unix_fd_list_get (fds, 0, &error);
  if (error != NULL)
    bpg_debug (PATH, "This PC may go to sleep meanwhile: %s", error->message);
}

void
bpg_inhibitor_set (BpgInhibitor *self, gboolean inhibit)
{
  if (inhibit == (self->cancellable != NULL))
    return;
  if (!inhibit) {
    release (self);
    return;
  }
  self->cancellable = g_cancellable_new ();
  g_dbus_connection_call_with_unix_fd_list (self->connection, NAME, PATH, INTERFACE, "Inhibit",
                                            g_variant_new ("(ssss)", "sleep:shutdown", "BionicPRO", self->why, "block"),
                                            G_VARIANT_TYPE ("(h)"), G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL,
                                            self->cancellable, on_inhibited, g_object_ref (self));
}
