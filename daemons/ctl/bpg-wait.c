/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-wait.h"
#include "bpg-progress.h"

#include <glib-unix.h>
#include <signal.h>
#include <string.h>

#define PROGRESS_MS 200
#define RESTART_SECONDS 10 /* how long a daemon that went away may take to come back */
#define JOB_SECONDS 86400  /* no job lasts longer */

typedef struct {
  BpgCtl *ctl;
  const char *path;
  const BpgDaemon *daemon;
  const char *title;
  gboolean draw;
  gint64 begun;

  GMainLoop *loop;
  GVariant *properties; /* a{sv}, as last heard */
  guint grace_id;
  guint interrupts;
  gboolean finished;
  gboolean vanished;
  gboolean expired;
  GError *error;
  GHashTable *requests;
} Wait;

static void
draw (Wait *self)
{
  double fraction = -1.0;
  const char *message = "", *phase = "";
  g_autofree char *detail = NULL;

  if (!self->draw || self->properties == NULL)
    return;
  g_variant_lookup (self->properties, "Progress", "d", &fraction);
  g_variant_lookup (self->properties, "Message", "&s", &message);
  g_variant_lookup (self->properties, "Phase", "&s", &phase);
  detail = g_strdup_printf ("%.0f s  %s", (double) (g_get_monotonic_time () - self->begun) / G_USEC_PER_SEC,
                            *message != '\0' ? message : phase);
  bpg_progress_show (self->title, fraction, detail);
}

static gboolean
on_draw (gpointer user_data)
{
  draw (user_data);
  return G_SOURCE_CONTINUE;
}

/* Reads the job; what was missed before the subscription stood is in its properties. */
static void
reload (Wait *self)
{
  g_autoptr (BpgObject) job = NULL;
  const char *state = "";

  g_clear_error (&self->error);
  job = bpg_ctl_reload (self->ctl, self->path, "Job1", &self->error);
  if (job == NULL)
    return;
  g_clear_pointer (&self->properties, g_variant_unref);
  self->properties = g_variant_lookup_value (job->interfaces, BPG_INTERFACE ("Job1"), G_VARIANT_TYPE_VARDICT);
  if (g_variant_lookup (self->properties, "State", "&s", &state) && strcmp (state, "finished") == 0) {
    self->finished = TRUE;
    g_main_loop_quit (self->loop);
  }
}

static void
on_finished (GDBusConnection *bus, const char *sender, const char *path, const char *interface, const char *signal,
             GVariant *parameters, gpointer user_data)
{
  reload (user_data);
}

static void
on_changed (GDBusConnection *bus, const char *sender, const char *path, const char *interface, const char *signal,
            GVariant *parameters, gpointer user_data)
{
  Wait *self = user_data;
  g_autoptr (GVariant) changed = NULL;
  GVariantDict dict;
  GVariantIter iter;
  const char *key;
  GVariant *value;

  if (self->properties == NULL || !g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sa{sv}as)")))
    return;
  changed = g_variant_get_child_value (parameters, 1);
  g_variant_dict_init (&dict, self->properties);
  g_variant_iter_init (&iter, changed);
  while (g_variant_iter_loop (&iter, "{&sv}", &key, &value))
    g_variant_dict_insert_value (&dict, key, value);
  g_variant_unref (self->properties);
  self->properties = g_variant_ref_sink (g_variant_dict_end (&dict));
  draw (self);
}

static gboolean
on_gone (gpointer user_data)
{
  Wait *self = user_data;

  self->grace_id = 0;
  self->vanished = TRUE;
  g_main_loop_quit (self->loop);
  return G_SOURCE_REMOVE;
}

static void
on_owner (GDBusConnection *bus, const char *sender, const char *path, const char *interface, const char *signal,
          GVariant *parameters, gpointer user_data)
{
  Wait *self = user_data;
  const char *owner = "";

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sss)")))
    return;
  g_variant_get (parameters, "(&s&s&s)", NULL, NULL, &owner);
  if (*owner == '\0') {
    bpg_progress_clear ();
    bpg_ctl_note (self->ctl, _("bionicpro-%sd went away; waiting for it to come back"), self->daemon->word);
    if (self->grace_id == 0)
      self->grace_id = g_timeout_add_seconds (RESTART_SECONDS, on_gone, self);
    return;
  }
  g_clear_handle_id (&self->grace_id, g_source_remove);
  reload (self);
  if (self->error != NULL)
    g_main_loop_quit (self->loop);
}

static void
on_closed (GDBusConnection *bus, gboolean vanished, GError *error, gpointer user_data)
{
  on_gone (user_data);
}

static gboolean
on_expired (gpointer user_data)
{
  Wait *self = user_data;

  self->expired = TRUE;
  g_main_loop_quit (self->loop);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_interrupt (gpointer user_data)
{
  Wait *self = user_data;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) error = NULL;

  bpg_progress_clear ();
  if (self->interrupts++ > 0) {
    g_main_loop_quit (self->loop);
    return G_SOURCE_CONTINUE;
  }
  bpg_ctl_note (self->ctl, _("Asking it to stop; once more leaves it to itself"));
  reply = bpg_ctl_call (self->ctl, self->path, "Job1.Cancel", g_variant_new ("(a{sv})", NULL), "()", &error);
  if (reply == NULL)
    bpg_ctl_note (self->ctl, "%s", error->message);
  return G_SOURCE_CONTINUE;
}

/* A request of our job is shown once, however often it is heard of. */
static void
show_request (Wait *self, const char *path, GVariant *properties)
{
  const char *job = "", *message = "";

  if (!g_variant_lookup (properties, "Job", "&o", &job) || strcmp (job, self->path) != 0 ||
      !g_hash_table_add (self->requests, g_strdup (path)))
    return;
  g_variant_lookup (properties, "Message", "&s", &message);
  bpg_progress_clear ();
  bpg_ctl_note (self->ctl, "▶ %s", message);
}

static void
on_added (GDBusConnection *bus, const char *sender, const char *root, const char *interface, const char *signal,
          GVariant *parameters, gpointer user_data)
{
  g_autoptr (GVariant) interfaces = NULL;
  g_autoptr (GVariant) properties = NULL;
  const char *path;

  if (!g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(oa{sa{sv}})")))
    return;
  g_variant_get (parameters, "(&o@a{sa{sv}})", &path, &interfaces);
  properties = g_variant_lookup_value (interfaces, BPG_INTERFACE ("Request1"), G_VARIANT_TYPE_VARDICT);
  if (properties != NULL)
    show_request (user_data, path, properties);
}

static void
show_present_requests (Wait *self)
{
  g_autoptr (GPtrArray) objects = bpg_ctl_load (self->ctl, self->daemon->word, "Request1", NULL);

  for (guint i = 0; objects != NULL && i < objects->len; i++) {
    BpgObject *object = objects->pdata[i];
    g_autoptr (GVariant) properties =
      g_variant_lookup_value (object->interfaces, BPG_INTERFACE ("Request1"), G_VARIANT_TYPE_VARDICT);

    show_request (self, object->path, properties);
  }
}

static void
run_loop (Wait *self)
{
  GDBusConnection *bus = self->ctl->bus;
  const char *name = self->daemon->name;
  guint subscriptions[] = {
    g_dbus_connection_signal_subscribe (bus, name, BPG_INTERFACE ("Job1"), "Finished", self->path, NULL, 0,
                                        on_finished, self, NULL),
    g_dbus_connection_signal_subscribe (bus, name, "org.freedesktop.DBus.Properties", "PropertiesChanged", self->path,
                                        NULL, 0, on_changed, self, NULL),
    g_dbus_connection_signal_subscribe (bus, name, "org.freedesktop.DBus.ObjectManager", "InterfacesAdded",
                                        self->daemon->path, NULL, 0, on_added, self, NULL),
    g_dbus_connection_signal_subscribe (bus, "org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged",
                                        "/org/freedesktop/DBus", name, 0, on_owner, self, NULL),
  };
  gulong closed = g_signal_connect (bus, "closed", G_CALLBACK (on_closed), self);
  guint sources[] = {
    g_timeout_add_seconds (self->ctl->timeout > 0 ? (guint) self->ctl->timeout : JOB_SECONDS, on_expired, self),
    g_timeout_add (PROGRESS_MS, on_draw, self),
    g_unix_signal_add (SIGINT, on_interrupt, self),
    g_unix_signal_add (SIGTERM, on_interrupt, self),
  };

  reload (self);
  if (!self->finished && self->error == NULL) {
    show_present_requests (self);
    draw (self);
    g_main_loop_run (self->loop);
  }

  bpg_progress_clear ();
  for (guint i = 0; i < G_N_ELEMENTS (subscriptions); i++)
    g_dbus_connection_signal_unsubscribe (bus, subscriptions[i]);
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    g_source_remove (sources[i]);
  g_clear_handle_id (&self->grace_id, g_source_remove);
  g_signal_handler_disconnect (bus, closed);
}

static GVariant *
conclude (Wait *self, GError **error)
{
  g_autoptr (GVariant) result = NULL;
  const char *name = "", *message = "";
  gboolean success = FALSE;
  int code;

  if (!self->finished) {
    if (self->vanished)
      g_set_error (error, BPG_CTL_ERROR, BPG_CTL_ERROR_NO_SERVICE,
                   _("bionicpro-%sd went away while it worked; what it had begun is taken up when it starts again"),
                   self->daemon->word);
    else if (self->error != NULL)
      g_propagate_prefixed_error (error, g_steal_pointer (&self->error), _("The job is not there any more: "));
    else if (self->expired)
      g_set_error (error, BPG_ERROR, BPG_ERROR_TIMED_OUT, _("It did not end in time and goes on; see 'bionicctl jobs'"));
    else
      g_set_error (error, BPG_ERROR, BPG_ERROR_CANCELLED, _("Left to itself; see 'bionicctl jobs'"));
    return NULL;
  }
  result = g_variant_lookup_value (self->properties, "Result", G_VARIANT_TYPE_VARDICT);
  if (result == NULL)
    result = g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
  g_variant_lookup (self->properties, "Success", "b", &success);
  if (success)
    return g_steal_pointer (&result);

  g_variant_lookup (self->properties, "Error", "&s", &name);
  g_variant_lookup (self->properties, "ErrorMessage", "&s", &message);
  g_clear_pointer (&self->ctl->result, g_variant_unref);
  self->ctl->result = g_steal_pointer (&result);
  code = bpg_error_from_name (name);
  if (code >= 0)
    g_set_error_literal (error, BPG_ERROR, code, message);
  else
    g_set_error (error, BPG_ERROR, BPG_ERROR_FAILED, "%s (%s)", message, name);
  return NULL;
}

GVariant *
bpg_ctl_wait (BpgCtl *ctl, const char *job, const char *title, GError **error)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GHashTable) requests = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  Wait self = {
    .ctl = ctl,
    .path = job,
    .daemon = bpg_daemon_from_path (job),
    .title = title,
    .draw = title != NULL && !ctl->quiet && !ctl->json && bpg_progress_is_wanted (),
    .begun = g_get_monotonic_time (),
    .loop = loop,
    .requests = requests,
  };
  GVariant *result;

  if (self.daemon == NULL) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_FAILED, _("%s is no job of ours"), job);
    return NULL;
  }
  if (bpg_ctl_connect (ctl, error) == NULL)
    return NULL;
  run_loop (&self);
  result = conclude (&self, error);
  g_clear_pointer (&self.properties, g_variant_unref);
  g_clear_error (&self.error);
  return result;
}

GVariant *
bpg_ctl_run_job (BpgCtl *ctl, const char *path, const char *method, GVariant *arguments, const char *title,
                 gboolean wait, GError **error)
{
  g_autoptr (GVariant) reply = bpg_ctl_call (ctl, path, method, arguments, "(o)", error);
  g_autoptr (GVariant) result = NULL;
  const char *job;
  GVariantDict dict;

  if (reply == NULL)
    return NULL;
  g_variant_get (reply, "(&o)", &job);
  if (wait) {
    result = bpg_ctl_wait (ctl, job, title, error);
    if (result == NULL)
      return NULL;
  }
  g_variant_dict_init (&dict, result);
  g_variant_dict_insert (&dict, "ok", "b", TRUE);
  g_variant_dict_insert (&dict, "job", "o", job);
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}
