/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-order.h"
#include "bpg-signer.h"
#include "bpg-slots.h"

#define BPG_TYPE_WORK (bpg_work_get_type ())
G_DECLARE_FINAL_TYPE (BpgWork, bpg_work, BPG, WORK, GObject)

/**
 * BpgWorkFunc:
 * @look_again: the arm's slots could not be read at the end
 *
 * The job has ended.
 */
typedef void (*BpgWorkFunc) (BpgSlots *slots, gboolean look_again, gpointer user_data);

/**
 * bpg_work_start:
 * @order: (transfer full)
 * @func: called once, unless @owner has gone before
 *
 * Does a job: gets the model, signs it in a worker, takes the management channel, does the procedure in a worker,
 * writes the history, tells the slots, and ends @job.
 */
void bpg_work_start (BpgService *service, BpgHistory *history, BpgSigner *signer, BpgSlots *slots, const BpgArm *arm,
                     BpgJob *job, BpgOrder *order, BpgWorkFunc func, GObject *owner);

/**
 * bpg_work_explain:
 *
 * Returns: (transfer full): @error, with what it means for the arm when that is not obvious.
 */
GError *bpg_work_explain (const GError *error);
