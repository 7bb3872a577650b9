/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Takes a byte stream apart into SMP packets and stream frames. Two readers
 * look at every byte: one collects what stands between zeros and tries it as
 * a frame, the other follows SMP lines wherever they begin. So a lost
 * delimiter costs one frame and no line, and garbage costs nothing but itself.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/frame.h"
#include "link/smp.h"

enum bpg_demux_kind
{
  BPG_DEMUX_NOTHING,
  BPG_DEMUX_PACKET,
  BPG_DEMUX_FRAME,
};

/* What came out; the views hold until the next push. */
struct bpg_demux_event
{
  enum bpg_demux_kind kind;
  const uint8_t *packet; /* of a packet: header and payload */
  size_t packet_length;
  struct bpg_frame frame; /* of a frame */
};

struct bpg_demux
{
  uint8_t chunk[BPG_FRAME_COBS_MAX + 1]; /* bytes since the last zero */
  size_t chunk_length;                   /* also beyond what chunk holds */
  size_t chunk_lines;                    /* how many of them were lines */
  uint8_t line[BPG_SMP_LINE_MAX];
  size_t line_length; /* 0 = no line begun */
  struct bpg_smp_assembler assembler;
  uint32_t garbage; /* bytes that were neither */
  uint32_t packets;
  uint32_t frames;
};

/* Starts with nothing collected and all counters at 0. */
void bpg_demux_init (struct bpg_demux *demux);

/*
 * Takes bytes until something is complete or all are used. Returns how many
 * were used; call again with the rest.
 */
size_t bpg_demux_push (struct bpg_demux *demux, const uint8_t *bytes, size_t length,
                       struct bpg_demux_event *event);
