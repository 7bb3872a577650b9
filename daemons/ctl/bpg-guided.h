/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-find.h"

/**
 * bpg_ctl_run_session:
 * @prosthesis: object path
 * @options: (transfer full): a{sv} of Training1.StartSession; floating is consumed
 * @when_refused: (nullable): what to do when a repetition was refused as often as may be: "redo", "skip" or "abort";
 *   %NULL: ask on a terminal, else abort
 *
 * Runs a guided session: prompts, progress, verdicts, keys and Ctrl-C (pause; once more: abort). It ends when the
 * session does, when trainingd goes away, when nothing is heard of it for long, or at --timeout.
 *
 * Returns: (transfer full): the result of the session's job, with `session`; %NULL with its error.
 */
GVariant *bpg_ctl_run_session (BpgCtl *ctl, const char *prosthesis, GVariant *options, const char *when_refused,
                               GError **error);
