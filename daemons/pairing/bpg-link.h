/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-transport.h"

#include "link/frame.h"
#include "link/messages.h"

#define BPG_TYPE_LINK (bpg_link_get_type ())
G_DECLARE_FINAL_TYPE (BpgLink, bpg_link, BPG, LINK, GObject)

/* Requests on their way at once, whatever the arm offers. */
#define BPG_LINK_MAX_WINDOW 8u

/**
 * BpgLinkFrameFunc:
 *
 * A stream frame has come; it is gone after the call. On the way of every sample: no allocation, no waiting.
 */
typedef void (*BpgLinkFrameFunc) (const struct bpg_frame *frame, gpointer user_data);

/**
 * BpgLinkReplyFunc:
 * @packet: the reply with the sequence number of the request, or %NULL when none came
 */
typedef void (*BpgLinkReplyFunc) (const guint8 *packet, gsize length, gpointer user_data);

typedef struct {
  guint64 bytes;
  guint64 packets;
  guint64 frames;
  guint64 garbage; /* bytes that were neither */
} BpgLinkCounters;

/**
 * bpg_link_new:
 * @transport: an open line
 *
 * An SMP client and stream receiver on @transport, which it starts, and closes when it goes.
 */
BpgLink *bpg_link_new (BpgTransport *transport);

BpgTransport *bpg_link_get_transport (BpgLink *self);

/**
 * bpg_link_is_open:
 */
gboolean bpg_link_is_open (BpgLink *self);

/**
 * bpg_link_close:
 * @error: why, told to every request on its way and by the signal
 *
 * Signal "closed" (GError): once, also when the line ends by itself.
 */
void bpg_link_close (BpgLink *self, const GError *error);

void bpg_link_set_frame_func (BpgLink *self, BpgLinkFrameFunc func, gpointer user_data);

/**
 * bpg_link_set_window:
 * @window: how many requests the arm takes at once, 1 at the beginning; more wait here
 */
void bpg_link_set_window (BpgLink *self, guint window);

void bpg_link_get_counters (BpgLink *self, BpgLinkCounters *counters);

/**
 * bpg_link_get_heard:
 *
 * Returns: monotonic time (µs) of the last reply or frame, 0 when none has come.
 */
gint64 bpg_link_get_heard (BpgLink *self);

/**
 * BpgLinkRequest:
 * @format: @message: what is sent, see link/messages.h; both %NULL for an empty map
 * @milliseconds: how long one try may take, not counting what the line itself needs; 0: BPG_LINK_PATIENCE
 * @tries: how often it is sent; more than once only when saying it twice is as good as once
 */
typedef struct {
  enum bpg_smp_op op;
  guint16 group;
  guint8 command;
  const struct bpg_format *format;
  const void *message;
  guint milliseconds;
  guint tries;
} BpgLinkRequest;

#define BPG_LINK_PATIENCE 1500u

/**
 * bpg_link_request_async:
 *
 * Sends a request of our own. Errors: TimedOut, Disconnected, Cancelled, Busy (too many wait), and what the
 * arm answers, see bpg_arm_error_check().
 */
void bpg_link_request_async (BpgLink *self, const BpgLinkRequest *request, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user_data);

/**
 * bpg_link_request_finish:
 *
 * Returns: (transfer full): the reply's payload, a CBOR map that says success.
 */
GBytes *bpg_link_request_finish (BpgLink *self, GAsyncResult *result, GError **error);

/**
 * bpg_link_forward:
 * @packet: a checked SMP request of somebody else's, with their sequence number
 * @func: called once, unless bpg_link_forget() comes first
 * @owner: for @func and bpg_link_forget()
 *
 * Sends it under a sequence number of the link's own. One of the same @owner with the same number that is still on its
 * way is replaced.
 */
void bpg_link_forward (BpgLink *self, const guint8 *packet, gsize length, BpgLinkReplyFunc func, gpointer owner);

/**
 * bpg_link_forget:
 *
 * Drops what @owner has on its way; its function is not called any more.
 */
void bpg_link_forget (BpgLink *self, gpointer owner);
