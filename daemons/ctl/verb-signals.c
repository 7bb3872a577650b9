/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-find.h"
#include "bpg-live.h"
#include "bpg-movement.h"
#include "bpg-terminal.h"

#include <glib-unix.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define DEFAULT_INTERVAL_MS 100
#define SILENCE_SECONDS 10

static double seconds_option;
static int interval_option = DEFAULT_INTERVAL_MS;
static gboolean decisions_option;

typedef struct {
  BpgCtl *ctl;
  char *title;
  gboolean view;      /* the whole terminal is ours */
  gboolean decisions; /* a line for each decision instead */
  BpgLive live;
  GMainLoop *loop;
  gint64 heard;
  gboolean left;
  GError *error;
} Signals;

static void
print_decision (Signals *self, const BpgStreamDecision *decision)
{
  if (self->ctl->output->mode == BPG_OUTPUT_HUMAN) {
    printf ("%u,%u,%s,%.3f,%.3f\n", decision->sample, decision->movement, bpg_movement_get_name (decision->movement),
            decision->confidence / 1000.0, decision->speed / 1000.0);
  } else {
    GVariantDict line;

    g_variant_dict_init (&line, NULL);
    g_variant_dict_insert (&line, "sample", "u", decision->sample);
    g_variant_dict_insert (&line, "movement", "y", decision->movement);
    g_variant_dict_insert (&line, "name", "s", bpg_movement_get_name (decision->movement));
    g_variant_dict_insert (&line, "raw", "y", decision->raw);
    g_variant_dict_insert (&line, "confidence", "d", decision->confidence / 1000.0);
    g_variant_dict_insert (&line, "speed", "d", decision->speed / 1000.0);
    g_variant_dict_insert (&line, "distance", "d", decision->distance / 256.0);
    g_variant_dict_insert (&line, "latency_us", "u", decision->latency);
    bpg_output_line (self->ctl->output, g_variant_dict_end (&line));
  }
}

static void
on_record (BpgStreamReader *reader, const BpgStreamHeader *header, const void *body, gpointer user_data)
{
  Signals *self = user_data;

  self->heard = g_get_monotonic_time ();
  bpg_live_take (&self->live, header, body);
  if (self->decisions && header->type == BPG_STREAM_DECISION && header->length >= sizeof (BpgStreamDecision))
    print_decision (self, body);
}

static void
on_end (BpgStreamReader *reader, const GError *error, gpointer user_data)
{
  Signals *self = user_data;

  self->left = TRUE;
  if (error != NULL)
    self->error = g_error_copy (error);
  g_main_loop_quit (self->loop);
}

static gboolean
on_step (gpointer user_data)
{
  Signals *self = user_data;
  g_autofree char *text = NULL;
  int columns, rows;
  char key = bpg_terminal_read_key ();

  if (key == 'q' || key == 'Q' || key == 27) {
    g_main_loop_quit (self->loop);
    return G_SOURCE_CONTINUE;
  }
  if (g_get_monotonic_time () - self->heard > SILENCE_SECONDS * G_USEC_PER_SEC) {
    g_set_error (&self->error, BPG_ERROR, BPG_ERROR_TIMED_OUT, _("The arm has sent nothing for %d seconds"),
                 SILENCE_SECONDS);
    g_main_loop_quit (self->loop);
    return G_SOURCE_CONTINUE;
  }
  bpg_live_step (&self->live);
  if (self->view) {
    bpg_terminal_get_size (&columns, &rows);
    text = bpg_live_draw (&self->live, self->title, columns, rows);
    fputs (text, stdout);
    fflush (stdout);
  } else if (!self->decisions) {
    bpg_output_line (self->ctl->output, bpg_live_describe (&self->live));
  }
  return G_SOURCE_CONTINUE;
}

static gboolean
on_stop (gpointer user_data)
{
  g_main_loop_quit (((Signals *) user_data)->loop);
  return G_SOURCE_CONTINUE;
}

static void
run_loop (Signals *self, int fd)
{
  g_autoptr (BpgStreamReader) reader = bpg_stream_reader_new (fd, on_record, on_end, self);
  guint sources[] = {
    g_timeout_add ((guint) interval_option, on_step, self),
    g_unix_signal_add (SIGINT, on_stop, self),
    g_unix_signal_add (SIGTERM, on_stop, self),
    g_timeout_add (seconds_option > 0.0 ? (guint) (seconds_option * 1000.0) : G_MAXINT, on_stop, self),
  };

  self->heard = g_get_monotonic_time ();
  if (self->view) {
    bpg_terminal_take_keys ();
    /* Another screen, without cursor; the old one comes back. */
    fputs ("\033[?1049h\033[?25l", stdout);
  }
  if (self->decisions && self->ctl->output->mode == BPG_OUTPUT_HUMAN)
    puts ("sample,movement,name,confidence,speed");
  g_main_loop_run (self->loop);
  if (self->view) {
    fputs ("\033[?25h\033[?1049l", stdout);
    bpg_terminal_give_back ();
  }
  fflush (stdout);
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    g_source_remove (sources[i]);
  bpg_stream_reader_stop (reader);
}

static int
open_stream (BpgCtl *ctl, const char *path, Signals *self, GError **error)
{
  g_auto (GVariantDict) options = G_VARIANT_DICT_INIT (NULL);
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) format = NULL;
  const char *unit = "";
  int fd = -1;

  if (self->decisions)
    g_variant_dict_insert (&options, "samples", "b", FALSE);
  reply = bpg_ctl_call_fd (ctl, path, "Prosthesis1.OpenStream", g_variant_new ("(@a{sv})", g_variant_dict_end (&options)),
                           "(ha{sv})", -1, &fd, error);
  if (reply == NULL)
    return -1;
  format = g_variant_get_child_value (reply, 1);
  g_variant_lookup (format, "rate", "u", &self->live.rate);
  g_variant_lookup (format, "channels", "u", &self->live.channels);
  g_variant_lookup (format, "lsb", "d", &self->live.lsb);
  g_variant_lookup (format, "unit", "&s", &unit);
  self->live.channels = MIN (self->live.channels, BPG_LIVE_CHANNELS);
  self->live.unit = g_intern_string (g_str_equal (unit, "microvolt") ? "µV" : unit);
  return fd;
}

static gboolean
conclude (Signals *self, GError **error)
{
  if (self->error != NULL) {
    g_propagate_error (error, g_steal_pointer (&self->error));
    return FALSE;
  }
  if (self->left) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_DISCONNECTED, _("The arm has left"));
    return FALSE;
  }
  if (self->live.lost > 0 || self->live.dropped > 0)
    bpg_ctl_note (self->ctl,
                  _("%" PRIu64 " samples were lost on the link, %" PRIu64 " were not read in time"),
                  self->live.lost, self->live.dropped);
  return TRUE;
}

static gboolean
run (BpgCtl *ctl, GError **error)
{
  g_autoptr (BpgObject) prosthesis = NULL;
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  Signals self = {.ctl = ctl, .loop = loop, .decisions = decisions_option};
  gboolean ok;
  int fd;

  if (interval_option < 10 || interval_option > 60000 || seconds_option < 0.0 || seconds_option > 86400.0)
    return bpg_ctl_usage (error, _("--interval is 10 to 60000 ms, --seconds at most 86400"));
  prosthesis = bpg_ctl_find (ctl, BPG_THING_PROSTHESIS, ctl->n_arguments > 0 ? ctl->arguments[0] : NULL, error);
  if (prosthesis == NULL)
    return FALSE;
  fd = open_stream (ctl, prosthesis->path, &self, error);
  if (fd < 0)
    return FALSE;
  self.title = bpg_object_get_string (prosthesis, "Prosthesis1.DeviceId");
  self.view = ctl->output->mode == BPG_OUTPUT_HUMAN && !self.decisions && isatty (STDOUT_FILENO);
  run_loop (&self, fd);
  ok = conclude (&self, error);
  g_free (self.title);
  bpg_live_clear (&self.live);
  return ok;
}

static const GOptionEntry options[] = {
  {"seconds", 's', 0, G_OPTION_ARG_DOUBLE, &seconds_option, N_("End after so long"), N_("SECONDS")},
  {"interval", 'i', 0, G_OPTION_ARG_INT, &interval_option, N_("Milliseconds between two views or lines (100)"), N_("MS")},
  {"decisions", 'd', 0, G_OPTION_ARG_NONE, &decisions_option,
   N_("Print every decision, as CSV with the columns of 'lab run'"), NULL},
  {NULL},
};

const BpgVerb bpg_verb_signals = {
  .name = "signals",
  .arguments = N_("[PROSTHESIS]"),
  .summary = N_("Watch the electrodes and the arm's decisions live"),
  .details = N_("On a terminal q or Ctrl-C quits. Otherwise, and with --json, a line an interval: `rms` of each electrode in\n"
                "its unit, the last decision, `lost` and `dropped` samples. Exit status 5 when the arm leaves.\n\n"
                "Examples:\n  bionicctl signals\n  bionicctl signals BP-0001 --seconds 10 --json\n"
                "  bionicctl signals --decisions --seconds 60 > arm.csv"),
  .maximum = 1,
  .options = options,
  .run = run,
};
