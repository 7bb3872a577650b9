/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BPG_RECOGNITION_WINDOW_H
#define BPG_RECOGNITION_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "limits.h"

#define BPG_WINDOW_WAITING_MAX 32u   /* samples: as many as a word has bits */
#define BPG_WINDOW_WAITING_VALUES 256u /* those samples' values of all electrodes */
#define BPG_WINDOW_BITS_MAX (BPG_RING_SAMPLES / 32u + BPG_CHANNELS_MAX)

/*
 * The last samples of all electrodes, with the sums over them that slide along.
 *
 * A sample is only put into the ring and the one it replaces kept; the sums follow many samples at a
 * time, which is what makes them cheap.  A window begins full of zeros, so that no sum needs to know
 * whether the window is full.
 */
struct bpg_window
{
  uint16_t length; /* samples */
  uint16_t channels;
  uint16_t excluded;
  uint16_t words; /* of bits, of each electrode */
  uint32_t least_step;
  uint32_t position; /* of the oldest sample, which the next one replaces */
  uint32_t filled;   /* samples held, up to length */
  uint32_t waiting;  /* newest samples that the sums do not have yet */
  uint32_t most_waiting;
  int32_t sums[BPG_CHANNELS_MAX];
  int64_t products[BPG_PAIRS_MAX]; /* of each pair i <= j, row by row */
  uint32_t paths[BPG_CHANNELS_MAX]; /* sum of absolute steps */
  uint16_t turns[BPG_CHANNELS_MAX]; /* slope sign changes */
  uint32_t large[BPG_WINDOW_BITS_MAX]; /* [channel][words], a bit a position: the step that ends there is
                                        * at least the least step; 0 for the oldest sample */
  _Alignas (4) int16_t left[BPG_WINDOW_WAITING_VALUES + 2u * BPG_CHANNELS_MAX]; /* those replaced meanwhile */
  _Alignas (4) int16_t ring[2u * BPG_CHANNELS_MAX + BPG_RING_SAMPLES]; /* [2 + position][channel]; the first two
                                                                         * rows are the last two again */
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
 */
void bpg_window_push (struct bpg_window *window,
                      const int16_t     *sample);

/**
 * bpg_window_settle: bring the sums up to the newest sample.
 * They are exact: they depend on the samples held and on nothing before them.
 */
void bpg_window_settle (struct bpg_window *window);

/** bpg_window_is_full: whether as many samples as the window is long are held. */
bool bpg_window_is_full (const struct bpg_window *window);

/** bpg_window_row: the sample at @position of the ring. */
static inline const int16_t *
bpg_window_row (const struct bpg_window *window,
                unsigned                 position)
{
  return window->ring + (position + 2u) * window->channels;
}

/** bpg_window_at: sample @age of a full window, 0 the oldest. */
static inline const int16_t *
bpg_window_at (const struct bpg_window *window,
               unsigned                 age)
{
  unsigned index = window->position + age;

  if (index >= window->length)
    index -= window->length;
  return bpg_window_row (window, index);
}

#endif
