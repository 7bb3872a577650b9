/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-tuners.h"

#include "bpg-log.h"
#include "bpg-names.h"
#include "bpg-tuner.h"

struct _BpgTuners {
  GObject parent_instance;

  BpgService *service;
  BpgModelRegistry *registry;
  GCancellable *cancellable;
  GDBusObjectManager *objects;
  GHashTable *tuners; /* object path of the prosthesis -> BpgTuner */
};

G_DEFINE_FINAL_TYPE (BpgTuners, bpg_tuners, G_TYPE_OBJECT)

static void
drop_tuner (gpointer tuner)
{
  bpg_tuner_close (tuner);
  g_object_unref (tuner);
}

static void
bpg_tuners_dispose (GObject *object)
{
  BpgTuners *self = BPG_TUNERS (object);

  g_cancellable_cancel (self->cancellable);
  g_hash_table_remove_all (self->tuners);
  g_clear_object (&self->objects);
  g_clear_object (&self->registry);
  g_clear_object (&self->service);
  G_OBJECT_CLASS (bpg_tuners_parent_class)->dispose (object);
}

static void
bpg_tuners_finalize (GObject *object)
{
  BpgTuners *self = BPG_TUNERS (object);

  g_object_unref (self->cancellable);
  g_hash_table_unref (self->tuners);
  G_OBJECT_CLASS (bpg_tuners_parent_class)->finalize (object);
}

static void
bpg_tuners_class_init (BpgTunersClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_tuners_dispose;
  G_OBJECT_CLASS (klass)->finalize = bpg_tuners_finalize;
}

static void
bpg_tuners_init (BpgTuners *self)
{
  self->cancellable = g_cancellable_new ();
  self->tuners = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, drop_tuner);
}

static GType
choose_proxy (GDBusObjectManagerClient *client, const char *path, const char *interface, gpointer user_data)
{
  if (interface == NULL)
    return G_TYPE_DBUS_OBJECT_PROXY;
  if (g_str_equal (interface, "org.bionicpro.Prosthesis1"))
    return BPG_DBUS_TYPE_PROSTHESIS1_PROXY;
  return G_TYPE_DBUS_PROXY;
}

static void
on_state (BpgTuners *self, GParamSpec *pspec, BpgDBusProsthesis1 *arm)
{
  const char *path = g_dbus_proxy_get_object_path (G_DBUS_PROXY (arm));
  gboolean bound = g_strcmp0 (bpg_dbus_prosthesis1_get_state (arm), "bound") == 0;

  if (!bound)
    g_hash_table_remove (self->tuners, path);
  else if (!g_hash_table_contains (self->tuners, path) && bpg_dbus_prosthesis1_get_device_id (arm) != NULL)
    g_hash_table_insert (self->tuners, g_strdup (path), bpg_tuner_new (self->service, self->registry, arm));
}

static void
on_notify_state (BpgDBusProsthesis1 *arm, GParamSpec *pspec, gpointer user_data)
{
  on_state (user_data, pspec, arm);
}

static void
on_interface_added (GDBusObjectManager *objects, GDBusObject *object, GDBusInterface *interface, gpointer user_data)
{
  BpgTuners *self = user_data;

  if (!BPG_DBUS_IS_PROSTHESIS1 (interface))
    return;
  g_signal_connect_object (interface, "notify::state", G_CALLBACK (on_notify_state), self, 0);
  on_state (self, NULL, BPG_DBUS_PROSTHESIS1 (interface));
}

static void
on_object_added (GDBusObjectManager *objects, GDBusObject *object, gpointer user_data)
{
  g_autoptr (GDBusInterface) interface = g_dbus_object_get_interface (object, "org.bionicpro.Prosthesis1");

  if (interface != NULL)
    on_interface_added (objects, object, interface, user_data);
}

static void
on_object_removed (GDBusObjectManager *objects, GDBusObject *object, gpointer user_data)
{
  g_hash_table_remove (BPG_TUNERS (user_data)->tuners, g_dbus_object_get_object_path (object));
}

static void
on_objects (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusObjectManager) objects = g_dbus_object_manager_client_new_finish (result, &error);
  g_autolist (GDBusObject) present = NULL;
  BpgTuners *self;

  if (objects == NULL) {
    if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
      bpg_warning (BPG_BUS_PAIRING, "cannot be watched: %s", error->message);
    return;
  }
  self = user_data;
  self->objects = g_steal_pointer (&objects);
  g_signal_connect_object (self->objects, "object-added", G_CALLBACK (on_object_added), self, 0);
  g_signal_connect_object (self->objects, "object-removed", G_CALLBACK (on_object_removed), self, 0);
  g_signal_connect_object (self->objects, "interface-added", G_CALLBACK (on_interface_added), self, 0);
  present = g_dbus_object_manager_get_objects (self->objects);
  for (GList *l = present; l != NULL; l = l->next)
    on_object_added (self->objects, l->data, self);
}

BpgTuners *
bpg_tuners_new (BpgService *service, BpgModelRegistry *registry)
{
  BpgTuners *self = g_object_new (BPG_TYPE_TUNERS, NULL);

  self->service = g_object_ref (service);
  self->registry = g_object_ref (registry);
  g_dbus_object_manager_client_new (bpg_service_get_connection (service),
                                    G_DBUS_OBJECT_MANAGER_CLIENT_FLAGS_DO_NOT_AUTO_START, BPG_BUS_PAIRING,
                                    BPG_PATH_PAIRING, choose_proxy, NULL, NULL, self->cancellable, on_objects, self);
  return self;
}

void
bpg_tuners_look (BpgTuners *self)
{
  GHashTableIter iter;
  gpointer tuner;

  g_hash_table_iter_init (&iter, self->tuners);
  while (g_hash_table_iter_next (&iter, NULL, &tuner))
    bpg_tuner_look (tuner);
}
