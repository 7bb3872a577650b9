/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-rom-line.h"

#include "bpg-error.h"
#include "bpg-tty.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#define BITS_A_BYTE 10u
/* A line that takes nothing for so long is broken; what is in the kernel's buffers takes its time at the lowest speed. */
#define WRITE_SECONDS 10
#define DRAIN_LIMIT_MILLISECONDS 2000
#define RESET_MILLISECONDS 100u
#define BOOT_MILLISECONDS 50u
#define SLOW_BOOT_MILLISECONDS 550u

/* The chip's own USB-Serial-JTAG. */
#define USB_JTAG_VENDOR "303a"
#define USB_JTAG_PRODUCT "1001"

struct _BpgRomLine {
  char *path;
  BpgTty tty; /* of a socket, its descriptor only */
  gboolean is_socket;
  guint baud;
  BpgRomReset reset;
};

static const guint speeds[] = {BPG_ROM_FIRST_BAUD, 230400, 460800, BPG_ROM_LAST_BAUD};

void
bpg_rom_line_free (BpgRomLine *self)
{
  if (!self->is_socket)
    bpg_tty_close (&self->tty);
  else if (self->tty.fd >= 0)
    close (self->tty.fd);
  g_free (self->path);
  g_free (self);
}

static gboolean
open_socket (BpgRomLine *self, GError **error)
{
  struct sockaddr_un address = {.sun_family = AF_UNIX};

  if (strlen (self->path) >= sizeof address.sun_path) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "%s: The path of a socket is shorter", self->path);
    return FALSE;
  }
  memcpy (address.sun_path, self->path, strlen (self->path));
  self->is_socket = TRUE;
  self->tty.fd = socket (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (self->tty.fd < 0 || connect (self->tty.fd, (const struct sockaddr *) &address, sizeof address) != 0)
    return bpg_tty_set_error (self->path, errno, error);
  return TRUE;
}

static gboolean
is_usb_id (const char *folder, const char *file, const char *wanted)
{
  g_autofree char *path = g_build_filename (folder, file, NULL);
  g_autofree char *text = NULL;

  return g_file_get_contents (path, &text, NULL, NULL) && g_str_equal (g_strstrip (text), wanted);
}

/* The device's interface has the USB device above it. */
static gboolean
is_usb_jtag (dev_t device)
{
  g_autofree char *folder = g_strdup_printf ("/sys/dev/char/%u:%u/device/..", major (device), minor (device));

  return is_usb_id (folder, "idVendor", USB_JTAG_VENDOR) && is_usb_id (folder, "idProduct", USB_JTAG_PRODUCT);
}

/* Whether there are modem lines at all; pseudo terminals and some adapters have none. */
static gboolean
has_lines (BpgRomLine *self)
{
  int lines;

  return ioctl (self->tty.fd, TIOCMGET, &lines) == 0;
}

static gboolean
open_device (BpgRomLine *self, GError **error)
{
  if (!bpg_tty_open (&self->tty, self->path, BPG_ROM_FIRST_BAUD, error))
    return FALSE;
  if (!isatty (self->tty.fd))
    return bpg_tty_set_error (self->path, errno, error);
  if (has_lines (self))
    self->reset = is_usb_jtag (self->tty.device) ? BPG_ROM_RESET_USB_JTAG : BPG_ROM_RESET_CLASSIC;
  return TRUE;
}

BpgRomLine *
bpg_rom_line_open (const char *path, GError **error)
{
  g_autoptr (BpgRomLine) self = g_new0 (BpgRomLine, 1);
  struct stat status;
  gboolean good = FALSE;

  self->tty = (BpgTty) BPG_TTY_INIT;
  self->path = g_strdup (path);
  self->baud = BPG_ROM_FIRST_BAUD;
  if (stat (path, &status) != 0)
    bpg_tty_set_error (path, errno, error);
  else if (S_ISSOCK (status.st_mode))
    good = open_socket (self, error);
  else if (S_ISCHR (status.st_mode))
    good = open_device (self, error);
  else
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "%s is neither a serial device nor a socket", path);
  return good ? g_steal_pointer (&self) : NULL;
}

BpgRomReset
bpg_rom_line_get_reset (BpgRomLine *self)
{
  return self->reset;
}

gboolean
bpg_rom_line_has_speed (BpgRomLine *self)
{
  return !self->is_socket && self->reset != BPG_ROM_RESET_USB_JTAG;
}

gboolean
bpg_rom_line_is_speed (guint baud)
{
  for (guint i = 0; i < G_N_ELEMENTS (speeds); i++) {
    if (speeds[i] == baud)
      return TRUE;
  }
  return FALSE;
}

gboolean
bpg_rom_line_set_baud (BpgRomLine *self, guint baud, GError **error)
{
  g_return_val_if_fail (bpg_rom_line_is_speed (baud), FALSE);
  self->baud = baud;
  return self->is_socket || bpg_tty_set_speed (&self->tty, baud) || bpg_tty_set_error (self->path, errno, error);
}

guint
bpg_rom_line_get_baud (BpgRomLine *self)
{
  return self->baud;
}

guint
bpg_rom_line_get_milliseconds (BpgRomLine *self, gsize bytes)
{
  return (guint) (bytes * BITS_A_BYTE * 1000 / self->baud + 1);
}

/* Waits for the line, or for the cancellable; FALSE with Cancelled, @ready is whether the line was. */
static gboolean
wait_for (BpgRomLine *self, short events, gint64 deadline, gboolean *ready, GCancellable *cancellable, GError **error)
{
  gint64 left = deadline - g_get_monotonic_time ();
  GPollFD cancelled = {.fd = -1};
  struct pollfd fds[2] = {{.fd = self->tty.fd, .events = events}, {.fd = -1, .events = POLLIN}};
  gboolean has_fd = cancellable != NULL && g_cancellable_make_pollfd (cancellable, &cancelled);
  int milliseconds = left <= 0 ? 0 : (int) MIN ((left + 999) / 1000, G_MAXINT);

  if (has_fd)
    fds[1].fd = cancelled.fd;
  if (poll (fds, G_N_ELEMENTS (fds), milliseconds) < 0)
    fds[0].revents = 0;
  if (has_fd)
    g_cancellable_release_fd (cancellable);
  *ready = fds[0].revents != 0;
  if (!g_cancellable_is_cancelled (cancellable))
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_CANCELLED, "It was cancelled");
  return FALSE;
}

gboolean
bpg_rom_line_write (BpgRomLine *self, const guint8 *bytes, gsize length, GCancellable *cancellable, GError **error)
{
  gint64 deadline = g_get_monotonic_time () + WRITE_SECONDS * G_USEC_PER_SEC;
  gboolean ready;

  while (length > 0) {
    gssize n = self->is_socket ? send (self->tty.fd, bytes, length, MSG_NOSIGNAL) : write (self->tty.fd, bytes, length);

    if (n > 0) {
      bytes += n;
      length -= (gsize) n;
      deadline = g_get_monotonic_time () + WRITE_SECONDS * G_USEC_PER_SEC;
      continue;
    }
    if (n < 0 && errno != EAGAIN && errno != EINTR)
      return bpg_tty_set_error (self->path, errno, error);
    if (g_get_monotonic_time () >= deadline) {
      g_set_error (error, BPG_ERROR, BPG_ERROR_TIMED_OUT, "%s takes no bytes", self->path);
      return FALSE;
    }
    if (!wait_for (self, POLLOUT, deadline, &ready, cancellable, error))
      return FALSE;
  }
  return TRUE;
}

gssize
bpg_rom_line_read (BpgRomLine *self, guint8 *bytes, gsize size, gint64 deadline, GCancellable *cancellable,
                   GError **error)
{
  for (;;) {
    gboolean ready;
    gssize n;

    if (!wait_for (self, POLLIN, deadline, &ready, cancellable, error))
      return -1;
    n = ready ? read (self->tty.fd, bytes, size) : 0;
    if (n > 0)
      return n;
    if (ready && (n == 0 || (errno != EAGAIN && errno != EINTR))) {
      bpg_tty_set_error (self->path, n == 0 ? ENODEV : errno, error);
      return -1;
    }
    if (g_get_monotonic_time () >= deadline)
      return 0;
  }
}

gboolean
bpg_rom_line_drain (BpgRomLine *self, guint milliseconds, GCancellable *cancellable, GError **error)
{
  gint64 limit = g_get_monotonic_time () + DRAIN_LIMIT_MILLISECONDS * 1000;
  guint8 bytes[256];
  gssize n;

  do {
    n = bpg_rom_line_read (self, bytes, sizeof bytes, g_get_monotonic_time () + milliseconds * 1000, cancellable, error);
  } while (n > 0 && g_get_monotonic_time () < limit);
  return n >= 0;
}

gboolean
bpg_rom_sleep (guint milliseconds, GCancellable *cancellable, GError **error)
{
  GPollFD cancelled = {.fd = -1};

  if (cancellable == NULL || !g_cancellable_make_pollfd (cancellable, &cancelled)) {
    g_usleep (milliseconds * 1000);
    return TRUE;
  }
  g_poll (&cancelled, 1, (int) milliseconds);
  g_cancellable_release_fd (cancellable);
  if (!g_cancellable_is_cancelled (cancellable))
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_CANCELLED, "It was cancelled");
  return FALSE;
}

/* Reset. A step of a sequence: the two lines as they shall be, and how long to hold them. */

typedef struct {
  gboolean dtr;
  gboolean rts;
  guint milliseconds;
} Step;

static gboolean
set_lines (BpgRomLine *self, const Step *step, GError **error)
{
  int lines = 0;

  if (ioctl (self->tty.fd, TIOCMGET, &lines) != 0)
    return bpg_tty_set_error (self->path, errno, error);
  lines &= ~(TIOCM_DTR | TIOCM_RTS);
  if (step->dtr)
    lines |= TIOCM_DTR;
  if (step->rts)
    lines |= TIOCM_RTS;
  return ioctl (self->tty.fd, TIOCMSET, &lines) == 0 || bpg_tty_set_error (self->path, errno, error);
}

static gboolean
take_steps (BpgRomLine *self, const Step *steps, guint n_steps, GCancellable *cancellable, GError **error)
{
  for (guint i = 0; i < n_steps; i++) {
    if (!set_lines (self, &steps[i], error) || !bpg_rom_sleep (steps[i].milliseconds, cancellable, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
bpg_rom_line_enter_download (BpgRomLine *self, gboolean slow, GCancellable *cancellable, GError **error)
{
  /* RTS pulls RESET, DTR pulls BOOT, and both together neither: RESET alone, then BOOT alone, then none. */
  const Step classic[] = {
    {FALSE, FALSE, 0},
    {TRUE, TRUE, 0},
    {FALSE, TRUE, RESET_MILLISECONDS},
    {TRUE, FALSE, slow ? SLOW_BOOT_MILLISECONDS : BOOT_MILLISECONDS},
    {FALSE, FALSE, 0},
  };
  /* The peripheral remembers DTR when RTS rises; it goes by way of both, as neither would mean nothing. */
  const Step usb_jtag[] = {
    {FALSE, FALSE, RESET_MILLISECONDS},
    {TRUE, FALSE, RESET_MILLISECONDS},
    {TRUE, TRUE, 0},
    {FALSE, TRUE, RESET_MILLISECONDS},
    {FALSE, FALSE, 0},
  };

  if (self->reset == BPG_ROM_RESET_CLASSIC)
    return take_steps (self, classic, G_N_ELEMENTS (classic), cancellable, error);
  if (self->reset == BPG_ROM_RESET_USB_JTAG)
    return take_steps (self, usb_jtag, G_N_ELEMENTS (usb_jtag), cancellable, error);
  return TRUE;
}

gboolean
bpg_rom_line_restart (BpgRomLine *self, GCancellable *cancellable, GError **error)
{
  const Step steps[] = {{FALSE, TRUE, RESET_MILLISECONDS}, {FALSE, FALSE, RESET_MILLISECONDS}};

  return self->reset == BPG_ROM_RESET_NONE || take_steps (self, steps, G_N_ELEMENTS (steps), cancellable, error);
}
