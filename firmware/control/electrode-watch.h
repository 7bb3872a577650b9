/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Finds electrodes that deliver nothing, with a model or without: a channel
 * whose value has not changed for 400 ms, or stood at a rail for as long, is
 * dead until it has lived for 400 ms. One whose contact the converter finds
 * loose (bpg_port_lead_off()) is dead at once and no sooner trusted again: a
 * contact that chatters is none.
 */

#include <stdint.h>

#include "control/port.h"

#define BPG_ELECTRODE_WATCH_MS 400u

struct bpg_electrode_watch
{
  uint8_t channels;
  uint32_t limit; /* samples in BPG_ELECTRODE_WATCH_MS */
  int16_t last[BPG_PORT_MAX_CHANNELS];
  uint32_t still[BPG_PORT_MAX_CHANNELS];  /* samples without a change */
  uint32_t moving[BPG_PORT_MAX_CHANNELS]; /* samples since it last stood still */
  uint16_t dead;                          /* mask */
};

/* Starts with all of @channels electrodes alive, at @rate samples a second. */
void bpg_electrode_watch_init (struct bpg_electrode_watch *watch, uint32_t rate, unsigned channels);

/* Takes one sample, and the mask of loose contacts; returns the mask of dead electrodes. */
uint16_t bpg_electrode_watch_push (struct bpg_electrode_watch *watch, const int16_t *values, uint16_t loose);
