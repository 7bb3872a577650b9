/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-firmware-shelf.h"

#include "bpg-dbus.h"
#include "bpg-names.h"
#include "bpg-path.h"

/* A file that is being copied changes often. */
#define SETTLE_MILLISECONDS 300

struct _BpgFirmwareShelf {
  GObject parent_instance;

  BpgService *service;
  BpgFirmwareSettings *settings;
  GHashTable *staged;   /* object path -> BpgStaged */
  GHashTable *problems; /* paths of files that are a problem of the service */
  GPtrArray *monitors;
  GPtrArray *waiting; /* GTask: wait for the next look */
  gboolean looking;
  gboolean ready;
  guint settle_id;
};

typedef struct {
  BpgFirmwareSettings *settings;
  GPtrArray *all;
  GHashTable *problems;
  GPtrArray *waiting;
} Look;

enum { READY, N_SIGNALS };

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (BpgFirmwareShelf, bpg_firmware_shelf, G_TYPE_OBJECT)

static void begin_look (BpgFirmwareShelf *self);

static void
bpg_firmware_shelf_dispose (GObject *object)
{
  BpgFirmwareShelf *self = BPG_FIRMWARE_SHELF (object);

  g_clear_handle_id (&self->settle_id, g_source_remove);
  g_ptr_array_set_size (self->monitors, 0);
  g_clear_object (&self->service);
  G_OBJECT_CLASS (bpg_firmware_shelf_parent_class)->dispose (object);
}

static void
bpg_firmware_shelf_finalize (GObject *object)
{
  BpgFirmwareShelf *self = BPG_FIRMWARE_SHELF (object);

  bpg_firmware_settings_unref (self->settings);
  g_ptr_array_unref (self->monitors);
  g_ptr_array_unref (self->waiting);
  g_hash_table_unref (self->staged);
  g_hash_table_unref (self->problems);
  G_OBJECT_CLASS (bpg_firmware_shelf_parent_class)->finalize (object);
}

static void
bpg_firmware_shelf_class_init (BpgFirmwareShelfClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_firmware_shelf_dispose;
  G_OBJECT_CLASS (klass)->finalize = bpg_firmware_shelf_finalize;
  signals[READY] =
    g_signal_new ("ready", BPG_TYPE_FIRMWARE_SHELF, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bpg_firmware_shelf_init (BpgFirmwareShelf *self)
{
  self->staged = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) bpg_staged_free);
  self->problems = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->monitors = g_ptr_array_new_with_free_func (g_object_unref);
  self->waiting = g_ptr_array_new_with_free_func (g_object_unref);
}

static void
export (BpgFirmwareShelf *self, const char *path, const BpgStaged *staged)
{
  g_autoptr (BpgDBusFirmware1) skeleton = bpg_dbus_firmware1_skeleton_new ();
  const BpgFirmware *firmware = staged->firmware;

  bpg_dbus_firmware1_set_hash (skeleton, firmware->hash);
  bpg_dbus_firmware1_set_version (skeleton, firmware->version);
  bpg_dbus_firmware1_set_hardware (skeleton, firmware->hardware);
  bpg_dbus_firmware1_set_side (skeleton, firmware->side);
  bpg_dbus_firmware1_set_schema (skeleton, firmware->schema);
  bpg_dbus_firmware1_set_size (skeleton, firmware->size);
  bpg_dbus_firmware1_set_signer (skeleton, firmware->signer);
  bpg_dbus_firmware1_set_source (skeleton, staged->source);
  bpg_dbus_firmware1_set_added (skeleton, staged->added);
  g_object_unref (bpg_service_export (self->service, path, G_DBUS_INTERFACE_SKELETON (skeleton), NULL));
}

static void
take_staged (BpgFirmwareShelf *self, GPtrArray *all)
{
  g_autoptr (GHashTable) before = g_steal_pointer (&self->staged);
  GHashTableIter iter;
  gpointer path;

  self->staged = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) bpg_staged_free);
  while (all->len > 0) {
    BpgStaged *staged = g_ptr_array_steal_index_fast (all, all->len - 1);
    char *object = bpg_path_build (BPG_PATH_UPDATE, "firmware", staged->firmware->hash);

    if (!g_hash_table_remove (before, object))
      export (self, object, staged);
    g_hash_table_insert (self->staged, object, staged);
  }
  g_hash_table_iter_init (&iter, before);
  while (g_hash_table_iter_next (&iter, &path, NULL))
    bpg_service_unexport (self->service, path);
}

static void
take_problems (BpgFirmwareShelf *self, GHashTable *problems)
{
  GHashTableIter iter;
  gpointer path, error;

  g_hash_table_iter_init (&iter, self->problems);
  while (g_hash_table_iter_next (&iter, &path, NULL))
    if (!g_hash_table_contains (problems, path)) {
      bpg_service_clear_problem (self->service, path);
      g_hash_table_iter_remove (&iter);
    }
  g_hash_table_iter_init (&iter, problems);
  while (g_hash_table_iter_next (&iter, &path, &error))
    if (g_hash_table_add (self->problems, g_strdup (path))) {
      g_autofree char *text = g_strdup_printf ("%s is not offered: %s", (char *) path, ((GError *) error)->message);

      bpg_service_set_problem (self->service, path, (BpgError) ((GError *) error)->code, text);
    }
}

static void
look_free (Look *look)
{
  bpg_firmware_settings_unref (look->settings);
  g_clear_pointer (&look->all, g_ptr_array_unref);
  g_hash_table_unref (look->problems);
  g_ptr_array_unref (look->waiting);
  g_free (look);
}

static void
on_looked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BpgFirmwareShelf *self = BPG_FIRMWARE_SHELF (source);
  Look *look = g_task_get_task_data (G_TASK (result));

  self->looking = FALSE;
  if (self->service != NULL) {
    take_staged (self, look->all);
    take_problems (self, look->problems);
  }
  for (guint i = 0; i < look->waiting->len; i++)
    g_task_return_boolean (g_ptr_array_index (look->waiting, i), TRUE);
  if (self->service != NULL && self->waiting->len > 0)
    begin_look (self);
  if (!self->ready) {
    self->ready = TRUE;
    g_signal_emit (self, signals[READY], 0);
  }
}

static void
look_in_worker (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Look *look = task_data;

  look->all = bpg_firmware_folder_scan (look->settings, look->problems);
  g_task_return_boolean (task, TRUE);
}

static void
begin_look (BpgFirmwareShelf *self)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, on_looked, NULL);
  Look *look = g_new0 (Look, 1);

  self->looking = TRUE;
  look->settings = bpg_firmware_settings_ref (self->settings);
  look->problems = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_error_free);
  look->waiting = g_steal_pointer (&self->waiting);
  self->waiting = g_ptr_array_new_with_free_func (g_object_unref);
  g_task_set_task_data (task, look, (GDestroyNotify) look_free);
  g_task_run_in_thread (task, look_in_worker);
}

void
bpg_firmware_shelf_look_async (BpgFirmwareShelf *self, GAsyncReadyCallback callback, gpointer user_data)
{
  /* One that is under way may have passed what the caller wants to see. */
  g_ptr_array_add (self->waiting, g_task_new (self, NULL, callback, user_data));
  if (!self->looking)
    begin_look (self);
}

void
bpg_firmware_shelf_look_finish (BpgFirmwareShelf *self, GAsyncResult *result)
{
  g_task_propagate_boolean (G_TASK (result), NULL);
}

static gboolean
on_settled (gpointer user_data)
{
  BpgFirmwareShelf *self = user_data;

  self->settle_id = 0;
  bpg_firmware_shelf_look_async (self, NULL, NULL);
  return G_SOURCE_REMOVE;
}

static void
on_folder_changed (GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event, gpointer user_data)
{
  BpgFirmwareShelf *self = user_data;

  g_clear_handle_id (&self->settle_id, g_source_remove);
  self->settle_id = g_timeout_add (SETTLE_MILLISECONDS, on_settled, self);
}

/* A folder that is not there is not watched: that would wake the process up every few seconds for ever. */
static void
watch (BpgFirmwareShelf *self, const char *path)
{
  g_autoptr (GFile) file = g_file_new_for_path (path);
  GFileMonitor *monitor = NULL;

  if (g_file_test (path, G_FILE_TEST_EXISTS))
    monitor = g_file_monitor (file, G_FILE_MONITOR_NONE, NULL, NULL);
  if (monitor == NULL)
    return;
  g_signal_connect_object (monitor, "changed", G_CALLBACK (on_folder_changed), self, 0);
  g_ptr_array_add (self->monitors, monitor);
}

BpgFirmwareShelf *
bpg_firmware_shelf_new (BpgService *service, BpgFirmwareSettings *settings)
{
  BpgFirmwareShelf *self = g_object_new (BPG_TYPE_FIRMWARE_SHELF, NULL);

  self->service = g_object_ref (service);
  self->settings = bpg_firmware_settings_ref (settings);
  /* The folder of our own changes by our own doing only. */
  for (guint i = 1; settings->folders[i] != NULL; i++)
    watch (self, settings->folders[i]);
  for (guint i = 0; settings->keys[i] != NULL; i++)
    watch (self, settings->keys[i]);
  bpg_firmware_shelf_look_async (self, NULL, NULL);
  return self;
}

gboolean
bpg_firmware_shelf_is_ready (BpgFirmwareShelf *self)
{
  return self->ready;
}

const BpgFirmware *
bpg_firmware_shelf_get (BpgFirmwareShelf *self, const char *path)
{
  const BpgStaged *staged = g_hash_table_lookup (self->staged, path);

  return staged != NULL ? staged->firmware : NULL;
}
