/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/drivers/byte-ring.h"

/* Writer and reader run on one core: the compiler alone must keep the order,
 * and a word is read and written whole. */
static uint32_t
load (const uint32_t *counter)
{
  uint32_t value = *(const volatile uint32_t *) counter;

  __atomic_signal_fence (__ATOMIC_ACQUIRE);
  return value;
}

static void
store (uint32_t *counter, uint32_t value)
{
  __atomic_signal_fence (__ATOMIC_RELEASE);
  *(volatile uint32_t *) counter = value;
}

void
bpg_byte_ring_init (struct bpg_byte_ring *ring)
{
  ring->written = 0;
  ring->read = 0;
}

size_t
bpg_byte_ring_used (const struct bpg_byte_ring *ring)
{
  return load (&ring->written) - load (&ring->read);
}

size_t
bpg_byte_ring_room (const struct bpg_byte_ring *ring)
{
  return BPG_BYTE_RING_SIZE - bpg_byte_ring_used (ring);
}

void
bpg_byte_ring_put (struct bpg_byte_ring *ring, uint8_t byte)
{
  ring->bytes[ring->written % BPG_BYTE_RING_SIZE] = byte;
  store (&ring->written, ring->written + 1);
}

uint8_t
bpg_byte_ring_take (struct bpg_byte_ring *ring)
{
  uint8_t byte = ring->bytes[ring->read % BPG_BYTE_RING_SIZE];

  store (&ring->read, ring->read + 1);
  return byte;
}

size_t
bpg_byte_ring_write (struct bpg_byte_ring *ring, const uint8_t *bytes, size_t length)
{
  size_t room = bpg_byte_ring_room (ring);
  size_t count = length < room ? length : room;

  for (size_t i = 0; i < count; i++)
    bpg_byte_ring_put (ring, bytes[i]);
  return count;
}

size_t
bpg_byte_ring_read (struct bpg_byte_ring *ring, uint8_t *bytes, size_t capacity)
{
  size_t used = bpg_byte_ring_used (ring);
  size_t count = capacity < used ? capacity : used;

  for (size_t i = 0; i < count; i++)
    bytes[i] = bpg_byte_ring_take (ring);
  return count;
}

void
bpg_byte_ring_drop (struct bpg_byte_ring *ring)
{
  store (&ring->read, load (&ring->written));
}
