/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit.h"

#include <string.h>

#include "bpm.h"

static const char *const names[] = {
  [BPG_UNIT_MICROVOLT] = "microvolt",
  [BPG_UNIT_MYO_COUNT] = "myo_count",
  [BPG_UNIT_MYO_FULL_SCALE] = "myo_full_scale",
  [BPG_UNIT_VOLT_AFTER_GAIN] = "volt_after_gain",
};

#define NAMES (sizeof names / sizeof names[0])

unsigned
bpg_unit_find (const char *name, size_t length)
{
  for (unsigned unit = 1; unit < NAMES; unit++)
    {
      if (strlen (names[unit]) == length && memcmp (names[unit], name, length) == 0)
        return unit;
    }
  return 0;
}

const char *
bpg_unit_name (unsigned unit)
{
  return unit > 0 && unit < NAMES ? names[unit] : "unknown";
}
