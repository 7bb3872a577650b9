/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-guided.h"
#include "bpg-progress.h"
#include "bpg-terminal.h"
#include "bpg-wait.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SILENCE_SECONDS 90 /* more than the longest phase and its judging */
#define RESTART_SECONDS 10
#define END_SECONDS 15 /* for the session to end after it was told to */
#define KEYS_MS 100

typedef struct {
  BpgCtl *ctl;
  const char *when_refused;
  char *session;
  char *job;
  gboolean draw;
  gboolean keys;

  GMainLoop *loop;
  char *state, *phase, *movement;
  guint repetition, attempt, step, steps;
  double seconds, seconds_left;
  gint64 heard;
  guint grace_id, end_id;
  gboolean interrupted;
  gboolean over;
  gboolean silent;
} Guided;

static void
set_text (char **target, const char *text)
{
  g_free (*target);
  *target = g_strdup (text);
}

static const char *
get_phase_text (const char *phase)
{
  if (strcmp (phase, "prepare") == 0)
    return _("get ready:");
  if (strcmp (phase, "hold") == 0)
    return _("NOW:");
  if (strcmp (phase, "judging") == 0)
    return _("judging");
  if (strcmp (phase, "rest") == 0)
    return _("relax");
  return phase;
}

static char *
get_label (const char *movement)
{
  return g_strdelimit (g_strdup (movement), "_", ' ');
}

static void
draw (Guided *self)
{
  g_autofree char *label = get_label (self->movement);
  g_autofree char *title = g_strdup_printf ("[%u/%u] %-10s %s", MIN (self->step + 1, self->steps), self->steps,
                                            get_phase_text (self->phase), strcmp (self->phase, "rest") == 0 ? "" : label);
  g_autofree char *detail = NULL;

  if (!self->draw || *self->phase == '\0')
    return;
  if (strcmp (self->state, "running") != 0)
    detail = g_strdup (self->state);
  else
    detail = g_strdup_printf (_("%.1f s   repetition %u, attempt %u"), self->seconds_left, self->repetition, self->attempt);
  bpg_progress_show (title, self->seconds > 0.0 ? MAX (1.0 - self->seconds_left / self->seconds, 0.0) : 0.0, detail);
}

static void
say (Guided *self, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* A line that stays, above the one that is drawn anew; machines get events instead. */
static void
say (Guided *self, const char *format, ...)
{
  va_list arguments;

  if (self->ctl->output->mode != BPG_OUTPUT_HUMAN || self->ctl->quiet)
    return;
  bpg_progress_clear ();
  va_start (arguments, format);
  vprintf (format, arguments);
  va_end (arguments);
  putchar ('\n');
  fflush (stdout);
}

static void
end_loop (Guided *self)
{
  self->over = TRUE;
  g_main_loop_quit (self->loop);
}

static gboolean
on_end_expired (gpointer user_data)
{
  Guided *self = user_data;

  self->end_id = 0;
  self->silent = TRUE;
  g_main_loop_quit (self->loop);
  return G_SOURCE_REMOVE;
}

static gboolean
tell (Guided *self, const char *method, GVariant *arguments)
{
  g_autofree char *member = g_strconcat ("Session1.", method, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply =
    bpg_ctl_call (self->ctl, self->session, member,
                  arguments != NULL ? arguments : g_variant_new ("(a{sv})", NULL), "()", &error);

  if (reply == NULL)
    say (self, "%s", error->message);
  return reply != NULL;
}

static void
stop (Guided *self, const char *method)
{
  tell (self, method, NULL);
  if (self->end_id == 0)
    self->end_id = g_timeout_add_seconds (END_SECONDS, on_end_expired, self);
}

static void
redo (Guided *self)
{
  tell (self, "Redo", g_variant_new ("(sua{sv})", self->movement, self->repetition, NULL));
}

static void
show_keys (Guided *self)
{
  if (self->keys)
    say (self, _("  keys: p pause or go on, r repeat, s skip, f finish and keep, a abort"));
}

static void
on_waiting (Guided *self)
{
  g_autofree char *label = get_label (self->movement);

  say (self, _("  %s %u was refused as often as it may be"), label, self->repetition);
  if (g_strcmp0 (self->when_refused, "skip") == 0)
    tell (self, "Skip", NULL);
  else if (g_strcmp0 (self->when_refused, "redo") == 0)
    redo (self);
  else if (self->when_refused != NULL || !self->keys)
    stop (self, "Abort");
  else
    show_keys (self);
}

static void
set_state (Guided *self, const char *state)
{
  if (strcmp (self->state, state) == 0)
    return;
  set_text (&self->state, state);
  if (strcmp (state, "waiting") == 0)
    on_waiting (self);
  else if (strcmp (state, "paused") == 0)
    say (self, _("  paused; p goes on, f finishes and keeps what was accepted, a or Ctrl-C aborts"));
  else if (strcmp (state, "finished") == 0 || strcmp (state, "aborted") == 0 || strcmp (state, "failed") == 0)
    end_loop (self);
}

static void
take_properties (Guided *self, GVariant *properties)
{
  const char *text;

  if (g_variant_lookup (properties, "Phase", "&s", &text))
    set_text (&self->phase, text);
  if (g_variant_lookup (properties, "Movement", "&s", &text))
    set_text (&self->movement, text);
  g_variant_lookup (properties, "Repetition", "u", &self->repetition);
  g_variant_lookup (properties, "Attempt", "u", &self->attempt);
  g_variant_lookup (properties, "Step", "u", &self->step);
  g_variant_lookup (properties, "Steps", "u", &self->steps);
  g_variant_lookup (properties, "SecondsLeft", "d", &self->seconds_left);
  if (g_variant_lookup (properties, "Advice", "&s", &text) && *text != '\0')
    say (self, "  %s", text);
  if (g_variant_lookup (properties, "State", "&s", &text))
    set_state (self, text);
}

static void
on_changed (GDBusConnection *bus, const char *sender, const char *path, const char *interface, const char *signal,
            GVariant *parameters, gpointer user_data)
{
  Guided *self = user_data;
  g_autoptr (GVariant) changed = NULL;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sa{sv}as)")))
    return;
  self->heard = g_get_monotonic_time ();
  changed = g_variant_get_child_value (parameters, 1);
  take_properties (self, changed);
  draw (self);
}

static void
emit (Guided *self, const char *event, const char *key, const char *value, const char *movement, guint repetition,
      GVariant *details)
{
  GVariantDict line;

  g_variant_dict_init (&line, details);
  g_variant_dict_insert (&line, "event", "s", event);
  if (key != NULL)
    g_variant_dict_insert (&line, key, "s", value);
  g_variant_dict_insert (&line, "movement", "s", movement);
  g_variant_dict_insert (&line, "repetition", "u", repetition);
  bpg_output_line (self->ctl->output, g_variant_dict_end (&line));
}

static void
on_prompt (GDBusConnection *bus, const char *sender, const char *path, const char *interface, const char *signal,
           GVariant *parameters, gpointer user_data)
{
  Guided *self = user_data;
  g_autoptr (GVariant) details = NULL;
  g_autofree char *label = NULL;
  const char *phase, *movement;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(ssua{sv})")))
    return;
  g_variant_get (parameters, "(&s&su@a{sv})", &phase, &movement, &self->repetition, &details);
  self->heard = g_get_monotonic_time ();
  set_text (&self->phase, phase);
  set_text (&self->movement, movement);
  self->seconds = 0.0;
  g_variant_lookup (details, "seconds", "d", &self->seconds);
  g_variant_lookup (details, "attempt", "u", &self->attempt);
  g_variant_lookup (details, "step", "u", &self->step);
  g_variant_lookup (details, "steps", "u", &self->steps);
  self->seconds_left = self->seconds;
  if (self->ctl->output->mode != BPG_OUTPUT_HUMAN) {
    emit (self, "prompt", "phase", phase, movement, self->repetition, details);
    return;
  }
  label = get_label (movement);
  if (!self->draw && strcmp (phase, "hold") == 0)
    say (self, "[%u/%u] %s %s", MIN (self->step + 1, self->steps), self->steps, get_phase_text (phase), label);
  draw (self);
}

static char *
get_reasons (GVariant *details)
{
  g_autofree const char **reasons = NULL;
  const char *advice = "";
  g_autofree char *joined = NULL;

  g_variant_lookup (details, "reasons", "^a&s", &reasons);
  g_variant_lookup (details, "advice", "&s", &advice);
  joined = reasons != NULL ? g_strjoinv (", ", (char **) reasons) : g_strdup ("");
  return g_strdup_printf ("%s%s%s", joined, *advice != '\0' ? " — " : "", advice);
}

static void
on_verdict (GDBusConnection *bus, const char *sender, const char *path, const char *interface, const char *signal,
            GVariant *parameters, gpointer user_data)
{
  Guided *self = user_data;
  g_autoptr (GVariant) details = NULL;
  g_autofree char *label = NULL;
  g_autofree char *why = NULL;
  const char *movement;
  guint repetition;
  gboolean accepted;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(suba{sv})")))
    return;
  g_variant_get (parameters, "(&sub@a{sv})", &movement, &repetition, &accepted, &details);
  self->heard = g_get_monotonic_time ();
  if (self->ctl->output->mode != BPG_OUTPUT_HUMAN) {
    GVariantDict dict;
    g_autoptr (GVariant) more = NULL;

    g_variant_dict_init (&dict, details);
    g_variant_dict_insert (&dict, "accepted", "b", accepted);
    more = g_variant_ref_sink (g_variant_dict_end (&dict));
    emit (self, "verdict", NULL, NULL, movement, repetition, more);
    return;
  }
  label = get_label (movement);
  why = get_reasons (details);
  say (self, accepted ? "  ✓ %s %u%s%s" : "  ✗ %s %u%s%s", label, repetition, *why != '\0' ? ": " : "", why);
  draw (self);
}

static void
on_finished (GDBusConnection *bus, const char *sender, const char *path, const char *interface, const char *signal,
             GVariant *parameters, gpointer user_data)
{
  end_loop (user_data);
}

static gboolean
on_gone (gpointer user_data)
{
  Guided *self = user_data;

  self->grace_id = 0;
  end_loop (self);
  return G_SOURCE_REMOVE;
}

static void
on_owner (GDBusConnection *bus, const char *sender, const char *path, const char *interface, const char *signal,
          GVariant *parameters, gpointer user_data)
{
  Guided *self = user_data;
  const char *owner = "";

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sss)")))
    return;
  g_variant_get (parameters, "(&s&s&s)", NULL, NULL, &owner);
  if (*owner != '\0') {
    end_loop (self); /* the new process ends the job */
  } else if (self->grace_id == 0) {
    bpg_progress_clear ();
    bpg_ctl_note (self->ctl, _("bionicpro-trainingd went away; waiting for it to come back"));
    self->grace_id = g_timeout_add_seconds (RESTART_SECONDS, on_gone, self);
  }
}

static gboolean
on_interrupt (gpointer user_data)
{
  Guided *self = user_data;

  if (self->keys && !self->interrupted && strcmp (self->state, "running") == 0) {
    tell (self, "Pause", NULL);
  } else {
    stop (self, "Abort");
  }
  self->interrupted = TRUE;
  return G_SOURCE_CONTINUE;
}

static gboolean
on_terminate (gpointer user_data)
{
  stop (user_data, "Abort");
  return G_SOURCE_CONTINUE;
}

static void
on_key (Guided *self, char key)
{
  if (key == 'p' || key == ' ' || key == 'c') {
    self->interrupted = FALSE;
    tell (self, strcmp (self->state, "paused") == 0 ? "Resume" : "Pause", NULL);
  } else if (key == 's') {
    tell (self, "Skip", NULL);
  } else if (key == 'r') {
    redo (self);
  } else if (key == 'f') {
    stop (self, "Finish");
  } else if (key == 'a' || key == 'q') {
    stop (self, "Abort");
  } else {
    show_keys (self);
  }
}

static gboolean
on_tick (gpointer user_data)
{
  Guided *self = user_data;
  char key = bpg_terminal_read_key ();
  gint64 silence = g_get_monotonic_time () - self->heard;

  if (key != 0)
    on_key (self, key);
  if (silence > SILENCE_SECONDS * G_USEC_PER_SEC && strcmp (self->state, "running") == 0) {
    self->silent = TRUE;
    g_main_loop_quit (self->loop);
  }
  return G_SOURCE_CONTINUE;
}

static gboolean
begin (Guided *self, GError **error)
{
  g_autoptr (GVariant) reply =
    bpg_ctl_call (self->ctl, self->session, "Session1.Begin", g_variant_new ("(a{sv})", NULL), "(o)", error);
  g_autoptr (BpgObject) session = NULL;
  g_autoptr (GVariant) properties = NULL;

  if (reply == NULL)
    return FALSE;
  g_variant_get (reply, "(o)", &self->job);
  session = bpg_ctl_reload (self->ctl, self->session, "Session1", error);
  if (session == NULL)
    return FALSE;
  properties = g_variant_lookup_value (session->interfaces, BPG_INTERFACE ("Session1"), G_VARIANT_TYPE_VARDICT);
  take_properties (self, properties);
  return TRUE;
}

static gboolean
run_loop (Guided *self, GError **error)
{
  GDBusConnection *bus = self->ctl->bus;
  const char *name = BPG_BUS_TRAINING, *session = BPG_INTERFACE ("Session1");
  guint subscriptions[] = {
    g_dbus_connection_signal_subscribe (bus, name, session, "Prompt", self->session, NULL, 0, on_prompt, self, NULL),
    g_dbus_connection_signal_subscribe (bus, name, session, "Verdict", self->session, NULL, 0, on_verdict, self, NULL),
    g_dbus_connection_signal_subscribe (bus, name, "org.freedesktop.DBus.Properties", "PropertiesChanged",
                                        self->session, NULL, 0, on_changed, self, NULL),
    g_dbus_connection_signal_subscribe (bus, "org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged",
                                        "/org/freedesktop/DBus", name, 0, on_owner, self, NULL),
  };
  guint sources[] = {
    g_timeout_add (KEYS_MS, on_tick, self),
    g_unix_signal_add (SIGINT, on_interrupt, self),
    g_unix_signal_add (SIGTERM, on_terminate, self),
  };
  guint finished = 0;
  gboolean begun;

  self->heard = g_get_monotonic_time ();
  begun = begin (self, error);
  if (begun && !self->over) {
    finished = g_dbus_connection_signal_subscribe (bus, name, BPG_INTERFACE ("Job1"), "Finished", self->job, NULL, 0,
                                                   on_finished, self, NULL);
    if (self->ctl->timeout > 0 && self->end_id == 0)
      self->end_id = g_timeout_add_seconds ((guint) self->ctl->timeout, on_end_expired, self);
    g_main_loop_run (self->loop);
  }
  bpg_progress_clear ();
  for (guint i = 0; i < G_N_ELEMENTS (subscriptions); i++)
    g_dbus_connection_signal_unsubscribe (bus, subscriptions[i]);
  if (finished != 0)
    g_dbus_connection_signal_unsubscribe (bus, finished);
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    g_source_remove (sources[i]);
  g_clear_handle_id (&self->grace_id, g_source_remove);
  g_clear_handle_id (&self->end_id, g_source_remove);
  return begun;
}

static GVariant *
conclude (Guided *self, GError **error)
{
  g_autoptr (GVariant) result = NULL;
  GVariantDict dict;

  if (self->silent) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_TIMED_OUT,
                 _("The session goes on without an end; see 'bionicctl list sessions' and 'bionicctl jobs'"));
    return NULL;
  }
  result = bpg_ctl_wait (self->ctl, self->job, NULL, error);
  if (result == NULL)
    return NULL;
  g_variant_dict_init (&dict, result);
  g_variant_dict_insert (&dict, "session", "o", self->session);
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

GVariant *
bpg_ctl_run_session (BpgCtl *ctl, const char *prosthesis, GVariant *options, const char *when_refused, GError **error)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GVariant) reply = bpg_ctl_call (ctl, BPG_PATH_TRAINING, "Training1.StartSession",
                                             g_variant_new ("(o@a{sv})", prosthesis, options), "(o)", error);
  Guided self = {
    .ctl = ctl,
    .when_refused = when_refused,
    .loop = loop,
    .draw = ctl->output->mode == BPG_OUTPUT_HUMAN && !ctl->quiet && bpg_progress_is_wanted (),
    .state = g_strdup ("ready"),
    .phase = g_strdup (""),
    .movement = g_strdup (""),
  };
  GVariant *result = NULL;

  if (reply != NULL) {
    g_variant_get (reply, "(o)", &self.session);
    self.keys = ctl->output->mode == BPG_OUTPUT_HUMAN && bpg_terminal_take_keys ();
    show_keys (&self);
    if (run_loop (&self, error))
      result = conclude (&self, error);
    bpg_terminal_give_back ();
  }
  g_free (self.session);
  g_free (self.job);
  g_free (self.state);
  g_free (self.phase);
  g_free (self.movement);
  return result;
}
