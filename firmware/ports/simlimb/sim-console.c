/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim-console.h"

#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <math.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sim-commands.h"

struct client
{
  struct sim_console *console;
  int fd;
  guint source;
  GIOCondition condition; /* that source waits for */
  GString *out;           /* answers that have not gone out yet */
  char buffer[SIM_CONSOLE_LINE_MOST];
  gsize length;
};

struct sim_console
{
  struct simlimb *arm;
  GMainLoop *loop;
  char *path;
  int fd;
  bool bound; /* the path is ours */
  guint source;
  GPtrArray *clients; /* struct client */
};

static void
free_client (gpointer data)
{
  struct client *client = data;

  g_clear_handle_id (&client->source, g_source_remove);
  close (client->fd);
  g_string_free (client->out, TRUE);
  g_free (client);
}

/* Sends what waits, as far as the reader takes it. */
static bool
send_out (struct client *client)
{
  gssize sent = 0;
  gsize done = 0;

  while (done < client->out->len && sent >= 0)
    {
      sent = send (client->fd, client->out->str + done, client->out->len - done, MSG_NOSIGNAL);
      done += sent > 0 ? (gsize) sent : 0;
    }
  g_string_erase (client->out, 0, (gssize) done);
  return sent >= 0 || errno == EAGAIN || errno == EINTR;
}

static bool
answer (struct client *client, const char *text)
{
  g_string_append (client->out, text);
  g_string_append_c (client->out, '\n');
  return send_out (client);
}

static bool
run_line (struct client *client, const char *line, bool *quit)
{
  g_autofree char *text = sim_console_run (client->console->arm, line, quit);

  return answer (client, text);
}

/* Runs the whole lines of the buffer, one answer at a time. */
static bool
run_lines (struct client *client)
{
  bool quit = false;
  bool ok = true;
  char *end;

  while (ok && client->out->len == 0
         && (end = memchr (client->buffer, '\n', client->length)) != NULL)
    {
      gsize used = (gsize) (end - client->buffer) + 1;

      *end = 0;
      if (used > 1 && client->buffer[used - 2] == '\r')
        client->buffer[used - 2] = 0;
      ok = run_line (client, client->buffer, &quit);
      client->length -= used;
      memmove (client->buffer, client->buffer + used, client->length);
    }
  if (quit)
    g_main_loop_quit (client->console->loop);
  return ok;
}

static bool
read_client (struct client *client)
{
  gssize got = read (client->fd, client->buffer + client->length,
                     sizeof client->buffer - client->length);

  if (got < 0)
    return errno == EAGAIN || errno == EINTR;
  if (got == 0)
    return false;
  client->length += (gsize) got;
  if (!run_lines (client))
    return false;
  if (client->out->len > 0 || client->length < sizeof client->buffer)
    return true;
  answer (client, "{\"ok\":false,\"error\":\"the line is too long\"}");
  return false;
}

static bool
serve_client (struct client *client, GIOCondition condition)
{
  if (condition & G_IO_OUT)
    return send_out (client) && run_lines (client);
  return read_client (client);
}

static gboolean on_client (gint fd, GIOCondition condition, gpointer data);

/* Reads on only when the last answer is out. */
static void
watch_client (struct client *client)
{
  GIOCondition wanted = client->out->len > 0 ? G_IO_OUT : G_IO_IN;

  if (client->source != 0 && client->condition == wanted)
    return;
  g_clear_handle_id (&client->source, g_source_remove);
  client->condition = wanted;
  client->source = g_unix_fd_add (client->fd, wanted | G_IO_HUP | G_IO_ERR, on_client, client);
}

static gboolean
on_client (gint fd, GIOCondition condition, gpointer data)
{
  struct client *client = data;
  guint source = client->source;

  if (serve_client (client, condition))
    {
      watch_client (client);
      return client->source == source ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
    }
  client->source = 0;
  g_ptr_array_remove_fast (client->console->clients, client);
  return G_SOURCE_REMOVE;
}

static gboolean
on_connection (gint fd, GIOCondition condition, gpointer data)
{
  struct sim_console *console = data;
  int accepted = accept4 (fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  struct client *client;

  if (accepted < 0)
    return G_SOURCE_CONTINUE;
  if (console->clients->len >= SIM_CONSOLE_CLIENTS_MOST)
    {
      close (accepted);
      return G_SOURCE_CONTINUE;
    }
  client = g_new0 (struct client, 1);
  client->console = console;
  client->fd = accepted;
  client->out = g_string_new (NULL);
  watch_client (client);
  g_ptr_array_add (console->clients, client);
  return G_SOURCE_CONTINUE;
}

static bool
fail (GError **error, const char *path)
{
  int code = errno;

  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (code), "%s: %s", path, g_strerror (code));
  return false;
}

/* Takes away the socket that an arm left behind which was killed. What is
 * something else, or in use, stays. */
static bool
clear_path (const struct sockaddr_un *address)
{
  struct stat status;
  int probe;
  bool used;

  if (lstat (address->sun_path, &status) != 0)
    return errno == ENOENT;
  if (!S_ISSOCK (status.st_mode))
    {
      errno = EEXIST;
      return false;
    }
  probe = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0)
    return false;
  used = connect (probe, (const struct sockaddr *) address, sizeof *address) == 0
         || errno != ECONNREFUSED;
  close (probe);
  errno = EADDRINUSE;
  return !used && unlink (address->sun_path) == 0;
}

static bool
listen_at (struct sim_console *console, const char *path, GError **error)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };

  if (g_strlcpy (address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path)
    {
      errno = ENAMETOOLONG;
      return fail (error, path);
    }
  console->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (console->fd < 0 || !clear_path (&address)
      || bind (console->fd, (struct sockaddr *) &address, sizeof address) != 0)
    return fail (error, path);
  console->bound = true;
  return listen (console->fd, 8) == 0 || fail (error, path);
}

struct sim_console *
sim_console_new (struct simlimb *arm, const char *path, GMainLoop *loop, GError **error)
{
  struct sim_console *console = g_new0 (struct sim_console, 1);

  console->arm = arm;
  console->loop = loop;
  console->path = g_strdup (path);
  console->fd = -1;
  console->clients = g_ptr_array_new_with_free_func (free_client);
  if (!listen_at (console, path, error))
    {
      sim_console_free (console);
      return NULL;
    }
  console->source = g_unix_fd_add (console->fd, G_IO_IN, on_connection, console);
  return console;
}

void
sim_console_free (struct sim_console *console)
{
  if (console == NULL)
    return;
  g_clear_handle_id (&console->source, g_source_remove);
  g_ptr_array_unref (console->clients);
  if (console->fd >= 0)
    close (console->fd);
  if (console->bound)
    unlink (console->path);
  g_free (console->path);
  g_free (console);
}
