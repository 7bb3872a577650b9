/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-signer.h"
#include "bpg-work.h"

/**
 * bpg_model_work_start:
 *
 * Does a job about an arm's model: gets the model, signs it in a worker, takes the management channel, does the
 * procedure in a worker, writes the history, tells the slots, and ends the job.
 */
void bpg_model_work_start (const BpgWorkTask *task, BpgSigner *signer);
