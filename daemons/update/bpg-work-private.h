/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-inhibitor.h"
#include "bpg-reporter.h"
#include "bpg-work.h"

#define BPG_TYPE_WORK (bpg_work_get_type ())
G_DECLARE_FINAL_TYPE (BpgWork, bpg_work, BPG, WORK, GObject)

/**
 * BpgWorkFuncs:
 * @subject: what the work is about, and the arm keeps when it fails: `model` or `firmware`
 * @inhibition: why this PC must not sleep while it is written
 * @cause: of the slots' last change
 * @image: BPG_IMAGE_MODEL or BPG_IMAGE_FIRMWARE
 * @explain: (nullable): Returns: (transfer full) (nullable): what @error means for the arm, when it means something else
 *   than of any work
 * @describe: fills in which model or firmware an event of the history is about
 * @acquired: the management channel is there, or will not be
 * @begin_phase: Returns: whether the order has changed by it, and must be on the disk before the arm hears of it
 * @ran: the procedure has ended
 * @refreshed: pairing has looked at the arm, or could not
 * @free: the work's data
 *
 * One kind of work. All but @free are called in the main loop.
 */
typedef struct {
  const char *subject;
  const char *inhibition;
  BpgSlotsCause cause;
  guint image;
  GError *(*explain) (BpgWork *self, const GError *error);
  void (*describe) (BpgWork *self, BpgHistoryEvent *event);
  void (*acquired) (BpgWork *self, const GError *error);
  gboolean (*begin_phase) (BpgWork *self, const char *phase);
  void (*ran) (BpgWork *self, const GError *error);
  void (*refreshed) (BpgWork *self, const GError *error);
  GDestroyNotify free;
} BpgWorkFuncs;

struct _BpgWork {
  GObject parent_instance;

  const BpgWorkFuncs *funcs;
  gpointer data; /* of the kind of work */

  BpgService *service;
  BpgHistory *history;
  BpgSlots *slots;
  BpgArm *arm;
  BpgJob *job;
  BpgOrder *order;
  BpgManagement *management; /* while the channel is held */
  BpgProcedure procedure;

  /* For bpg-work.c alone. */
  BpgWorkFunc func;
  GWeakRef owner;
  gint64 began;
  GVariant *result; /* while the prosthesis is looked at a last time */
  BpgInhibitor *inhibitor;
  BpgReporter reporter;
};

/**
 * bpg_work_new:
 * @data: (transfer full): freed with the work
 *
 * Returns: (transfer full): the work, which the slots tell of from now on.
 */
BpgWork *bpg_work_new (const BpgWorkFuncs *funcs, const BpgWorkTask *task, gpointer data);

/**
 * bpg_work_store_order:
 *
 * The order as it now stands must be on the disk before the arm hears of the next step.
 */
void bpg_work_store_order (BpgWork *self);

/**
 * bpg_work_acquire:
 *
 * Asks for the management channel. @acquired follows.
 */
void bpg_work_acquire (BpgWork *self);

/**
 * bpg_work_run:
 *
 * Does the procedure, of which the kind of work has filled in what it is to do, in a worker. @ran follows.
 */
void bpg_work_run (BpgWork *self);

/**
 * bpg_work_record:
 *
 * Writes down in the history what was done.
 */
void bpg_work_record (BpgWork *self);

/**
 * bpg_work_set_result:
 * @entry: (nullable): the slot it is about
 * @key: @value: what else names it
 * @container: (nullable): what was written
 *
 * Sets what the job ends with.
 */
void bpg_work_set_result (BpgWork *self, const BpgSlotEntry *entry, const char *hash, const char *key, const char *value,
                          GBytes *container);

/**
 * bpg_work_refresh:
 *
 * Has pairing look at the arm: whoever hears that the job has ended shall find its outcome in the prosthesis's
 * properties too. @refreshed follows.
 */
void bpg_work_refresh (BpgWork *self);

/**
 * bpg_work_release:
 *
 * Lets the arm go, for the next job.
 */
void bpg_work_release (BpgWork *self);

/**
 * bpg_work_succeed:
 *
 * Ends the job with its result.
 */
void bpg_work_succeed (BpgWork *self);

/**
 * bpg_work_fail:
 *
 * Writes the failure down, lets the arm go, and ends the job.
 */
void bpg_work_fail (BpgWork *self, const GError *error);
