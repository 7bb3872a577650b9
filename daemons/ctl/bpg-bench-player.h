/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-bench-feed.h"
#include "bpg-bench.h"

/**
 * BpgBenchPlayer:
 * @converter: what the recordings were made with
 * @delay_ms: how long a sample may wait in the arm for its time; 0: as long as the arm has room
 * @total: samples in all, for whoever draws; 0 when it goes on for ever
 * @sent: samples the arm has taken
 * @doubtful: of them, those whose reply was lost, so that nobody knows
 *
 * Feeds an arm in bench mode from a thread. The figures are read while it runs.
 */
typedef struct {
  BpgBench *bench;
  BpgBenchFeed *feed;
  BpgConverter converter;
  guint delay_ms;
  guint64 total;
  gint sent;
  gint doubtful;
} BpgBenchPlayer;

/**
 * bpg_bench_player_run:
 *
 * Plays until the feed is empty and the arm has used all; belongs in a thread.
 *
 * Returns: %FALSE with WrongState when the arm is not in bench mode, Incompatible when its electrodes are others, TimedOut
 *   when it uses no samples or does not answer, and what ends a #BpgBench.
 */
gboolean bpg_bench_player_run (BpgBenchPlayer *player, GCancellable *cancellable, GError **error);
