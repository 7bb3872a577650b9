/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "window.h"

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

static bool
is_turn (int32_t  before,
         int32_t  after,
         uint32_t least_step)
{
  return ((before < 0 && after > 0) || (before > 0 && after < 0)) &&
         (magnitude (before) >= least_step || magnitude (after) >= least_step);
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

static void
exchange_products (struct bpg_window *window,
                   const int16_t     *sample,
                   const int16_t     *leaving)
{
  int64_t *product = window->products;

  for (unsigned i = 0; i < window->channels; i++)
    {
      int32_t factor = sample[i], old = leaving[i];

      window->sums[i] += factor - old;
      for (unsigned j = i; j < window->channels; j++)
        *product++ += (int64_t) (factor * sample[j]) - old * leaving[j];
    }
}

/* The steps and turns that end at the new sample come in ... */
static void
add_steps (struct bpg_window *window,
           const int16_t     *sample,
           const int16_t     *last,
           const int16_t     *before_last)
{
  for (unsigned i = 0; i < window->channels; i++)
    {
      int32_t step = sample[i] - last[i];

      window->paths[i] += magnitude (step);
      if (before_last != NULL)
        window->turns[i] += is_turn (last[i] - before_last[i], step, window->least_step);
    }
}

/* ... and those that start at the leaving one go. */
static void
remove_steps (struct bpg_window *window)
{
  const int16_t *first = bpg_window_at (window, 0);
  const int16_t *second = bpg_window_at (window, 1);
  const int16_t *third = bpg_window_at (window, 2);

  for (unsigned i = 0; i < window->channels; i++)
    {
      int32_t step = second[i] - first[i];

      window->paths[i] -= magnitude (step);
      window->turns[i] -= is_turn (step, third[i] - second[i], window->least_step);
    }
}

static void
push_full (struct bpg_window *window,
           const int16_t     *sample)
{
  int16_t *slot = window->ring + (size_t) window->position * window->channels;

  remove_steps (window);
  add_steps (window, sample, bpg_window_at (window, window->length - 1u), bpg_window_at (window, window->length - 2u));
  exchange_products (window, sample, slot);
  memcpy (slot, sample, window->channels * sizeof *slot);
  window->position = (uint16_t) (window->position + 1u == window->length ? 0 : window->position + 1u);
}

static void
push_filling (struct bpg_window *window,
              const int16_t     *sample)
{
  int16_t *slot = window->ring + (size_t) window->filled * window->channels;

  if (window->filled >= 2)
    add_steps (window, sample, slot - window->channels, slot - 2 * window->channels);
  else if (window->filled == 1)
    add_steps (window, sample, slot - window->channels, NULL);
  add_products (window, sample);
  memcpy (slot, sample, window->channels * sizeof *slot);
  window->filled++;
}

void
bpg_window_push (struct bpg_window *window,
                 const int16_t     *sample)
{
  int16_t masked[BPG_CHANNELS_MAX];

  memcpy (masked, sample, window->channels * sizeof *masked);
  for (unsigned i = 0; i < window->channels; i++)
    {
      if ((window->excluded >> i & 1u) != 0)
        masked[i] = 0;
    }
  if (bpg_window_is_full (window))
    push_full (window, masked);
  else
    push_filling (window, masked);
}
