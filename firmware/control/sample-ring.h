/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * From the converter's interrupt to the loop: one writer, one reader, no
 * lock. Every sample has its index since the arm started; what does not fit
 * is lost, and the gap in the indexes says so.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/port.h"

/* 64 ms at 2 kHz: longer than the erasing of a flash sector. A power of two. */
#define BPG_SAMPLE_RING_SIZE 128u

struct bpg_sample
{
  uint64_t tick; /* microseconds since the arm started */
  uint32_t index;
  int16_t values[BPG_PORT_MAX_CHANNELS];
};

struct bpg_sample_ring
{
  struct bpg_sample samples[BPG_SAMPLE_RING_SIZE];
  uint32_t written;
  uint32_t read;
  uint32_t next_index;
  uint32_t lost;
};

/* Starts empty; the next sample has index 0. */
void bpg_sample_ring_init (struct bpg_sample_ring *ring);

/* Adds one sample of @channels values. Safe in an interrupt. Returns false
 * when it was lost because the loop lags. */
bool bpg_sample_ring_push (struct bpg_sample_ring *ring, const int16_t *values, unsigned channels,
                           uint64_t tick);

/* The oldest sample, NULL when there is none. It stays until
 * bpg_sample_ring_drop(). */
const struct bpg_sample *bpg_sample_ring_peek (const struct bpg_sample_ring *ring);

/* Drops the oldest sample. */
void bpg_sample_ring_drop (struct bpg_sample_ring *ring);
