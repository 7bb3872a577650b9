/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control/sample-ring.h"

#include <string.h>

void
bpg_sample_ring_init (struct bpg_sample_ring *ring)
{
  ring->written = 0;
  ring->read = 0;
  ring->next_index = 0;
  ring->lost = 0;
}

bool
bpg_sample_ring_push (struct bpg_sample_ring *ring, const int16_t *values, unsigned channels,
                      uint64_t tick)
{
  uint32_t written = ring->written;
  uint32_t read = __atomic_load_n (&ring->read, __ATOMIC_ACQUIRE);
  struct bpg_sample *sample = &ring->samples[written % BPG_SAMPLE_RING_SIZE];
  uint32_t index = ring->next_index++;

  if (written - read >= BPG_SAMPLE_RING_SIZE)
    {
      ring->lost++;
      return false;
    }
  sample->tick = tick;
  sample->index = index;
  memcpy (sample->values, values, channels * sizeof sample->values[0]);
  __atomic_store_n (&ring->written, written + 1, __ATOMIC_RELEASE);
  return true;
}

const struct bpg_sample *
bpg_sample_ring_peek (const struct bpg_sample_ring *ring)
{
  uint32_t written = __atomic_load_n (&ring->written, __ATOMIC_ACQUIRE);

  return written == ring->read ? NULL : &ring->samples[ring->read % BPG_SAMPLE_RING_SIZE];
}

void
bpg_sample_ring_drop (struct bpg_sample_ring *ring)
{
  __atomic_store_n (&ring->read, ring->read + 1, __ATOMIC_RELEASE);
}
