/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-procedure.h"

/**
 * bpg_firmware_procedure_run:
 *
 * The part of bpg_procedure_run() that is about firmware. What is new here is the restart: only the second stage starts
 * another program, so the procedure ends with @restarting, its caller gives the management channel back and waits for
 * the arm, and runs it again with @back, when it looks what has come of it. The arm is never told twice to restart
 * without having been looked at in between: a second restart would end the trial that the first began.
 *
 * Install: policy, upload, pending, and with @trial the restart. StartTrial: the restart of what is pending. Confirm:
 * what is on trial. RollBack: a restart that ends a trial, or else back to @image in the other slot, which is confirmed
 * as soon as it starts.
 */
gboolean bpg_firmware_procedure_run (BpgProcedure *self, GError **error);

/**
 * bpg_firmware_find_back:
 * @table: as the arm was last seen
 * @hash: @version: (out): where RollBack leads: during a trial to what is confirmed, which may have come in no container
 *   and has no hash then; else to what is whole in the slot that does not run
 *
 * Returns: %FALSE when there is nothing to go back to.
 */
gboolean bpg_firmware_find_back (const BpgSlotTable *table, const char **hash, const char **version);
