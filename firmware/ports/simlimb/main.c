/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "sim-commands.h"
#include "sim-console.h"
#include "sim-manufacture.h"
#include "simlimb.h"

#define PERIOD_US 2000

struct options
{
  char *directory;
  gboolean manufacture;
  gboolean version;
  char *device_id;
  char *hardware;
  char *ca;
  char *release_key;
  char *link;
  int fd;
  char *control;
  char **electrodes;
  gboolean generate;
  int rate;
  int channels;
  gint64 seed;
  double speed;
  int baud;
  int noise;
  int power_cut_at;
  int battery;
  char *write_recordings;
  int days;
};

static gboolean
parse_options (struct options *options, int *argc, char ***argv, GError **error)
{
  const GOptionEntry entries[] = {
    { "dir", 'd', 0, G_OPTION_ARG_FILENAME, &options->directory, "Folder of the arm: flash.bin, element.pem, qr.json", "STATE" },
    { "manufacture", 0, 0, G_OPTION_ARG_NONE, &options->manufacture, "Make the arm (key, certificate, QR code) and go on if --link, --fd or --control is given", NULL },
    { "device-id", 0, 0, G_OPTION_ARG_STRING, &options->device_id, "Its name when made (from its key)", "ID" },
    { "hardware", 0, 0, G_OPTION_ARG_STRING, &options->hardware, "Its hardware name when made (simlimb-1)", "NAME" },
    { "ca", 0, 0, G_OPTION_ARG_FILENAME, &options->ca, "Folder of the maker's development CA, made if missing (STATE)", "DIR" },
    { "release-key", 0, 0, G_OPTION_ARG_FILENAME, &options->release_key, "Public key (PEM or DER) it accepts firmware from", "FILE" },
    { "link", 'l', 0, G_OPTION_ARG_FILENAME, &options->link, "Symbolic link to make to the pty", "PATH" },
    { "fd", 0, 0, G_OPTION_ARG_INT, &options->fd, "Use this open descriptor as the line instead of a pty", "N" },
    { "control", 'c', 0, G_OPTION_ARG_FILENAME, &options->control, "Control socket to listen at", "PATH" },
    { "electrodes", 'e', 0, G_OPTION_ARG_FILENAME_ARRAY, &options->electrodes, "Recording (emgpack) whose converter the arm has; may be repeated", "REC.json" },
    { "generate", 'g', 0, G_OPTION_ARG_NONE, &options->generate, "Generate EMG from a physiological model", NULL },
    { "rate", 0, 0, G_OPTION_ARG_INT, &options->rate, "Samples a second when generating, 200 to 2000 (1000)", "HZ" },
    { "channels", 0, 0, G_OPTION_ARG_INT, &options->channels, "Electrodes when generating, 4 to 16 (8)", "N" },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &options->seed, "Seed of all that is random (1)", "N" },
    { "speed", 's', 0, G_OPTION_ARG_DOUBLE, &options->speed, "Times real time (1)", "N" },
    { "baud", 'b', 0, G_OPTION_ARG_INT, &options->baud, "Throttle the line; 0 = as fast as it goes (0)", "N" },
    { "noise-per-million", 0, 0, G_OPTION_ARG_INT, &options->noise, "Bytes in a million lost, doubled or damaged (0)", "N" },
    { "power-cut-at", 0, 0, G_OPTION_ARG_INT, &options->power_cut_at, "Cut the power in the Nth flash operation from now", "N" },
    { "battery", 0, 0, G_OPTION_ARG_INT, &options->battery, "Charge in percent (80)", "N" },
    { "write-recordings", 0, 0, G_OPTION_ARG_FILENAME, &options->write_recordings, "Write generated recordings (emgpack) into DIR and end", "DIR" },
    { "days", 0, 0, G_OPTION_ARG_INT, &options->days, "How many days of them (5)", "N" },
    { "version", 0, 0, G_OPTION_ARG_NONE, &options->version, "Show the version", NULL },
    G_OPTION_ENTRY_NULL,
  };
  g_autoptr (GOptionContext) context = g_option_context_new ("— a virtual arm prosthesis");

  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_set_summary (context,
                                "Runs the arm's firmware on a pty, with flash, battery and electrodes in software.");
  g_option_context_set_description (context, sim_console_help ());
  if (!g_option_context_parse (context, argc, argv, error))
    return FALSE;
  if (*argc > 1)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "what is \"%s\"?", (*argv)[1]);
      return FALSE;
    }
  return TRUE;
}

static gboolean
in_range (const char *name, double value, double least, double most, GError **error)
{
  if (value >= least && value <= most)
    return TRUE;
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--%s is to be from %g to %g", name,
               least, most);
  return FALSE;
}

static gboolean
check_options (const struct options *options, GError **error)
{
  if (options->directory == NULL && options->write_recordings == NULL)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--dir STATE is needed");
      return FALSE;
    }
  if (options->generate && options->electrodes != NULL)
    {
      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
                   "--generate and --electrodes exclude each other");
      return FALSE;
    }
  return in_range ("rate", options->rate, BPG_RATE_MIN, BPG_RATE_MAX, error)
         && in_range ("channels", options->channels, BPG_CHANNELS_MIN, BPG_PORT_MAX_CHANNELS, error)
         && in_range ("speed", options->speed, 0.01, SIM_SPEED_MOST, error)
         && in_range ("baud", options->baud, 0, 10000000, error)
         && in_range ("noise-per-million", options->noise, 0, 1000000, error)
         && in_range ("battery", options->battery, 0, 100, error)
         && in_range ("power-cut-at", options->power_cut_at, 0, G_MAXINT, error)
         && in_range ("days", options->days, 1, 365, error);
}

static gboolean
prepare_electrodes (struct simlimb *arm, const struct options *options, GError **error)
{
  char unit[] = "microvolt";
  const struct sim_converter plain = { 1000, 8, 0.25, unit };
  const struct sim_recording *first = NULL;

  sim_electrodes_init (&arm->electrodes, (uint64_t) options->seed);
  if (options->generate)
    sim_electrodes_set_generator (&arm->electrodes, (uint64_t) options->seed,
                                  (unsigned) options->rate, (unsigned) options->channels);
  for (char **path = options->electrodes; path != NULL && *path != NULL; path++)
    {
      const struct sim_recording *recording = sim_electrodes_load (&arm->electrodes, *path, error);

      if (recording == NULL)
        return FALSE;
      first = first != NULL ? first : recording;
    }
  if (first != NULL)
    sim_electrodes_rest (&arm->electrodes, first);
  else if (!options->generate)
    sim_electrodes_set_converter (&arm->electrodes, &plain);
  return TRUE;
}

/* Flash, factory, element: what lies in the folder. */
static gboolean
prepare_arm (struct simlimb *arm, const struct options *options, GError **error)
{
  g_autofree char *flash = g_build_filename (options->directory, "flash.bin", NULL);
  g_autofree char *key = g_build_filename (options->directory, "element.pem", NULL);
  struct sim_manufacture order = {
    .directory = options->directory,
    .device_id = options->device_id,
    .hardware = options->hardware != NULL ? options->hardware : "simlimb-1",
    .ca = options->ca != NULL ? options->ca : options->directory,
    .release = options->release_key,
  };

  if (options->manufacture && g_mkdir_with_parents (options->directory, 0700) != 0)
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "%s: %s", options->directory,
                   g_strerror (errno));
      return FALSE;
    }
  if (!options->manufacture && !g_file_test (key, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                   "%s: no arm has been made here; run with --manufacture", options->directory);
      return FALSE;
    }
  return sim_flash_open (&arm->flash, flash, (uint64_t) options->seed, error)
         && (!options->manufacture || sim_manufacture (&order, &arm->flash, error))
         && sim_element_load (&arm->element, key, error);
}

static gboolean
prepare_line (struct simlimb *arm, const struct options *options, GError **error)
{
  arm->line.baud = (uint32_t) options->baud;
  arm->line.noise = (uint32_t) options->noise;
  if (options->fd >= 0)
    return sim_line_take_fd (&arm->line, options->fd, error);
  return sim_line_plug (&arm->line, error);
}

/* The sources that wake the process: time, and the line. */
struct waker
{
  struct simlimb *arm;
  guint line_source;
  int line_fd;
  GIOCondition condition;
};

static void watch_line (struct waker *waker);

static gboolean
on_line (gint fd, GIOCondition condition, gpointer data)
{
  struct waker *waker = data;

  simlimb_advance (waker->arm);
  simlimb_receive (waker->arm);
  watch_line (waker);
  return waker->line_source != 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/* Watches the line that is there now; a line without a peer would be always
 * ready (hung up), as would one whose bytes nobody takes for now, and a
 * throttled one is looked after by the timer. */
static void
watch_line (struct waker *waker)
{
  const struct sim_line *line = &waker->arm->line;
  bool wanted = line->fd >= 0 && line->peer && line->baud == 0 && sim_line_has_room_in (line);

  if (wanted && waker->line_source != 0 && waker->line_fd == line->fd)
    return;
  g_clear_handle_id (&waker->line_source, g_source_remove);
  waker->line_fd = line->fd;
  if (wanted)
    waker->line_source = g_unix_fd_add (line->fd, G_IO_IN, on_line, waker);
}

static gboolean
on_time (gint fd, GIOCondition condition, gpointer data)
{
  struct waker *waker = data;
  guint64 expirations;

  if (read (fd, &expirations, sizeof expirations) != sizeof expirations)
    return G_SOURCE_CONTINUE;
  simlimb_advance (waker->arm);
  simlimb_receive (waker->arm);
  watch_line (waker);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_signal (gpointer data)
{
  g_main_loop_quit (data);
  return G_SOURCE_CONTINUE;
}

static gboolean
run (struct simlimb *arm, const struct options *options, GError **error)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  struct itimerspec period = { { 0, PERIOD_US * 1000 }, { 0, PERIOD_US * 1000 } };
  struct sim_console *console = NULL;
  struct waker waker = { .arm = arm };
  int timer = timerfd_create (CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  guint source;

  if (timer < 0 || timerfd_settime (timer, 0, &period, NULL) != 0)
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "timer: %s", g_strerror (errno));
      return FALSE;
    }
  if (options->control != NULL)
    {
      console = sim_console_new (arm, options->control, loop, error);
      if (console == NULL)
        {
          close (timer);
          return FALSE;
        }
    }
  source = g_unix_fd_add (timer, G_IO_IN, on_time, &waker);
  g_unix_signal_add (SIGTERM, on_signal, loop);
  g_unix_signal_add (SIGINT, on_signal, loop);
  g_unix_signal_add (SIGHUP, on_signal, loop);
  g_print ("ready %s\n", arm->line.name != NULL ? arm->line.name : "");
  fflush (stdout);
  g_main_loop_run (loop);

  g_source_remove (source);
  g_clear_handle_id (&waker.line_source, g_source_remove);
  close (timer);
  sim_console_free (console);
  return TRUE;
}

static gboolean
start (struct simlimb *arm, const struct options *options, GError **error)
{
  arm->speed = options->speed;
  arm->battery_percent = (unsigned) options->battery;
  arm->worn = true;
  for (unsigned i = 0; i < BPG_PORT_ACTUATORS; i++)
    arm->position[i] = 500;
  arm->temperature_dc = 250;
  arm->flash.cut_in = (uint32_t) options->power_cut_at;
  if (!simlimb_power_on (arm, BPG_BOOT_POWER_ON))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                   "%s: the factory sector of flash.bin is not valid", options->directory);
      return FALSE;
    }
  return prepare_line (arm, options, error) && run (arm, options, error);
}

static gboolean
run_arm (const struct options *options, GError **error)
{
  gboolean only_make = options->manufacture && options->link == NULL && options->fd < 0
                       && options->control == NULL;
  struct simlimb *arm = g_new0 (struct simlimb, 1);
  gboolean ok;

  simlimb = arm;
  sim_line_init (&arm->line, options->link, (uint64_t) options->seed);
  ok = prepare_electrodes (arm, options, error) && prepare_arm (arm, options, error)
       && (only_make || start (arm, options, error));

  sim_line_unplug (&arm->line);
  sim_element_clear (&arm->element);
  sim_flash_close (&arm->flash);
  sim_electrodes_clear (&arm->electrodes);
  g_free (arm->line.link);
  g_free (arm->line.name);
  simlimb = NULL;
  g_free (arm);
  return ok;
}

static void
clear_options (struct options *options)
{
  g_free (options->directory);
  g_free (options->device_id);
  g_free (options->hardware);
  g_free (options->ca);
  g_free (options->release_key);
  g_free (options->link);
  g_free (options->control);
  g_strfreev (options->electrodes);
  g_free (options->write_recordings);
}

static gboolean
run_options (struct options *options, int argc, char **argv, GError **error)
{
  if (!parse_options (options, &argc, &argv, error))
    return FALSE;
  if (options->version)
    {
      g_print ("bionicpro-simlimb %s\n", BPG_VERSION);
      return TRUE;
    }
  if (!check_options (options, error))
    return FALSE;
  if (options->write_recordings != NULL)
    return sim_generator_write_recordings (options->write_recordings, (uint64_t) options->seed,
                                           (unsigned) options->days, (unsigned) options->rate,
                                           (unsigned) options->channels, error);
  return run_arm (options, error);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  struct options options = {
    .fd = -1, .rate = 1000, .channels = 8, .seed = 1, .speed = 1, .battery = 80, .days = 5,
  };
  gboolean ok;

  setlocale (LC_ALL, "");
  /* A line or a reader that goes away is no reason to leave a link behind. */
  signal (SIGPIPE, SIG_IGN);
  ok = run_options (&options, argc, argv, &error);
  if (!ok)
    g_printerr ("bionicpro-simlimb: %s\n", error->message);
  clear_options (&options);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
