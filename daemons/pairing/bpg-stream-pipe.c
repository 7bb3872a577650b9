/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-stream-pipe.h"

#include "bpg-error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <limits.h>
#include <unistd.h>

struct _BpgStreamPipe {
  GObject parent_instance;

  int fd;
  GSource *source;
  guint32 dropped; /* samples since the last record that went in */
  guint32 lost;    /* on the link, told by records that were dropped */
};

G_DEFINE_FINAL_TYPE (BpgStreamPipe, bpg_stream_pipe, G_TYPE_OBJECT)

enum { SIGNAL_CLOSED, N_SIGNALS };
static guint signals[N_SIGNALS];

/* What makes a record atomic: a write to a pipe of up to PIPE_BUF bytes goes in whole or not at all. */
G_STATIC_ASSERT (sizeof (BpgStreamRecord) <= PIPE_BUF);

void
bpg_stream_pipe_close (BpgStreamPipe *self)
{
  if (self->source != NULL) {
    g_source_destroy (self->source);
    g_clear_pointer (&self->source, g_source_unref);
  }
  if (self->fd >= 0)
    close (self->fd);
  self->fd = -1;
}

static void
bpg_stream_pipe_finalize (GObject *object)
{
  bpg_stream_pipe_close (BPG_STREAM_PIPE (object));
  G_OBJECT_CLASS (bpg_stream_pipe_parent_class)->finalize (object);
}

static void
bpg_stream_pipe_class_init (BpgStreamPipeClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_stream_pipe_finalize;
  signals[SIGNAL_CLOSED] =
    g_signal_new ("closed", BPG_TYPE_STREAM_PIPE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bpg_stream_pipe_init (BpgStreamPipe *self)
{
  self->fd = -1;
}

static gboolean
on_reader_gone (int fd, GIOCondition condition, gpointer user_data)
{
  g_autoptr (BpgStreamPipe) self = g_object_ref (user_data);

  bpg_stream_pipe_close (self);
  g_signal_emit (self, signals[SIGNAL_CLOSED], 0);
  return G_SOURCE_REMOVE;
}

BpgStreamPipe *
bpg_stream_pipe_new (guint buffer, int *reader_fd, GError **error)
{
  g_autoptr (BpgStreamPipe) self = g_object_new (BPG_TYPE_STREAM_PIPE, NULL);
  int fds[2];

  /* The reader chooses for itself whether its end blocks. */
  if (pipe2 (fds, O_CLOEXEC) != 0) {
    bpg_error_set_errno (error, errno, FALSE, "Making a pipe");
    return NULL;
  }
  self->fd = fds[1];
  g_unix_set_fd_nonblocking (self->fd, TRUE, NULL);
  fcntl (self->fd, F_SETPIPE_SZ, (int) buffer);

  self->source = g_unix_fd_source_new (self->fd, G_IO_ERR);
  g_source_set_callback (self->source, G_SOURCE_FUNC (on_reader_gone), self, NULL);
  g_source_attach (self->source, g_main_context_get_thread_default ());
  *reader_fd = fds[0];
  return g_steal_pointer (&self);
}

guint
bpg_stream_pipe_write (BpgStreamPipe *self, BpgStreamRecord *record)
{
  BpgStreamHeader *header = &record->header;
  guint32 lost = header->lost;
  gssize n;

  header->lost += self->lost;
  header->dropped = self->dropped;
  n = write (self->fd, record, sizeof *header + header->length);
  header->lost = lost;
  if (n > 0) {
    self->lost = 0;
    self->dropped = 0;
    return 0;
  }
  /* A full pipe; a reader that has gone is told by the main loop. */
  self->lost += lost;
  self->dropped += header->count;
  return header->count;
}
