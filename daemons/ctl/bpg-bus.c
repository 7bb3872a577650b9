/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-bus.h"

#include "bpg-agent.h"

#include <gio/gunixfdlist.h>
#include <string.h>
#include <unistd.h>

#define REPLY_SECONDS 30
#define ASKING_SECONDS 310 /* a person may have to find the password; the daemons wait 300 s */
#define MAX_OBJECTS_REPLY "(a{oa{sa{sv}}})"

const BpgDaemon bpg_daemons[] = {
  {"pairing", BPG_BUS_PAIRING, BPG_PATH_PAIRING},
  {"training", BPG_BUS_TRAINING, BPG_PATH_TRAINING},
  {"records", BPG_BUS_RECORDS, BPG_PATH_RECORDS},
  {"update", BPG_BUS_UPDATE, BPG_PATH_UPDATE},
};
const guint bpg_n_daemons = G_N_ELEMENTS (bpg_daemons);

const BpgDaemon *
bpg_daemon_from_path (const char *path)
{
  for (guint i = 0; i < G_N_ELEMENTS (bpg_daemons); i++) {
    gsize length = strlen (bpg_daemons[i].path);

    if (strncmp (path, bpg_daemons[i].path, length) == 0 && (path[length] == '/' || path[length] == '\0'))
      return &bpg_daemons[i];
  }
  return NULL;
}

void
bpg_object_free (BpgObject *self)
{
  g_free (self->path);
  g_variant_unref (self->interfaces);
  g_free (self);
}

static BpgObject *
object_new (const char *path, GVariant *interfaces)
{
  BpgObject *self = g_new0 (BpgObject, 1);

  self->path = g_strdup (path);
  self->interfaces = g_variant_ref_sink (interfaces);
  return self;
}

GVariant *
bpg_object_lookup (BpgObject *self, const char *property, const char *type)
{
  const char *dot = strchr (property, '.');
  g_autofree char *word = g_strndup (property, (gsize) (dot - property));
  g_autofree char *interface = g_strconcat (BPG_INTERFACE (""), word, NULL);
  g_autoptr (GVariant) properties =
    g_variant_lookup_value (self->interfaces, interface, G_VARIANT_TYPE_VARDICT);

  if (properties == NULL)
    return NULL;
  return g_variant_lookup_value (properties, dot + 1, type != NULL ? G_VARIANT_TYPE (type) : NULL);
}

char *
bpg_object_get_string (BpgObject *self, const char *property)
{
  g_autoptr (GVariant) value = bpg_object_lookup (self, property, NULL);

  if (value == NULL || !(g_variant_is_of_type (value, G_VARIANT_TYPE_STRING) ||
                         g_variant_is_of_type (value, G_VARIANT_TYPE_OBJECT_PATH)))
    return g_strdup ("");
  return g_variant_dup_string (value, NULL);
}

guint64
bpg_object_get_number (BpgObject *self, const char *property)
{
  g_autoptr (GVariant) value = bpg_object_lookup (self, property, NULL);

  if (value == NULL)
    return 0;
  switch (g_variant_classify (value)) {
  case G_VARIANT_CLASS_BYTE:
    return g_variant_get_byte (value);
  case G_VARIANT_CLASS_UINT32:
    return g_variant_get_uint32 (value);
  case G_VARIANT_CLASS_UINT64:
    return g_variant_get_uint64 (value);
  default:
    return 0;
  }
}

double
bpg_object_get_double (BpgObject *self, const char *property)
{
  g_autoptr (GVariant) value = bpg_object_lookup (self, property, "d");

  return value != NULL ? g_variant_get_double (value) : 0.0;
}

gboolean
bpg_object_get_boolean (BpgObject *self, const char *property)
{
  g_autoptr (GVariant) value = bpg_object_lookup (self, property, "b");

  return value != NULL && g_variant_get_boolean (value);
}

void
bpg_object_copy (BpgObject *self, const char *property, GVariantDict *row, const char *key)
{
  g_autoptr (GVariant) value = bpg_object_lookup (self, property, NULL);

  if (value != NULL)
    g_variant_dict_insert_value (row, key, value);
}

void
bpg_object_merge (BpgObject *self, BpgObject *other)
{
  GVariantIter iter;
  const char *name;
  GVariant *properties;
  GVariantBuilder builder;

  if (other == NULL)
    return;
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{sa{sv}}"));
  for (guint i = 0; i < 2; i++) {
    g_variant_iter_init (&iter, i == 0 ? self->interfaces : other->interfaces);
    while (g_variant_iter_loop (&iter, "{&s@a{sv}}", &name, &properties))
      g_variant_builder_add (&builder, "{s@a{sv}}", name, properties);
  }
  g_variant_unref (self->interfaces);
  self->interfaces = g_variant_ref_sink (g_variant_builder_end (&builder));
}

GVariant *
bpg_object_to_row (BpgObject *self, const BpgField *fields)
{
  GVariantDict row;

  g_variant_dict_init (&row, NULL);
  for (const BpgField *field = fields; field->key != NULL; field++) {
    if (field->property != NULL)
      bpg_object_copy (self, field->property, &row, field->key);
  }
  g_variant_dict_insert (&row, "path", "o", self->path);
  g_variant_dict_insert (&row, "name", "s", self->path);
  return g_variant_ref_sink (g_variant_dict_end (&row));
}

GDBusConnection *
bpg_ctl_connect (BpgCtl *ctl, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (ctl->bus != NULL)
    return ctl->bus;
  bpg_error_quark ();
  ctl->bus = g_bus_get_sync (ctl->session ? G_BUS_TYPE_SESSION : G_BUS_TYPE_SYSTEM, NULL, &local);
  if (ctl->bus == NULL) {
    g_set_error (error, BPG_CTL_ERROR, BPG_CTL_ERROR_NO_BUS, _("The %s bus cannot be reached: %s"),
                 ctl->session ? "session" : "system", local->message);
    return NULL;
  }
  g_dbus_connection_set_exit_on_close (ctl->bus, FALSE);
  return ctl->bus;
}

gboolean
bpg_ctl_take_bus_error (GError **dest, GError *error, const char *daemon)
{
  if (g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN) ||
      g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER) ||
      g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_SPAWN_CHILD_EXITED) ||
      g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_SPAWN_SERVICE_INVALID) ||
      g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_SPAWN_FAILED)) {
    g_set_error (dest, BPG_CTL_ERROR, BPG_CTL_ERROR_NO_SERVICE, _("bionicpro-%sd is not running"), daemon);
    g_error_free (error);
    return FALSE;
  }
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CLOSED) ||
      g_error_matches (error, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY)) {
    g_set_error (dest, BPG_CTL_ERROR, BPG_CTL_ERROR_NO_SERVICE, _("bionicpro-%sd went away before it answered"), daemon);
    g_error_free (error);
    return FALSE;
  }
  return bpg_error_take (dest, error, NULL);
}

static int
compare_paths (gconstpointer a, gconstpointer b)
{
  const BpgObject *first = *(BpgObject *const *) a;
  const BpgObject *second = *(BpgObject *const *) b;
  g_autofree char *first_key = g_utf8_collate_key_for_filename (first->path, -1);
  g_autofree char *second_key = g_utf8_collate_key_for_filename (second->path, -1);

  return strcmp (first_key, second_key);
}

static const BpgDaemon *
daemon_from_word (const char *word)
{
  for (guint i = 0; i < G_N_ELEMENTS (bpg_daemons); i++) {
    if (strcmp (bpg_daemons[i].word, word) == 0)
      return &bpg_daemons[i];
  }
  g_assert_not_reached ();
}

GPtrArray *
bpg_ctl_load (BpgCtl *ctl, const char *daemon, const char *interface, GError **error)
{
  const BpgDaemon *row = daemon_from_word (daemon);
  g_autoptr (GPtrArray) objects = g_ptr_array_new_with_free_func ((GDestroyNotify) bpg_object_free);
  g_autofree char *full = g_strconcat (BPG_INTERFACE (""), interface, NULL);
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariantIter) iter = NULL;
  GError *local = NULL;
  const char *path;
  GVariant *interfaces;

  if (bpg_ctl_connect (ctl, error) == NULL)
    return NULL;
  reply = g_dbus_connection_call_sync (ctl->bus, row->name, row->path, "org.freedesktop.DBus.ObjectManager",
                                       "GetManagedObjects", NULL, G_VARIANT_TYPE (MAX_OBJECTS_REPLY),
                                       G_DBUS_CALL_FLAGS_NONE, REPLY_SECONDS * 1000, NULL, &local);
  if (reply == NULL) {
    bpg_ctl_take_bus_error (error, local, daemon);
    return NULL;
  }
  g_variant_get (reply, MAX_OBJECTS_REPLY, &iter);
  while (g_variant_iter_loop (iter, "{&o@a{sa{sv}}}", &path, &interfaces)) {
    g_autoptr (GVariant) wanted = g_variant_lookup_value (interfaces, full, NULL);

    if (wanted != NULL)
      g_ptr_array_add (objects, object_new (path, interfaces));
  }
  g_ptr_array_sort (objects, compare_paths);
  return g_steal_pointer (&objects);
}

BpgObject *
bpg_ctl_reload (BpgCtl *ctl, const char *path, const char *interface, GError **error)
{
  const BpgDaemon *daemon = bpg_daemon_from_path (path);
  g_autofree char *full = g_strconcat (BPG_INTERFACE (""), interface, NULL);
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GVariant) properties = NULL;
  GVariantBuilder builder;
  GError *local = NULL;

  if (daemon == NULL) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, _("%s is no object of ours"), path);
    return NULL;
  }
  if (bpg_ctl_connect (ctl, error) == NULL)
    return NULL;
  reply = g_dbus_connection_call_sync (ctl->bus, daemon->name, path, "org.freedesktop.DBus.Properties", "GetAll",
                                       g_variant_new ("(s)", full), G_VARIANT_TYPE ("(a{sv})"),
                                       G_DBUS_CALL_FLAGS_NONE, REPLY_SECONDS * 1000, NULL, &local);
  if (reply == NULL) {
    bpg_ctl_take_bus_error (error, local, daemon->word);
    return NULL;
  }
  properties = g_variant_get_child_value (reply, 0);
  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a{sa{sv}}"));
  g_variant_builder_add (&builder, "{s@a{sv}}", full, properties);
  return object_new (path, g_variant_builder_end (&builder));
}

GVariant *
bpg_ctl_call (BpgCtl *ctl, const char *path, const char *method, GVariant *arguments, const char *reply,
              GError **error)
{
  return bpg_ctl_call_fd (ctl, path, method, arguments, reply, -1, NULL, error);
}

/* On a terminal polkit is asked first whether it needs a password at all, and gets an agent here only then: a call that
 * is refused for want of one has done nothing. */
static GVariant *
call (BpgCtl *ctl, const BpgDaemon *daemon, const char *path, const char *method, GVariant *arguments,
      const char *reply, GUnixFDList *sent, GUnixFDList **received, GError **error)
{
  const char *dot = strchr (method, '.');
  g_autofree char *word = g_strndup (method, (gsize) (dot - method));
  g_autofree char *interface = g_strconcat (BPG_INTERFACE (""), word, NULL);
  int seconds = ctl->timeout > 0 ? ctl->timeout : ctl->no_ask || ctl->session ? REPLY_SECONDS : ASKING_SECONDS;
  gboolean ask_here = !ctl->no_ask && isatty (STDIN_FILENO);

  for (gboolean ask = !ctl->no_ask && !ask_here;; ask = TRUE) {
    GSubprocess *agent = ask && ask_here ? bpg_agent_start () : NULL;
    g_autoptr (GError) local = NULL;
    GVariant *answer = g_dbus_connection_call_with_unix_fd_list_sync (
      ctl->bus, daemon->name, path, interface, dot + 1, arguments, G_VARIANT_TYPE (reply),
      ask ? G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION : G_DBUS_CALL_FLAGS_NONE, seconds * 1000, sent, received,
      NULL, &local);

    bpg_agent_stop (agent);
    if (answer != NULL)
      return answer;
    if (ask || !ask_here || !g_error_matches (local, BPG_ERROR, BPG_ERROR_AUTHORIZATION_OBTAINABLE)) {
      bpg_ctl_take_bus_error (error, g_steal_pointer (&local), daemon->word);
      return NULL;
    }
  }
}

/* What all calls have in common; @arguments is floating. */
static GVariant *
call_object (BpgCtl *ctl, const char *path, const char *method, GVariant *arguments, const char *reply, const int *fds,
             guint n_fds, GUnixFDList **received, GError **error)
{
  g_autoptr (GVariant) owned = arguments != NULL ? g_variant_ref_sink (arguments) : NULL;
  const BpgDaemon *daemon = bpg_daemon_from_path (path);
  g_autoptr (GUnixFDList) sent = n_fds > 0 ? g_unix_fd_list_new () : NULL;

  if (daemon == NULL) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, _("%s is no object of ours"), path);
    return NULL;
  }
  if (bpg_ctl_connect (ctl, error) == NULL)
    return NULL;
  for (guint i = 0; i < n_fds; i++) {
    if (g_unix_fd_list_append (sent, fds[i], error) < 0)
      return NULL;
  }
  return call (ctl, daemon, path, method, owned, reply, sent, received, error);
}

GVariant *
bpg_ctl_call_fds (BpgCtl *ctl, const char *path, const char *method, GVariant *arguments, const char *reply,
                  const int *fds, guint n_fds, GError **error)
{
  g_autoptr (GUnixFDList) list = NULL;

  return call_object (ctl, path, method, arguments, reply, fds, n_fds, &list, error);
}

GVariant *
bpg_ctl_call_fd (BpgCtl *ctl, const char *path, const char *method, GVariant *arguments, const char *reply, int fd,
                 int *received, GError **error)
{
  g_autoptr (GUnixFDList) list = NULL;
  g_autoptr (GVariant) answer =
    call_object (ctl, path, method, arguments, reply, &fd, fd >= 0 ? 1 : 0, &list, error);

  if (answer == NULL)
    return NULL;
  if (received != NULL) {
    *received = list != NULL && g_unix_fd_list_get_length (list) == 1 ? g_unix_fd_list_get (list, 0, error) : -1;
    if (*received < 0) {
      if (error != NULL && *error == NULL)
        g_set_error (error, BPG_ERROR, BPG_ERROR_FAILED, _("%s came back without its file"), method);
      return NULL;
    }
  }
  return g_steal_pointer (&answer);
}
