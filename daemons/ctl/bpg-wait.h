/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-bus.h"

/**
 * bpg_ctl_wait:
 * @job: path of a Job1
 * @title: (nullable): what is being done, translated
 *
 * Waits until the job has ended, with a progress bar on a terminal and a line for every #org.bionicpro.Request1 that it
 * waits for. Ctrl-C asks the job to stop, once more leaves it alone. The daemon's end is noticed, and so is a job that
 * the restarted daemon no longer knows. --timeout bounds the wait: the job goes on then.
 *
 * Returns: (transfer full): the job's result, a{sv}; %NULL with the job's error, its figures in @ctl's result.
 */
GVariant *bpg_ctl_wait (BpgCtl *ctl, const char *job, const char *title, GError **error);

/**
 * bpg_ctl_run_job:
 * @wait: whether to wait for the end
 *
 * Calls a method that starts a job and waits for its end.
 *
 * Returns: (transfer full): the job's result with the path of the job as `job`; or %NULL.
 */
GVariant *bpg_ctl_run_job (BpgCtl *ctl, const char *path, const char *method, GVariant *arguments, const char *title,
                           gboolean wait, GError **error);
