/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/program/samples.h"

#include "ports/esp32c3/drivers/systimer.h"

/* One writer, the loop; one reader, the timer's interrupt. */
static struct
{
  int16_t samples[BPG_BENCH_QUEUE][BPG_PORT_MAX_CHANNELS];
  volatile uint32_t written;
  volatile uint32_t read;
  bool on;
} queue;

void
bpg_samples_start_bench (void)
{
  queue.written = 0;
  queue.read = 0;
  queue.on = true;
}

unsigned
bpg_samples_room (void)
{
  return queue.on ? BPG_BENCH_QUEUE - (queue.written - queue.read) : 0;
}

void
bpg_samples_push (const int16_t *values, unsigned channels)
{
  int16_t *sample = queue.samples[queue.written % BPG_BENCH_QUEUE];

  if (bpg_samples_room () == 0)
    return;
  for (unsigned channel = 0; channel < channels; channel++)
    sample[channel] = values[channel];
  __atomic_signal_fence (__ATOMIC_RELEASE);
  queue.written++;
}

void
bpg_samples_tick (struct bpg_control *control)
{
  if (queue.written == queue.read)
    return;
  __atomic_signal_fence (__ATOMIC_ACQUIRE);
  bpg_control_sample (control, queue.samples[queue.read % BPG_BENCH_QUEUE], bpg_systimer_us ());
  queue.read++;
}
