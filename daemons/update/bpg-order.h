/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-procedure.h"

/**
 * BpgOrder:
 * @firmware: it is about the firmware, not about the model
 * @device_id: @patient: as they were when the job began
 * @model_path: of Training1 (of firmware: of Update1), empty when none is named
 * @model: SHA-256 (hex) of the model; of RollBack what it was resolved to
 * @wanted: of RollBack: beginning of the hash that was asked for, empty for the one before
 * @image: hash (hex) of the container, empty while there is none; of Confirm what was on trial
 * @version: of firmware, for the history; empty while it is not known
 * @trial: @seconds: as the options say
 * @trial_begun: the arm was, or was about to be, told to start the trial
 * @override: @downgrade: @worn: as the options say; whoever asked had the right to
 * @recovered: a job of the previous process
 *
 * What a job is to do: its intent, written down before anything is done, so that the next process can end what a crash
 * cut off.
 */
typedef struct {
  BpgProcedureKind kind;
  gboolean firmware;
  char *device_id;
  char *patient;
  char *model_path;
  char *model;
  char *wanted;
  char *image;
  char *version;
  gboolean trial;
  guint32 seconds;
  gboolean trial_begun;
  gboolean override;
  gboolean downgrade;
  gboolean worn;
  gboolean recovered;
} BpgOrder;

BpgOrder *bpg_order_new (BpgProcedureKind kind);
void bpg_order_free (BpgOrder *order);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgOrder, bpg_order_free)

/**
 * bpg_order_set_text:
 *
 * Replaces a text of the order.
 */
void bpg_order_set_text (char **text, const char *value);

/**
 * bpg_order_get_job_kind:
 *
 * Returns: `install`, `start-trial`, `confirm`, `roll-back`, and of firmware the same with `firmware-` before it.
 */
const char *bpg_order_get_job_kind (const BpgOrder *order);

/**
 * bpg_order_print:
 *
 * Returns: (transfer full): the order as a text for the journal.
 */
char *bpg_order_print (const BpgOrder *order);

/**
 * bpg_order_parse:
 *
 * Returns: (transfer full) (nullable): the order, marked as recovered; %NULL when @text is none.
 */
BpgOrder *bpg_order_parse (const char *text);
