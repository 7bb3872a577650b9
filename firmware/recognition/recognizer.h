/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BPG_RECOGNITION_RECOGNIZER_H
#define BPG_RECOGNITION_RECOGNIZER_H

/*
 * The recogniser: samples in, decisions out.  Integers only, no heap, no state outside the struct:
 * the same samples and the same model give the same decisions on every machine.
 */

#include "decision.h"
#include "feature-set.h"
#include "follow.h"
#include "window.h"

struct bpg_recognizer
{
  struct bpg_bpm model;
  struct bpg_window window;
  struct bpg_filter filter;
  struct bpg_follower follower;
  struct bpg_decider decider;
  uint32_t samples;  /* seen since init */
  uint16_t until;    /* samples until the next decision */
  uint16_t dead;     /* mask of stuck electrodes */
  uint16_t unmoved[BPG_CHANNELS_MAX]; /* samples each electrode has not changed for */
  uint16_t recovery[BPG_CHANNELS_MAX]; /* samples until each that was stuck is trusted again */
  int16_t last[BPG_CHANNELS_MAX];
  int32_t features[BPG_FEATURES_MAX];
  struct bpg_feature_scratch scratch;
};

_Static_assert (sizeof (struct bpg_recognizer) <= 32768, "the recogniser must fit in 32 KB");

/**
 * bpg_recognizer_init: start anew.
 * @recognizer: owned by the caller, at most 32 KB.
 * @model: parsed; copied, but the bytes it points into must outlive the recogniser.
 */
void bpg_recognizer_init (struct bpg_recognizer *recognizer,
                          const struct bpg_bpm  *model);

/**
 * bpg_recognizer_does_without: mask of the electrodes that decisions do not need: those the model was trained
 * without, and one that is stuck, where the model has a map for it.
 */
uint16_t bpg_recognizer_does_without (const struct bpg_recognizer *recognizer);

/**
 * bpg_recognizer_push: take in one sample.
 * @sample: one value per electrode of the model, counts; of an electrode that is known to be loose always the same.
 * @decision: filled when a decision came out.
 *
 * The first decision comes when the window is full, then one every hop.  Returns whether one came.
 */
bool bpg_recognizer_push (struct bpg_recognizer *recognizer,
                          const int16_t         *sample,
                          struct bpg_decision   *decision);

#endif
