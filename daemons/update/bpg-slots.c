/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-slots.h"

#include "bpg-dbus.h"
#include "bpg-log.h"
#include "bpg-names.h"
#include "bpg-path.h"

struct _BpgSlots {
  GObject parent_instance;

  BpgService *service;
  BpgHistory *history;
  BpgDBusSlots1 *skeleton;
  char *path;
  BpgArm *arm; /* what was last told */
  BpgSlotTable table;
  gboolean known;
  char *job;
  gboolean writing;
};

G_DEFINE_FINAL_TYPE (BpgSlots, bpg_slots, G_TYPE_OBJECT)

static void
bpg_slots_finalize (GObject *object)
{
  BpgSlots *self = BPG_SLOTS (object);

  g_clear_object (&self->skeleton);
  g_clear_object (&self->history);
  g_clear_object (&self->service);
  g_clear_pointer (&self->arm, bpg_arm_free);
  g_free (self->path);
  g_free (self->job);
  G_OBJECT_CLASS (bpg_slots_parent_class)->finalize (object);
}

static void
bpg_slots_class_init (BpgSlotsClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_slots_finalize;
}

static void
bpg_slots_init (BpgSlots *self)
{
}

static const char *
get_state (BpgSlots *self)
{
  if (self->writing)
    return "writing";
  if (!self->known)
    return "unknown";
  if (bpg_slot_table_get_trial (&self->table, BPG_IMAGE_MODEL) != NULL)
    return "trial";
  return bpg_slot_table_get_pending (&self->table, BPG_IMAGE_MODEL) != NULL ? "pending" : "idle";
}

static const char *
get_firmware_state (BpgSlots *self)
{
  if (!self->known)
    return "unknown";
  if (bpg_slot_table_get_trial (&self->table, BPG_IMAGE_FIRMWARE) != NULL)
    return "trial";
  return bpg_slot_table_get_pending (&self->table, BPG_IMAGE_FIRMWARE) != NULL ? "pending" : "idle";
}

static void
publish_state (BpgSlots *self)
{
  bpg_dbus_slots1_set_state (self->skeleton, get_state (self));
  bpg_dbus_slots1_set_firmware_state (self->skeleton, get_firmware_state (self));
  g_dbus_interface_skeleton_flush (G_DBUS_INTERFACE_SKELETON (self->skeleton));
}

static void
add_slot (BpgSlots *self, GVariantBuilder *builder, const BpgSlotEntry *entry)
{
  g_autofree char *model = bpg_history_find_model (self->history, entry->hash);

  g_variant_builder_open (builder, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (builder, "{sv}", "image",
                         g_variant_new_string (entry->image == BPG_IMAGE_MODEL ? "model" : "firmware"));
  g_variant_builder_add (builder, "{sv}", "slot", g_variant_new_string (bpg_slot_entry_get_name (entry)));
  g_variant_builder_add (builder, "{sv}", "hash", g_variant_new_string (entry->hash));
  g_variant_builder_add (builder, "{sv}", "model", g_variant_new_string (model));
  g_variant_builder_add (builder, "{sv}", "version", g_variant_new_string (entry->version));
  g_variant_builder_add (builder, "{sv}", "active", g_variant_new_boolean (entry->active));
  g_variant_builder_add (builder, "{sv}", "pending", g_variant_new_boolean (entry->pending));
  g_variant_builder_add (builder, "{sv}", "confirmed", g_variant_new_boolean (entry->confirmed));
  g_variant_builder_add (builder, "{sv}", "bootable", g_variant_new_boolean (entry->bootable));
  g_variant_builder_close (builder);
}

static char *
find_model (BpgSlots *self, const BpgSlotEntry *entry)
{
  return entry != NULL ? bpg_history_find_model (self->history, entry->hash) : g_strdup ("");
}

static void
publish_firmware (BpgSlots *self)
{
  const BpgSlotEntry *active = bpg_slot_table_get_active (&self->table, BPG_IMAGE_FIRMWARE);
  const BpgSlotEntry *confirmed = bpg_slot_table_get_confirmed (&self->table, BPG_IMAGE_FIRMWARE);

  bpg_dbus_slots1_set_firmware_version (self->skeleton, active != NULL ? active->version : "");
  bpg_dbus_slots1_set_firmware (self->skeleton, active != NULL ? active->hash : "");
  bpg_dbus_slots1_set_firmware_confirmed (self->skeleton, confirmed != NULL ? confirmed->hash : "");
}

static void
publish_table (BpgSlots *self)
{
  g_autoptr (GVariantBuilder) builder = g_variant_builder_new (G_VARIANT_TYPE ("aa{sv}"));
  const BpgSlotEntry *on_trial = bpg_slot_table_get_trial (&self->table, BPG_IMAGE_MODEL);
  g_autofree char *active = find_model (self, bpg_slot_table_get_active (&self->table, BPG_IMAGE_MODEL));
  g_autofree char *confirmed = find_model (self, bpg_slot_table_get_confirmed (&self->table, BPG_IMAGE_MODEL));

  for (guint i = 0; i < self->table.n_entries; i++)
    add_slot (self, builder, &self->table.entries[i]);
  bpg_dbus_slots1_set_slots (self->skeleton, g_variant_builder_end (builder));
  bpg_dbus_slots1_set_active (self->skeleton, active);
  bpg_dbus_slots1_set_confirmed (self->skeleton, confirmed);
  publish_firmware (self);
  if (on_trial == NULL)
    bpg_dbus_slots1_set_trial_ends (self->skeleton, 0);
  publish_state (self);
}

static void
publish_history (BpgSlots *self)
{
  bpg_dbus_slots1_set_history (self->skeleton,
                               bpg_history_list (self->history, self->arm->device_id, self->arm->patient));
}

BpgSlots *
bpg_slots_new (BpgService *service, BpgHistory *history, const BpgArm *arm)
{
  BpgSlots *self = g_object_new (BPG_TYPE_SLOTS, NULL);

  self->service = g_object_ref (service);
  self->history = g_object_ref (history);
  self->path = bpg_path_build (BPG_PATH_UPDATE, "prosthesis", arm->device_id);
  self->skeleton = bpg_dbus_slots1_skeleton_new ();
  self->arm = bpg_arm_copy (arm);
  self->arm->connected = FALSE;
  bpg_dbus_slots1_set_prosthesis (self->skeleton, arm->path);
  bpg_dbus_slots1_set_job (self->skeleton, "/");
  publish_table (self);
  publish_history (self);
  g_object_unref (bpg_service_export (service, self->path, G_DBUS_INTERFACE_SKELETON (self->skeleton), NULL));
  return self;
}

void
bpg_slots_withdraw (BpgSlots *self)
{
  bpg_service_unexport (self->service, self->path);
}

/* The end of a trial is told to the second by the arm; what is told here must not wander with each report. */
static void
set_trial_end (BpgSlots *self, guint64 seconds)
{
  guint64 end = (guint64) g_get_real_time () + seconds * G_USEC_PER_SEC;
  guint64 before = bpg_dbus_slots1_get_trial_ends (self->skeleton);

  if (bpg_slot_table_get_trial (&self->table, BPG_IMAGE_MODEL) == NULL || seconds == 0)
    return;
  if (before == 0 || end > before + 2 * G_USEC_PER_SEC || end + 2 * G_USEC_PER_SEC < before)
    bpg_dbus_slots1_set_trial_ends (self->skeleton, end);
}

gboolean
bpg_slots_take_arm (BpgSlots *self, const BpgArm *arm)
{
  BpgArm *before = self->arm;
  gboolean wanted = arm->connected && (!before->connected || !self->known ||
                                       !g_str_equal (arm->model_hash, before->model_hash) ||
                                       (before->trial_seconds_left > 0) != (arm->trial_seconds_left > 0));
  gboolean other_patient = !g_str_equal (before->patient, arm->patient);

  self->arm = bpg_arm_copy (arm);
  if (other_patient)
    publish_history (self);
  set_trial_end (self, arm->trial_seconds_left);
  bpg_arm_free (before);
  return wanted;
}

/* A trial that was there when the arm was last seen, and is no more: the arm itself, or another tool, has ended it. */
static void
note_trial_end (BpgSlots *self, guint image, const char *hash)
{
  const BpgSlotEntry *confirmed = bpg_slot_table_get_confirmed (&self->table, image);
  const BpgSlotEntry *entry = bpg_slot_table_find (&self->table, image, hash);
  g_autofree char *model = image == BPG_IMAGE_MODEL ? bpg_history_find_model (self->history, hash) : g_strdup ("");
  const BpgHistoryEvent event = {
    .action = confirmed != NULL && g_str_equal (confirmed->hash, hash) ? "confirm" : "revert",
    .model = model,
    .firmware = image == BPG_IMAGE_FIRMWARE ? hash : "",
    .version = image == BPG_IMAGE_FIRMWARE && entry != NULL ? entry->version : "",
    .error = "",
    .job = 0,
  };
  g_autoptr (GError) error = NULL;

  if (!bpg_slots_add_event (self, &event, &error))
    bpg_warning (self->path, "The end of the trial cannot be written down: %s", error->message);
}

/* Returns: whether another trial is going on than before. */
static gboolean
take_trial (BpgSlots *self, guint image, gboolean by_job)
{
  g_autofree char *before = bpg_history_get_trial (self->history, self->arm->device_id, image);
  const BpgSlotEntry *on_trial = bpg_slot_table_get_trial (&self->table, image);
  const char *now = on_trial != NULL ? on_trial->hash : "";
  g_autoptr (GError) error = NULL;

  if (g_str_equal (before, now))
    return FALSE;
  if (before[0] != '\0' && !by_job)
    note_trial_end (self, image, before);
  if (!bpg_history_set_trial (self->history, self->arm->device_id, image, now, &error))
    bpg_warning (self->path, "The trial cannot be written down: %s", error->message);
  return TRUE;
}

void
bpg_slots_take_table (BpgSlots *self, const BpgSlotTable *table, guint64 seconds, BpgSlotsCause cause)
{
  self->table = *table;
  self->known = TRUE;
  take_trial (self, BPG_IMAGE_FIRMWARE, cause == BPG_SLOTS_FIRMWARE);
  if (take_trial (self, BPG_IMAGE_MODEL, cause == BPG_SLOTS_MODEL))
    bpg_dbus_slots1_set_trial_ends (self->skeleton, 0);
  set_trial_end (self, seconds);
  publish_table (self);
}

const BpgSlotTable *
bpg_slots_get_table (BpgSlots *self)
{
  return &self->table;
}

void
bpg_slots_set_unknown (BpgSlots *self)
{
  self->known = FALSE;
  publish_state (self);
}

gboolean
bpg_slots_is_known (BpgSlots *self)
{
  return self->known;
}

void
bpg_slots_set_job (BpgSlots *self, const char *job, gboolean writing)
{
  g_autofree char *owned = g_strdup (job);

  g_free (self->job);
  self->job = g_steal_pointer (&owned);
  self->writing = writing;
  bpg_dbus_slots1_set_job (self->skeleton, self->job != NULL ? self->job : "/");
  publish_state (self);
}

const char *
bpg_slots_get_job (BpgSlots *self)
{
  return self->job;
}

gboolean
bpg_slots_add_event (BpgSlots *self, const BpgHistoryEvent *event, GError **error)
{
  BpgHistoryEvent complete = *event;

  complete.prosthesis = self->arm->device_id;
  complete.patient = self->arm->patient;
  if (!bpg_history_add (self->history, &complete, error))
    return FALSE;
  publish_history (self);
  return TRUE;
}

const char *
bpg_slots_get_prosthesis (BpgSlots *self)
{
  return self->arm->path;
}

const char *
bpg_slots_get_active (BpgSlots *self)
{
  return bpg_dbus_slots1_get_active (self->skeleton);
}
