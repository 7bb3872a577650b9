/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-serial.h"

#include "bpg-error.h"
#include "bpg-tty.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE 16384u
#define MAX_QUEUED 65536u

/* A line may not take more of us than this, however much it talks: the fastest arm needs a tenth. */
#define RATE (4 * 1024 * 1024)
#define BURST (256 * 1024)
#define PAUSE_USEC 20000

struct _BpgSerial {
  GObject parent_instance;

  char *path;
  char *kind;
  guint baud;
  BpgTty tty;
  GSource *source;
  gpointer tag;
  const BpgTransportFuncs *funcs;
  gpointer user_data;
  GByteArray *queue; /* not yet taken by the line */
  gint64 tokens;     /* bytes that may be read now */
  gint64 filled;     /* when tokens were last filled up */
  gboolean throttled;
  guint8 *buffer;
};

/* Ours, with the object it belongs to. */
typedef struct {
  GSource source;
  BpgSerial *serial;
} LineSource;

static void bpg_serial_transport_init (BpgTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BpgSerial, bpg_serial, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (BPG_TYPE_TRANSPORT, bpg_serial_transport_init))

/* Every device that is open here, so that two names of one line are seen to be one. */
static GHashTable *open_devices = NULL;

static void
serial_close (BpgTransport *transport)
{
  BpgSerial *self = BPG_SERIAL (transport);

  if (self->source != NULL) {
    g_source_destroy (self->source);
    g_clear_pointer (&self->source, g_source_unref);
  }
  if (self->tty.fd < 0)
    return;
  bpg_tty_close (&self->tty);
  g_hash_table_remove (open_devices, &self->tty.device);
}

static void
bpg_serial_finalize (GObject *object)
{
  BpgSerial *self = BPG_SERIAL (object);

  serial_close (BPG_TRANSPORT (self));
  g_byte_array_unref (self->queue);
  g_free (self->buffer);
  g_free (self->path);
  g_free (self->kind);
  G_OBJECT_CLASS (bpg_serial_parent_class)->finalize (object);
}

static void
bpg_serial_class_init (BpgSerialClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_serial_finalize;
  open_devices = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, g_free);
}

static void
bpg_serial_init (BpgSerial *self)
{
  self->tty = (BpgTty) BPG_TTY_INIT;
  self->queue = g_byte_array_new ();
  self->buffer = g_malloc (READ_SIZE);
}

/* Looks before opening: opening alone can already disturb whoever has the line. */
static gboolean
look (BpgSerial *self, GError **error)
{
  struct stat status;
  const char *owner;

  if (stat (self->path, &status) != 0)
    return bpg_tty_set_error (self->path, errno, error);
  if (!S_ISCHR (status.st_mode)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "%s is not a character device", self->path);
    return FALSE;
  }
  owner = g_hash_table_lookup (open_devices, &status.st_rdev);
  if (owner != NULL) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_BUSY, "%s is the same line as %s, which is open already", self->path, owner);
    return FALSE;
  }
  return TRUE;
}

BpgSerial *
bpg_serial_open (const char *path, const char *kind, guint baud, GError **error)
{
  g_autoptr (BpgSerial) self = g_object_new (BPG_TYPE_SERIAL, NULL);

  G_STATIC_ASSERT (sizeof (dev_t) == sizeof (gint64));
  self->path = g_strdup (path);
  self->kind = g_strdup (kind);
  self->baud = baud;
  if (!look (self, error) || !bpg_tty_open (&self->tty, path, baud, error))
    return NULL;
  g_hash_table_insert (open_devices, g_memdup2 (&self->tty.device, sizeof self->tty.device), g_strdup (path));
  return g_steal_pointer (&self);
}

static void
set_conditions (BpgSerial *self)
{
  GIOCondition conditions = self->throttled ? 0 : G_IO_IN;

  if (self->queue->len > 0)
    conditions |= G_IO_OUT;
  g_source_modify_unix_fd (self->source, self->tag, conditions);
}

static void
lose (BpgSerial *self, int errsv)
{
  const BpgTransportFuncs *funcs = self->funcs;
  g_autoptr (GError) error = NULL;

  serial_close (BPG_TRANSPORT (self));
  g_set_error (&error, BPG_ERROR, BPG_ERROR_DISCONNECTED, "%s: %s", self->path,
               errsv == 0 ? "The line has hung up" : g_strerror (errsv));
  funcs->closed (error, self->user_data);
}

static gboolean
write_queue (BpgSerial *self)
{
  gssize n = write (self->tty.fd, self->queue->data, self->queue->len);

  if (n < 0 && errno != EAGAIN && errno != EINTR) {
    lose (self, errno);
    return FALSE;
  }
  if (n > 0)
    g_byte_array_remove_range (self->queue, 0, (guint) n);
  set_conditions (self);
  return TRUE;
}

static void
fill_tokens (BpgSerial *self, gint64 now)
{
  self->tokens = MIN (BURST, self->tokens + (now - self->filled) * RATE / G_USEC_PER_SEC);
  self->filled = now;
}

static gboolean
read_some (BpgSerial *self, GSource *source)
{
  gssize n;

  fill_tokens (self, g_source_get_time (source));
  n = read (self->tty.fd, self->buffer, READ_SIZE);
  if (n < 0 && (errno == EAGAIN || errno == EINTR))
    return TRUE;
  if (n <= 0) {
    lose (self, n < 0 ? errno : 0);
    return FALSE;
  }

  self->tokens -= n;
  if (self->tokens < 0) {
    self->throttled = TRUE;
    g_source_set_ready_time (source, g_source_get_time (source) + PAUSE_USEC);
    set_conditions (self);
  }
  self->funcs->received (self->buffer, (gsize) n, self->user_data);
  return self->tty.fd >= 0;
}

static void
end_pause (BpgSerial *self, GSource *source)
{
  if (!self->throttled || g_source_get_time (source) < g_source_get_ready_time (source))
    return;
  self->throttled = FALSE;
  g_source_set_ready_time (source, -1);
  set_conditions (self);
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  g_autoptr (BpgSerial) self = g_object_ref (((LineSource *) source)->serial);
  GIOCondition condition = g_source_query_unix_fd (source, self->tag);

  end_pause (self, source);
  if ((condition & G_IO_OUT) != 0 && !write_queue (self))
    return G_SOURCE_REMOVE;
  /* What came before a hang-up is still read; the read after it tells the end. */
  if ((condition & (G_IO_IN | G_IO_HUP | G_IO_ERR)) != 0 && !read_some (self, source))
    return G_SOURCE_REMOVE;
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs line_source_funcs = {.dispatch = dispatch};

static void
serial_start (BpgTransport *transport, const BpgTransportFuncs *funcs, gpointer user_data)
{
  BpgSerial *self = BPG_SERIAL (transport);

  g_return_if_fail (self->tty.fd >= 0 && self->source == NULL);

  self->funcs = funcs;
  self->user_data = user_data;
  self->tokens = BURST;
  self->filled = g_get_monotonic_time ();
  self->source = g_source_new (&line_source_funcs, sizeof (LineSource));
  ((LineSource *) self->source)->serial = self;
  self->tag = g_source_add_unix_fd (self->source, self->tty.fd, G_IO_IN);
  g_source_set_name (self->source, "serial line");
  g_source_attach (self->source, g_main_context_get_thread_default ());
}

static gboolean
serial_send (BpgTransport *transport, const guint8 *bytes, gsize length)
{
  BpgSerial *self = BPG_SERIAL (transport);

  if (self->source == NULL || self->queue->len + length > MAX_QUEUED)
    return FALSE;
  g_byte_array_append (self->queue, bytes, (guint) length);
  /* The line's end is told from the main loop, never from inside a send: the source sees it next. */
  if (self->queue->len == length) {
    gssize n = write (self->tty.fd, bytes, length);

    if (n > 0)
      g_byte_array_remove_range (self->queue, 0, (guint) n);
  }
  set_conditions (self);
  return TRUE;
}

static const char *
serial_get_kind (BpgTransport *transport)
{
  return BPG_SERIAL (transport)->kind;
}

static const char *
serial_get_name (BpgTransport *transport)
{
  return BPG_SERIAL (transport)->path;
}

static guint
serial_get_speed (BpgTransport *transport)
{
  BpgSerial *self = BPG_SERIAL (transport);

  /* USB and pseudo terminals carry bytes as fast as they come; ten bits make a byte elsewhere. */
  return g_str_equal (self->kind, "usb") || bpg_tty_is_pty (&self->tty) ? 0 : self->baud / 10;
}

static void
bpg_serial_transport_init (BpgTransportInterface *iface)
{
  iface->start = serial_start;
  iface->send = serial_send;
  iface->close = serial_close;
  iface->get_kind = serial_get_kind;
  iface->get_name = serial_get_name;
  iface->get_speed = serial_get_speed;
}
