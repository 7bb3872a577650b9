/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-bus.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static double seconds_option;
static gboolean quiet_option;

typedef struct {
  BpgCtl *ctl;
  GMainLoop *loop;
  GHashTable *owners; /* unique name -> word of the daemon */
  gboolean closed;
} Monitor;

static void
print_event (Monitor *self, const char *daemon, const char *event, const char *path, GVariant *details)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();
  g_autofree char *time = g_date_time_format (now, "%H:%M:%S.%f");
  g_autofree char *what = NULL;

  if (self->ctl->output->mode != BPG_OUTPUT_HUMAN) {
    GVariantDict line;

    g_variant_dict_init (&line, NULL);
    g_variant_dict_insert (&line, "time", "t", (guint64) g_get_real_time ());
    g_variant_dict_insert (&line, "service", "s", daemon);
    g_variant_dict_insert (&line, "event", "s", event);
    g_variant_dict_insert (&line, "path", "s", path);
    if (details != NULL)
      g_variant_dict_insert_value (&line, "details", details);
    bpg_output_line (self->ctl->output, g_variant_dict_end (&line));
    return;
  }
  time[12] = '\0'; /* milliseconds are enough for people */
  what = details != NULL ? bpg_format_any (details) : g_strdup ("");
  printf ("%s %-9s %-10s %s%s%s\n", time, daemon, event, path, *what != '\0' ? "  " : "", what);
  fflush (stdout);
}

static const char *
get_daemon (Monitor *self, const char *sender)
{
  return g_hash_table_lookup (self->owners, sender);
}

/* Progress of seconds and counters fills the screen and tells little. */
static gboolean
is_noise (GVariant *changed)
{
  static const char *const noise[] = {"SecondsLeft", "Counters", "DecisionLatency", "Progress", "Decisions", "Drift",
                                      "TrialSecondsLeft", "BatteryMillivolt", "Temperature"};
  GVariantIter iter;
  const char *key;
  GVariant *value;

  g_variant_iter_init (&iter, changed);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &value)) {
    gboolean found = FALSE;

    g_variant_unref (value);
    for (guint i = 0; i < G_N_ELEMENTS (noise); i++)
      found |= strcmp (noise[i], key) == 0;
    if (!found)
      return FALSE;
  }
  return TRUE;
}

static void
on_signal (GDBusConnection *bus, const char *sender, const char *path, const char *interface, const char *signal,
           GVariant *parameters, gpointer user_data)
{
  Monitor *self = user_data;
  const char *daemon = get_daemon (self, sender);
  g_autoptr (GVariant) details = NULL;
  const char *object = path;

  if (daemon == NULL)
    return;
  if (strcmp (signal, "PropertiesChanged") == 0 && g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sa{sv}as)"))) {
    details = g_variant_get_child_value (parameters, 1);
    if (!quiet_option || !is_noise (details))
      print_event (self, daemon, "changed", path, details);
  } else if (strcmp (signal, "InterfacesAdded") == 0 && g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(oa{sa{sv}})"))) {
    g_variant_get (parameters, "(&o@a{sa{sv}})", &object, &details);
    print_event (self, daemon, "added", object, details);
  } else if (strcmp (signal, "InterfacesRemoved") == 0 && g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(oas)"))) {
    g_variant_get (parameters, "(&o@as)", &object, &details);
    print_event (self, daemon, "removed", object, details);
  } else {
    print_event (self, daemon, signal, path, parameters);
  }
}

static void
set_owner (Monitor *self, const BpgDaemon *daemon, const char *owner)
{
  GHashTableIter iter;
  gpointer word;

  g_hash_table_iter_init (&iter, self->owners);
  while (g_hash_table_iter_next (&iter, NULL, &word)) {
    if (strcmp (word, daemon->word) == 0)
      g_hash_table_iter_remove (&iter);
  }
  if (*owner != '\0')
    g_hash_table_insert (self->owners, g_strdup (owner), (gpointer) daemon->word);
}

static void
on_owner (GDBusConnection *bus, const char *sender, const char *path, const char *interface, const char *signal,
          GVariant *parameters, gpointer user_data)
{
  Monitor *self = user_data;
  const char *name, *owner;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sss)")))
    return;
  g_variant_get (parameters, "(&s&s&s)", &name, NULL, &owner);
  for (guint i = 0; i < bpg_n_daemons; i++) {
    if (strcmp (bpg_daemons[i].name, name) == 0) {
      set_owner (self, &bpg_daemons[i], owner);
      print_event (self, bpg_daemons[i].word, *owner != '\0' ? "appeared" : "vanished", bpg_daemons[i].path, NULL);
    }
  }
}

static void
find_owner (Monitor *self, const BpgDaemon *daemon)
{
  g_autoptr (GVariant) reply = g_dbus_connection_call_sync (
    self->ctl->bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetNameOwner",
    g_variant_new ("(s)", daemon->name), G_VARIANT_TYPE ("(s)"), G_DBUS_CALL_FLAGS_NONE, 5000, NULL, NULL);
  const char *owner;

  if (reply == NULL)
    return;
  g_variant_get (reply, "(&s)", &owner);
  set_owner (self, daemon, owner);
}

static gboolean
on_stop (gpointer user_data)
{
  g_main_loop_quit (((Monitor *) user_data)->loop);
  return G_SOURCE_CONTINUE;
}

static void
on_closed (GDBusConnection *bus, gboolean vanished, GError *error, gpointer user_data)
{
  Monitor *self = user_data;

  self->closed = TRUE;
  g_main_loop_quit (self->loop);
}

static gboolean
run (BpgCtl *ctl, GError **error)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GHashTable) owners = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Monitor self = {.ctl = ctl, .loop = loop, .owners = owners};
  gulong closed;

  if (seconds_option < 0.0 || seconds_option > 86400.0)
    return bpg_ctl_usage (error, _("--seconds is at most 86400"));
  if (bpg_ctl_connect (ctl, error) == NULL)
    return FALSE;
  for (guint i = 0; i < bpg_n_daemons; i++)
    g_dbus_connection_signal_subscribe (ctl->bus, bpg_daemons[i].name, NULL, NULL, NULL, NULL, 0, on_signal, &self, NULL);
  g_dbus_connection_signal_subscribe (ctl->bus, "org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged",
                                      "/org/freedesktop/DBus", NULL, 0, on_owner, &self, NULL);
  closed = g_signal_connect (ctl->bus, "closed", G_CALLBACK (on_closed), &self);
  for (guint i = 0; i < bpg_n_daemons; i++)
    find_owner (&self, &bpg_daemons[i]);
  bpg_ctl_note (ctl, _("Watching; Ctrl-C ends it"));
  g_unix_signal_add (SIGINT, on_stop, &self);
  g_unix_signal_add (SIGTERM, on_stop, &self);
  if (seconds_option > 0.0)
    g_timeout_add ((guint) (seconds_option * 1000.0), on_stop, &self);
  g_main_loop_run (loop);
  g_signal_handler_disconnect (ctl->bus, closed);
  if (self.closed) {
    g_set_error (error, BPG_CTL_ERROR, BPG_CTL_ERROR_NO_BUS, _("The bus has gone"));
    return FALSE;
  }
  return TRUE;
}

static const GOptionEntry options[] = {
  {"seconds", 's', 0, G_OPTION_ARG_DOUBLE, &seconds_option, N_("End after so long"), N_("SECONDS")},
  {"calm", 0, 0, G_OPTION_ARG_NONE, &quiet_option, N_("Leave out what changes all the time: seconds left, counters"),
   NULL},
  {NULL},
};

const BpgVerb bpg_verb_monitor = {
  .name = "monitor",
  .arguments = "",
  .summary = N_("Print everything that changes, a line each"),
  .details = N_("Examples:\n  bionicctl monitor --calm\n  bionicctl monitor --json --seconds 60"),
  .options = options,
  .run = run,
};
