/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-link.h"

#define BPG_TYPE_STREAM_HUB (bpg_stream_hub_get_type ())
G_DECLARE_FINAL_TYPE (BpgStreamHub, bpg_stream_hub, BPG, STREAM_HUB, GObject)

#define BPG_STREAM_HUB_MAX_READERS 16u

/* What a reader wants; bytes of pipe to ask for. */
typedef struct {
  gboolean samples;
  gboolean decisions;
  gboolean events;
  guint buffer;
} BpgStreamWish;

typedef struct {
  guint64 samples;      /* per electrode */
  guint64 lost_samples; /* on the link */
  guint64 frames;
  guint64 lost_frames; /* numbers missing between frames: made, but never here */
  guint64 bad_frames;  /* whole, but of no known type or shape */
  guint64 dropped;     /* samples that slow readers missed, all readers together */
} BpgStreamCounters;

/**
 * bpg_stream_hub_new:
 * @link: whose frames are handed out; the hub takes them from now on
 *
 * Fans the stream frames of one connection out to pipes, and has the arm stream only what somebody reads. Whatever is
 * written is a whole record; a reader that is too slow loses whole records, which its next record tells.
 *
 * Signals: "changed": the number of readers; "event" (kind, a, b: guint): the arm reports; "restarted": the arm's
 * clock went back, so it is another start of it, or another arm: all readers have been ended.
 */
BpgStreamHub *bpg_stream_hub_new (BpgLink *link);

/**
 * bpg_stream_hub_set_format:
 * @channels: samples of any other number are bad frames
 * @rate: Hz
 */
void bpg_stream_hub_set_format (BpgStreamHub *self, guint channels, guint rate);

/**
 * bpg_stream_hub_add:
 *
 * Returns: the read end of a new pipe, or -1 with LimitExceeded or Failed.
 */
int bpg_stream_hub_add (BpgStreamHub *self, const BpgStreamWish *wish, GError **error);

guint bpg_stream_hub_get_n_readers (BpgStreamHub *self);

void bpg_stream_hub_get_counters (BpgStreamHub *self, BpgStreamCounters *counters);

/**
 * bpg_stream_hub_renew:
 *
 * Tells the arm again what to stream, when the last attempt failed.
 */
void bpg_stream_hub_renew (BpgStreamHub *self);

/**
 * bpg_stream_hub_end:
 *
 * Ends every pipe.
 */
void bpg_stream_hub_end (BpgStreamHub *self);
