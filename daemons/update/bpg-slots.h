/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-arm-watch.h"
#include "bpg-history.h"
#include "bpg-slot-table.h"

#define BPG_TYPE_SLOTS (bpg_slots_get_type ())
G_DECLARE_FINAL_TYPE (BpgSlots, bpg_slots, BPG, SLOTS, GObject)

/**
 * bpg_slots_new:
 *
 * Exports Slots1 of a bound prosthesis, State `unknown`.
 */
BpgSlots *bpg_slots_new (BpgService *service, BpgHistory *history, const BpgArm *arm);

/**
 * bpg_slots_withdraw:
 *
 * Takes it off the bus.
 */
void bpg_slots_withdraw (BpgSlots *self);

/**
 * bpg_slots_take_arm:
 *
 * The prosthesis has told something new.
 *
 * Returns: whether the slots should be read: it has just connected, or decides with another model, or a trial ended.
 */
gboolean bpg_slots_take_arm (BpgSlots *self, const BpgArm *arm);

/**
 * BpgSlotsCause:
 *
 * By what the arm came into a state: it was found so, or a job about one of its images has just ended.
 */
typedef enum { BPG_SLOTS_NOTHING, BPG_SLOTS_MODEL, BPG_SLOTS_FIRMWARE } BpgSlotsCause;

/**
 * bpg_slots_take_table:
 * @seconds: that a model's trial has left, 0 when not known
 *
 * The arm's slots were read. Of a trial that ended without a job the history says how: `confirm` or `revert`.
 */
void bpg_slots_take_table (BpgSlots *self, const BpgSlotTable *table, guint64 seconds, BpgSlotsCause cause);

/**
 * bpg_slots_get_table:
 *
 * Returns: (transfer none): the slots as they were last read.
 */
const BpgSlotTable *bpg_slots_get_table (BpgSlots *self);

/**
 * bpg_slots_set_unknown:
 *
 * The arm cannot be asked any more.
 */
void bpg_slots_set_unknown (BpgSlots *self);

/**
 * bpg_slots_is_known:
 *
 * Returns: whether the slots were read since the arm could last be asked.
 */
gboolean bpg_slots_is_known (BpgSlots *self);

/**
 * bpg_slots_set_job:
 * @job: (nullable): path of the job that works on the arm now
 * @writing: whether it writes to the flash
 */
void bpg_slots_set_job (BpgSlots *self, const char *job, gboolean writing);

/**
 * bpg_slots_get_job:
 *
 * Returns: (nullable) (transfer none): its path.
 */
const char *bpg_slots_get_job (BpgSlots *self);

/**
 * bpg_slots_add_event:
 *
 * Adds to the history and tells the bus. The caller fills in all but prosthesis and patient.
 */
gboolean bpg_slots_add_event (BpgSlots *self, const BpgHistoryEvent *event, GError **error);

/* The string belongs to the object. */
const char *bpg_slots_get_prosthesis (BpgSlots *self);

/**
 * bpg_slots_get_active:
 *
 * Returns: (transfer none): hash of the model that decides now, empty when not known.
 */
const char *bpg_slots_get_active (BpgSlots *self);
