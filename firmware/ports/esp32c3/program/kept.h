/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a reset leaves alone and a loss of power does not: where the actuators
 * are, and bench mode's electrodes. It lies in RTC RAM under a checksum.
 */

#include <stdbool.h>

#include "control/port.h"

struct bpg_kept
{
  uint16_t position[BPG_PORT_ACTUATORS]; /* 0..1000 */
  bool bench;
  struct bpg_port_electrodes electrodes; /* in bench mode; the unit's name is to be found anew */
};

/* What was kept, or, when nothing was, the middle of each actuator's way. */
void bpg_kept_load (struct bpg_kept *kept);

/* Keeps it. */
void bpg_kept_save (const struct bpg_kept *kept);
