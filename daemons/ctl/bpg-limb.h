/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-ctl.h"

/* A virtual arm that runs as a process of its own, found again by its folder. */

/**
 * bpg_limb_get_folder:
 * @given: (nullable)
 *
 * Returns: (transfer full): absolute path of the folder; default below the user's runtime folder.
 */
char *bpg_limb_get_folder (const char *given);

/**
 * bpg_limb_send:
 * @command: one line
 *
 * Sends a command to the arm's control socket.
 *
 * Returns: (transfer full): its answer, one line of JSON without the line end; %NULL with NotFound when no arm runs
 *   there, TimedOut when it does not answer.
 */
char *bpg_limb_send (const char *folder, const char *command, GError **error);

/**
 * bpg_limb_start:
 * @options: (array zero-terminated=1): of the virtual arm, see its --help
 *
 * Starts an arm in @folder, making it (key, certificate, code) the first time, and waits until it answers.
 *
 * Returns: its process id, or 0 with Busy (one runs there), NotFound (no program) or Failed (it ended; the log says why).
 */
GPid bpg_limb_start (const char *folder, const char *const *options, GError **error);

/**
 * bpg_limb_get_pid:
 *
 * Returns: process id of the arm that was started in @folder, 0 when none is noted.
 */
GPid bpg_limb_get_pid (const char *folder);

/**
 * bpg_limb_get_device_id:
 *
 * Returns: (transfer full): identity from its QR code, or %NULL.
 */
char *bpg_limb_get_device_id (const char *folder, GError **error);
