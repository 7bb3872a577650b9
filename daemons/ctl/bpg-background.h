/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-ctl.h"

/**
 * BpgWorkFunc:
 *
 * What blocks, in a thread of its own.
 *
 * Returns: %FALSE with @error set; with Cancelled when @cancellable was why.
 */
typedef gboolean (*BpgWorkFunc) (gpointer data, GCancellable *cancellable, GError **error);

/**
 * bpg_ctl_run_work:
 * @tick: (nullable): called a few times a second on this thread, to draw how far it is
 * @data: for both
 *
 * Runs @func in a thread and the main loop until it has ended. Ctrl-C and SIGTERM cancel it, and so does --timeout.
 *
 * Returns: what @func returned; after --timeout %FALSE with TimedOut.
 */
gboolean bpg_ctl_run_work (BpgCtl *ctl, BpgWorkFunc func, void (*tick) (gpointer data), gpointer data,
                           GCancellable *cancellable, GError **error);

/**
 * bpg_work_sleep:
 *
 * Waits, in a thread.
 *
 * Returns: %FALSE with Cancelled.
 */
gboolean bpg_work_sleep (GCancellable *cancellable, guint milliseconds, GError **error);
