/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-lease.h"

#include "bpg-error.h"
#include "bpg-log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

struct _BpgLease {
  GObject parent_instance;

  BpgLink *link;
  char *purpose;
  int fd;
  GSource *source;
  gpointer tag;
  guint outstanding;
};

typedef struct {
  GSource source;
  BpgLease *lease;
} LeaseSource;

G_DEFINE_FINAL_TYPE (BpgLease, bpg_lease, G_TYPE_OBJECT)

enum { SIGNAL_ENDED, N_SIGNALS };
static guint signals[N_SIGNALS];

void
bpg_lease_end (BpgLease *self)
{
  if (self->source != NULL) {
    g_source_destroy (self->source);
    g_clear_pointer (&self->source, g_source_unref);
  }
  if (self->fd < 0)
    return;
  close (self->fd);
  self->fd = -1;
  bpg_link_forget (self->link, self);
}

static void
bpg_lease_finalize (GObject *object)
{
  BpgLease *self = BPG_LEASE (object);

  bpg_lease_end (self);
  g_clear_object (&self->link);
  g_free (self->purpose);
  G_OBJECT_CLASS (bpg_lease_parent_class)->finalize (object);
}

static void
bpg_lease_class_init (BpgLeaseClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_lease_finalize;
  signals[SIGNAL_ENDED] =
    g_signal_new ("ended", BPG_TYPE_LEASE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bpg_lease_init (BpgLease *self)
{
  self->fd = -1;
}

/* A holder with too much on its way is not read on: its socket fills, and it waits. */
static void
set_conditions (BpgLease *self)
{
  if (self->source != NULL)
    g_source_modify_unix_fd (self->source, self->tag, self->outstanding < BPG_LEASE_MAX_OUTSTANDING ? G_IO_IN : 0);
}

static void
reply (BpgLease *self, const guint8 *packet, gsize length)
{
  if (self->fd >= 0 && send (self->fd, packet, length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
    bpg_debug (self->purpose, "a reply is dropped, its holder does not read");
}

static void
on_reply (const guint8 *packet, gsize length, gpointer user_data)
{
  BpgLease *self = user_data;

  self->outstanding--;
  set_conditions (self);
  if (packet != NULL)
    reply (self, packet, length);
}

/* What only this daemon may say: a second master would have the arm stream and bind behind its back. */
static gboolean
is_ours (const struct bpg_smp_header *header)
{
  return header->group == BPG_GROUP_ARM &&
         (header->command == BPG_ARM_STREAM || header->command == BPG_ARM_BIND || header->command == BPG_ARM_UNBIND);
}

static void
refuse (BpgLease *self, const struct bpg_smp_header *request)
{
  guint8 packet[64];
  struct bpg_smp_header header = *request;
  struct bpg_cbor_writer writer;

  header.op = request->op + 1;
  bpg_packet_begin (&writer, packet, sizeof packet);
  bpg_error_encode (request->version, BPG_GROUP_ARM, BPG_ARM_ERROR_NOT_AUTHORISED, &writer);
  reply (self, packet, bpg_packet_finish (&writer, &header));
}

static void
take_packet (BpgLease *self, const guint8 *packet, gsize length)
{
  struct bpg_smp_header header;

  if (!bpg_smp_header_decode (packet, length, &header) || (header.op != BPG_SMP_READ && header.op != BPG_SMP_WRITE)) {
    bpg_debug (self->purpose, "%zu bytes that are no SMP request are dropped", length);
    return;
  }
  if (is_ours (&header)) {
    refuse (self, &header);
    return;
  }
  self->outstanding++;
  set_conditions (self);
  bpg_link_forward (self->link, packet, length, on_reply, self);
}

/* Whether the holder says no more, though it may still listen: its socket is readable for ever then, with nothing in it. */
static gboolean
has_shut_down (BpgLease *self)
{
  struct pollfd look = {self->fd, POLLRDHUP, 0};

  return poll (&look, 1, 0) > 0 && (look.revents & POLLRDHUP) != 0;
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  g_autoptr (BpgLease) self = g_object_ref (((LeaseSource *) source)->lease);
  GIOCondition condition = g_source_query_unix_fd (source, self->tag);
  guint8 packet[BPG_SMP_PACKET_MAX + 1];
  gssize n = -1;

  if ((condition & G_IO_IN) != 0 && self->outstanding < BPG_LEASE_MAX_OUTSTANDING)
    n = recv (self->fd, packet, sizeof packet, MSG_DONTWAIT);
  if (n > 0) {
    take_packet (self, packet, (gsize) n);
    return G_SOURCE_CONTINUE;
  }
  /* An empty packet is no end of file while the other end is there. */
  if ((condition & (G_IO_HUP | G_IO_ERR)) == 0 && !(n == 0 && has_shut_down (self)))
    return G_SOURCE_CONTINUE;
  bpg_lease_end (self);
  g_signal_emit (self, signals[SIGNAL_ENDED], 0);
  return G_SOURCE_REMOVE;
}

static GSourceFuncs lease_source_funcs = {.dispatch = dispatch};

BpgLease *
bpg_lease_new (BpgLink *link, const char *purpose, int *holder_fd, GError **error)
{
  g_autoptr (BpgLease) self = g_object_new (BPG_TYPE_LEASE, NULL);
  int fds[2];

  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
    bpg_error_set_errno (error, errno, FALSE, "Making the management channel");
    return NULL;
  }
  self->link = g_object_ref (link);
  self->purpose = g_strdup (purpose);
  self->fd = fds[0];
  self->source = g_source_new (&lease_source_funcs, sizeof (LeaseSource));
  ((LeaseSource *) self->source)->lease = self;
  self->tag = g_source_add_unix_fd (self->source, self->fd, G_IO_IN);
  g_source_set_name (self->source, "management channel");
  g_source_attach (self->source, g_main_context_get_thread_default ());
  *holder_fd = fds[1];
  return g_steal_pointer (&self);
}

const char *
bpg_lease_get_purpose (BpgLease *self)
{
  return self->purpose;
}
