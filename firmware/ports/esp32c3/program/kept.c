/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/program/kept.h"

#include <string.h>

#include "link/checksum.h"
#include "ports/esp32c3/memory.h"

#define KEPT_MAGIC 0x4B425042u /* "BPBK" */
#define MIDDLE 500u

struct stored
{
  uint32_t magic;
  struct bpg_kept kept;
  uint32_t crc;
};

static uint32_t
checksum (const struct stored *stored)
{
  return bpg_crc32 (0, (const uint8_t *) stored, offsetof (struct stored, crc));
}

void
bpg_kept_load (struct bpg_kept *kept)
{
  const struct stored *stored = (const struct stored *) BPG_CHIP_RTC_RAM;

  if (stored->magic == KEPT_MAGIC && stored->crc == checksum (stored))
    {
      *kept = stored->kept;
      return;
    }
  memset (kept, 0, sizeof *kept);
  for (unsigned i = 0; i < BPG_PORT_ACTUATORS; i++)
    kept->position[i] = MIDDLE;
}

void
bpg_kept_save (const struct bpg_kept *kept)
{
  struct stored *stored = (struct stored *) BPG_CHIP_RTC_RAM;

  struct stored whole = { .magic = KEPT_MAGIC };

  memcpy (&whole.kept, kept, sizeof whole.kept);
  /* A reset in between finds no magic, never half of it. */
  stored->magic = 0;
  __atomic_signal_fence (__ATOMIC_SEQ_CST);
  memcpy (&stored->kept, &whole.kept, sizeof stored->kept);
  stored->crc = checksum (&whole);
  __atomic_signal_fence (__ATOMIC_SEQ_CST);
  stored->magic = KEPT_MAGIC;
}
