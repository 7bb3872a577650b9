/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-serial.h"

#include "bpg-error.h"
#include "bpg-log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#define READ_SIZE 16384u
#define MAX_QUEUED 65536u

/* A line may not take more of us than this, however much it talks: the fastest arm needs a tenth. */
#define RATE (4 * 1024 * 1024)
#define BURST (256 * 1024)
#define PAUSE_USEC 20000

/* Slave ends of pseudo terminals; TIOCEXCL would outlast us on them for as long as the other end is open. */
#define FIRST_PTY_MAJOR 136u
#define LAST_PTY_MAJOR 143u

struct _BpgSerial {
  GObject parent_instance;

  char *path;
  char *kind;
  guint baud;
  int fd;
  gboolean is_ours; /* nobody else has the device */
  dev_t device;
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

static const struct {
  guint baud;
  speed_t speed;
} speeds[] = {
  {9600, B9600},     {19200, B19200},   {38400, B38400},   {57600, B57600},   {115200, B115200},
  {230400, B230400}, {460800, B460800}, {500000, B500000}, {576000, B576000}, {921600, B921600},
};

static gboolean
is_pty (dev_t device)
{
  return major (device) >= FIRST_PTY_MAJOR && major (device) <= LAST_PTY_MAJOR;
}

static void
serial_close (BpgTransport *transport)
{
  BpgSerial *self = BPG_SERIAL (transport);

  if (self->source != NULL) {
    g_source_destroy (self->source);
    g_clear_pointer (&self->source, g_source_unref);
  }
  if (self->fd < 0)
    return;
  /* Output that nobody takes would make close() wait for half a minute; what somebody else sends is theirs. */
  if (self->is_ours)
    tcflush (self->fd, TCIOFLUSH);
  if (self->is_ours && !is_pty (self->device))
    ioctl (self->fd, TIOCNXCL);
  close (self->fd);
  self->fd = -1;
  g_hash_table_remove (open_devices, &self->device);
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
  self->fd = -1;
  self->queue = g_byte_array_new ();
  self->buffer = g_malloc (READ_SIZE);
}

static const speed_t *
find_speed (guint baud)
{
  for (guint i = 0; i < G_N_ELEMENTS (speeds); i++) {
    if (speeds[i].baud == baud)
      return &speeds[i].speed;
  }
  return NULL;
}

gboolean
bpg_serial_is_speed (guint baud)
{
  return find_speed (baud) != NULL;
}

static gboolean
set_open_error (const char *path, int errsv, GError **error)
{
  BpgError code = BPG_ERROR_FAILED;

  if (errsv == ENOENT || errsv == ENOTDIR || errsv == ELOOP)
    code = BPG_ERROR_NOT_FOUND;
  else if (errsv == ENXIO || errsv == ENODEV || errsv == EIO)
    code = BPG_ERROR_DISCONNECTED;
  else if (errsv == EBUSY || errsv == EWOULDBLOCK)
    code = BPG_ERROR_BUSY;
  else if (errsv == EACCES || errsv == EPERM)
    code = BPG_ERROR_NOT_AUTHORIZED;
  g_set_error (error, BPG_ERROR, code, "%s: %s", path,
               code == BPG_ERROR_BUSY ? "Another program is using this line; end it" : g_strerror (errsv));
  return FALSE;
}

/* Looks before opening: opening alone can already disturb whoever has the line. */
static gboolean
look (BpgSerial *self, GError **error)
{
  struct stat status;
  const char *owner;

  if (stat (self->path, &status) != 0)
    return set_open_error (self->path, errno, error);
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

static gboolean
make_raw (BpgSerial *self, GError **error)
{
  struct termios settings;
  const speed_t *speed = find_speed (self->baud);

  if (tcgetattr (self->fd, &settings) != 0) {
    /* Some stand-ins for a serial line are no terminals and pass bytes as they are. */
    return errno == ENOTTY || errno == EINVAL ? TRUE : set_open_error (self->path, errno, error);
  }
  cfmakeraw (&settings);
  settings.c_cflag |= CLOCAL | CREAD;
  settings.c_cflag &= ~(tcflag_t) (HUPCL | CRTSCTS | CSTOPB);
  settings.c_cc[VMIN] = 1;
  settings.c_cc[VTIME] = 0;
  if (speed != NULL)
    cfsetspeed (&settings, *speed);
  if (tcsetattr (self->fd, TCSANOW, &settings) != 0 && errno != ENOTTY)
    return set_open_error (self->path, errno, error);
  tcflush (self->fd, TCIOFLUSH);
  return TRUE;
}

static gboolean
open_line (BpgSerial *self, GError **error)
{
  struct stat status;

  self->fd = open (self->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (self->fd < 0 || fstat (self->fd, &status) != 0)
    return set_open_error (self->path, errno, error);
  self->device = status.st_rdev;
  g_hash_table_insert (open_devices, g_memdup2 (&self->device, sizeof self->device), g_strdup (self->path));

  if (flock (self->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    return set_open_error (self->path, errno, error);
  self->is_ours = TRUE;
  if (!is_pty (self->device) && ioctl (self->fd, TIOCEXCL) != 0 && errno != ENOTTY)
    bpg_debug (self->path, "cannot be kept from others: %s", g_strerror (errno));
  return make_raw (self, error);
}

BpgSerial *
bpg_serial_open (const char *path, const char *kind, guint baud, GError **error)
{
  g_autoptr (BpgSerial) self = g_object_new (BPG_TYPE_SERIAL, NULL);

  G_STATIC_ASSERT (sizeof (dev_t) == sizeof (gint64));
  self->path = g_strdup (path);
  self->kind = g_strdup (kind);
  self->baud = baud;
  if (!look (self, error) || !open_line (self, error))
    return NULL;
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
  gssize n = write (self->fd, self->queue->data, self->queue->len);

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
  n = read (self->fd, self->buffer, READ_SIZE);
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
  return self->fd >= 0;
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

  g_return_if_fail (self->fd >= 0 && self->source == NULL);

  self->funcs = funcs;
  self->user_data = user_data;
  self->tokens = BURST;
  self->filled = g_get_monotonic_time ();
  self->source = g_source_new (&line_source_funcs, sizeof (LineSource));
  ((LineSource *) self->source)->serial = self;
  self->tag = g_source_add_unix_fd (self->source, self->fd, G_IO_IN);
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
    gssize n = write (self->fd, bytes, length);

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
  return g_str_equal (self->kind, "usb") || is_pty (self->device) ? 0 : self->baud / 10;
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
