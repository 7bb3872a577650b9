/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "training/lib/bpg-run.h"

G_BEGIN_DECLS

/**
 * BpgVirtCosts: instructions over some decisions.
 * @most: the dearest one's.
 * @mean: on average.
 * @p99: 99 of 100 take at most so many.
 */
typedef struct
{
  guint32 most;
  guint32 mean;
  guint32 p99;
} BpgVirtCosts;

/**
 * BpgVirtStats: what recognising took on the machine of the arm's kind.
 * @decisions: how many came.
 * @first: instructions up to the first decision, while the window was filled; not among the costs.
 * @whole: from the first sample after a decision to the next decision.
 * @last: of these, from the last sample of the window on.
 * @state: bytes of the recogniser, all that it keeps.
 * @stack: bytes of stack, at the deepest: checking the model, starting, taking samples.
 * @model: bytes of the model.
 * @image: bytes of the program, its reading and writing included.
 */
typedef struct
{
  guint decisions;
  guint32 first;
  BpgVirtCosts whole;
  BpgVirtCosts last;
  guint32 state;
  guint32 stack;
  guint32 model;
  guint32 image;
} BpgVirtStats;

/**
 * bpg_virt_run:
 * @model: what to recognise with.
 * @recording: all of it, as one stream.
 * @stats: (out) (optional): filled on success; counting takes longer.
 * @each: called for each decision, as soon as it is there.
 *
 * Recognises with the RISC-V build in QEMU, as bpg_run() does with this machine's.
 *
 * QEMU is ended when it has done nothing for $BIONICPRO_VIRT_PATIENCE seconds (60), and it ends when
 * this program does.
 *
 * Returns: %FALSE with #BpgTrainingError INCOMPATIBLE; NOT_FOUND when QEMU or the RISC-V build is not
 *   installed; FAILED when the program crashed or hung there.
 */
gboolean bpg_virt_run (BpgModel        *model,
                       BpgEmgRecording *recording,
                       BpgVirtStats    *stats,
                       BpgDecisionFunc  each,
                       gpointer         user_data,
                       GError         **error);

G_END_DECLS
