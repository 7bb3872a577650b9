/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-bench-player.h"
#include "bpg-background.h"

#define LOSSES_MOST 5u /* replies missing in a row */
#define SHORTEST_MS 5u
#define STILL_SECONDS 30

typedef struct {
  BpgBenchPlayer *player;
  GCancellable *cancellable;
  gint16 *block;
  guint room;     /* as the arm said last */
  gint64 told;    /* when it did, µs */
  guint capacity; /* the most room it ever had */
  guint losses;
  gint64 moved; /* when the room was another, or something was sent */
} Run;

static void
set_room (Run *self, guint room)
{
  if (room != self->room || self->moved == 0)
    self->moved = g_get_monotonic_time ();
  self->room = room;
  self->told = g_get_monotonic_time ();
  self->capacity = MAX (self->capacity, room);
}

static gboolean
check_state (Run *self, GError **error)
{
  BpgBenchState state;
  g_autofree char *theirs = NULL;
  g_autofree char *ours = NULL;

  if (!bpg_bench_read (self->player->bench, &state, error))
    return FALSE;
  if (!state.on) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_WRONG_STATE,
                 _("The arm is not in bench mode; 'bionicctl bench unlock' puts it there"));
    return FALSE;
  }
  set_room (self, state.room);
  if (bpg_converter_equal (&state.converter, &self->player->converter))
    return TRUE;
  theirs = bpg_converter_format (&state.converter);
  ours = bpg_converter_format (&self->player->converter);
  g_set_error (error, BPG_ERROR, BPG_ERROR_INCOMPATIBLE, _("The recording is of %s, the arm was unlocked with %s"), ours,
               theirs);
  return FALSE;
}

/* How many samples may wait in the arm. */
static guint
get_depth (Run *self)
{
  guint depth = self->player->delay_ms * self->player->converter.rate / 1000;

  return depth > 0 ? MIN (depth, self->capacity) : self->capacity;
}

/* How many wait there by now: asking costs the arm more than a guess, which the next reply puts right. */
static guint
get_waiting (Run *self)
{
  gint64 used = (g_get_monotonic_time () - self->told) * self->player->converter.rate / G_USEC_PER_SEC;

  return (guint) MAX ((gint64) (self->capacity - self->room) - used, 0);
}

/* How many may be sent now without waiting longer there than they shall. */
static guint
get_wanted (Run *self)
{
  guint waiting = get_waiting (self), depth = get_depth (self);

  return waiting < depth ? MIN (depth - waiting, bpg_bench_get_block (self->player->converter.channels)) : 0;
}

/* Waits as long as so many samples take. */
static gboolean
sleep_samples (Run *self, guint samples, GError **error)
{
  return bpg_work_sleep (self->cancellable, MAX (samples * 1000 / self->player->converter.rate, SHORTEST_MS), error);
}

/* Waits until a full arm may have room for so many, and asks. */
static gboolean
wait_for_room (Run *self, guint samples, GError **error)
{
  guint room;

  if (!sleep_samples (self, samples, error) || !bpg_bench_ask_room (self->player->bench, &room, error))
    return FALSE;
  set_room (self, room);
  if (g_get_monotonic_time () - self->moved < STILL_SECONDS * G_USEC_PER_SEC)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_TIMED_OUT, _("The arm has used no sample for %d s"), STILL_SECONDS);
  return FALSE;
}

/* One block, which a full arm is given again. */
static gboolean
push (Run *self, guint count, GError **error)
{
  for (;;) {
    g_autoptr (GError) local = NULL;
    guint room;

    if (bpg_bench_push (self->player->bench, self->block, count, self->player->converter.channels, &room, &local)) {
      self->losses = 0;
      set_room (self, room);
    } else if (g_error_matches (local, BPG_ERROR, BPG_ERROR_NO_SPACE)) {
      if (!wait_for_room (self, count, error))
        return FALSE;
      continue;
    } else if (g_error_matches (local, BPG_ERROR, BPG_ERROR_TIMED_OUT) && ++self->losses < LOSSES_MOST) {
      g_atomic_int_add (&self->player->doubtful, (gint) count);
      self->room -= MIN (self->room, count);
    } else {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
    g_atomic_int_add (&self->player->sent, (gint) count);
    return TRUE;
  }
}

static gboolean
play (Run *self, GError **error)
{
  for (;;) {
    guint least = MAX (MIN (get_depth (self), bpg_bench_get_block (self->player->converter.channels)) / 2, 1);
    guint wanted = get_wanted (self), count;

    if (wanted < least) {
      if (!sleep_samples (self, least - wanted, error))
        return FALSE;
      continue;
    }
    count = bpg_bench_feed_take (self->player->feed, self->block, wanted);
    if (count == 0)
      return get_waiting (self) == 0 || sleep_samples (self, get_waiting (self), error);
    if (!push (self, count, error))
      return FALSE;
  }
}

gboolean
bpg_bench_player_run (BpgBenchPlayer *player, GCancellable *cancellable, GError **error)
{
  guint channels = player->converter.channels;
  g_autofree gint16 *block = g_new (gint16, bpg_bench_get_block (channels) * channels);
  Run self = {.player = player, .cancellable = cancellable, .block = block};
  gboolean good;

  bpg_bench_yield (player->bench);
  good = check_state (&self, error) && play (&self, error);
  bpg_bench_release (player->bench);
  return good;
}
