/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-procedure.h"

#include "bpg-error.h"
#include "bpg-uploader.h"

#include <string.h>

/* How often a step is said before it is given up; each time it is looked whether it has been done already. */
#define ATTEMPTS 6u
#define STEP_MILLISECONDS 2500u
#define ROLL_BACK_SECONDS 600u

/* Where the phases stand in the progress of the whole. */
#define PROGRESS_UPLOADING 0.05
#define PROGRESS_VERIFYING 0.90
#define PROGRESS_TRIAL 0.95

static void
tell (BpgProcedure *self, const char *phase, double progress)
{
  if (self->func != NULL)
    self->func (phase, progress, self->user_data);
}

static gboolean
look (BpgProcedure *self, GError **error)
{
  if (!bpg_slot_table_read (&self->table, self->management, self->cancellable, error))
    return FALSE;
  self->has_table = TRUE;
  return TRUE;
}

/* Says something once. Silence is no error: what has come of it is found out by looking. */
static gboolean
say (BpgProcedure *self, guint16 group, guint8 command, const struct bpg_cbor_writer *writer, GError **error)
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

static gboolean
say_pending (BpgProcedure *self, GError **error)
{
  guint8 hash[32], bytes[96];
  struct bpg_image_write_request message = {.hash = {hash, sizeof hash}};
  struct bpg_cbor_writer writer;

  for (guint i = 0; i < sizeof hash; i++)
    hash[i] = (guint8) (g_ascii_xdigit_value (self->image[2 * i]) << 4 | g_ascii_xdigit_value (self->image[2 * i + 1]));
  bpg_cbor_writer_init (&writer, bytes, sizeof bytes);
  bpg_image_write_request_encode (&message, &writer);
  return say (self, BPG_GROUP_IMAGE, BPG_IMAGE_STATE, &writer, error);
}

/* Without a hash it is what runs on trial that is confirmed: should the trial have just ended, nothing is. */
static gboolean
say_confirm (BpgProcedure *self, GError **error)
{
  struct bpg_image_write_request message = {.confirm = true};
  struct bpg_cbor_writer writer;
  guint8 bytes[32];

  bpg_cbor_writer_init (&writer, bytes, sizeof bytes);
  bpg_image_write_request_encode (&message, &writer);
  return say (self, BPG_GROUP_IMAGE, BPG_IMAGE_STATE, &writer, error);
}

static gboolean
say_trial (BpgProcedure *self, guint seconds, GError **error)
{
  struct bpg_trial_request message = {seconds};
  struct bpg_cbor_writer writer;
  guint8 bytes[32];

  bpg_cbor_writer_init (&writer, bytes, sizeof bytes);
  bpg_trial_request_encode (&message, &writer);
  return say (self, BPG_GROUP_ARM, BPG_ARM_TRIAL, &writer, error);
}

static gboolean
say_fall_back (BpgProcedure *self, GError **error)
{
  struct bpg_fall_back_request message = {BPG_IMAGE_MODEL};
  struct bpg_cbor_writer writer;
  guint8 bytes[32];

  bpg_cbor_writer_init (&writer, bytes, sizeof bytes);
  bpg_fall_back_request_encode (&message, &writer);
  return say (self, BPG_GROUP_ARM, BPG_ARM_FALL_BACK, &writer, error);
}

static gboolean
set_wrong_state (GError **error, const char *message)
{
  g_set_error_literal (error, BPG_ERROR, BPG_ERROR_WRONG_STATE, message);
  return FALSE;
}

static gboolean
give_up (GError **error)
{
  g_set_error (error, BPG_ERROR, BPG_ERROR_TIMED_OUT, "The arm did not do it in %u attempts", ATTEMPTS);
  return FALSE;
}

static void
on_uploaded (gsize done, gsize total, gpointer user_data)
{
  tell (user_data, "uploading",
        PROGRESS_UPLOADING + (PROGRESS_VERIFYING - PROGRESS_UPLOADING) * (double) done / (double) total);
}

static gboolean
is_there (BpgProcedure *self)
{
  const BpgSlotEntry *entry = bpg_slot_table_find (&self->table, self->image);

  return entry != NULL && entry->bootable;
}

/* Brings the container into a slot, unless it is there; the arm's own check of it counts. */
static gboolean
bring (BpgProcedure *self, GError **error)
{
  if (!is_there (self)) {
    tell (self, "uploading", PROGRESS_UPLOADING);
    if (!bpg_upload (self->management, BPG_IMAGE_MODEL, self->container, on_uploaded, self, self->cancellable, error))
      return FALSE;
  }
  tell (self, "verifying", PROGRESS_VERIFYING);
  if (!look (self, error))
    return FALSE;
  if (is_there (self))
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The arm does not hold what was written; try again");
  return FALSE;
}

static gboolean
is_target (const BpgProcedure *self, const BpgSlotEntry *entry)
{
  return entry != NULL && g_str_equal (entry->hash, self->image);
}

static gboolean
make_pending (BpgProcedure *self, GError **error)
{
  for (guint i = 0; i < ATTEMPTS; i++) {
    if (is_target (self, bpg_slot_table_get_pending (&self->table)))
      return TRUE;
    if (!say_pending (self, error) || !look (self, error))
      return FALSE;
  }
  return give_up (error);
}

/* From pending to trial. @error of the arm counts only when looking again shows that it is not on trial. */
static gboolean
start_trial (BpgProcedure *self, guint seconds, GError **error)
{
  for (guint i = 0; i < ATTEMPTS; i++) {
    g_autoptr (GError) local = NULL;

    if (is_target (self, bpg_slot_table_get_trial (&self->table)))
      return TRUE;
    if (!is_target (self, bpg_slot_table_get_pending (&self->table)))
      return set_wrong_state (error, "The model is no longer waiting for its trial");
    say_trial (self, seconds, &local);
    if (!look (self, error))
      return FALSE;
    if (is_target (self, bpg_slot_table_get_trial (&self->table))) {
      self->trial_seconds = seconds;
      return TRUE;
    }
    if (local != NULL) {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  }
  return give_up (error);
}

static gboolean
set_restarted (GError **error)
{
  return set_wrong_state (error, "The service was restarted while the trial began; the old model decides. Start the "
                                 "trial again");
}

static gboolean
install (BpgProcedure *self, GError **error)
{
  const BpgSlotEntry *on_trial;

  if (!look (self, error))
    return FALSE;
  if (is_target (self, bpg_slot_table_get_active (&self->table)))
    return TRUE;
  on_trial = bpg_slot_table_get_trial (&self->table);
  if (on_trial != NULL)
    return set_wrong_state (error, "Another model is on trial: confirm it or roll back first");
  if (!self->may_start_trial)
    return set_restarted (error);
  if (!bring (self, error) || !make_pending (self, error))
    return FALSE;
  if (!self->trial)
    return TRUE;
  tell (self, "trial", PROGRESS_TRIAL);
  return start_trial (self, self->seconds, error);
}

static gboolean
try_pending (BpgProcedure *self, GError **error)
{
  const BpgSlotEntry *pending;
  char image[65];

  if (!look (self, error))
    return FALSE;
  pending = bpg_slot_table_get_pending (&self->table);
  if (bpg_slot_table_get_trial (&self->table) != NULL)
    return self->may_start_trial ? set_wrong_state (error, "A model is on trial already") : TRUE;
  if (!self->may_start_trial)
    return set_restarted (error);
  if (pending == NULL)
    return set_wrong_state (error, "No model is waiting for its trial; install one first");
  g_strlcpy (image, pending->hash, sizeof image);
  self->image = image;
  tell (self, "trial", PROGRESS_TRIAL);
  if (!start_trial (self, self->seconds, error)) {
    self->image = NULL;
    return FALSE;
  }
  self->image = NULL;
  return TRUE;
}

/* Confirms what is on trial, which must be @image. */
static gboolean
confirm_image (BpgProcedure *self, GError **error)
{
  for (guint i = 0; i < ATTEMPTS; i++) {
    g_autoptr (GError) local = NULL;

    if (is_target (self, bpg_slot_table_get_confirmed (&self->table)))
      return TRUE;
    if (!is_target (self, bpg_slot_table_get_trial (&self->table)))
      return set_wrong_state (error, "The trial has run out and the arm went back to its old model");
    say_confirm (self, &local);
    if (!look (self, error))
      return FALSE;
    if (local != NULL && !is_target (self, bpg_slot_table_get_confirmed (&self->table))) {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  }
  return give_up (error);
}

static gboolean
confirm (BpgProcedure *self, GError **error)
{
  const BpgSlotEntry *on_trial;
  char image[65];
  gboolean confirmed;

  if (!look (self, error))
    return FALSE;
  on_trial = bpg_slot_table_get_trial (&self->table);
  if (self->image != NULL && self->image[0] != '\0')
    return confirm_image (self, error);
  if (on_trial == NULL)
    return set_wrong_state (error, "No model is on trial; it has run out and the arm went back, or was not started");
  g_strlcpy (image, on_trial->hash, sizeof image);
  self->image = image;
  tell (self, "confirming", PROGRESS_TRIAL);
  confirmed = confirm_image (self, error);
  self->image = NULL;
  return confirmed;
}

static gboolean
is_back (const BpgProcedure *self)
{
  return is_target (self, bpg_slot_table_get_active (&self->table)) &&
         is_target (self, bpg_slot_table_get_confirmed (&self->table));
}

/* Ends a trial of something else, and takes the other slot when it holds what is wanted and was good before. */
static gboolean
fall_back (BpgProcedure *self, GError **error)
{
  for (guint i = 0; i < ATTEMPTS && !is_back (self); i++) {
    const BpgSlotEntry *on_trial = bpg_slot_table_get_trial (&self->table);
    g_autoptr (GError) local = NULL;

    if (on_trial == NULL ? !is_there (self) : is_target (self, on_trial))
      return TRUE;
    say_fall_back (self, &local);
    if (!look (self, error))
      return FALSE;
    /* A slot that the arm does not take for good is written, tried and confirmed like any other. */
    if (local != NULL && !is_back (self)) {
      if (g_error_matches (local, BPG_ERROR, BPG_ERROR_WRONG_STATE) &&
          bpg_slot_table_get_trial (&self->table) == NULL)
        return TRUE;
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
roll_back (BpgProcedure *self, GError **error)
{
  if (!look (self, error) || !fall_back (self, error))
    return FALSE;
  if (is_back (self))
    return TRUE;
  if (!is_target (self, bpg_slot_table_get_trial (&self->table)) &&
      (!bring (self, error) || !make_pending (self, error) || !start_trial (self, ROLL_BACK_SECONDS, error)))
    return FALSE;
  tell (self, "confirming", PROGRESS_TRIAL);
  if (!confirm_image (self, error))
    return FALSE;
  self->trial_seconds = 0;
  return TRUE;
}

static gboolean
run (BpgProcedure *self, GError **error)
{
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
    return look (self, error);
  }
}

gboolean
bpg_procedure_run (BpgProcedure *self, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (run (self, &local))
    return TRUE;
  /* What a failed step left behind is worth knowing; a cancelled one still has its line. */
  if (!g_error_matches (local, BPG_ERROR, BPG_ERROR_DISCONNECTED) &&
      !g_error_matches (local, BPG_ERROR, BPG_ERROR_TIMED_OUT))
    self->has_table = bpg_slot_table_read (&self->table, self->management, NULL, NULL);
  else
    self->has_table = FALSE;
  g_propagate_error (error, g_steal_pointer (&local));
  return FALSE;
}
