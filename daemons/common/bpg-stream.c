/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-stream.h"

#include "bpg-error.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_SIZE 65536u

struct _BpgStreamReader {
  GObject parent_instance;

  int fd;
  GSource *source;
  BpgStreamFunc func;
  BpgStreamEndFunc end_func;
  gpointer user_data;
  gsize filled;
  guint8 *buffer;
};

G_DEFINE_FINAL_TYPE (BpgStreamReader, bpg_stream_reader, G_TYPE_OBJECT)

void
bpg_stream_reader_stop (BpgStreamReader *self)
{
  g_return_if_fail (BPG_IS_STREAM_READER (self));

  if (self->source != NULL) {
    g_source_destroy (self->source);
    g_clear_pointer (&self->source, g_source_unref);
  }
  if (self->fd >= 0) {
    close (self->fd);
    self->fd = -1;
  }
}

static void
bpg_stream_reader_finalize (GObject *object)
{
  BpgStreamReader *self = BPG_STREAM_READER (object);

  bpg_stream_reader_stop (self);
  g_free (self->buffer);
  G_OBJECT_CLASS (bpg_stream_reader_parent_class)->finalize (object);
}

static void
bpg_stream_reader_class_init (BpgStreamReaderClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_stream_reader_finalize;
}

static void
bpg_stream_reader_init (BpgStreamReader *self)
{
  self->fd = -1;
  self->buffer = g_malloc (BUFFER_SIZE);
}

static void
end (BpgStreamReader *self, const GError *error)
{
  bpg_stream_reader_stop (self);
  if (self->end_func != NULL)
    self->end_func (self, error, self->user_data);
}

/* Hands out every whole record in the buffer; FALSE when the bytes are not a stream or the reader was stopped. */
static gboolean
dispatch (BpgStreamReader *self, GError **error)
{
  gsize used = 0;

  while (self->fd >= 0 && self->filled - used >= sizeof (BpgStreamHeader)) {
    BpgStreamHeader header;
    gsize whole;
    /* A union gives the copy the alignment that every body type needs. */
    union {
      guint8 bytes[BPG_STREAM_MAX_BODY];
      guint64 align;
    } body;

    memcpy (&header, self->buffer + used, sizeof header);
    if (header.magic != BPG_STREAM_MAGIC || header.header_size != sizeof header || header.length > BPG_STREAM_MAX_BODY) {
      g_set_error_literal (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The stream is not made of records of version 1");
      return FALSE;
    }
    whole = sizeof header + header.length;
    if (self->filled - used < whole)
      break;
    memcpy (body.bytes, self->buffer + used + sizeof header, header.length);
    used += whole;
    self->func (self, &header, body.bytes, self->user_data);
  }
  self->filled -= used;
  memmove (self->buffer, self->buffer + used, self->filled);
  return self->fd >= 0;
}

static gboolean
on_readable (int fd, GIOCondition condition, gpointer user_data)
{
  g_autoptr (BpgStreamReader) self = g_object_ref (user_data);
  g_autoptr (GError) error = NULL;
  gssize n = read (fd, self->buffer + self->filled, BUFFER_SIZE - self->filled);

  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return G_SOURCE_CONTINUE;
  if (n < 0) {
    bpg_error_set_errno (&error, errno, TRUE, "Reading the stream");
    end (self, error);
    return G_SOURCE_REMOVE;
  }
  if (n == 0) {
    end (self, NULL);
    return G_SOURCE_REMOVE;
  }

  self->filled += (gsize) n;
  if (dispatch (self, &error))
    return G_SOURCE_CONTINUE;
  if (error != NULL)
    end (self, error);
  return G_SOURCE_REMOVE;
}

BpgStreamReader *
bpg_stream_reader_new (int fd, BpgStreamFunc func, BpgStreamEndFunc end_func, gpointer user_data)
{
  BpgStreamReader *self = g_object_new (BPG_TYPE_STREAM_READER, NULL);

  self->fd = fd;
  self->func = func;
  self->end_func = end_func;
  self->user_data = user_data;
  g_unix_set_fd_nonblocking (fd, TRUE, NULL);
  self->source = g_unix_fd_source_new (fd, G_IO_IN | G_IO_HUP | G_IO_ERR);
  g_source_set_callback (self->source, G_SOURCE_FUNC (on_readable), self, NULL);
  g_source_attach (self->source, g_main_context_get_thread_default ());
  return self;
}
