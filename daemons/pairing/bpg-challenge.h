/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-link.h"

/**
 * bpg_challenge_async:
 * @device_id: @key: who it is said to be
 *
 * Only the challenge, for a link that is up. Errors: WrongProsthesis, TimedOut, Disconnected, Cancelled.
 */
void bpg_challenge_async (BpgLink *link, const char *device_id, GBytes *key, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer user_data);

gboolean bpg_challenge_finish (BpgLink *link, GAsyncResult *result, GError **error);
