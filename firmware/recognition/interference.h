/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BPG_RECOGNITION_INTERFERENCE_H
#define BPG_RECOGNITION_INTERFERENCE_H

/*
 * Mains hum is a sinusoid, and a sinusoid of angular frequency w obeys x(n) + x(n - 2 l) = 2 cos (w l) x(n - l)
 * whatever its amplitude and phase (Prony 1795), at every electrode.  What is left of that equation, over what
 * would be left of white noise, is near 1 for muscle and falls to 0 as hum drowns it.  With a lag l of 5 ms the odd
 * harmonics of 50 Hz obey it, too.  The waves of a socket that sways are so slow that they obey it for 0 Hz.
 */

#include "bpm.h"
#include "window.h"

#define BPG_INTERFERENCE_NONE 32768u /* a share of 1 */

/**
 * bpg_interference_left: how much of a window is no interference.
 * @window: full and settled.
 * @parameters: lag and frequencies.
 * @left: receives the share that interference of each frequency leaves, Q15, held to 1; 1 for a silent
 * window, or one that is too short to tell.
 */
void bpg_interference_left (const struct bpg_window                  *window,
                            const struct bpg_interference_parameters *parameters,
                            uint16_t                                  left[BPG_INTERFERENCES]);

#endif
