/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim-line.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* A throttled line has the FIFO of a UART and no more, so that a frame is not
 * old before it goes out. */
#define THROTTLED_OUT 2048u
#define BITS_A_BYTE 10u
#define CREDIT_MOST_S 0.02
#define MILLION 1000000u

void
sim_line_init (struct sim_line *line, const char *link, uint64_t seed)
{
  memset (line, 0, sizeof *line);
  line->fd = -1;
  line->link = g_strdup (link);
  sim_random_init (&line->random, seed);
}

static bool
fail (GError **error, const char *what)
{
  int code = errno;

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), "%s: %s", what, g_strerror (code));
  return false;
}

/* The terminal's line discipline must leave every byte alone. */
static bool
make_raw (int fd)
{
  struct termios settings;

  if (tcgetattr (fd, &settings) != 0)
    return errno == ENOTTY;
  cfmakeraw (&settings);
  return tcsetattr (fd, TCSANOW, &settings) == 0;
}

/* Whether the symbolic link names our pty: another arm may have taken it. */
static bool
is_published (const struct sim_line *line)
{
  g_autofree char *target = line->link != NULL ? g_file_read_link (line->link, NULL) : NULL;

  return target != NULL && g_strcmp0 (target, line->name) == 0;
}

static bool
publish (struct sim_line *line, GError **error)
{
  g_autofree char *temporary = NULL;

  if (line->link == NULL)
    return true;
  if (g_file_test (line->link, G_FILE_TEST_EXISTS)
      && !g_file_test (line->link, G_FILE_TEST_IS_SYMLINK))
    {
      errno = EEXIST;
      return fail (error, line->link);
    }
  temporary = g_strdup_printf ("%s.%d", line->link, (int) getpid ());
  unlink (temporary);
  if (symlink (line->name, temporary) == 0 && rename (temporary, line->link) == 0)
    return true;
  return fail (error, line->link);
}

static bool
open_pty (struct sim_line *line, GError **error)
{
  char name[64];
  int slave;
  bool raw;

  line->fd = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
  if (line->fd < 0)
    return fail (error, "pty");
  if (grantpt (line->fd) != 0 || unlockpt (line->fd) != 0
      || ptsname_r (line->fd, name, sizeof name) != 0)
    return fail (error, "pty");
  g_free (line->name);
  line->name = g_strdup (name);

  slave = open (name, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0)
    return fail (error, name);
  raw = make_raw (slave);
  close (slave);
  return raw || fail (error, name);
}

static void
forget_bytes (struct sim_line *line)
{
  line->out_length = 0;
  line->in_length = 0;
}

bool
sim_line_plug (struct sim_line *line, GError **error)
{
  if (line->fd >= 0 || line->given)
    return true;
  forget_bytes (line);
  line->peer = false;
  if (open_pty (line, error) && publish (line, error))
    return true;
  sim_line_unplug (line);
  return false;
}

bool
sim_line_take_fd (struct sim_line *line, int fd, GError **error)
{
  if (!g_unix_set_fd_nonblocking (fd, TRUE, error))
    return false;
  if (!make_raw (fd))
    return fail (error, "the given descriptor");
  line->fd = fd;
  line->given = true;
  line->peer = true;
  return true;
}

void
sim_line_unplug (struct sim_line *line)
{
  if (line->fd < 0)
    return;
  if (!line->given && is_published (line))
    unlink (line->link);
  close (line->fd);
  line->fd = -1;
  line->peer = false;
  forget_bytes (line);
}

static void
look_for_peer (struct sim_line *line)
{
  struct pollfd look = { .fd = line->fd };

  if (line->fd < 0 || line->given)
    return;
  line->peer = poll (&look, 1, 0) == 0 || !(look.revents & POLLHUP);
  if (!line->peer)
    line->out_length = 0;
}

void
sim_line_advance (struct sim_line *line, uint64_t microseconds)
{
  double rate = (double) line->baud / BITS_A_BYTE;
  double gained = rate * (double) microseconds / MILLION;
  double most = rate * CREDIT_MOST_S + 1;

  look_for_peer (line);
  line->credit_out = MIN (line->credit_out + gained, most);
  line->credit_in = MIN (line->credit_in + gained, most);
}

static size_t
allowed (const struct sim_line *line, double credit, size_t length)
{
  if (line->baud == 0)
    return length;
  return MIN (length, (size_t) credit);
}

static void
spend (struct sim_line *line, double *credit, size_t length)
{
  if (line->baud != 0)
    *credit -= (double) length;
}

/* Copies bytes as the noise leaves them; @out holds twice as many. */
static size_t
distort (struct sim_line *line, const uint8_t *bytes, size_t length, uint8_t *out)
{
  size_t written = 0;

  for (size_t i = 0; i < length; i++)
    {
      uint64_t draw = line->noise == 0 ? MILLION : sim_random_next (&line->random) % MILLION;

      if (draw >= line->noise)
        {
          out[written++] = bytes[i];
          continue;
        }
      switch (sim_random_next (&line->random) % 3)
        {
        case 0:
          out[written++] = bytes[i] ^ (uint8_t) (1u << sim_random_next (&line->random) % 8);
          break;
        case 1:
          out[written++] = bytes[i];
          out[written++] = bytes[i];
          break;
        default:
          break;
        }
    }
  return written;
}

static void
send_out (struct sim_line *line)
{
  size_t length = allowed (line, line->credit_out, line->out_length);
  ssize_t sent;

  if (length == 0 || line->fd < 0)
    return;
  sent = write (line->fd, line->out, length);
  if (sent <= 0)
    return;
  spend (line, &line->credit_out, (size_t) sent);
  line->sent += (guint64) sent;
  line->out_length -= (size_t) sent;
  memmove (line->out, line->out + sent, line->out_length);
}

/* Noise may double every byte. */
static size_t
room_in (const struct sim_line *line)
{
  return (sizeof line->in - line->in_length) / 2;
}

bool
sim_line_has_room_in (const struct sim_line *line)
{
  return room_in (line) > 0;
}

static bool
take_in (struct sim_line *line)
{
  uint8_t raw[SIM_LINE_IN_SIZE / 2];
  size_t length = allowed (line, line->credit_in, MIN (room_in (line), sizeof raw));
  ssize_t got;

  if (length == 0 || line->fd < 0 || !line->peer)
    return false;
  got = read (line->fd, raw, length);
  if (got <= 0)
    {
      if (got == 0 || (errno != EAGAIN && errno != EINTR))
        line->peer = false;
      return false;
    }
  spend (line, &line->credit_in, (size_t) got);
  line->received += (guint64) got;
  line->in_length += distort (line, raw, (size_t) got, line->in + line->in_length);
  return true;
}

bool
sim_line_transfer (struct sim_line *line)
{
  send_out (line);
  return take_in (line);
}

bool
sim_line_is_congested (struct sim_line *line)
{
  if (line->baud != 0 || !line->peer || line->out_length < sizeof line->out / 2)
    return false;
  send_out (line);
  return line->out_length >= sizeof line->out / 2;
}

size_t
sim_line_room (const struct sim_line *line)
{
  size_t limit = line->baud != 0 ? THROTTLED_OUT : sizeof line->out;

  /* With nobody there everything goes, into the void. Noise may double. */
  if (!line->peer)
    return limit;
  if (line->noise != 0)
    limit /= 2;
  return line->out_length >= limit ? 0 : limit - line->out_length;
}

void
sim_line_write (struct sim_line *line, const uint8_t *bytes, size_t length)
{
  if (!line->peer || line->fd < 0 || line->silent)
    return;
  if (line->noise == 0 && length <= sizeof line->out - line->out_length)
    {
      memcpy (line->out + line->out_length, bytes, length);
      line->out_length += length;
    }
  else if (2 * length <= sizeof line->out - line->out_length)
    {
      line->out_length += distort (line, bytes, length, line->out + line->out_length);
    }
}

size_t
sim_line_read (struct sim_line *line, uint8_t *bytes, size_t capacity)
{
  size_t length = MIN (capacity, line->in_length);

  if (line->silent)
    {
      line->in_length = 0;
      return 0;
    }
  memcpy (bytes, line->in, length);
  line->in_length -= length;
  memmove (line->in, line->in + length, line->in_length);
  return length;
}
