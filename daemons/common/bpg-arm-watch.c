/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-arm-watch.h"

#include "bpg-log.h"
#include "bpg-names.h"

#define INTERFACE "org.bionicpro.Prosthesis1"

struct _BpgArmWatch {
  GObject parent_instance;

  GCancellable *cancellable;
  GDBusObjectManager *objects;
  gboolean ready;
};

enum { CHANGED, GONE, READY, N_SIGNALS };

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (BpgArmWatch, bpg_arm_watch, G_TYPE_OBJECT)

static void
bpg_arm_watch_dispose (GObject *object)
{
  BpgArmWatch *self = BPG_ARM_WATCH (object);

  g_cancellable_cancel (self->cancellable);
  if (self->objects != NULL)
    g_signal_handlers_disconnect_by_data (self->objects, self);
  g_clear_object (&self->objects);
  G_OBJECT_CLASS (bpg_arm_watch_parent_class)->dispose (object);
}

static void
bpg_arm_watch_finalize (GObject *object)
{
  BpgArmWatch *self = BPG_ARM_WATCH (object);

  g_object_unref (self->cancellable);
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
  self->cancellable = g_cancellable_new ();
}

static void
tell (BpgArmWatch *self, guint signal, GDBusObject *object)
{
  g_autofree char *path = g_strdup (g_dbus_object_get_object_path (object));

  g_signal_emit (self, signals[signal], 0, path);
}

static void
on_added (GDBusObjectManager *objects, GDBusObject *object, gpointer user_data)
{
  g_autoptr (GDBusInterface) interface = g_dbus_object_get_interface (object, INTERFACE);

  if (interface != NULL)
    tell (user_data, CHANGED, object);
}

static void
on_removed (GDBusObjectManager *objects, GDBusObject *object, gpointer user_data)
{
  g_autoptr (GDBusInterface) interface = g_dbus_object_get_interface (object, INTERFACE);

  if (interface != NULL)
    tell (user_data, GONE, object);
}

static void
on_properties (GDBusObjectManagerClient *objects, GDBusObjectProxy *object, GDBusProxy *proxy, GVariant *changed,
               const char *const *invalidated, gpointer user_data)
{
  if (g_str_equal (g_dbus_proxy_get_interface_name (proxy), INTERFACE))
    tell (user_data, CHANGED, G_DBUS_OBJECT (object));
}

static void
watch_objects (BpgArmWatch *self, GDBusObjectManager *objects)
{
  g_autolist (GDBusObject) present = NULL;

  self->objects = objects;
  g_signal_connect (self->objects, "object-added", G_CALLBACK (on_added), self);
  g_signal_connect (self->objects, "object-removed", G_CALLBACK (on_removed), self);
  g_signal_connect (self->objects, "interface-proxy-properties-changed", G_CALLBACK (on_properties), self);
  present = g_dbus_object_manager_get_objects (self->objects);
  for (GList *l = present; l != NULL; l = l->next)
    on_added (self->objects, l->data, self);
}

static void
on_objects (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusObjectManager) objects = g_dbus_object_manager_client_new_finish (result, &error);
  BpgArmWatch *self = user_data;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (objects != NULL)
    watch_objects (self, g_steal_pointer (&objects));
  else
    bpg_warning (BPG_PATH_PAIRING, "cannot be watched: %s", error->message);
  self->ready = TRUE;
  g_signal_emit (self, signals[READY], 0);
}

BpgArmWatch *
bpg_arm_watch_new (GDBusConnection *connection)
{
  BpgArmWatch *self = g_object_new (BPG_TYPE_ARM_WATCH, NULL);

  g_dbus_object_manager_client_new (connection, G_DBUS_OBJECT_MANAGER_CLIENT_FLAGS_DO_NOT_AUTO_START, BPG_BUS_PAIRING,
                                    BPG_PATH_PAIRING, NULL, NULL, NULL, self->cancellable, on_objects, self);
  return self;
}

static char *
get_text (GDBusProxy *proxy, const char *name)
{
  g_autoptr (GVariant) value = g_dbus_proxy_get_cached_property (proxy, name);

  return value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING) ? g_variant_dup_string (value, NULL)
                                                                             : g_strdup ("");
}

static guint32
get_number (GDBusProxy *proxy, const char *name)
{
  g_autoptr (GVariant) value = g_dbus_proxy_get_cached_property (proxy, name);

  return value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_UINT32) ? g_variant_get_uint32 (value) : 0;
}

static gboolean
get_boolean (GDBusProxy *proxy, const char *name)
{
  g_autoptr (GVariant) value = g_dbus_proxy_get_cached_property (proxy, name);

  return value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_BOOLEAN) && g_variant_get_boolean (value);
}

BpgArm *
bpg_arm_watch_get (BpgArmWatch *self, const char *path)
{
  g_autoptr (GDBusInterface) interface =
    self->objects != NULL ? g_dbus_object_manager_get_interface (self->objects, path, INTERFACE) : NULL;
  GDBusProxy *proxy = interface != NULL ? G_DBUS_PROXY (interface) : NULL;
  g_autofree char *state = proxy != NULL ? get_text (proxy, "State") : NULL;
  BpgArm *arm;

  if (proxy == NULL)
    return NULL;
  arm = g_new0 (BpgArm, 1);
  arm->path = g_strdup (path);
  arm->device_id = get_text (proxy, "DeviceId");
  arm->hardware = get_text (proxy, "Hardware");
  arm->side = get_text (proxy, "Side");
  arm->patient = get_text (proxy, "Patient");
  arm->model_hash = get_text (proxy, "ModelHash");
  arm->connected = get_boolean (proxy, "Connected");
  arm->bound = g_str_equal (state, "bound");
  arm->schema = get_number (proxy, "Schema");
  arm->trial_seconds_left = get_number (proxy, "TrialSecondsLeft");
  return arm;
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
