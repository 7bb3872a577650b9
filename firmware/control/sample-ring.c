/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control/sample-ring.h"

#include <string.h>

/* Writer and reader run on one core, one of them in an interrupt: the compiler
 * alone must keep the order, and a word is read and written whole. */
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
  uint32_t read = load (&ring->read);
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
  store (&ring->written, written + 1);
  return true;
}

const struct bpg_sample *
bpg_sample_ring_peek (const struct bpg_sample_ring *ring)
{
  uint32_t written = load (&ring->written);

  return written == ring->read ? NULL : &ring->samples[ring->read % BPG_SAMPLE_RING_SIZE];
}

void
bpg_sample_ring_drop (struct bpg_sample_ring *ring)
{
  store (&ring->read, ring->read + 1);
}
