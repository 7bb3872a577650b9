/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-arm-watch.h"

#include "bpg-log.h"
#include "bpg-names.h"

#define INTERFACE "org.bionicpro.Prosthesis1"
#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"
#define PROPERTIES "org.freedesktop.DBus.Properties"

/* Not GDBusObjectManagerClient: that one waits for the answer of a service that has just come, without turning the main
 * loop, and a service that hangs at its start would stop everybody who watches it. */
struct _BpgArmWatch {
  GObject parent_instance;

  GDBusConnection *connection;
  guint name_id;
  guint objects_id;    /* subscriptions to the present owner, 0 without one */
  guint properties_id;
  GCancellable *cancellable; /* of the question to the present owner */
  char *owner;
  GHashTable *arms; /* path -> BpgArm */
  gboolean ready;
};

enum { CHANGED, GONE, READY, N_SIGNALS };

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (BpgArmWatch, bpg_arm_watch, G_TYPE_OBJECT)

static void ask (BpgArmWatch *self);

static void
unsubscribe (BpgArmWatch *self, guint *id)
{
  if (*id != 0)
    g_dbus_connection_signal_unsubscribe (self->connection, *id);
  *id = 0;
}

static void
leave_owner (BpgArmWatch *self)
{
  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  unsubscribe (self, &self->objects_id);
  unsubscribe (self, &self->properties_id);
  g_clear_pointer (&self->owner, g_free);
}

static void
bpg_arm_watch_dispose (GObject *object)
{
  BpgArmWatch *self = BPG_ARM_WATCH (object);

  g_clear_handle_id (&self->name_id, g_bus_unwatch_name);
  leave_owner (self);
  g_clear_object (&self->connection);
  G_OBJECT_CLASS (bpg_arm_watch_parent_class)->dispose (object);
}

static void
bpg_arm_watch_finalize (GObject *object)
{
  BpgArmWatch *self = BPG_ARM_WATCH (object);

  g_hash_table_unref (self->arms);
  G_OBJECT_CLASS (bpg_arm_watch_parent_class)->finalize (object);
}

static guint
new_signal (const char *name)
{
  return g_signal_new (name, BPG_TYPE_ARM_WATCH, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                       G_TYPE_STRING);
}

static void
bpg_arm_watch_class_init (BpgArmWatchClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_arm_watch_dispose;
  G_OBJECT_CLASS (klass)->finalize = bpg_arm_watch_finalize;
  signals[CHANGED] = new_signal ("changed");
  signals[GONE] = new_signal ("gone");
  signals[READY] =
    g_signal_new ("ready", BPG_TYPE_ARM_WATCH, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bpg_arm_watch_init (BpgArmWatch *self)
{
  self->arms = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) bpg_arm_free);
}

static BpgArm *
arm_new (const char *path)
{
  BpgArm *arm = g_new0 (BpgArm, 1);

  arm->path = g_strdup (path);
  arm->device_id = g_strdup ("");
  arm->hardware = g_strdup ("");
  arm->side = g_strdup ("");
  arm->patient = g_strdup ("");
  arm->model_hash = g_strdup ("");
  return arm;
}

static void
take_text (GVariant *properties, const char *name, char **text)
{
  const char *value;

  if (!g_variant_lookup (properties, name, "&s", &value))
    return;
  g_free (*text);
  *text = g_strdup (value);
}

static void
take_properties (BpgArm *arm, GVariant *properties)
{
  const char *state;

  take_text (properties, "DeviceId", &arm->device_id);
  take_text (properties, "Hardware", &arm->hardware);
  take_text (properties, "Side", &arm->side);
  take_text (properties, "Patient", &arm->patient);
  take_text (properties, "ModelHash", &arm->model_hash);
  g_variant_lookup (properties, "Connected", "b", &arm->connected);
  g_variant_lookup (properties, "Schema", "u", &arm->schema);
  g_variant_lookup (properties, "TrialSecondsLeft", "u", &arm->trial_seconds_left);
  if (g_variant_lookup (properties, "State", "&s", &state))
    arm->bound = g_str_equal (state, "bound");
}

static void
add (BpgArmWatch *self, const char *path, GVariant *interfaces)
{
  g_autoptr (GVariant) properties = g_variant_lookup_value (interfaces, INTERFACE, G_VARIANT_TYPE_VARDICT);
  BpgArm *arm;

  if (properties == NULL)
    return;
  arm = arm_new (path);
  take_properties (arm, properties);
  g_hash_table_replace (self->arms, arm->path, arm);
  g_signal_emit (self, signals[CHANGED], 0, path);
}

static void
drop (BpgArmWatch *self, const char *path)
{
  if (g_hash_table_remove (self->arms, path))
    g_signal_emit (self, signals[GONE], 0, path);
}

static void
set_ready (BpgArmWatch *self)
{
  if (self->ready)
    return;
  self->ready = TRUE;
  g_signal_emit (self, signals[READY], 0);
}

static void
on_objects_signal (GDBusConnection *connection, const char *sender, const char *path, const char *interface,
                   const char *signal, GVariant *parameters, gpointer user_data)
{
  g_autoptr (BpgArmWatch) self = g_object_ref (user_data);
  const char *object;

  if (g_str_equal (signal, "InterfacesAdded") && g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(oa{sa{sv}})"))) {
    g_autoptr (GVariant) interfaces = NULL;

    g_variant_get (parameters, "(&o@a{sa{sv}})", &object, &interfaces);
    add (self, object, interfaces);
  } else if (g_str_equal (signal, "InterfacesRemoved") && g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(oas)"))) {
    g_autofree const char **interfaces = NULL;

    g_variant_get (parameters, "(&o^a&s)", &object, &interfaces);
    if (g_strv_contains (interfaces, INTERFACE))
      drop (self, object);
  }
}

static void
on_properties_signal (GDBusConnection *connection, const char *sender, const char *path, const char *interface,
                      const char *signal, GVariant *parameters, gpointer user_data)
{
  g_autoptr (BpgArmWatch) self = g_object_ref (user_data);
  BpgArm *arm = g_hash_table_lookup (self->arms, path);
  g_autoptr (GVariant) properties = NULL;

  if (arm == NULL || !g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(sa{sv}as)")))
    return;
  properties = g_variant_get_child_value (parameters, 1);
  take_properties (arm, properties);
  g_signal_emit (self, signals[CHANGED], 0, path);
}

static void
on_objects (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgArmWatch) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  g_autoptr (GVariantIter) objects = NULL;
  const char *path;
  GVariant *interfaces;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (reply == NULL) {
    bpg_warning (BPG_PATH_PAIRING, "cannot be watched: %s", error->message);
    if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
      ask (self);
  } else {
    g_variant_get (reply, "(a{oa{sa{sv}}})", &objects);
    while (g_variant_iter_next (objects, "{&o@a{sa{sv}}}", &path, &interfaces)) {
      add (self, path, interfaces);
      g_variant_unref (interfaces);
    }
  }
  set_ready (self);
}

static void
ask (BpgArmWatch *self)
{
  g_dbus_connection_call (self->connection, self->owner, BPG_PATH_PAIRING, OBJECT_MANAGER, "GetManagedObjects", NULL,
                          G_VARIANT_TYPE ("(a{oa{sa{sv}}})"), G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, self->cancellable,
                          on_objects, g_object_ref (self));
}

static void
on_appeared (GDBusConnection *connection, const char *name, const char *owner, gpointer user_data)
{
  BpgArmWatch *self = user_data;

  leave_owner (self);
  self->owner = g_strdup (owner);
  self->cancellable = g_cancellable_new ();
  /* Listened to before it is asked, so that nothing falls between the two. */
  self->objects_id =
    g_dbus_connection_signal_subscribe (connection, owner, OBJECT_MANAGER, NULL, BPG_PATH_PAIRING, NULL,
                                        G_DBUS_SIGNAL_FLAGS_NONE, on_objects_signal, self, NULL);
  self->properties_id =
    g_dbus_connection_signal_subscribe (connection, owner, PROPERTIES, "PropertiesChanged", NULL, INTERFACE,
                                        G_DBUS_SIGNAL_FLAGS_NONE, on_properties_signal, self, NULL);
  ask (self);
}

static void
on_vanished (GDBusConnection *connection, const char *name, gpointer user_data)
{
  g_autoptr (BpgArmWatch) self = g_object_ref (user_data);
  g_autoptr (GHashTable) left = g_steal_pointer (&self->arms);
  GHashTableIter iter;
  gpointer path;

  leave_owner (self);
  self->arms = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify) bpg_arm_free);
  g_hash_table_iter_init (&iter, left);
  while (g_hash_table_iter_next (&iter, &path, NULL))
    g_signal_emit (self, signals[GONE], 0, path);
  set_ready (self);
}

BpgArmWatch *
bpg_arm_watch_new (GDBusConnection *connection)
{
  BpgArmWatch *self = g_object_new (BPG_TYPE_ARM_WATCH, NULL);

  self->connection = g_object_ref (connection);
  self->name_id = g_bus_watch_name_on_connection (connection, BPG_BUS_PAIRING, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                                  on_appeared, on_vanished, self, NULL);
  return self;
}

BpgArm *
bpg_arm_watch_get (BpgArmWatch *self, const char *path)
{
  const BpgArm *arm = g_hash_table_lookup (self->arms, path);

  return arm != NULL ? bpg_arm_copy (arm) : NULL;
}

BpgArm *
bpg_arm_copy (const BpgArm *arm)
{
  BpgArm *copy = g_memdup2 (arm, sizeof *arm);

  copy->path = g_strdup (arm->path);
  copy->device_id = g_strdup (arm->device_id);
  copy->hardware = g_strdup (arm->hardware);
  copy->side = g_strdup (arm->side);
  copy->patient = g_strdup (arm->patient);
  copy->model_hash = g_strdup (arm->model_hash);
  return copy;
}

void
bpg_arm_free (BpgArm *arm)
{
  g_free (arm->path);
  g_free (arm->device_id);
  g_free (arm->hardware);
  g_free (arm->side);
  g_free (arm->patient);
  g_free (arm->model_hash);
  g_free (arm);
}

gboolean
bpg_arm_watch_is_ready (BpgArmWatch *self)
{
  return self->ready;
}
