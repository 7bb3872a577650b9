/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "lib/bpg-signal-figures.h"

#include "bpg-stream.h"

/**
 * BpgClockPair:
 * @tick: the arm's clock, @monotonic and @real: this PC's, all µs
 */
typedef struct {
  guint64 tick;
  guint64 monotonic;
  guint64 real;
} BpgClockPair;

/**
 * BpgRepetitionBuffer:
 * @samples: int16, interleaved; the place of lost samples is filled with the last value before them
 * @gaps: (element-type BpgSpan): lost samples, counted from the first of the buffer
 * @clock: (element-type BpgClockPair): one at the first record, then at most one a second of the arm's time
 *
 * What was received while one movement was held.
 */
typedef struct {
  guint channels;
  guint rate;
  GArray *samples;
  GArray *gaps;
  GArray *clock;
} BpgRepetitionBuffer;

BpgRepetitionBuffer *bpg_repetition_buffer_new (guint rate, guint channels);
void bpg_repetition_buffer_free (BpgRepetitionBuffer *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgRepetitionBuffer, bpg_repetition_buffer_free)

/** bpg_repetition_buffer_get_count: samples per electrode so far, lost ones among them. */
gsize bpg_repetition_buffer_get_count (const BpgRepetitionBuffer *self);

/** bpg_repetition_buffer_add: @samples holds @count times channels numbers. */
void bpg_repetition_buffer_add (BpgRepetitionBuffer *self, const gint16 *samples, guint count);

/** bpg_repetition_buffer_add_lost: keeps the place of @count lost samples. */
void bpg_repetition_buffer_add_lost (BpgRepetitionBuffer *self, guint count);

/** bpg_repetition_buffer_add_clock: remembers when a record came. */
void bpg_repetition_buffer_add_clock (BpgRepetitionBuffer *self, const BpgStreamHeader *header);
