/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-bench-feed.h"

/* Has the feed do what the prompts of a guided session ask for, as a wearer would. */
typedef struct _BpgBenchFollow BpgBenchFollow;

/**
 * bpg_bench_follow_new:
 * @prosthesis: whose session
 * @recording: (unowned): where the movements come from
 * @stop: cancelled when the session has ended, or its daemon
 *
 * Rests, and waits for a session; one that runs already is joined.
 *
 * Returns: %NULL with NotFound when there is no rest in the recording.
 */
BpgBenchFollow *bpg_bench_follow_new (BpgCtl *ctl, const char *prosthesis, BpgEmgRecording *recording,
                                      BpgBenchFeed *feed, GCancellable *stop, GError **error);
void bpg_bench_follow_free (BpgBenchFollow *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgBenchFollow, bpg_bench_follow_free)

/** bpg_bench_follow_get_text: (transfer none): what is being done, for people. */
const char *bpg_bench_follow_get_text (BpgBenchFollow *self);

/**
 * bpg_bench_follow_conclude:
 *
 * Returns: (transfer full): `session`, `state`, `holds` (movements made) and `missing` (those the recording lacks);
 *   %NULL with BPG_CTL_ERROR_NO_SERVICE when the session's daemon has gone.
 */
GVariant *bpg_bench_follow_conclude (BpgBenchFollow *self, GError **error);
