/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-log.h"
#include "bpg-service.h"

#include <glib-unix.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#define SHUTDOWN_SECONDS 5
#define EXIT_USAGE 2

typedef struct {
  const BpgServiceInfo *info;
  gboolean session;
  gboolean verbose;
  gboolean version;
  char *state_dir;

  GMainLoop *loop;
  BpgService *service;
  GObject *daemon;
  guint name_id;
  guint watchdog_id;
  guint poll_id;
  gint64 deadline;
  gboolean stopping;
  int status;
} Main;

static gboolean
on_watchdog (gpointer user_data)
{
  sd_notify (0, "WATCHDOG=1");
  return G_SOURCE_CONTINUE;
}

static void
start_watchdog (Main *self)
{
  uint64_t limit = 0;

  if (sd_watchdog_enabled (0, &limit) > 0 && limit > 2000)
    self->watchdog_id = g_timeout_add ((guint) (limit / 2000), on_watchdog, NULL);
}

static gboolean
on_shutdown_poll (gpointer user_data)
{
  Main *self = user_data;

  if (bpg_job_list_count_running (bpg_service_get_jobs (self->service)) > 0 && g_get_monotonic_time () < self->deadline)
    return G_SOURCE_CONTINUE;
  self->poll_id = 0;
  g_main_loop_quit (self->loop);
  return G_SOURCE_REMOVE;
}

/* Jobs that do not end within the limit are ended by the next process: their rows are on the disk. */
static void
shut_down (Main *self, int status)
{
  if (self->stopping)
    return;
  self->stopping = TRUE;
  self->status = status;
  sd_notify (0, "STOPPING=1");

  if (self->service == NULL) {
    g_main_loop_quit (self->loop);
    return;
  }
  g_object_set (bpg_service_get_manager (self->service), "state", "stopping", NULL);
  bpg_job_list_cancel_all (bpg_service_get_jobs (self->service));
  if (self->daemon != NULL && self->info->stop != NULL)
    self->info->stop (self->daemon);
  self->deadline = g_get_monotonic_time () + SHUTDOWN_SECONDS * G_USEC_PER_SEC;
  self->poll_id = g_timeout_add (20, on_shutdown_poll, self);
}

static gboolean
on_signal (gpointer user_data)
{
  shut_down (user_data, EXIT_SUCCESS);
  return G_SOURCE_CONTINUE;
}

static void
on_bus_closed (GDBusConnection *connection, gboolean vanished, GError *error, gpointer user_data)
{
  bpg_warning (NULL, "The bus has gone: %s", error != NULL ? error->message : "closed");
  shut_down (user_data, EXIT_FAILURE);
}

static void
on_name_acquired (GDBusConnection *connection, const char *name, gpointer user_data)
{
  Main *self = user_data;

  bpg_info (name, "on the bus, version %s", BPG_VERSION);
  if (self->info->ready != NULL)
    self->info->ready (self->daemon);
  sd_notify (0, "READY=1");
}

static void
on_name_lost (GDBusConnection *connection, const char *name, gpointer user_data)
{
  bpg_warning (name, "The name cannot be owned; is another instance running, or does the bus's policy forbid it?");
  shut_down (user_data, EXIT_FAILURE);
}

static char *
find_state_dir (Main *self)
{
  const char *given = g_getenv ("STATE_DIRECTORY");

  if (self->state_dir != NULL)
    return g_strdup (self->state_dir);
  if (given != NULL && given[0] == '/')
    return g_strndup (given, strcspn (given, ":"));
  if (self->session)
    return g_build_filename (g_get_user_data_dir (), "bionicpro", self->info->name, NULL);
  return g_build_filename (BPG_LOCALSTATEDIR, "lib", "bionicpro", self->info->name, NULL);
}

static void
on_bus (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Main *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) connection = g_bus_get_finish (result, &error);
  g_autofree char *state_dir = find_state_dir (self);

  if (connection != NULL) {
    g_dbus_connection_set_exit_on_close (connection, FALSE);
    g_signal_connect (connection, "closed", G_CALLBACK (on_bus_closed), self);
    self->service = bpg_service_new (self->info, connection, state_dir, self->session, &error);
  }
  if (self->service != NULL)
    self->daemon = self->info->start (self->service, &error);
  if (self->daemon == NULL) {
    bpg_warning (NULL, "%s cannot start: %s", self->info->name, error->message);
    shut_down (self, EXIT_FAILURE);
    return;
  }
  bpg_service_set_started (self->service);
  self->name_id = g_bus_own_name_on_connection (connection, self->info->bus_name, G_BUS_NAME_OWNER_FLAGS_DO_NOT_QUEUE,
                                                on_name_acquired, on_name_lost, self, NULL);
}

static gboolean
parse_options (Main *self, int argc, char **argv, GError **error)
{
  const GOptionEntry entries[] = {
    {"session-bus", 0, 0, G_OPTION_ARG_NONE, &self->session,
     "Use the session bus and do without polkit (for developers)", NULL},
    {"state-dir", 0, 0, G_OPTION_ARG_FILENAME, &self->state_dir, "Keep the state there", "DIR"},
    {"verbose", 'v', 0, G_OPTION_ARG_NONE, &self->verbose, "Log details", NULL},
    {"version", 0, 0, G_OPTION_ARG_NONE, &self->version, "Print the version and exit", NULL},
    {NULL},
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);

  g_option_context_set_summary (context, self->info->summary);
  g_option_context_add_main_entries (context, entries, NULL);
  if (self->info->options != NULL)
    g_option_context_add_main_entries (context, self->info->options, NULL);
  if (!g_option_context_parse (context, &argc, &argv, error))
    return FALSE;
  if (argc > 1) {
    g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "Unexpected argument '%s'; see --help", argv[1]);
    return FALSE;
  }
  return TRUE;
}

static void
flush (Main *self)
{
  g_autoptr (GError) error = NULL;

  /* The loop has ended, so this blocks nobody: whoever waits shall hear Finished before the connection goes. */
  if (!g_dbus_connection_is_closed (bpg_service_get_connection (self->service)) &&
      !g_dbus_connection_flush_sync (bpg_service_get_connection (self->service), NULL, &error))
    bpg_warning (NULL, "Flushing the bus: %s", error->message);
}

static void
run (Main *self)
{
  guint term_id, int_id;

  self->loop = g_main_loop_new (NULL, FALSE);
  term_id = g_unix_signal_add (SIGTERM, on_signal, self);
  int_id = g_unix_signal_add (SIGINT, on_signal, self);
  start_watchdog (self);
  g_bus_get (self->session ? G_BUS_TYPE_SESSION : G_BUS_TYPE_SYSTEM, NULL, on_bus, self);
  g_main_loop_run (self->loop);

  g_source_remove (term_id);
  g_source_remove (int_id);
  g_clear_handle_id (&self->watchdog_id, g_source_remove);
  g_clear_handle_id (&self->poll_id, g_source_remove);
  if (self->service != NULL) {
    flush (self);
    g_signal_handlers_disconnect_by_data (bpg_service_get_connection (self->service), self);
  }
  /* The folder is let go before the name, so that whoever is started for the next call can have both. */
  g_clear_object (&self->daemon);
  g_clear_object (&self->service);
  g_clear_handle_id (&self->name_id, g_bus_unown_name);
  g_clear_pointer (&self->loop, g_main_loop_unref);
}

int
bpg_service_main (const BpgServiceInfo *info, int argc, char **argv)
{
  Main self = {.info = info};
  g_autoptr (GError) error = NULL;

  setlocale (LC_ALL, "");
  g_set_prgname (argv[0]);
  if (!parse_options (&self, argc, argv, &error)) {
    g_printerr ("%s: %s\n", argv[0], error->message);
    return EXIT_USAGE;
  }
  if (self.version) {
    g_print ("bionicpro-%sd %s\n", info->name, BPG_VERSION);
    return EXIT_SUCCESS;
  }

  bpg_log_init (self.verbose);
  bpg_error_quark ();
  run (&self);
  g_free (self.state_dir);
  return self.status;
}
