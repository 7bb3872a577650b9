/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-bench-feed.h"

#include "bpg-movement.h"

#include <string.h>

struct _BpgBenchFeed {
  GMutex mutex;
  GArray *pieces; /* BpgPiece */
  guint piece;
  gsize at; /* in it */
  gboolean loop;
};

void
bpg_piece_find (BpgEmgRecording *recording, const char *movement, guint repetition, GArray *pieces)
{
  const BpgMovement *known = bpg_movement_from_name (movement);

  for (guint i = 0; i < bpg_emg_recording_get_n_segments (recording); i++) {
    const BpgSegment *segment = bpg_emg_recording_get_segment (recording, i);
    const BpgPiece piece = {recording, segment->start, segment->count};

    if (segment->count == 0 || (repetition != 0 && segment->repetition != repetition))
      continue;
    if (strcmp (segment->name, movement) == 0 || (known != NULL && known->code == segment->gesture))
      g_array_append_val (pieces, piece);
  }
}

BpgBenchFeed *
bpg_bench_feed_new (void)
{
  BpgBenchFeed *self = g_new0 (BpgBenchFeed, 1);

  g_mutex_init (&self->mutex);
  self->pieces = g_array_new (FALSE, FALSE, sizeof (BpgPiece));
  return self;
}

void
bpg_bench_feed_free (BpgBenchFeed *self)
{
  g_mutex_clear (&self->mutex);
  g_array_unref (self->pieces);
  g_free (self);
}

void
bpg_bench_feed_play (BpgBenchFeed *self, const BpgPiece *pieces, guint n_pieces, gboolean loop)
{
  g_mutex_lock (&self->mutex);
  g_array_set_size (self->pieces, 0);
  g_array_append_vals (self->pieces, pieces, n_pieces);
  self->piece = 0;
  self->at = 0;
  self->loop = loop;
  g_mutex_unlock (&self->mutex);
}

/* Goes to the next piece once this one is through. */
static void
turn_over (BpgBenchFeed *self)
{
  if (self->at < g_array_index (self->pieces, BpgPiece, self->piece).count)
    return;
  self->at = 0;
  self->piece++;
  if (self->piece == self->pieces->len && self->loop)
    self->piece = 0;
}

guint
bpg_bench_feed_take (BpgBenchFeed *self, gint16 *samples, guint most)
{
  guint taken = 0;

  g_mutex_lock (&self->mutex);
  while (taken < most && self->piece < self->pieces->len) {
    const BpgPiece *piece = &g_array_index (self->pieces, BpgPiece, self->piece);
    guint channels = bpg_emg_recording_get_channels (piece->recording);
    guint count = (guint) MIN (most - taken, piece->count - self->at);

    memcpy (samples + taken * channels, bpg_emg_recording_get_sample (piece->recording, piece->start + self->at),
            count * channels * sizeof *samples);
    taken += count;
    self->at += count;
    turn_over (self);
  }
  g_mutex_unlock (&self->mutex);
  return taken;
}
