/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-tty.h"

#include "bpg-error.h"
#include "bpg-log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

/* Slave ends of pseudo terminals; TIOCEXCL would outlast us on them for as long as the other end is open. */
#define FIRST_PTY_MAJOR 136u
#define LAST_PTY_MAJOR 143u

static const struct {
  guint baud;
  speed_t speed;
} speeds[] = {
  {9600, B9600},     {19200, B19200},   {38400, B38400},   {57600, B57600},   {115200, B115200},
  {230400, B230400}, {460800, B460800}, {500000, B500000}, {576000, B576000}, {921600, B921600},
};

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
bpg_tty_is_speed (guint baud)
{
  return find_speed (baud) != NULL;
}

gboolean
bpg_tty_is_pty (const BpgTty *self)
{
  return major (self->device) >= FIRST_PTY_MAJOR && major (self->device) <= LAST_PTY_MAJOR;
}

gboolean
bpg_tty_set_error (const char *path, int errsv, GError **error)
{
  BpgError code = BPG_ERROR_FAILED;

  if (errsv == ENOENT || errsv == ENOTDIR || errsv == ELOOP)
    code = BPG_ERROR_NOT_FOUND;
  else if (errsv == ENXIO || errsv == ENODEV || errsv == EIO || errsv == EPIPE || errsv == EBADF ||
           errsv == ECONNREFUSED || errsv == ECONNRESET)
    code = BPG_ERROR_DISCONNECTED;
  else if (errsv == EBUSY || errsv == EWOULDBLOCK)
    code = BPG_ERROR_BUSY;
  else if (errsv == EACCES || errsv == EPERM)
    code = BPG_ERROR_NOT_AUTHORIZED;
  g_set_error (error, BPG_ERROR, code, "%s: %s", path,
               code == BPG_ERROR_BUSY ? "Another program is using this line; end it, or wait" : g_strerror (errsv));
  return FALSE;
}

static gboolean
make_raw (BpgTty *self, guint baud)
{
  const speed_t *speed = find_speed (baud);
  struct termios settings;

  if (tcgetattr (self->fd, &settings) != 0)
    return errno == ENOTTY || errno == EINVAL;
  cfmakeraw (&settings);
  settings.c_cflag |= CLOCAL | CREAD;
  settings.c_cflag &= ~(tcflag_t) (HUPCL | CRTSCTS | CSTOPB);
  settings.c_cc[VMIN] = 1;
  settings.c_cc[VTIME] = 0;
  if (speed != NULL)
    cfsetspeed (&settings, *speed);
  if (tcsetattr (self->fd, TCSANOW, &settings) != 0 && errno != ENOTTY)
    return FALSE;
  tcflush (self->fd, TCIOFLUSH);
  return TRUE;
}

static gboolean
claim (BpgTty *self, const char *path)
{
  if (flock (self->fd, LOCK_EX | LOCK_NB) != 0)
    return FALSE;
  self->is_ours = TRUE;
  if (!bpg_tty_is_pty (self) && ioctl (self->fd, TIOCEXCL) != 0 && errno != ENOTTY)
    bpg_debug (path, "cannot be kept from others: %s", g_strerror (errno));
  return TRUE;
}

gboolean
bpg_tty_open (BpgTty *self, const char *path, guint baud, GError **error)
{
  struct stat status = {0};

  g_return_val_if_fail (self->fd < 0, FALSE);

  self->is_ours = FALSE;
  self->fd = open (path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (self->fd >= 0 && fstat (self->fd, &status) == 0) {
    self->device = status.st_rdev;
    if (claim (self, path) && make_raw (self, baud))
      return TRUE;
  }
  bpg_tty_set_error (path, errno, error);
  bpg_tty_close (self);
  return FALSE;
}

void
bpg_tty_close (BpgTty *self)
{
  if (self->fd < 0)
    return;
  /* Output that nobody takes would make close() wait for half a minute; what somebody else sends is theirs. */
  if (self->is_ours)
    tcflush (self->fd, TCIOFLUSH);
  if (self->is_ours && !bpg_tty_is_pty (self))
    ioctl (self->fd, TIOCNXCL);
  close (self->fd);
  self->fd = -1;
  self->is_ours = FALSE;
}

gboolean
bpg_tty_set_speed (BpgTty *self, guint baud)
{
  const speed_t *speed = find_speed (baud);
  struct termios settings;

  g_return_val_if_fail (speed != NULL, FALSE);
  return tcgetattr (self->fd, &settings) == 0 && cfsetspeed (&settings, *speed) == 0 &&
         tcsetattr (self->fd, TCSADRAIN, &settings) == 0;
}
