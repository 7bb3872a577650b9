/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the arm sends: SMP replies, which always arrive, and stream frames,
 * which are dropped whole and counted when the line cannot carry them.
 * Replies wait in a ring and go out line by line, with frames in between.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/sample-ring.h"
#include "link/frame.h"
#include "link/smp.h"

/* Two of the longest replies. A request is not read while there is no room
 * for the longest answer. */
#define BPG_STREAM_REPLIES_SIZE (2u * BPG_SMP_CONSOLE_MAX)
/* Room on the line that frames leave to replies. */
#define BPG_STREAM_RESERVE 160u

struct bpg_stream
{
  uint8_t replies[BPG_STREAM_REPLIES_SIZE];
  uint32_t replies_start;
  uint32_t replies_end;
  bool samples; /* whether somebody listens to them */
  bool decisions;
  uint16_t batch; /* samples a frame */
  uint8_t channels;
  uint16_t sequence;
  uint32_t dropped;
  bool frame_sent; /* since the last line */
  uint8_t pending_count;
  uint32_t pending_first;
  uint64_t pending_tick;
  uint8_t pending[BPG_FRAME_BODY_MAX]; /* samples of the next frame */
};

/* Starts with streams off and no replies, for samples of @channels values. */
void bpg_stream_init (struct bpg_stream *stream, unsigned channels);

/*
 * Turns streams on and off. @batch 0 chooses: frames every 2 ms, or every
 * 25 ms on a line of less than 50,000 bytes a second. Returns false when
 * @batch samples do not fit a frame.
 */
bool bpg_stream_configure (struct bpg_stream *stream, bool samples, bool decisions, uint64_t batch,
                           uint32_t rate);

/* Adds a sample; a full batch goes out. @dead: mask of dead electrodes. */
void bpg_stream_sample (struct bpg_stream *stream, const struct bpg_sample *sample, uint16_t dead);

/* Sends a decision, whose last sample was taken at @tick, while somebody
 * listens to them. */
void bpg_stream_decision (struct bpg_stream *stream, const struct bpg_decision_report *report,
                          uint64_t tick);

/* Events go out whether streams are on or not. */
void bpg_stream_event (struct bpg_stream *stream, const struct bpg_event *event, uint64_t tick);

/* Whether the longest reply would fit. */
bool bpg_stream_has_room (const struct bpg_stream *stream);

/* Queues a reply packet. */
void bpg_stream_reply (struct bpg_stream *stream, const uint8_t *packet, size_t length);

/* Hands queued replies to the line as far as there is room. */
void bpg_stream_pump (struct bpg_stream *stream);

/* Whether all replies are out. */
bool bpg_stream_is_idle (const struct bpg_stream *stream);
