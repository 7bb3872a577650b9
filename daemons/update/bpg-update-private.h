/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the parts of Update1 that have files of their own need of it. */

#include "bpg-arm-watch.h"
#include "bpg-authority.h"
#include "bpg-order.h"
#include "bpg-update.h"

/**
 * bpg_update_defer:
 *
 * Returns: whether @func will be called with that call later, because it is not known yet what there is.
 */
gboolean bpg_update_defer (BpgUpdate *self, GDBusMethodInvocation *invocation, BpgAuthorizedFunc func);

/**
 * bpg_update_check_arm:
 * @path: of the prosthesis
 * @connected: whether it must be
 *
 * Returns: (transfer full): the arm a job is to be about; %NULL with NotFound, Disconnected, WrongState (not bound) or
 *   Busy (too many jobs wait for it).
 */
BpgArm *bpg_update_check_arm (BpgUpdate *self, const char *path, gboolean connected, GError **error);

/**
 * bpg_update_start_job:
 * @order: (transfer full)
 *
 * Writes the job down, answers the call with it, and starts it when its turn comes.
 */
void bpg_update_start_job (BpgUpdate *self, GDBusMethodInvocation *invocation, const BpgArm *arm, BpgOrder *order);

/**
 * bpg_update_get_service:
 *
 * Returns: (transfer none)
 */
BpgService *bpg_update_get_service (BpgUpdate *self);
