/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-procedure.h"

/*
 * The steps that procedures about models and about firmware have in common. Each acts on the image (model or firmware)
 * that the procedure is about. For workers.
 */

/* How often a step is said before it is given up; each time it is looked whether it has been done already. */
#define BPG_STEP_ATTEMPTS 6u

/* Where the phases stand in the progress of the whole. */
#define BPG_STEP_PROGRESS_UPLOADING 0.05
#define BPG_STEP_PROGRESS_VERIFYING 0.90
#define BPG_STEP_PROGRESS_TRIAL 0.95

/**
 * bpg_step_tell:
 *
 * A phase begins, or goes on.
 */
void bpg_step_tell (BpgProcedure *self, const char *phase, double progress);

/**
 * bpg_step_look:
 *
 * Reads the slots into the procedure's table.
 */
gboolean bpg_step_look (BpgProcedure *self, GError **error);

/* Each returns (nullable) (transfer none): the slot that is so, by the last look. */
const BpgSlotEntry *bpg_step_active (const BpgProcedure *self);
const BpgSlotEntry *bpg_step_confirmed (const BpgProcedure *self);
const BpgSlotEntry *bpg_step_pending (const BpgProcedure *self);
const BpgSlotEntry *bpg_step_trial (const BpgProcedure *self);

/**
 * bpg_step_is_target:
 * @entry: (nullable)
 *
 * Returns: whether that slot holds what the procedure is about.
 */
gboolean bpg_step_is_target (const BpgProcedure *self, const BpgSlotEntry *entry);

/**
 * bpg_step_is_there:
 *
 * Returns: whether some slot holds it, and the arm finds it good.
 */
gboolean bpg_step_is_there (const BpgProcedure *self);

/**
 * bpg_step_say:
 *
 * Says something once. Silence is no error: what has come of it is found out by looking.
 */
gboolean bpg_step_say (BpgProcedure *self, guint16 group, guint8 command, const struct bpg_cbor_writer *writer,
                       GError **error);

/**
 * bpg_step_bring:
 *
 * Brings the container into a slot, unless it is there; the arm's own check of it counts.
 */
gboolean bpg_step_bring (BpgProcedure *self, GError **error);

/**
 * bpg_step_make_pending:
 * @permanent: it is confirmed as soon as it starts
 *
 * Has the arm wait for its start.
 */
gboolean bpg_step_make_pending (BpgProcedure *self, gboolean permanent, GError **error);

/**
 * bpg_step_confirm:
 *
 * Confirms what is on trial, which must be the procedure's image.
 */
gboolean bpg_step_confirm (BpgProcedure *self, GError **error);

/* Set an error; return %FALSE always. */
gboolean bpg_step_set_wrong_state (GError **error, const char *message);
gboolean bpg_step_give_up (GError **error);
