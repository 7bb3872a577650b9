/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control/units.h"

#include "recognition/bpm.h"

static const char *const names[] = {
  [BPG_UNIT_MICROVOLT] = "microvolt",
  [BPG_UNIT_MYO_COUNT] = "myo_count",
  [BPG_UNIT_MYO_FULL_SCALE] = "myo_full_scale",
  [BPG_UNIT_VOLT_AFTER_GAIN] = "volt_after_gain",
};

#define NAMES (sizeof names / sizeof names[0])

uint8_t
bpg_unit_code (const struct bpg_text *name)
{
  for (uint8_t code = 1; code < NAMES; code++)
    {
      if (bpg_text_is (name, names[code]))
        return code;
    }
  return 0;
}

const char *
bpg_unit_name (uint8_t code)
{
  return code > 0 && code < NAMES ? names[code] : "";
}
