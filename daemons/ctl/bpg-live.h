/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-stream.h"

#define BPG_LIVE_CHANNELS 16
#define BPG_LIVE_HISTORY 48

/**
 * BpgLive:
 *
 * What a live view of an arm knows: the signals' strength now and lately, the last decision, what was lost.
 */
typedef struct {
  guint channels;
  guint rate;
  double lsb;
  const char *unit;

  double sums[BPG_LIVE_CHANNELS]; /* of the interval that runs */
  double squares[BPG_LIVE_CHANNELS];
  guint n_samples;
  double rms[BPG_LIVE_CHANNELS]; /* of the last interval, in counts */
  double history[BPG_LIVE_CHANNELS][BPG_LIVE_HISTORY];
  guint n_history;
  double largest; /* of late, for the bars */

  guint64 samples;
  guint64 lost;
  guint64 dropped;
  guint dead;
  guint64 tick;
  gboolean decided;
  BpgStreamDecision decision;
  guint n_decisions;
  char *event;
} BpgLive;

/**
 * bpg_live_take:
 *
 * Takes one record of the stream in.
 */
void bpg_live_take (BpgLive *self, const BpgStreamHeader *header, const void *body);

/**
 * bpg_live_step:
 *
 * Ends an interval: the strengths become those of the samples since the last call.
 */
void bpg_live_step (BpgLive *self);

/**
 * bpg_live_draw:
 * @columns: @rows: of the terminal
 *
 * Returns: (transfer full): the view, in lines that fit the terminal.
 */
char *bpg_live_draw (BpgLive *self, const char *title, int columns, int rows);

/**
 * bpg_live_describe:
 *
 * Returns: (transfer full): the same as a{sv}.
 */
GVariant *bpg_live_describe (BpgLive *self);

/**
 * bpg_live_event_name:
 * @kind: of a #BpgStreamEvent
 */
const char *bpg_live_event_name (guint32 kind);

void bpg_live_clear (BpgLive *self);
