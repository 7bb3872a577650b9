/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-archive.h"
#include "bpg-arm-watch.h"

/**
 * bpg_usage_fetch_async:
 * @arm: a prosthesis that is connected
 *
 * Fetches the usage log of an arm: takes the management channel, reads records, stores them durably, confirms them to
 * the arm, which only then clears them, and so on until there are no more. Each record is stored once, by prosthesis
 * and sequence number; cut off anywhere, the next fetch goes on where this one was.
 */
void bpg_usage_fetch_async (BpgArchive *archive, const BpgArm *arm, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer user_data);

/**
 * bpg_usage_fetch_finish:
 *
 * Returns: how many records came, -1 with Disconnected, Busy, NoSpace, TimedOut, Corrupt, Cancelled.
 */
gssize bpg_usage_fetch_finish (GAsyncResult *result, GError **error);
