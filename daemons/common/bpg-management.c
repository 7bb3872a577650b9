/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-management.h"

#include "bpg-arm-error.h"
#include "bpg-error.h"
#include "bpg-names.h"

#include <errno.h>
#include <gio/gunixfdlist.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOLDER_SECONDS 60
#define SEND_SECONDS 20
/* Numbers of calls; those below are left to whoever keeps several requests on their way. */
#define FIRST_SEQUENCE 32u

struct _BpgManagement {
  GObject parent_instance;

  int fd;
  guint8 next_sequence;
  guint8 packet[BPG_SMP_PACKET_MAX + 1];
};

G_DEFINE_FINAL_TYPE (BpgManagement, bpg_management, G_TYPE_OBJECT)

static void
bpg_management_finalize (GObject *object)
{
  BpgManagement *self = BPG_MANAGEMENT (object);

  close (self->fd);
  G_OBJECT_CLASS (bpg_management_parent_class)->finalize (object);
}

static void
bpg_management_class_init (BpgManagementClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_management_finalize;
}

static void
bpg_management_init (BpgManagement *self)
{
  self->next_sequence = FIRST_SEQUENCE;
}

BpgManagement *
bpg_management_new_for_fd (int fd)
{
  BpgManagement *self = g_object_new (BPG_TYPE_MANAGEMENT, NULL);

  self->fd = fd;
  return self;
}

static void
on_acquired (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GTask) task = user_data;
  g_autoptr (GUnixFDList) fds = NULL;
  GError *error = NULL;
  g_autoptr (GVariant) reply =
    g_dbus_connection_call_with_unix_fd_list_finish (G_DBUS_CONNECTION (source), &fds, result, &error);
  int fd = -1;

  if (reply != NULL && fds != NULL && g_unix_fd_list_get_length (fds) > 0)
    fd = g_unix_fd_list_get (fds, 0, &error);
  if (fd >= 0) {
    g_task_return_pointer (task, bpg_management_new_for_fd (fd), g_object_unref);
  } else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)) {
    g_error_free (error);
    g_task_return_new_error (task, BPG_ERROR, BPG_ERROR_BUSY, "Somebody else holds the arm's management channel");
  } else if (error != NULL) {
    g_task_return_error (task, bpg_error_convert (error, "The arm's management channel"));
  } else {
    g_task_return_new_error (task, BPG_ERROR, BPG_ERROR_FAILED, "No management channel was handed out");
  }
}

void
bpg_management_acquire_async (GDBusConnection *connection, const char *prosthesis, const char *purpose,
                              GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  GVariantBuilder options;

  g_task_set_source_tag (task, bpg_management_acquire_async);
  g_variant_builder_init (&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&options, "{sv}", "wait", g_variant_new_boolean (TRUE));
  g_variant_builder_add (&options, "{sv}", "purpose", g_variant_new_string (purpose));
  g_dbus_connection_call_with_unix_fd_list (connection, BPG_BUS_PAIRING, prosthesis, "org.bionicpro.Prosthesis1",
                                            "AcquireManagement", g_variant_new ("(a{sv})", &options),
                                            G_VARIANT_TYPE ("(h)"), G_DBUS_CALL_FLAGS_NO_AUTO_START,
                                            HOLDER_SECONDS * 1000, NULL, cancellable, on_acquired,
                                            g_steal_pointer (&task));
}

BpgManagement *
bpg_management_acquire_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static gboolean
set_disconnected (GError **error)
{
  g_set_error (error, BPG_ERROR, BPG_ERROR_DISCONNECTED, "The prosthesis has gone");
  return FALSE;
}

/* Returns 1 when the socket is ready for @events, 0 when the deadline has passed, -1 with an error. */
static int
wait_ready (BpgManagement *self, short events, gint64 deadline, GCancellable *cancellable, GError **error)
{
  GPollFD fds[2] = {{self->fd, (gushort) events, 0}};
  guint n_fds = 1;
  int n;

  if (cancellable != NULL && g_cancellable_make_pollfd (cancellable, &fds[1]))
    n_fds = 2;
  do {
    gint64 left = MAX (deadline - g_get_monotonic_time (), 0);

    fds[0].revents = fds[1].revents = 0;
    n = g_poll (fds, n_fds, (int) MIN ((left + 999) / 1000, 60000));
  } while (n < 0 && errno == EINTR);
  if (n_fds == 2)
    g_cancellable_release_fd (cancellable);

  if (g_cancellable_is_cancelled (cancellable)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CANCELLED, "It was cancelled");
    return -1;
  }
  if (n < 0) {
    bpg_error_set_errno (error, errno, TRUE, "Waiting for the arm");
    return -1;
  }
  return n > 0 ? 1 : 0;
}

gboolean
bpg_management_send (BpgManagement *self, const BpgSmpRequest *request, guint8 sequence, GCancellable *cancellable,
                     GError **error)
{
  static const guint8 empty_map[] = {0xa0};
  const guint8 *payload = request->payload != NULL ? request->payload : empty_map;
  gsize length = request->payload != NULL ? request->length : sizeof empty_map;
  struct bpg_smp_header header = bpg_request_header (request->op, request->group, request->command, sequence);
  gint64 deadline = g_get_monotonic_time () + SEND_SECONDS * G_USEC_PER_SEC;
  guint8 packet[BPG_SMP_PACKET_MAX];

  g_return_val_if_fail (length <= sizeof packet - BPG_SMP_HEADER_SIZE, FALSE);

  header.length = (guint16) length;
  bpg_smp_header_encode (&header, packet);
  memcpy (packet + BPG_SMP_HEADER_SIZE, payload, length);
  while (send (self->fd, packet, BPG_SMP_HEADER_SIZE + length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    int ready;

    if (errno == EINTR)
      continue;
    if (errno != EAGAIN)
      return set_disconnected (error);
    ready = wait_ready (self, G_IO_OUT, deadline, cancellable, error);
    if (ready == 0)
      g_set_error (error, BPG_ERROR, BPG_ERROR_TIMED_OUT, "The arm takes no more requests");
    if (ready <= 0)
      return FALSE;
  }
  return TRUE;
}

int
bpg_management_receive (BpgManagement *self, gint64 deadline, BpgSmpReply *reply, GCancellable *cancellable,
                        GError **error)
{
  for (;;) {
    int ready = wait_ready (self, G_IO_IN, deadline, cancellable, error);
    struct bpg_smp_header header;
    gssize n;

    if (ready <= 0)
      return ready;
    n = recv (self->fd, self->packet, sizeof self->packet, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
      set_disconnected (error);
      return -1;
    }
    if (n < 0 || !bpg_smp_header_decode (self->packet, (gsize) n, &header) ||
        (header.op != BPG_SMP_READ_REPLY && header.op != BPG_SMP_WRITE_REPLY))
      continue;
    *reply = (BpgSmpReply){header.sequence, header.group, header.command, self->packet + BPG_SMP_HEADER_SIZE,
                           header.length};
    return 1;
  }
}

/* Waits for the reply to one sequence number, passing over late ones to others. */
static int
receive_own (BpgManagement *self, const BpgSmpRequest *request, guint8 sequence, gint64 deadline, BpgSmpReply *reply,
             GCancellable *cancellable, GError **error)
{
  int received;

  do
    received = bpg_management_receive (self, deadline, reply, cancellable, error);
  while (received > 0 && (reply->sequence != sequence || reply->group != request->group ||
                          reply->command != request->command));
  return received;
}

gboolean
bpg_management_call (BpgManagement *self, const BpgSmpRequest *request, guint milliseconds, guint tries,
                     BpgSmpReply *reply, GCancellable *cancellable, GError **error)
{
  guint8 sequence = self->next_sequence;

  self->next_sequence = sequence < 255 ? (guint8) (sequence + 1) : (guint8) FIRST_SEQUENCE;
  for (guint i = 0; i < tries; i++) {
    gint64 deadline = g_get_monotonic_time () + milliseconds * G_TIME_SPAN_MILLISECOND;
    int received;

    if (!bpg_management_send (self, request, sequence, cancellable, error))
      return FALSE;
    received = receive_own (self, request, sequence, deadline, reply, cancellable, error);
    if (received != 0)
      return received > 0 && bpg_management_check (reply, error);
  }
  g_set_error (error, BPG_ERROR, BPG_ERROR_TIMED_OUT, "The arm did not answer %u times", tries);
  return FALSE;
}

gboolean
bpg_management_check (const BpgSmpReply *reply, GError **error)
{
  return bpg_arm_error_check (reply->payload, reply->length, reply->group, error);
}
