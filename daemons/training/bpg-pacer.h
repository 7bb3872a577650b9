/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-repetition-buffer.h"

#include <gio/gio.h>

/**
 * BpgPacer:
 *
 * Time as the arm's samples tell it. A phase lasts a number of samples; however fast they come, the PC's clock is never
 * asked.
 */
#define BPG_TYPE_PACER (bpg_pacer_get_type ())
G_DECLARE_FINAL_TYPE (BpgPacer, bpg_pacer, BPG, PACER, GObject)

/**
 * BpgPacerEvent:
 * @BPG_PACER_TICK: an eighth of a second of the phase, or a little more, has gone by
 * @BPG_PACER_ENDED: the phase is over; a new one that is started now begins with the very next sample
 * @BPG_PACER_BROKEN: the samples' count began anew or more than a second is missing; the phase was given up
 */
typedef enum {
  BPG_PACER_TICK,
  BPG_PACER_ENDED,
  BPG_PACER_BROKEN,
} BpgPacerEvent;

typedef void (*BpgPacerFunc) (BpgPacer *pacer, BpgPacerEvent event, gpointer user_data);

/**
 * bpg_pacer_new:
 * @rate: Hz
 * @channels: electrodes, 1 to 16
 */
BpgPacer *bpg_pacer_new (guint rate, guint channels, BpgPacerFunc func, gpointer user_data);

/**
 * bpg_pacer_feed:
 * @header: of a record of samples
 * @samples: @header->length bytes
 *
 * Returns: %FALSE with Incompatible when the record is not of this rate's electrodes or shorter than it says.
 */
gboolean bpg_pacer_feed (BpgPacer *self, const BpgStreamHeader *header, const gint16 *samples, GError **error);

/**
 * bpg_pacer_start:
 * @seconds: of the arm's time
 * @keep: whether the samples are wanted, see bpg_pacer_take()
 *
 * Starts a phase with the next sample.
 */
void bpg_pacer_start (BpgPacer *self, double seconds, gboolean keep);

/** bpg_pacer_stop: gives the phase up. */
void bpg_pacer_stop (BpgPacer *self);

/** bpg_pacer_take: (transfer full) (nullable): what the last phase that was to be kept has gathered. */
BpgRepetitionBuffer *bpg_pacer_take (BpgPacer *self);

/** bpg_pacer_get_index: index of the next sample. */
guint64 bpg_pacer_get_index (BpgPacer *self);

/** bpg_pacer_get_seconds_left: of the phase, 0 without one. */
double bpg_pacer_get_seconds_left (BpgPacer *self);
