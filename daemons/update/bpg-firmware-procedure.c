/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-firmware-procedure.h"

#include "bpg-error.h"
#include "bpg-file.h"
#include "bpg-procedure-steps.h"

#include "boot/image.h"

#include <string.h>

#define MODEL_CONTAINER_LIMIT (256u * 1024u)
/* An arm that was told to restart has done so by then, or has not heard it. */
#define RESTART_MICROSECONDS (3 * G_USEC_PER_SEC)

static void
copy_text (char *target, gsize size, const struct bpg_text *text)
{
  gsize length = MIN (text->length, size - 1);

  if (length > 0)
    memcpy (target, text->bytes, length);
  target[length] = '\0';
}

static gboolean
set_nonsense (GError **error)
{
  g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The arm's answer is not one the protocol knows");
  return FALSE;
}

static gboolean
ask (BpgProcedure *self, guint8 command, BpgSmpReply *reply, GError **error)
{
  const BpgSmpRequest request = {BPG_SMP_READ, BPG_GROUP_ARM, command, NULL, 0};

  return bpg_management_call (self->management, &request, BPG_MANAGEMENT_MILLISECONDS, BPG_MANAGEMENT_TRIES, reply,
                              self->cancellable, error);
}

static gboolean
ask_identity (BpgProcedure *self, guint32 *schema, GError **error)
{
  struct bpg_identity identity;
  BpgSmpReply reply;

  if (!ask (self, BPG_ARM_IDENTITY, &reply, error))
    return FALSE;
  if (!bpg_identity_decode (reply.payload, reply.length, &identity) || identity.schema > G_MAXUINT32)
    return set_nonsense (error);
  copy_text (self->policy.arm.hardware, sizeof self->policy.arm.hardware, &identity.hw);
  copy_text (self->policy.arm.side, sizeof self->policy.arm.side, &identity.side);
  *schema = (guint32) identity.schema;
  return TRUE;
}

static gboolean
ask_status (BpgProcedure *self, GError **error)
{
  struct bpg_status status;
  BpgSmpReply reply;

  if (!ask (self, BPG_ARM_STATUS, &reply, error))
    return FALSE;
  if (!bpg_status_decode (reply.payload, reply.length, &status))
    return set_nonsense (error);
  self->policy.arm.battery = (guint) MIN (status.bat, 100);
  self->policy.arm.worn = status.worn;
  return TRUE;
}

/* The schema of the model that decides: what its container says, when it is one that we made; else the highest that the
 * running program understands. */
static guint32
find_model_schema (const BpgProcedure *self, guint32 understood)
{
  const BpgSlotEntry *model = bpg_slot_table_get_active (&self->table, BPG_IMAGE_MODEL);
  g_autofree char *path = NULL;
  g_autoptr (GBytes) container = NULL;
  struct bpg_image image;

  if (model == NULL)
    return 0;
  path = g_build_filename (self->containers != NULL ? self->containers : "", model->hash, NULL);
  container = bpg_file_read (path, MODEL_CONTAINER_LIMIT, NULL);
  if (container != NULL &&
      bpg_image_parse (g_bytes_get_data (container, NULL), g_bytes_get_size (container), &image) == BPG_IMAGE_OK &&
      image.has_schema)
    return image.schema;
  return understood;
}

/* All that the arm has to say for the policy, and its slots. */
static gboolean
look_at_arm (BpgProcedure *self, GError **error)
{
  const BpgSlotEntry *active;
  guint32 schema;

  if (!ask_identity (self, &schema, error) || !ask_status (self, error) || !bpg_step_look (self, error))
    return FALSE;
  active = bpg_step_active (self);
  self->policy.arm.model_schema = find_model_schema (self, schema);
  /* A version that is none can be told to be older than nothing. */
  if (active == NULL || !bpg_firmware_pack_version (active->version, &self->policy.arm.version))
    self->policy.arm.version = 0;
  return TRUE;
}

/* A restart would end a model's trial, or begin one that nobody asked for. */
static gboolean
check_model_is_settled (const BpgProcedure *self, GError **error)
{
  if (bpg_slot_table_get_trial (&self->table, BPG_IMAGE_MODEL) != NULL)
    return bpg_step_set_wrong_state (error, "A model is on trial: confirm it or roll back before the arm restarts");
  if (bpg_slot_table_get_pending (&self->table, BPG_IMAGE_MODEL) != NULL)
    return bpg_step_set_wrong_state (error, "A model is waiting for its trial, which the restart would begin: try it, "
                                            "and confirm it or roll back, first");
  return TRUE;
}

/* Said once: whether it was heard is found out when the arm is there again. */
static gboolean
restart (BpgProcedure *self, GError **error)
{
  static const guint8 empty_map[] = {0xa0};
  struct bpg_cbor_writer writer = {.bytes = (guint8 *) empty_map, .length = sizeof empty_map};

  bpg_step_tell (self, "restarting", BPG_STEP_PROGRESS_TRIAL);
  self->told = TRUE;
  if (!bpg_step_say (self, BPG_GROUP_OS, BPG_OS_RESET, &writer, error)) {
    /* Who restarts hangs up. */
    if (!g_error_matches (*error, BPG_ERROR, BPG_ERROR_DISCONNECTED))
      return FALSE;
    g_clear_error (error);
  }
  self->restarting = TRUE;
  return TRUE;
}

static gboolean
is_running (const BpgProcedure *self)
{
  const BpgSlotEntry *active = bpg_step_active (self);

  return active != NULL && g_str_equal (active->hash, self->image);
}

static gboolean
set_restarted (GError **error)
{
  return bpg_step_set_wrong_state (error, "The service was restarted while the arm was to start the firmware, and the "
                                          "arm runs what it ran before. Start the trial again");
}

/* The arm can be reached again. While it still waits for the restart it has not heard of it, or is about to do it: told
 * once more too soon, it would restart twice, and the second time out of the trial. */
static gboolean
come_back (BpgProcedure *self, GError **error)
{
  gboolean waits;

  if (!bpg_step_look (self, error))
    return FALSE;
  if (is_running (self)) {
    bpg_step_tell (self, self->kind == BPG_PROCEDURE_ROLL_BACK ? "confirming" : "trial", BPG_STEP_PROGRESS_TRIAL);
    return TRUE;
  }
  waits = bpg_step_is_target (self, bpg_step_pending (self)) ||
          (self->kind == BPG_PROCEDURE_ROLL_BACK && bpg_step_trial (self) != NULL);
  if (!waits)
    return bpg_step_set_wrong_state (error, "The arm did not start the firmware, and runs what it ran before");
  if (self->away <= RESTART_MICROSECONDS) {
    self->restarting = TRUE;
    return TRUE;
  }
  /* Nothing is started behind the wearer's back; to go back they have asked. */
  if (!self->may_start_trial && self->kind != BPG_PROCEDURE_ROLL_BACK)
    return set_restarted (error);
  return restart (self, error);
}

static gboolean
install (BpgProcedure *self, GError **error)
{
  if (!look_at_arm (self, error))
    return FALSE;
  if (is_running (self))
    return TRUE;
  if (bpg_step_trial (self) != NULL)
    return bpg_step_set_wrong_state (error, "Other firmware is on trial: confirm it or roll back first");
  if (!check_model_is_settled (self, error) || !bpg_firmware_policy_check (&self->policy, error) ||
      !bpg_step_bring (self, error) || !bpg_step_make_pending (self, FALSE, error))
    return FALSE;
  return self->trial ? restart (self, error) : TRUE;
}

static gboolean
try_pending (BpgProcedure *self, GError **error)
{
  if (!look_at_arm (self, error))
    return FALSE;
  if (bpg_step_trial (self) != NULL)
    return bpg_step_set_wrong_state (error, "Firmware is on trial already");
  if (!bpg_step_is_target (self, bpg_step_pending (self)))
    return bpg_step_set_wrong_state (error, "No firmware is waiting for its trial; install some first");
  if (!check_model_is_settled (self, error) || !bpg_firmware_policy_check (&self->policy, error))
    return FALSE;
  return restart (self, error);
}

static gboolean
confirm (BpgProcedure *self, GError **error)
{
  if (!bpg_step_look (self, error))
    return FALSE;
  bpg_step_tell (self, "confirming", BPG_STEP_PROGRESS_TRIAL);
  return bpg_step_confirm (self, error);
}

static gboolean
roll_back (BpgProcedure *self, GError **error)
{
  const BpgSlotEntry *confirmed;
  g_autoptr (GError) local = NULL;

  if (!look_at_arm (self, error))
    return FALSE;
  confirmed = bpg_step_confirmed (self);
  if (is_running (self) && confirmed != NULL && g_str_equal (confirmed->hash, self->image))
    return TRUE;
  if (!check_model_is_settled (self, error) || !bpg_firmware_policy_check_restart (&self->policy, error))
    return FALSE;
  if (bpg_step_trial (self) != NULL)
    return restart (self, error);
  if (!bpg_step_is_there (self)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, "The arm no longer holds the earlier firmware; install it");
    return FALSE;
  }
  if (!bpg_step_make_pending (self, TRUE, &local)) {
    if (g_error_matches (local, BPG_ERROR, BPG_ERROR_WRONG_STATE))
      g_set_error (error, BPG_ERROR, BPG_ERROR_WRONG_STATE,
                   "The other firmware was never confirmed on this arm; install it, and it is tried first");
    else
      g_propagate_error (error, g_steal_pointer (&local));
    return FALSE;
  }
  return restart (self, error);
}

gboolean
bpg_firmware_find_back (const BpgSlotTable *table, const char **hash, const char **version)
{
  const BpgSlotEntry *back = NULL;
  gboolean on_trial = bpg_slot_table_get_trial (table, BPG_IMAGE_FIRMWARE) != NULL;

  if (on_trial)
    back = bpg_slot_table_get_confirmed (table, BPG_IMAGE_FIRMWARE);
  for (guint i = 0; !on_trial && back == NULL && i < table->n_entries; i++)
    if (table->entries[i].image == BPG_IMAGE_FIRMWARE && table->entries[i].bootable && !table->entries[i].active)
      back = &table->entries[i];
  *hash = back != NULL ? back->hash : "";
  *version = back != NULL ? back->version : "";
  return on_trial || back != NULL;
}

gboolean
bpg_firmware_procedure_run (BpgProcedure *self, GError **error)
{
  self->restarting = FALSE;
  if (self->back)
    return come_back (self, error);
  switch (self->kind) {
  case BPG_PROCEDURE_INSTALL:
    return install (self, error);
  case BPG_PROCEDURE_START_TRIAL:
    return try_pending (self, error);
  case BPG_PROCEDURE_CONFIRM:
    return confirm (self, error);
  case BPG_PROCEDURE_ROLL_BACK:
    return roll_back (self, error);
  case BPG_PROCEDURE_READ:
  default:
    return look_at_arm (self, error);
  }
}
