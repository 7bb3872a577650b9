/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-authority.h"

#include <gio/gio.h>

#define BPG_TYPE_JOB (bpg_job_get_type ())
G_DECLARE_FINAL_TYPE (BpgJob, bpg_job, BPG, JOB, GObject)

#define BPG_TYPE_JOB_LIST (bpg_job_list_get_type ())
G_DECLARE_FINAL_TYPE (BpgJobList, bpg_job_list, BPG, JOB_LIST, GObject)

/**
 * bpg_job_list_new:
 * @objects: where the jobs are exported
 * @root: the daemon's root path
 * @path: SQLite file that remembers running jobs, so that one that a crash cut off still ends; %NULL: memory only
 *
 * Returns: (transfer full): the daemon's list, or %NULL when the file cannot be used.
 */
BpgJobList *bpg_job_list_new (GDBusObjectManagerServer *objects, const char *root, const char *path,
                              BpgAuthority *authority, GError **error);

/**
 * bpg_job_list_get_quarantined:
 *
 * Returns: (nullable): see bpg_store_get_quarantined().
 */
const char *bpg_job_list_get_quarantined (BpgJobList *self);

/**
 * bpg_job_list_start:
 * @kind: @subject: as in org.bionicpro.Job1; @subject may be %NULL
 * @sender: (nullable): unique name of who started it and so may cancel it
 * @payload: (nullable): whatever the daemon needs to take the work up again after a restart
 *
 * Writes the job down and exports it.
 *
 * Returns: (transfer full): the job, or %NULL with NoSpace or LimitExceeded (more than 64 running).
 */
BpgJob *bpg_job_list_start (BpgJobList *self, const char *kind, const char *subject, const char *sender,
                            const char *payload, GError **error);

/**
 * BpgJobRecoverFunc:
 *
 * Called for each job that the previous process did not end.
 *
 * Returns: %TRUE when the daemon takes it up and will end it (keeping a reference); %FALSE to have it failed.
 */
typedef gboolean (*BpgJobRecoverFunc) (BpgJob *job, gpointer user_data);

/**
 * bpg_job_list_recover:
 * @func: (nullable): who may take jobs up
 *
 * Exports the jobs of the previous process again and ends those nobody takes up. Call it when the name is owned, so
 * that whoever waits hears Finished.
 */
void bpg_job_list_recover (BpgJobList *self, BpgJobRecoverFunc func, gpointer user_data);

/**
 * bpg_job_list_count_running:
 */
guint bpg_job_list_count_running (BpgJobList *self);

/**
 * bpg_job_list_cancel_all:
 *
 * Cancels every running job, at shutdown.
 */
void bpg_job_list_cancel_all (BpgJobList *self);

/* Properties of a job; strings belong to the job. */
const char *bpg_job_get_path (BpgJob *self);
const char *bpg_job_get_kind (BpgJob *self);
const char *bpg_job_get_subject (BpgJob *self);
const char *bpg_job_get_payload (BpgJob *self);
GCancellable *bpg_job_get_cancellable (BpgJob *self);
gboolean bpg_job_is_finished (BpgJob *self);

/**
 * bpg_job_is_started_by:
 * @sender: (nullable): a caller's unique name
 *
 * Returns: whether that caller started the job; of a job of an earlier process nobody has.
 */
gboolean bpg_job_is_started_by (BpgJob *self, const char *sender);

/**
 * bpg_job_set_phase:
 * @phase: one word
 * @message: (nullable): a sentence
 */
void bpg_job_set_phase (BpgJob *self, const char *phase, const char *message);

/**
 * bpg_job_set_progress:
 * @progress: 0 to 1; a lower value than before is ignored. Changes go out at most every percent.
 */
void bpg_job_set_progress (BpgJob *self, double progress);

/**
 * bpg_job_set_payload:
 *
 * Replaces what is remembered for the case of a restart, durably.
 */
gboolean bpg_job_set_payload (BpgJob *self, const char *payload, GError **error);

/**
 * bpg_job_succeed:
 * @result: (nullable): a{sv}, floating is consumed
 *
 * Ends the job well: exactly one Finished. A second end is a programming error and ignored with a warning.
 */
void bpg_job_succeed (BpgJob *self, GVariant *result);

/**
 * bpg_job_fail:
 * @error: of any domain
 * @result: (nullable): figures that are of use all the same
 */
void bpg_job_fail (BpgJob *self, const GError *error, GVariant *result);
