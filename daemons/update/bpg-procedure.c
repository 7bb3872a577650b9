/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-firmware-procedure.h"
#include "bpg-procedure-steps.h"

#include "bpg-error.h"

#define ROLL_BACK_SECONDS 600u

static gboolean
say_trial (BpgProcedure *self, guint seconds, GError **error)
{
  struct bpg_trial_request message = {seconds};
  struct bpg_cbor_writer writer;
  guint8 bytes[32];

  bpg_cbor_writer_init (&writer, bytes, sizeof bytes);
  bpg_trial_request_encode (&message, &writer);
  return bpg_step_say (self, BPG_GROUP_ARM, BPG_ARM_TRIAL, &writer, error);
}

static gboolean
say_fall_back (BpgProcedure *self, GError **error)
{
  struct bpg_fall_back_request message = {BPG_IMAGE_MODEL};
  struct bpg_cbor_writer writer;
  guint8 bytes[32];

  bpg_cbor_writer_init (&writer, bytes, sizeof bytes);
  bpg_fall_back_request_encode (&message, &writer);
  return bpg_step_say (self, BPG_GROUP_ARM, BPG_ARM_FALL_BACK, &writer, error);
}

/* From pending to trial. @error of the arm counts only when looking again shows that it is not on trial. */
static gboolean
start_trial (BpgProcedure *self, guint seconds, GError **error)
{
  for (guint i = 0; i < BPG_STEP_ATTEMPTS; i++) {
    g_autoptr (GError) local = NULL;

    if (bpg_step_is_target (self, bpg_step_trial (self)))
      return TRUE;
    if (!bpg_step_is_target (self, bpg_step_pending (self)))
      return bpg_step_set_wrong_state (error, "The model is no longer waiting for its trial");
    say_trial (self, seconds, &local);
    if (!bpg_step_look (self, error))
      return FALSE;
    if (bpg_step_is_target (self, bpg_step_trial (self))) {
      self->trial_seconds = seconds;
      return TRUE;
    }
    if (local != NULL) {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
  }
  return bpg_step_give_up (error);
}

static gboolean
set_restarted (GError **error)
{
  return bpg_step_set_wrong_state (error, "The service was restarted while the trial began; the old model decides. "
                                          "Start the trial again");
}

static gboolean
install (BpgProcedure *self, GError **error)
{
  const BpgSlotEntry *on_trial;

  if (!bpg_step_look (self, error))
    return FALSE;
  if (bpg_step_is_target (self, bpg_step_active (self)))
    return TRUE;
  on_trial = bpg_step_trial (self);
  if (on_trial != NULL)
    return bpg_step_set_wrong_state (error, "Another model is on trial: confirm it or roll back first");
  if (!self->may_start_trial)
    return set_restarted (error);
  if (!bpg_step_bring (self, error) || !bpg_step_make_pending (self, FALSE, error))
    return FALSE;
  if (!self->trial)
    return TRUE;
  bpg_step_tell (self, "trial", BPG_STEP_PROGRESS_TRIAL);
  return start_trial (self, self->seconds, error);
}

static gboolean
try_pending (BpgProcedure *self, GError **error)
{
  const BpgSlotEntry *pending;
  char image[65];

  if (!bpg_step_look (self, error))
    return FALSE;
  pending = bpg_step_pending (self);
  if (bpg_step_trial (self) != NULL)
    return self->may_start_trial ? bpg_step_set_wrong_state (error, "A model is on trial already") : TRUE;
  if (!self->may_start_trial)
    return set_restarted (error);
  if (pending == NULL)
    return bpg_step_set_wrong_state (error, "No model is waiting for its trial; install one first");
  g_strlcpy (image, pending->hash, sizeof image);
  self->image = image;
  bpg_step_tell (self, "trial", BPG_STEP_PROGRESS_TRIAL);
  if (!start_trial (self, self->seconds, error)) {
    self->image = NULL;
    return FALSE;
  }
  self->image = NULL;
  return TRUE;
}

static gboolean
confirm (BpgProcedure *self, GError **error)
{
  const BpgSlotEntry *on_trial;
  char image[65];
  gboolean confirmed;

  if (!bpg_step_look (self, error))
    return FALSE;
  on_trial = bpg_step_trial (self);
  if (self->image != NULL && self->image[0] != '\0')
    return bpg_step_confirm (self, error);
  if (on_trial == NULL)
    return bpg_step_set_wrong_state (error,
                                     "No model is on trial; it has run out and the arm went back, or was not started");
  g_strlcpy (image, on_trial->hash, sizeof image);
  self->image = image;
  bpg_step_tell (self, "confirming", BPG_STEP_PROGRESS_TRIAL);
  confirmed = bpg_step_confirm (self, error);
  self->image = NULL;
  return confirmed;
}

static gboolean
is_back (const BpgProcedure *self)
{
  return bpg_step_is_target (self, bpg_step_active (self)) && bpg_step_is_target (self, bpg_step_confirmed (self));
}

/* Ends a trial of something else, and takes the other slot when it holds what is wanted and was good before. */
static gboolean
fall_back (BpgProcedure *self, GError **error)
{
  for (guint i = 0; i < BPG_STEP_ATTEMPTS && !is_back (self); i++) {
    const BpgSlotEntry *on_trial = bpg_step_trial (self);
    g_autoptr (GError) local = NULL;

    if (on_trial == NULL ? !bpg_step_is_there (self) : bpg_step_is_target (self, on_trial))
      return TRUE;
    say_fall_back (self, &local);
    if (!bpg_step_look (self, error))
      return FALSE;
    /* A slot that the arm does not take for good is written, tried and confirmed like any other. */
    if (local != NULL && !is_back (self)) {
      if (g_error_matches (local, BPG_ERROR, BPG_ERROR_WRONG_STATE) && bpg_step_trial (self) == NULL)
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
  if (!bpg_step_look (self, error) || !fall_back (self, error))
    return FALSE;
  if (is_back (self))
    return TRUE;
  if (!bpg_step_is_target (self, bpg_step_trial (self)) &&
      (!bpg_step_bring (self, error) || !bpg_step_make_pending (self, FALSE, error) ||
       !start_trial (self, ROLL_BACK_SECONDS, error)))
    return FALSE;
  bpg_step_tell (self, "confirming", BPG_STEP_PROGRESS_TRIAL);
  if (!bpg_step_confirm (self, error))
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
    return bpg_step_look (self, error);
  }
}

gboolean
bpg_procedure_run (BpgProcedure *self, GError **error)
{
  g_autoptr (GError) local = NULL;

  if (self->firmware ? bpg_firmware_procedure_run (self, &local) : run (self, &local))
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
