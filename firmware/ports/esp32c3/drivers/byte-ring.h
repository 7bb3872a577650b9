/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bytes from one writer to one reader, of which one may be an interrupt: no
 * lock. The counters run on and wrap; what is between them is in the ring.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Holds the longest line and frame of the link with what is kept free for
 * replies. A power of two. */
#define BPG_BYTE_RING_SIZE 1024u

struct bpg_byte_ring
{
  uint8_t bytes[BPG_BYTE_RING_SIZE];
  uint32_t written;
  uint32_t read;
};

/* Starts empty. */
void bpg_byte_ring_init (struct bpg_byte_ring *ring);

/* How many bytes there are to read. */
size_t bpg_byte_ring_used (const struct bpg_byte_ring *ring);

/* How many bytes there is room for. */
size_t bpg_byte_ring_room (const struct bpg_byte_ring *ring);

/* Adds a byte; there is room. For the writer. */
void bpg_byte_ring_put (struct bpg_byte_ring *ring, uint8_t byte);

/* Takes a byte; there is one. For the reader. */
uint8_t bpg_byte_ring_take (struct bpg_byte_ring *ring);

/* Adds as many of @length bytes as there is room for; returns how many. */
size_t bpg_byte_ring_write (struct bpg_byte_ring *ring, const uint8_t *bytes, size_t length);

/* Takes up to @capacity bytes; returns how many. */
size_t bpg_byte_ring_read (struct bpg_byte_ring *ring, uint8_t *bytes, size_t capacity);

/* Forgets what there is to read. For the reader. */
void bpg_byte_ring_drop (struct bpg_byte_ring *ring);
