/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BPG_RECOGNITION_DECISION_H
#define BPG_RECOGNITION_DECISION_H

/*
 * From the filter's probabilities to what the hand does.
 *
 * A movement begins with the first decision that finds it more probable than rest; to end it or to
 * take its place, another must be more probable by a factor.  The nearest movement's score, smoothed,
 * tells signals that are like none the model knows; then, and under interference, the hand rests.  Speed follows the strength
 * of the signal and is held by a velocity ramp that starts anew with each movement (Simon, Hargrove,
 * Lock, Kuiken, A decision-based velocity ramp, IEEE Trans. Neural Syst. Rehabil. Eng. 19, 2011).
 */

#include "filter.h"
#include "interference.h"

#define BPG_DECISION_UNSURE 1u      /* improbable: begins nothing, ends nothing */
#define BPG_DECISION_UNKNOWN 2u     /* too far from every movement, or electrodes are missing: no movement */
#define BPG_DECISION_CHANGED 4u     /* the movement differs from the decision before */
#define BPG_DECISION_ELECTRODE 8u   /* an electrode is stuck */
#define BPG_DECISION_DROWNED 16u    /* mains hum or slow waves drown the muscles: no movement */

struct bpg_decision
{
  uint32_t sample;          /* index of the last sample used, counted from init */
  uint8_t raw;              /* gesture code of the most probable movement, before post-processing */
  uint8_t movement;         /* gesture code in force */
  uint8_t flags;            /* BPG_DECISION_* */
  uint16_t confidence;      /* posterior probability of the nearest movement by this window alone, 0..1000 */
  uint16_t speed;           /* 0..1000 */
  int32_t distance;         /* from the centre of raw, in standard deviations, Q8 */
  uint16_t dead_electrodes; /* mask */
};

struct bpg_decider
{
  uint8_t current;   /* index of the movement in force; BPG_MOVEMENTS_MAX for none */
  uint8_t last;      /* gesture code of the decision before */
  uint32_t score;    /* of the nearest movement, smoothed, Q8 */
  uint16_t left[BPG_INTERFERENCES]; /* of the signal without interference, smoothed, Q15 */
  uint32_t strength; /* smoothed, counts in Q4 */
  uint32_t ramp;     /* 0..1000 */
};

/** bpg_decider_init: no movement. */
void bpg_decider_init (struct bpg_decider   *decider,
                       const struct bpg_bpm *model);

/**
 * bpg_decider_step: fold one window in.
 * @filter: after the same window.
 * @best: what bpg_filter_step() said of it.
 * @left: as bpg_interference_left() says.
 * @usable: false when electrodes are missing beyond what the model can do without: no movement.
 * @strength: of this window, counts in Q4.
 * @decision: raw, movement, flags, confidence, speed and distance are set.
 */
void bpg_decider_step (struct bpg_decider              *decider,
                       const struct bpg_bpm            *model,
                       const struct bpg_classification *classification,
                       const struct bpg_filter         *filter,
                       unsigned                         best,
                       const uint16_t                   left[BPG_INTERFERENCES],
                       bool                             usable,
                       uint32_t                         strength,
                       struct bpg_decision             *decision);

#endif
