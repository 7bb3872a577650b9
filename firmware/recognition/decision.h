/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BPG_RECOGNITION_DECISION_H
#define BPG_RECOGNITION_DECISION_H

/*
 * From classifications to what the hand does.
 *
 * Evidence against each movement is summed over decisions with exponential forgetting, each
 * decision's share bounded; the movement in force gives way when a challenger leads by a margin
 * (a sequential probability ratio test with forgetting; Wald 1945).  Speed follows the strength of
 * the signal and is held by a velocity ramp that starts anew with each movement (Simon, Hargrove,
 * Lock, Kuiken, A decision-based velocity ramp, IEEE Trans. Neural Syst. Rehabil. Eng. 19, 2011).
 */

#include "classifier.h"

#define BPG_DECISION_UNSURE 1u      /* confidence below the model's least: no movement */
#define BPG_DECISION_UNKNOWN 2u     /* too far from every movement: no movement */
#define BPG_DECISION_CHANGED 4u     /* the movement differs from the decision before */
#define BPG_DECISION_ELECTRODE 8u   /* an electrode is stuck */

struct bpg_decision
{
  uint32_t sample;          /* index of the last sample used, counted from init */
  uint8_t raw;              /* gesture code of the nearest movement, before post-processing */
  uint8_t movement;         /* gesture code in force */
  uint8_t flags;            /* BPG_DECISION_* */
  uint16_t confidence;      /* posterior probability of raw, 0..1000 */
  uint16_t speed;           /* 0..1000 */
  int32_t distance;         /* from the nearest movement's centre, in standard deviations, Q8 */
  uint16_t dead_electrodes; /* mask */
};

struct bpg_decider
{
  uint8_t current; /* index of the movement in force; BPG_MOVEMENTS_MAX for none */
  uint8_t last;    /* gesture code of the decision before */
  uint32_t strength; /* smoothed, counts in Q4 */
  uint32_t ramp;     /* 0..1000 */
  uint32_t against[BPG_MOVEMENTS_MAX]; /* bits, Q8 */
};

/** bpg_decider_init: no movement, no evidence. */
void bpg_decider_init (struct bpg_decider   *decider,
                       const struct bpg_bpm *model);

/**
 * bpg_decider_step: fold one classification in.
 * @strength: of this window, counts in Q4.
 * @decision: raw, movement, flags, confidence, speed and distance are set.
 */
void bpg_decider_step (struct bpg_decider              *decider,
                       const struct bpg_bpm            *model,
                       const struct bpg_classification *classification,
                       uint32_t                         strength,
                       struct bpg_decision             *decision);

#endif
