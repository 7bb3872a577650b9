/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BPG_VIRT_PROOF_H
#define BPG_VIRT_PROOF_H

/*
 * What is done alike on the RISC-V machine and on the PC, to be told alike: each parser over an input, and a
 * long run of the recogniser.  A digest says what came of it: numbers and bytes, never a place in memory.
 */

#include "recognition/recognizer.h"

enum virt_target
{
  VIRT_TARGET_CBOR,
  VIRT_TARGET_DEMUX,
  VIRT_TARGET_MESSAGES,
  VIRT_TARGET_IMAGE,
  VIRT_TARGET_RECORD,
  VIRT_TARGET_BPM,
  VIRT_TARGET_SERVER, /* as tests/fuzz/fuzz-server.c reads it; needs virt_proof_prepare() */
  VIRT_TARGETS,
};

/** virt_proof_prepare: the arm that requests go to, with @model (.bpm) on it. */
bool virt_proof_prepare (const uint8_t *model,
                         size_t         length);

/** virt_proof_outcome: what @target makes of @length bytes. */
uint32_t virt_proof_outcome (enum virt_target target,
                             const uint8_t   *bytes,
                             size_t           length);

/* A made-up signal that goes on for ever. */
struct virt_signal
{
  uint64_t state;
  uint32_t samples;
  uint32_t loudness;
};

/** virt_signal_init: from the start. */
void virt_signal_init (struct virt_signal *signal);

/** virt_signal_next: one sample of all electrodes. */
void virt_signal_next (struct virt_signal *signal,
                       int16_t             sample[BPG_CHANNELS_MAX]);

/** virt_proof_note_decision: @decision added to @digest. */
uint32_t virt_proof_note_decision (uint32_t                   digest,
                                   const struct bpg_decision *decision);

/**
 * virt_proof_same_sums: whether the recogniser's sliding sums are what a new one's would be that had seen
 * nothing but the samples now in the window.  Nothing has drifted, however long it ran.
 * @scratch: receives that new one.
 */
bool virt_proof_same_sums (struct bpg_recognizer *recognizer,
                           struct bpg_window     *scratch);

#endif
