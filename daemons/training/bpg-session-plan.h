/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/**
 * BpgStep:
 * @movement: name, static
 * @attempt: which attempt is being made or is next, from 1
 * @replaces: an accepted repetition is in the recording already, this one is to take its place
 */
typedef struct {
  guint8 code;
  const char *movement;
  guint repetition;
  guint attempt;
  gboolean replaces;
} BpgStep;

#define BPG_TYPE_SESSION_PLAN (bpg_session_plan_get_type ())
G_DECLARE_FINAL_TYPE (BpgSessionPlan, bpg_session_plan, BPG, SESSION_PLAN, GObject)

/**
 * bpg_session_plan_new:
 * @movements: (nullable): names; rest is put in front by itself; %NULL: the first seven
 * @repetitions: of each
 * @attempts: how often one repetition is asked before the session waits for a person
 *
 * Rest first, then each movement, then all of them again: so that the level of rest is known from the start and tiredness
 * meets all movements alike.
 *
 * Returns: (transfer full): the plan, or %NULL with InvalidArgument (unknown movement, one named twice, none besides
 *   rest).
 */
BpgSessionPlan *bpg_session_plan_new (const char *const *movements, guint repetitions, guint attempts, GError **error);

/** bpg_session_plan_get_step: (nullable): the step at hand, %NULL when all are done. */
const BpgStep *bpg_session_plan_get_step (BpgSessionPlan *self);

guint bpg_session_plan_get_done (BpgSessionPlan *self);
guint bpg_session_plan_get_total (BpgSessionPlan *self);

/**
 * bpg_session_plan_accept:
 *
 * The step at hand was recorded; the next one is at hand.
 */
void bpg_session_plan_accept (BpgSessionPlan *self);

/**
 * bpg_session_plan_refuse:
 *
 * The step at hand was refused and is asked again.
 *
 * Returns: %FALSE when it has been asked often enough and a person must say what to do.
 */
gboolean bpg_session_plan_refuse (BpgSessionPlan *self);

/** bpg_session_plan_skip: gives the step at hand up. */
void bpg_session_plan_skip (BpgSessionPlan *self);

/**
 * bpg_session_plan_redo:
 *
 * @after_present: the step at hand is being done and comes first; otherwise it comes after
 *
 * Asks a repetition next, with all its attempts.
 *
 * Returns: %FALSE with NotFound when the plan has no such repetition.
 */
gboolean bpg_session_plan_redo (BpgSessionPlan *self, const char *movement, guint repetition,
                                gboolean after_present, GError **error);

/**
 * bpg_session_plan_mark_recorded:
 *
 * A repetition that an earlier session put into the recording needs not be asked.
 */
void bpg_session_plan_mark_recorded (BpgSessionPlan *self, guint8 code, guint repetition);
