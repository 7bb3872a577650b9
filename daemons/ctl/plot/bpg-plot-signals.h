/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-decisions.h"
#include "bpg-recording-file.h"
#include "bpg-verdicts.h"

/**
 * BpgSignalsPlot:
 * @title: heading
 * @decisions: (nullable) (element-type BpgDecisionRow)
 * @verdicts: (nullable) (element-type BpgVerdictMark)
 * @from: @to: seconds; @to 0: to the end
 *
 * What is drawn of a recording.
 */
typedef struct {
  BpgEmgRecording *recording;
  const char *title;
  const char *subtitle;
  GArray *decisions;
  GArray *verdicts;
  double from;
  double to;
} BpgSignalsPlot;

/**
 * bpg_plot_signals:
 * @path: .svg or .png
 *
 * Draws electrodes over time, prompts as shaded spans, verdicts as marks, decisions as a strip.
 */
gboolean bpg_plot_signals (const BpgSignalsPlot *plot, const char *path, GError **error);

/**
 * BpgConfusion:
 * @movements: names, %NULL-terminated
 * @counts: (array): rows what was asked for, columns what was decided
 * @accuracy: 0 to 1; negative when not told
 * @low: @high: its 95 % confidence interval; negative when not told
 */
typedef struct {
  char **movements;
  guint n_movements;
  double *counts;
  double accuracy, low, high;
  const char *title;
} BpgConfusion;

gboolean bpg_plot_confusion (const BpgConfusion *confusion, const char *path, GError **error);

/**
 * bpg_plot_latency:
 * @counts: bucket i begins at 2^(i/2) µs
 *
 * Draws the histogram of decision latencies with median, 99th percentile and the limit of 100 ms.
 */
gboolean bpg_plot_latency (const double *counts, guint n_counts, const char *title, const char *path, GError **error);

/**
 * bpg_latency_get_percentile:
 *
 * Returns: the latency in µs that a part @fraction of the decisions stays below, interpolated within its bucket on the
 *   logarithmic scale.
 */
double bpg_latency_get_percentile (const double *counts, guint n_counts, double fraction);
