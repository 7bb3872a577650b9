/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control/electrode-watch.h"

#include <stdbool.h>
#include <string.h>

void
bpg_electrode_watch_init (struct bpg_electrode_watch *watch, uint32_t rate, unsigned channels)
{
  memset (watch, 0, sizeof *watch);
  watch->channels = (uint8_t) channels;
  watch->limit = rate * BPG_ELECTRODE_WATCH_MS / 1000;
}

static void
watch_channel (struct bpg_electrode_watch *watch, unsigned channel, int16_t value, bool loose)
{
  uint16_t bit = (uint16_t) (1u << channel);
  bool at_rail = value == INT16_MAX || value == INT16_MIN;

  if (loose)
    watch->still[channel] = watch->limit;
  if (loose || value == watch->last[channel] || at_rail)
    {
      if (++watch->still[channel] >= watch->limit)
        {
          watch->still[channel] = watch->limit;
          watch->moving[channel] = 0;
          watch->dead |= bit;
        }
    }
  else
    {
      watch->still[channel] = 0;
    }
  watch->last[channel] = value;

  if ((watch->dead & bit) && watch->still[channel] < watch->limit
      && ++watch->moving[channel] >= watch->limit)
    watch->dead &= (uint16_t) ~bit;
}

uint16_t
bpg_electrode_watch_push (struct bpg_electrode_watch *watch, const int16_t *values, uint16_t loose)
{
  for (unsigned channel = 0; channel < watch->channels; channel++)
    watch_channel (watch, channel, values[channel], loose >> channel & 1);
  return watch->dead;
}
