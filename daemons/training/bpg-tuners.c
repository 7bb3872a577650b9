/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-tuners.h"

#include "bpg-arm-watch.h"
#include "bpg-log.h"
#include "bpg-names.h"
#include "bpg-tuner.h"

struct _BpgTuners {
  GObject parent_instance;

  BpgService *service;
  BpgModelRegistry *registry;
  BpgArmWatch *watch;
  GCancellable *cancellable;
  GHashTable *tuners; /* object path of the prosthesis -> BpgTuner */
  GHashTable *asked;  /* object paths whose proxies are being made */
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
  g_clear_object (&self->watch);
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
  g_hash_table_unref (self->asked);
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
  self->asked = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
}

static gboolean
is_bound (BpgTuners *self, const char *path)
{
  g_autoptr (BpgArm) arm = bpg_arm_watch_get (self->watch, path);

  return arm != NULL && arm->bound;
}

typedef struct {
  BpgTuners *self; /* not owned: its cancellable tells when it has gone */
  char *path;
} Asked;

static void
on_proxy (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autofree Asked *asked = user_data;
  g_autofree char *path = asked->path;
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgDBusProsthesis1) arm = bpg_dbus_prosthesis1_proxy_new_finish (result, &error);
  BpgTuners *self = asked->self;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  g_hash_table_remove (self->asked, path);
  if (arm == NULL)
    bpg_warning (path, "cannot be watched: %s", error->message);
  /* Looked at again: it may have left, or have been unbound meanwhile. */
  else if (is_bound (self, path) && bpg_dbus_prosthesis1_get_device_id (arm) != NULL)
    g_hash_table_insert (self->tuners, g_strdup (path), bpg_tuner_new (self->service, self->registry, arm));
}

static void
on_arm_gone (BpgArmWatch *watch, const char *path, gpointer user_data)
{
  g_hash_table_remove (BPG_TUNERS (user_data)->tuners, path);
}

static void
on_arm_changed (BpgArmWatch *watch, const char *path, gpointer user_data)
{
  BpgTuners *self = user_data;
  Asked *asked;

  if (!is_bound (self, path)) {
    on_arm_gone (watch, path, self);
    return;
  }
  if (g_hash_table_contains (self->tuners, path) || !g_hash_table_add (self->asked, g_strdup (path)))
    return;
  asked = g_new0 (Asked, 1);
  asked->self = self;
  asked->path = g_strdup (path);
  bpg_dbus_prosthesis1_proxy_new (bpg_service_get_connection (self->service), G_DBUS_PROXY_FLAGS_DO_NOT_AUTO_START,
                                  BPG_BUS_PAIRING, path, self->cancellable, on_proxy, asked);
}

BpgTuners *
bpg_tuners_new (BpgService *service, BpgModelRegistry *registry)
{
  BpgTuners *self = g_object_new (BPG_TYPE_TUNERS, NULL);

  self->service = g_object_ref (service);
  self->registry = g_object_ref (registry);
  self->watch = bpg_arm_watch_new (bpg_service_get_connection (service));
  g_signal_connect_object (self->watch, "changed", G_CALLBACK (on_arm_changed), self, 0);
  g_signal_connect_object (self->watch, "gone", G_CALLBACK (on_arm_gone), self, 0);
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
