/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-open.h"

/* What is played to an arm in bench mode: pieces of recordings, one after the other. */

typedef struct _BpgBenchFeed BpgBenchFeed;

/**
 * BpgPiece:
 * @recording: (unowned)
 * @start: first sample
 * @count: samples, at least one
 */
typedef struct {
  BpgEmgRecording *recording;
  gsize start;
  gsize count;
} BpgPiece;

/**
 * bpg_piece_find:
 * @movement: by its name, of the recording or of the gateway
 * @repetition: from 1 on, 0 for each
 * @pieces: (element-type BpgPiece): appended to
 *
 * Finds where a movement was made.
 */
void bpg_piece_find (BpgEmgRecording *recording, const char *movement, guint repetition, GArray *pieces);

/** bpg_bench_feed_new: empty: nothing is played. */
BpgBenchFeed *bpg_bench_feed_new (void);
void bpg_bench_feed_free (BpgBenchFeed *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgBenchFeed, bpg_bench_feed_free)

/**
 * bpg_bench_feed_play:
 * @pieces: (array length=n_pieces): their recordings must outlive the feed; all have the same electrodes
 * @loop: over and over
 *
 * Plays these from now on; may be called while another thread takes samples.
 */
void bpg_bench_feed_play (BpgBenchFeed *self, const BpgPiece *pieces, guint n_pieces, gboolean loop);

/**
 * bpg_bench_feed_take:
 * @samples: (out): room for @most samples of all electrodes
 *
 * Returns: how many were taken; 0 at the end.
 */
guint bpg_bench_feed_take (BpgBenchFeed *self, gint16 *samples, guint most);
