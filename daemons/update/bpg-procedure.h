/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-firmware-policy.h"
#include "bpg-management.h"
#include "bpg-slot-table.h"

typedef enum {
  BPG_PROCEDURE_READ,
  BPG_PROCEDURE_INSTALL,
  BPG_PROCEDURE_START_TRIAL,
  BPG_PROCEDURE_CONFIRM,
  BPG_PROCEDURE_ROLL_BACK,
} BpgProcedureKind;

/**
 * BpgProcedurePhaseFunc:
 * @phase: `uploading`, `verifying`, `restarting`, `trial` or `confirming`
 * @progress: 0 to 1 of the whole
 *
 * Called in the worker, for each step before it is taken, and while uploading.
 */
typedef void (*BpgProcedurePhaseFunc) (const char *phase, double progress, gpointer user_data);

/**
 * BpgProcedure:
 * @firmware: it is about the firmware, see bpg-firmware-procedure.h; %FALSE: about the model
 * @container: what to install or to put back; %NULL for the others
 * @image: hash (hex) of that container; for Confirm (nullable): what a cut-off one was about to confirm
 * @trial: whether Install starts the trial
 * @may_start_trial: %FALSE when an earlier process was already starting it: it is not started behind the wearer's back
 * @seconds: length of the trial
 * @downgrade: the arm may take firmware that is older than what runs
 * @policy: of firmware: what is asked for and known on the PC's side; the procedure fills in what the arm says
 * @containers: (nullable): of firmware: folder of the models' containers that were made, by their hashes
 * @back: of firmware: the arm was told to restart by an earlier run, see @restarting
 * @away: µs since it was last told so
 * @restarting: (out): of firmware: the arm restarts; once it can be reached again the procedure has to be run once more
 * @told: (out): of firmware: it was told so now
 * @table: (out): the slots as they were read last
 * @has_table: (out): whether they were
 * @trial_seconds: (out): length of the trial that was started, 0 for none
 *
 * One piece of work on an arm.
 */
typedef struct {
  BpgProcedureKind kind;
  gboolean firmware;
  BpgManagement *management;
  GBytes *container;
  const char *image;
  gboolean trial;
  gboolean may_start_trial;
  guint seconds;
  gboolean downgrade;
  BpgFirmwarePolicy policy;
  const char *containers;
  gboolean back;
  gint64 away;
  BpgProcedurePhaseFunc func;
  gpointer user_data;
  GCancellable *cancellable;

  BpgSlotTable table;
  gboolean has_table;
  guint trial_seconds;
  gboolean restarting;
  gboolean told;
} BpgProcedure;

/**
 * bpg_procedure_run:
 *
 * Does it. Each step looks first what is there, says once what is missing, and looks again; so a lost reply, a cut-off
 * predecessor or a repeated call come to the same end. Blocks; for workers.
 *
 * Returns: %FALSE with WrongState, Disconnected, TimedOut, Cancelled, Corrupt or the arm's reason; the arm runs what it
 *   ran before, or what @table says.
 */
gboolean bpg_procedure_run (BpgProcedure *self, GError **error);
