/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-feature-batch.h"
#include "bpg-kernels.h"

G_BEGIN_DECLS

#define NARROW 8u        /* electrodes gone through in one step: these, or as many as there can be */
#define BLOCK 32u        /* numbers of 16 bits likewise */
#define LOG2_ENTRIES 64u /* of bpg_log2_q10()'s table */

/*
 * Sums over the samples before a moment.  Products are whole numbers below 2^45, which doubles hold exactly;
 * the others stay within 32 bits or, as differences do, come out right when they wrap.
 */
struct running
{
  double products[BPG_CHANNELS_MAX * BPG_CHANNELS_MAX] __attribute__ ((aligned (BPG_ALIGN))); /* width x width */
  guint32 sums[BPG_CHANNELS_MAX];
  guint32 paths[BPG_CHANNELS_MAX];
  guint32 turns[BPG_CHANNELS_MAX];
};

/* What a window's features are made of. */
struct window
{
  double products[BPG_CHANNELS_MAX * BPG_CHANNELS_MAX];
  double sums[BPG_CHANNELS_MAX];
  gint32 means[BPG_CHANNELS_MAX]; /* counts, Q4 */
  gint32 paths[BPG_CHANNELS_MAX];
  gint32 turns[BPG_CHANNELS_MAX];
  gint32 deviations[BPG_CHANNELS_MAX]; /* sum of absolute deviations, Q4 */
  gint32 crossings[BPG_CHANNELS_MAX];
};

struct _BpgFeatureBatch
{
  const BpgKernels *kernels;
  guint channels;
  guint width; /* 8 or 16: channels, and electrodes that are always 0 */
  guint window;
  guint hop;
  guint16 excluded;
  guint in_use; /* electrodes not excluded */
  const struct bpg_feature_parameters *parameters;
  gint64 *floors;                  /* width x width: the floor of the variances on the diagonal */
  gint64 *identity;                /* likewise, 1 in the matrix's Q */
  gint32 log2_table[LOG2_ENTRIES]; /* entry x 32 + what the next one is more */

  /* of each sample, [time][width] */
  gint16 *room;
  gint16 *samples; /* in it */
  guint16 *steps; /* size of the step that ends there */
  gint16 *large;  /* -1 where that is at least the least step */
  gint16 *turns;  /* 1 where it turns back */

  struct running *starts; /* of each window */
  struct window *windows;
  gint32 scales[BPG_LANES]; /* log2 of the trace */
  BpgLanes *matrix;
  BpgLanes *work;
  BpgLanes *logarithm;
};

G_END_DECLS
