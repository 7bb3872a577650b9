/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-fleet.h"

#include "bpg-error.h"
#include "bpg-log.h"
#include "bpg-procedure.h"

struct _BpgFleet {
  GObject parent_instance;

  BpgService *service;
  BpgHistory *history;
  BpgArmWatch *watch;
  GCancellable *cancellable;
  GHashTable *slots;   /* path of the prosthesis -> BpgSlots */
  GHashTable *looking; /* BpgSlots that are being read -> whether to read once more */
  guint retry_id;
};

/* A line that has failed for a moment is tried again after so long. */
#define RETRY_SECONDS 3

enum { ARM, READY, N_SIGNALS };

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (BpgFleet, bpg_fleet, G_TYPE_OBJECT)

static void
bpg_fleet_dispose (GObject *object)
{
  BpgFleet *self = BPG_FLEET (object);

  g_cancellable_cancel (self->cancellable);
  g_clear_handle_id (&self->retry_id, g_source_remove);
  g_clear_object (&self->watch);
  g_hash_table_remove_all (self->slots);
  g_clear_object (&self->history);
  g_clear_object (&self->service);
  G_OBJECT_CLASS (bpg_fleet_parent_class)->dispose (object);
}

static void
bpg_fleet_finalize (GObject *object)
{
  BpgFleet *self = BPG_FLEET (object);

  g_hash_table_unref (self->slots);
  g_hash_table_unref (self->looking);
  g_object_unref (self->cancellable);
  G_OBJECT_CLASS (bpg_fleet_parent_class)->finalize (object);
}

static void
bpg_fleet_class_init (BpgFleetClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = bpg_fleet_dispose;
  G_OBJECT_CLASS (klass)->finalize = bpg_fleet_finalize;
  signals[ARM] = g_signal_new ("arm", BPG_TYPE_FLEET, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                               G_TYPE_STRING);
  signals[READY] = g_signal_new ("ready", BPG_TYPE_FLEET, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
bpg_fleet_init (BpgFleet *self)
{
  self->slots = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->looking = g_hash_table_new_full (NULL, NULL, g_object_unref, NULL);
  self->cancellable = g_cancellable_new ();
}

typedef struct {
  BpgFleet *self;
  BpgSlots *slots;
  BpgManagement *management;
  BpgProcedure procedure;
} Look;

static void
look_free (Look *look)
{
  g_clear_object (&look->management);
  g_object_unref (look->slots);
  g_object_unref (look->self);
  g_free (look);
}

static gboolean
on_retry (gpointer user_data)
{
  BpgFleet *self = user_data;
  GHashTableIter iter;
  gpointer slots;

  self->retry_id = 0;
  g_hash_table_iter_init (&iter, self->slots);
  while (g_hash_table_iter_next (&iter, NULL, &slots))
    if (!bpg_slots_is_known (slots))
      bpg_fleet_look (self, slots);
  return G_SOURCE_REMOVE;
}

static void
retry_later (BpgFleet *self)
{
  if (self->retry_id == 0 && !g_cancellable_is_cancelled (self->cancellable))
    self->retry_id = g_timeout_add_seconds (RETRY_SECONDS, on_retry, self);
}

static void
end_look (Look *look, const GError *error)
{
  BpgFleet *self = look->self;
  BpgSlots *slots = look->slots;
  gboolean again = GPOINTER_TO_INT (g_hash_table_lookup (self->looking, slots));

  g_clear_object (&look->management);
  if (error == NULL && bpg_slots_get_job (slots) == NULL)
    bpg_slots_take_table (slots, &look->procedure.table, 0, BPG_SLOTS_NOTHING);
  if (error != NULL) {
    bpg_debug (bpg_slots_get_prosthesis (slots), "The slots cannot be read: %s", error->message);
    bpg_slots_set_unknown (slots);
    retry_later (self);
  }
  g_hash_table_remove (self->looking, slots);
  if (again)
    bpg_fleet_look (self, slots);
  look_free (look);
}

static void
read_slots (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Look *look = task_data;
  GError *error = NULL;

  if (bpg_procedure_run (&look->procedure, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (GError) error = NULL;

  g_task_propagate_boolean (G_TASK (result), &error);
  end_look (user_data, error);
}

static void
on_acquired (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Look *look = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GTask) task = NULL;

  look->management = bpg_management_acquire_finish (result, &error);
  if (look->management == NULL) {
    end_look (look, error);
    return;
  }
  look->procedure = (BpgProcedure){
    .kind = BPG_PROCEDURE_READ, .management = look->management, .cancellable = look->self->cancellable};
  task = g_task_new (NULL, NULL, on_read, look);
  g_task_set_task_data (task, look, NULL);
  g_task_run_in_thread (task, read_slots);
}

void
bpg_fleet_look (BpgFleet *self, BpgSlots *slots)
{
  g_autoptr (BpgArm) arm = bpg_arm_watch_get (self->watch, bpg_slots_get_prosthesis (slots));
  Look *look;

  if (arm == NULL || !arm->connected || bpg_slots_get_job (slots) != NULL)
    return;
  if (g_hash_table_contains (self->looking, slots)) {
    g_hash_table_replace (self->looking, g_object_ref (slots), GINT_TO_POINTER (TRUE));
    return;
  }
  g_hash_table_replace (self->looking, g_object_ref (slots), GINT_TO_POINTER (FALSE));
  look = g_new0 (Look, 1);
  look->self = g_object_ref (self);
  look->slots = g_object_ref (slots);
  bpg_management_acquire_async (bpg_service_get_connection (self->service), arm->path, "reading the slots",
                                self->cancellable, on_acquired, look);
}

static BpgSlots *
ensure_slots (BpgFleet *self, const BpgArm *arm)
{
  BpgSlots *slots = g_hash_table_lookup (self->slots, arm->path);

  if (arm->bound && slots == NULL) {
    slots = bpg_slots_new (self->service, self->history, arm);
    g_hash_table_insert (self->slots, g_strdup (arm->path), slots);
  } else if (!arm->bound && slots != NULL && bpg_slots_get_job (slots) == NULL) {
    bpg_slots_withdraw (slots);
    g_hash_table_remove (self->slots, arm->path);
    slots = NULL;
  }
  return slots;
}

static void
on_arm_changed (BpgArmWatch *watch, const char *path, gpointer user_data)
{
  BpgFleet *self = user_data;
  g_autoptr (BpgArm) arm = bpg_arm_watch_get (watch, path);
  BpgSlots *slots = arm != NULL ? ensure_slots (self, arm) : NULL;

  if (slots != NULL && bpg_slots_take_arm (slots, arm))
    bpg_fleet_look (self, slots);
  g_signal_emit (self, signals[ARM], 0, path);
}

/* Pairing has ended, or will never know this arm again; what it holds is not known any more. */
static void
on_arm_gone (BpgArmWatch *watch, const char *path, gpointer user_data)
{
  BpgFleet *self = user_data;
  BpgSlots *slots = g_hash_table_lookup (self->slots, path);

  if (slots != NULL)
    bpg_slots_set_unknown (slots);
}

static void
on_watch_ready (BpgArmWatch *watch, gpointer user_data)
{
  g_signal_emit (user_data, signals[READY], 0);
}

BpgFleet *
bpg_fleet_new (BpgService *service, BpgHistory *history)
{
  BpgFleet *self = g_object_new (BPG_TYPE_FLEET, NULL);

  self->service = g_object_ref (service);
  self->history = g_object_ref (history);
  self->watch = bpg_arm_watch_new (bpg_service_get_connection (service));
  g_signal_connect_object (self->watch, "changed", G_CALLBACK (on_arm_changed), self, 0);
  g_signal_connect_object (self->watch, "gone", G_CALLBACK (on_arm_gone), self, 0);
  g_signal_connect_object (self->watch, "ready", G_CALLBACK (on_watch_ready), self, 0);
  return self;
}

gboolean
bpg_fleet_is_ready (BpgFleet *self)
{
  return bpg_arm_watch_is_ready (self->watch);
}

BpgArm *
bpg_fleet_get_arm (BpgFleet *self, const char *path)
{
  return bpg_arm_watch_get (self->watch, path);
}

BpgSlots *
bpg_fleet_get_slots (BpgFleet *self, const char *path)
{
  return g_hash_table_lookup (self->slots, path);
}
