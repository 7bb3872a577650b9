/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Bench mode's electrodes: samples from the link wait here until the timer's
 * interrupt takes them, one at each tick. Runs from RAM.
 */

#include "control/control.h"

/* Samples that can wait; a power of two. */
#define BPG_BENCH_QUEUE 128u

/* Starts empty, in bench mode. */
void bpg_samples_start_bench (void);

/* Samples there is room for; 0 but in bench mode. */
unsigned bpg_samples_room (void);

/* Adds a sample where there is room. */
void bpg_samples_push (const int16_t *values, unsigned channels);

/* Gives the next sample to @control; for the timer's interrupt. */
void bpg_samples_tick (struct bpg_control *control);
