/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BPG_RECOGNITION_FOLLOW_H
#define BPG_RECOGNITION_FOLLOW_H

/*
 * The signal drifts while the arm is worn.  Where the filter is sure of a movement, that movement's
 * centre follows its windows, and all centres follow in part, since most of what drifts is common to
 * them: a stochastic approximation of the mean on the recogniser's own decisions (decision-directed
 * adaptation; Sensinger, Lock, Kuiken, Adaptive pattern recognition of myoelectric signals, IEEE
 * Trans. Neural Syst. Rehabil. Eng. 17, 2009).  It cannot run away: both shifts, the common one and
 * each movement's own, stay within a ball, and centres return to where training put them as what was
 * followed is forgotten.  The farther windows usually lie from their centres, the faster they are followed.
 *
 * What is like no movement is followed only while two in five windows are: that is a socket put on
 * another way, while something that now and then is like nothing learnt must not become a movement.
 *
 * Nothing of it outlives the power: what training measured is never lost.
 */

#include "classifier.h"

struct bpg_follower
{
  struct bpg_shift shift;
  uint32_t usual;     /* smoothed squared distance a direction, Q16 */
  uint16_t unknown;   /* share of windows that are like no movement, Q15 */
  uint8_t forgetting; /* decisions since the last one that forgot */
};

/** bpg_follower_init: centres where training put them. */
void bpg_follower_init (struct bpg_follower *follower);

/**
 * bpg_follower_step: let centres follow one window.
 * @movement: what the filter decided.
 * @confidence: probability of that, 0..1000.
 * @unknown: whether the window, with those before it, is like no movement.
 */
void bpg_follower_step (struct bpg_follower             *follower,
                        const struct bpg_bpm            *model,
                        const struct bpg_classification *classification,
                        unsigned                         movement,
                        unsigned                         confidence,
                        bool                             unknown);

#endif
