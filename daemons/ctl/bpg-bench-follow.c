/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-bench-follow.h"

#include "bpg-movement.h"

#include <string.h>

struct _BpgBenchFollow {
  BpgCtl *ctl;
  char *prosthesis;
  BpgEmgRecording *recording;
  BpgBenchFeed *feed;
  GCancellable *stop;
  GArray *rests; /* BpgPiece */
  guint subscriptions[3];

  char *session; /* path; NULL before there is one */
  char *state;
  char *text;
  guint holds;
  guint missing;
  guint turn; /* which rest is next */
  gboolean gone;
};

static void
set_text (BpgBenchFollow *self, char *text)
{
  g_free (self->text);
  self->text = text;
}

static void
relax (BpgBenchFollow *self)
{
  const BpgPiece *rest = &g_array_index (self->rests, BpgPiece, self->turn++ % self->rests->len);

  bpg_bench_feed_play (self->feed, rest, 1, TRUE);
  set_text (self, g_strdup (_("rest")));
}

static void
emit (BpgBenchFollow *self, const char *movement, guint repetition, guint attempt, gboolean found)
{
  GVariantDict line;

  if (self->ctl->output->mode == BPG_OUTPUT_HUMAN)
    return;
  g_variant_dict_init (&line, NULL);
  g_variant_dict_insert (&line, "event", "s", found ? "playing" : "missing");
  g_variant_dict_insert (&line, "movement", "s", movement);
  g_variant_dict_insert (&line, "repetition", "u", repetition);
  g_variant_dict_insert (&line, "attempt", "u", attempt);
  bpg_output_line (self->ctl->output, g_variant_dict_end (&line));
}

/* The repetition that is asked for; at another attempt the one after it, as nobody does the same thing twice. */
static void
make (BpgBenchFollow *self, const char *movement, guint repetition, guint attempt)
{
  g_autoptr (GArray) pieces = g_array_new (FALSE, FALSE, sizeof (BpgPiece));

  bpg_piece_find (self->recording, movement, 0, pieces);
  emit (self, movement, repetition, attempt, pieces->len > 0);
  if (pieces->len == 0) {
    self->missing++;
    bpg_ctl_note (self->ctl, _("The recording has no %s: resting"), movement);
    relax (self);
    return;
  }
  self->holds++;
  bpg_bench_feed_play (self->feed,
                       &g_array_index (pieces, BpgPiece, (MAX (repetition, 1) + MAX (attempt, 1) - 2) % pieces->len), 1,
                       TRUE);
  set_text (self, g_strdup_printf ("%s %u", movement, repetition));
}

static gboolean
is_over (const char *state)
{
  return strcmp (state, "finished") == 0 || strcmp (state, "aborted") == 0 || strcmp (state, "failed") == 0;
}

static void
set_state (BpgBenchFollow *self, const char *state)
{
  g_free (self->state);
  self->state = g_strdup (state);
  if (is_over (state))
    g_cancellable_cancel (self->stop);
  else if (strcmp (state, "running") != 0)
    relax (self);
}

/* Whether it is the session to follow; the first one of the arm that has not ended becomes it. */
static gboolean
take_session (BpgBenchFollow *self, BpgObject *session)
{
  g_autofree char *prosthesis = bpg_object_get_string (session, "Session1.Prosthesis");
  g_autofree char *state = bpg_object_get_string (session, "Session1.State");

  if (self->session != NULL || strcmp (prosthesis, self->prosthesis) != 0 || is_over (state))
    return FALSE;
  self->session = g_strdup (session->path);
  bpg_ctl_note (self->ctl, _("Following session %s"), strrchr (self->session, '/') + 1);
  set_state (self, state);
  return TRUE;
}

static gboolean
is_ours (BpgBenchFollow *self, const char *path)
{
  g_autoptr (BpgObject) session = NULL;

  if (self->session != NULL)
    return strcmp (self->session, path) == 0;
  session = bpg_ctl_reload (self->ctl, path, "Session1", NULL);
  return session != NULL && take_session (self, session);
}

static void
on_prompt (GDBusConnection *bus, const char *sender, const char *path, const char *interface, const char *signal,
           GVariant *parameters, gpointer user_data)
{
  BpgBenchFollow *self = user_data;
  g_autoptr (GVariant) details = NULL;
  const char *phase, *movement;
  guint repetition, attempt = 1;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(ssua{sv})")) || !is_ours (self, path))
    return;
  g_variant_get (parameters, "(&s&su@a{sv})", &phase, &movement, &repetition, &details);
  g_variant_lookup (details, "attempt", "u", &attempt);
  if (strcmp (phase, "hold") == 0)
    make (self, movement, repetition, attempt);
  else if (strcmp (phase, "prepare") != 0)
    relax (self);
}

static void
on_changed (GDBusConnection *bus, const char *sender, const char *path, const char *interface, const char *signal,
            GVariant *parameters, gpointer user_data)
{
  BpgBenchFollow *self = user_data;
  g_autoptr (GVariant) changed = NULL;
  const char *state;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sa{sv}as)")))
    return;
  changed = g_variant_get_child_value (parameters, 1);
  if (g_variant_lookup (changed, "State", "&s", &state) && is_ours (self, path))
    set_state (self, state);
}

static void
on_owner (GDBusConnection *bus, const char *sender, const char *path, const char *interface, const char *signal,
          GVariant *parameters, gpointer user_data)
{
  BpgBenchFollow *self = user_data;
  const char *owner;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sss)")) || self->session == NULL)
    return;
  g_variant_get (parameters, "(&s&s&s)", NULL, NULL, &owner);
  self->gone = *owner == '\0';
  if (self->gone)
    g_cancellable_cancel (self->stop);
}

static void
subscribe (BpgBenchFollow *self)
{
  GDBusConnection *bus = self->ctl->bus;
  const char *name = BPG_BUS_TRAINING, *session = BPG_INTERFACE ("Session1");

  self->subscriptions[0] =
    g_dbus_connection_signal_subscribe (bus, name, session, "Prompt", NULL, NULL, 0, on_prompt, self, NULL);
  self->subscriptions[1] =
    g_dbus_connection_signal_subscribe (bus, name, "org.freedesktop.DBus.Properties", "PropertiesChanged", NULL, session,
                                        G_DBUS_SIGNAL_FLAGS_NONE, on_changed, self, NULL);
  self->subscriptions[2] =
    g_dbus_connection_signal_subscribe (bus, "org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged",
                                        "/org/freedesktop/DBus", name, 0, on_owner, self, NULL);
}

/* Joins the session that runs already, if any does. */
static void
join (BpgBenchFollow *self)
{
  g_autoptr (GPtrArray) sessions = bpg_ctl_load (self->ctl, "training", "Session1", NULL);

  for (guint i = 0; sessions != NULL && i < sessions->len; i++) {
    BpgObject *session = sessions->pdata[i];
    g_autofree char *phase = bpg_object_get_string (session, "Session1.Phase");
    g_autofree char *movement = bpg_object_get_string (session, "Session1.Movement");

    if (take_session (self, session) && strcmp (phase, "hold") == 0)
      make (self, movement, (guint) bpg_object_get_number (session, "Session1.Repetition"),
            (guint) bpg_object_get_number (session, "Session1.Attempt"));
  }
}

BpgBenchFollow *
bpg_bench_follow_new (BpgCtl *ctl, const char *prosthesis, BpgEmgRecording *recording, BpgBenchFeed *feed,
                      GCancellable *stop, GError **error)
{
  g_autoptr (BpgBenchFollow) self = g_new0 (BpgBenchFollow, 1);

  self->ctl = ctl;
  self->prosthesis = g_strdup (prosthesis);
  self->recording = recording;
  self->feed = feed;
  self->stop = g_object_ref (stop);
  self->state = g_strdup ("");
  self->rests = g_array_new (FALSE, FALSE, sizeof (BpgPiece));
  bpg_piece_find (recording, bpg_movement_get_name (BPG_MOVEMENT_REST), 0, self->rests);
  if (self->rests->len == 0) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, _("The recording has no rest, which is played between movements"));
    return NULL;
  }
  relax (self);
  subscribe (self);
  join (self);
  return g_steal_pointer (&self);
}

void
bpg_bench_follow_free (BpgBenchFollow *self)
{
  for (guint i = 0; i < G_N_ELEMENTS (self->subscriptions); i++) {
    if (self->subscriptions[i] != 0)
      g_dbus_connection_signal_unsubscribe (self->ctl->bus, self->subscriptions[i]);
  }
  g_free (self->prosthesis);
  g_object_unref (self->stop);
  g_array_unref (self->rests);
  g_free (self->session);
  g_free (self->state);
  g_free (self->text);
  g_free (self);
}

const char *
bpg_bench_follow_get_text (BpgBenchFollow *self)
{
  return self->text;
}

GVariant *
bpg_bench_follow_conclude (BpgBenchFollow *self, GError **error)
{
  GVariantDict dict;

  if (self->gone) {
    g_set_error (error, BPG_CTL_ERROR, BPG_CTL_ERROR_NO_SERVICE, _("bionicpro-trainingd has gone, and the session with it"));
    return NULL;
  }
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "session", "s", self->session != NULL ? self->session : "");
  g_variant_dict_insert (&dict, "state", "s", self->state);
  g_variant_dict_insert (&dict, "holds", "u", self->holds);
  g_variant_dict_insert (&dict, "missing", "u", self->missing);
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}
