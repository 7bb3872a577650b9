/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "recognition/limits.h"

#include <glib.h>

/**
 * BpgSpan:
 * @start: first sample
 * @count: samples
 */
typedef struct {
  gsize start;
  gsize count;
} BpgSpan;

/**
 * BpgElectrodeFigures:
 * @rms: root mean square about the mean of each frame, counts; never below 0.3, the noise of rounding to a count
 * @mains: share of the power that lies at 50 or 60 Hz and their first two harmonics, whichever is more, 0 to 1
 * @still: longest stretch without any change, s
 * @clipped: share of samples at the electrode's highest or lowest value, 0 to 1; 0 when it spans fewer than 64 counts
 * @wander: movement of the baseline: farthest of the frames' means from their mean, divided by @rms
 */
typedef struct {
  double rms;
  double mains;
  double still;
  double clipped;
  double wander;
} BpgElectrodeFigures;

/**
 * BpgSignalFigures:
 * @lost: samples that were lost on the way
 * @n_frames: frames of 100 ms, one every 50 ms, without those that reach into lost samples
 * @electrodes: what each electrode did over all frames
 * @levels: (array): root mean square per frame and electrode, counts, frame by frame
 * @shapes: (array): features per frame: log2 of each electrode's level, then the correlations of all pairs of
 *   electrodes as inverse hyperbolic tangents (Fisher's z); @n_shapes numbers a frame
 * @frame_start: (array): first sample of each frame
 *
 * What the rules of bpg-verdict.h are applied to. All levels are in counts: rules compare them with one another, never
 * with a fixed voltage, so that they hold for electrodes of any gain.
 */
typedef struct {
  guint rate;
  guint channels;
  gsize count;
  gsize lost;
  guint n_frames;
  guint n_shapes;
  BpgElectrodeFigures electrodes[BPG_CHANNELS_MAX];
  double *levels;
  double *shapes;
  gsize *frame_start;
} BpgSignalFigures;

/**
 * bpg_signal_figures_new:
 * @rate: Hz
 * @channels: electrodes, 1 to 16
 * @samples: (array): interleaved, @count per electrode
 * @gaps: (array length=n_gaps): lost samples, their place filled with anything
 *
 * Measures one repetition.
 */
BpgSignalFigures *bpg_signal_figures_new (guint rate, guint channels, const gint16 *samples, gsize count,
                                          const BpgSpan *gaps, guint n_gaps);

void bpg_signal_figures_free (BpgSignalFigures *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgSignalFigures, bpg_signal_figures_free)

/** bpg_signal_figures_level: root mean square of electrode @channel in frame @frame, counts. */
static inline double
bpg_signal_figures_level (const BpgSignalFigures *self, guint frame, guint channel)
{
  return self->levels[(gsize) frame * self->channels + channel];
}

/** bpg_signal_figures_shape: the features of frame @frame. */
static inline const double *
bpg_signal_figures_shape (const BpgSignalFigures *self, guint frame)
{
  return self->shapes + (gsize) frame * self->n_shapes;
}
