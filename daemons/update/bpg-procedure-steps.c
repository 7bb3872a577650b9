/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-procedure-steps.h"

#include "bpg-error.h"
#include "bpg-uploader.h"

#define STEP_MILLISECONDS 2500u

static guint
get_image (const BpgProcedure *self)
{
  return self->firmware ? BPG_IMAGE_FIRMWARE : BPG_IMAGE_MODEL;
}

void
bpg_step_tell (BpgProcedure *self, const char *phase, double progress)
{
  if (self->func != NULL)
    self->func (phase, progress, self->user_data);
}

gboolean
bpg_step_look (BpgProcedure *self, GError **error)
{
  if (!bpg_slot_table_read (&self->table, self->management, self->cancellable, error))
    return FALSE;
  self->has_table = TRUE;
  return TRUE;
}

const BpgSlotEntry *
bpg_step_active (const BpgProcedure *self)
{
  return bpg_slot_table_get_active (&self->table, get_image (self));
}

const BpgSlotEntry *
bpg_step_confirmed (const BpgProcedure *self)
{
  return bpg_slot_table_get_confirmed (&self->table, get_image (self));
}

const BpgSlotEntry *
bpg_step_pending (const BpgProcedure *self)
{
  return bpg_slot_table_get_pending (&self->table, get_image (self));
}

const BpgSlotEntry *
bpg_step_trial (const BpgProcedure *self)
{
  return bpg_slot_table_get_trial (&self->table, get_image (self));
}

gboolean
bpg_step_is_target (const BpgProcedure *self, const BpgSlotEntry *entry)
{
  return entry != NULL && g_str_equal (entry->hash, self->image);
}

gboolean
bpg_step_is_there (const BpgProcedure *self)
{
  const BpgSlotEntry *entry = bpg_slot_table_find (&self->table, get_image (self), self->image);

  return entry != NULL && entry->bootable;
}

gboolean
bpg_step_say (BpgProcedure *self, guint16 group, guint8 command, const struct bpg_cbor_writer *writer, GError **error)
{
  const BpgSmpRequest request = {BPG_SMP_WRITE, group, command, writer->bytes, writer->length};
  g_autoptr (GError) local = NULL;
  BpgSmpReply reply;

  if (bpg_management_call (self->management, &request, STEP_MILLISECONDS, 1, &reply, self->cancellable, &local) ||
      g_error_matches (local, BPG_ERROR, BPG_ERROR_TIMED_OUT))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}

/* Writes the image state; @hashed: about the procedure's image, else about what runs. */
static gboolean
say_state (BpgProcedure *self, gboolean hashed, gboolean confirm, GError **error)
{
  struct bpg_image_write_request message = {.confirm = confirm, .downgrade = hashed && self->downgrade};
  guint8 hash[32], bytes[96];
  struct bpg_cbor_writer writer;

  for (guint i = 0; hashed && i < sizeof hash; i++)
    hash[i] = (guint8) (g_ascii_xdigit_value (self->image[2 * i]) << 4 | g_ascii_xdigit_value (self->image[2 * i + 1]));
  if (hashed)
    message.hash = (struct bpg_bytes){hash, sizeof hash};
  bpg_cbor_writer_init (&writer, bytes, sizeof bytes);
  bpg_image_write_request_encode (&message, &writer);
  return bpg_step_say (self, BPG_GROUP_IMAGE, BPG_IMAGE_STATE, &writer, error);
}

gboolean
bpg_step_set_wrong_state (GError **error, const char *message)
{
  g_set_error_literal (error, BPG_ERROR, BPG_ERROR_WRONG_STATE, message);
  return FALSE;
}

gboolean
bpg_step_give_up (GError **error)
{
  g_set_error (error, BPG_ERROR, BPG_ERROR_TIMED_OUT, "The arm did not do it in %u attempts", BPG_STEP_ATTEMPTS);
  return FALSE;
}

static void
on_uploaded (gsize done, gsize total, gpointer user_data)
{
  double span = BPG_STEP_PROGRESS_VERIFYING - BPG_STEP_PROGRESS_UPLOADING;

  bpg_step_tell (user_data, "uploading", BPG_STEP_PROGRESS_UPLOADING + span * (double) done / (double) total);
}

gboolean
bpg_step_bring (BpgProcedure *self, GError **error)
{
  if (!bpg_step_is_there (self)) {
    bpg_step_tell (self, "uploading", BPG_STEP_PROGRESS_UPLOADING);
    if (!bpg_upload (self->management, get_image (self), self->container, on_uploaded, self, self->cancellable, error))
      return FALSE;
  }
  bpg_step_tell (self, "verifying", BPG_STEP_PROGRESS_VERIFYING);
  if (!bpg_step_look (self, error))
    return FALSE;
  if (bpg_step_is_there (self))
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The arm does not hold what was written; try again");
  return FALSE;
}

gboolean
bpg_step_make_pending (BpgProcedure *self, gboolean permanent, GError **error)
{
  for (guint i = 0; i < BPG_STEP_ATTEMPTS; i++) {
    if (bpg_step_is_target (self, bpg_step_pending (self)))
      return TRUE;
    if (!say_state (self, TRUE, permanent, error) || !bpg_step_look (self, error))
      return FALSE;
  }
  return bpg_step_give_up (error);
}

/* Without a hash it is what runs on trial that is confirmed, and nothing should the trial have just ended; with one, the
 * arm would then wait for its next start. But while the other image is on trial too, the arm must be told which. */
static gboolean
say_confirm (BpgProcedure *self, GError **error)
{
  guint other = self->firmware ? BPG_IMAGE_MODEL : BPG_IMAGE_FIRMWARE;

  return say_state (self, bpg_slot_table_get_trial (&self->table, other) != NULL, TRUE, error);
}

gboolean
bpg_step_confirm (BpgProcedure *self, GError **error)
{
  for (guint i = 0; i < BPG_STEP_ATTEMPTS; i++) {
    g_autoptr (GError) local = NULL;

    if (bpg_step_is_target (self, bpg_step_confirmed (self)))
      return TRUE;
    if (!bpg_step_is_target (self, bpg_step_trial (self)))
      return bpg_step_set_wrong_state (error, "The trial has ended, and the arm went back to what it had before");
    say_confirm (self, &local);
    if (!bpg_step_look (self, error))
      return FALSE;
    if (local != NULL && !bpg_step_is_target (self, bpg_step_confirmed (self))) {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  }
  return bpg_step_give_up (error);
}
