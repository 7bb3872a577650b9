/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "window.h"

#include "fixed.h"

#include <string.h>

void
bpg_window_init (struct bpg_window *window,
                 uint16_t           length,
                 uint16_t           channels,
                 uint16_t           excluded,
                 uint32_t           least_step)
{
  memset (window, 0, sizeof *window);
  window->length = length;
  window->channels = channels;
  window->excluded = excluded;
  window->least_step = least_step;
}

void
bpg_window_clear (struct bpg_window *window)
{
  bpg_window_init (window, window->length, window->channels, window->excluded, window->least_step);
}

bool
bpg_window_is_full (const struct bpg_window *window)
{
  return window->filled == window->length;
}

static uint32_t
magnitude (int32_t value)
{
  return (uint32_t) (value < 0 ? -value : value);
}

/* Without branches: on noise they are guessed wrong every other time. */
static unsigned
is_turn (int32_t  before,
         int32_t  after,
         uint32_t least_step)
{
  unsigned trough = (unsigned) (before < 0) & (unsigned) (after > 0);
  unsigned peak = (unsigned) (before > 0) & (unsigned) (after < 0);

  return (trough | peak) &
         ((unsigned) (magnitude (before) >= least_step) | (unsigned) (magnitude (after) >= least_step));
}

static void
add_products (struct bpg_window *window,
              const int16_t     *sample)
{
  int64_t *product = window->products;

  for (unsigned i = 0; i < window->channels; i++)
    {
      int32_t factor = sample[i];

      window->sums[i] += factor;
      for (unsigned j = i; j < window->channels; j++)
        *product++ += factor * sample[j];
    }
}

BPG_INLINE void
exchange_products (struct bpg_window *window,
                   const int16_t     *sample,
                   const int16_t     *leaving,
                   unsigned           channels)
{
  int64_t *product = window->products;

  for (unsigned i = 0; i < channels; i++)
    {
      int32_t factor = sample[i], old = leaving[i];

      window->sums[i] += factor - old;
      for (unsigned j = i; j < channels; j++)
        *product++ += (int64_t) (factor * sample[j]) - old * leaving[j];
    }
}

/* The step and the turn that end at the new sample. */
BPG_INLINE void
add_steps (struct bpg_window *window,
           const int16_t     *sample,
           const int16_t     *last,
           const int16_t     *before_last,
           unsigned           channels)
{
  for (unsigned i = 0; i < channels; i++)
    {
      int32_t step = sample[i] - last[i];

      window->paths[i] += magnitude (step);
      window->turns[i] = (uint16_t) (window->turns[i] + is_turn (last[i] - before_last[i], step, window->least_step));
    }
}

/* The step and the turn that start at the leaving one. */
BPG_INLINE void
remove_steps (struct bpg_window *window,
              const int16_t     *first,
              const int16_t     *second,
              const int16_t     *third,
              unsigned           channels)
{
  for (unsigned i = 0; i < channels; i++)
    {
      int32_t step = second[i] - first[i];

      window->paths[i] -= magnitude (step);
      window->turns[i] = (uint16_t) (window->turns[i] - is_turn (step, third[i] - second[i], window->least_step));
    }
}

BPG_INLINE void
exchange (struct bpg_window *window,
          const int16_t     *sample,
          int16_t           *slot,
          unsigned           channels)
{
  remove_steps (window, slot, bpg_window_at (window, 1), bpg_window_at (window, 2), channels);
  add_steps (window, sample, bpg_window_at (window, window->length - 1u), bpg_window_at (window, window->length - 2u),
             channels);
  exchange_products (window, sample, slot, channels);
}

static void
push_full (struct bpg_window *window,
           const int16_t     *sample)
{
  int16_t *slot = window->ring + (size_t) window->position * window->channels;

  if (window->channels == BPG_USUAL_CHANNELS)
    exchange (window, sample, slot, BPG_USUAL_CHANNELS);
  else
    exchange (window, sample, slot, window->channels);
  memcpy (slot, sample, window->channels * sizeof *slot);
  window->position = (uint16_t) (window->position + 1u == window->length ? 0 : window->position + 1u);
}

static void
push_filling (struct bpg_window *window,
              const int16_t     *sample)
{
  int16_t *slot = window->ring + (size_t) window->filled * window->channels;

  /* the first step has none before it to turn from: a step of 0 turns nothing */
  if (window->filled >= 2)
    add_steps (window, sample, slot - window->channels, slot - 2 * window->channels, window->channels);
  else if (window->filled == 1)
    add_steps (window, sample, slot - window->channels, slot - window->channels, window->channels);
  add_products (window, sample);
  memcpy (slot, sample, window->channels * sizeof *slot);
  window->filled++;
}

void
bpg_window_push (struct bpg_window *window,
                 const int16_t     *sample)
{
  int16_t masked[BPG_CHANNELS_MAX];

  if (window->excluded != 0)
    {
      for (unsigned i = 0; i < window->channels; i++)
        masked[i] = (window->excluded >> i & 1u) != 0 ? 0 : sample[i];
      sample = masked;
    }
  if (bpg_window_is_full (window))
    push_full (window, sample);
  else
    push_filling (window, sample);
}
