/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BPG_RECOGNITION_WINDOW_H
#define BPG_RECOGNITION_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "limits.h"

/* The last samples of all electrodes, with the sums over them that slide along. */
struct bpg_window
{
  uint16_t length; /* samples */
  uint16_t channels;
  uint16_t excluded;
  uint16_t position; /* of the oldest sample once full */
  uint16_t filled;   /* samples held, up to length */
  uint32_t least_step;
  int32_t sums[BPG_CHANNELS_MAX];
  int64_t products[BPG_PAIRS_MAX]; /* of each pair i <= j, row by row */
  uint32_t paths[BPG_CHANNELS_MAX]; /* sum of absolute steps */
  uint16_t turns[BPG_CHANNELS_MAX]; /* slope sign changes */
  int16_t ring[BPG_RING_SAMPLES];   /* [position][channel] */
};

/**
 * bpg_window_init: an empty window.
 * @length: samples; @length x @channels at most BPG_RING_SAMPLES.
 * @channels: electrodes in a sample.
 * @excluded: mask of electrodes read as 0.
 * @least_step: counts; a turn whose steps are both smaller is noise.
 */
void bpg_window_init (struct bpg_window *window,
                      uint16_t           length,
                      uint16_t           channels,
                      uint16_t           excluded,
                      uint32_t           least_step);

/** bpg_window_clear: forget the samples, keep the shape. */
void bpg_window_clear (struct bpg_window *window);

/**
 * bpg_window_push: take one sample in, let the oldest go.
 * @sample: one value per electrode, counts.
 * The sums are exact: they depend on the samples held and on nothing before them.
 */
void bpg_window_push (struct bpg_window *window,
                      const int16_t     *sample);

/** bpg_window_is_full: whether as many samples as the window is long are held. */
bool bpg_window_is_full (const struct bpg_window *window);

/** bpg_window_at: sample @age of a full window, 0 the oldest. */
static inline const int16_t *
bpg_window_at (const struct bpg_window *window,
               unsigned                 age)
{
  unsigned index = window->position + age;

  if (index >= window->length)
    index -= window->length;
  return window->ring + index * window->channels;
}

#endif
