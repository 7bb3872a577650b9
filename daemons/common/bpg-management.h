/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "link/messages.h"

/*
 * The management channel of a prosthesis, as Prosthesis1.AcquireManagement hands it out: SMP requests and replies, one
 * a packet. Acquiring is asynchronous; the conversation itself is written as it is said, one step after the other, and
 * blocks: it belongs into a worker thread.
 */

#define BPG_TYPE_MANAGEMENT (bpg_management_get_type ())
G_DECLARE_FINAL_TYPE (BpgManagement, bpg_management, BPG, MANAGEMENT, GObject)

/* Patience with one try of an ordinary request, and the number of tries, on a line that may lose some. */
#define BPG_MANAGEMENT_MILLISECONDS 1200u
#define BPG_MANAGEMENT_TRIES 8u

/**
 * BpgSmpRequest:
 * @payload: CBOR, %NULL for an empty map
 */
typedef struct {
  enum bpg_smp_op op;
  guint16 group;
  guint8 command;
  const guint8 *payload;
  gsize length;
} BpgSmpRequest;

/**
 * BpgSmpReply:
 * @payload: stays until the next packet is received
 */
typedef struct {
  guint8 sequence;
  guint16 group;
  guint8 command;
  const guint8 *payload;
  gsize length;
} BpgSmpReply;

/**
 * bpg_management_acquire_async:
 * @prosthesis: path of an object of org.bionicpro.Pairing1
 * @purpose: told to whoever finds the channel taken
 *
 * Takes the channel, waiting for the present holder to close it.
 */
void bpg_management_acquire_async (GDBusConnection *connection, const char *prosthesis, const char *purpose,
                                   GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * bpg_management_acquire_finish:
 *
 * Returns: (transfer full): the channel; when the last reference goes it is closed and the lease ends. %NULL with
 *   Disconnected, Busy (the holder did not let go within a minute), NotAuthorized, Cancelled, NotFound.
 */
BpgManagement *bpg_management_acquire_finish (GAsyncResult *result, GError **error);

/**
 * bpg_management_new_for_fd:
 * @fd: (transfer full): a SOCK_SEQPACKET socket
 */
BpgManagement *bpg_management_new_for_fd (int fd);

/**
 * bpg_management_send:
 * @sequence: comes back with the reply. A request with the number of an earlier one takes its place.
 *
 * Blocks while the other end takes no more.
 *
 * Returns: %FALSE with Disconnected, TimedOut or Cancelled.
 */
gboolean bpg_management_send (BpgManagement *self, const BpgSmpRequest *request, guint8 sequence,
                              GCancellable *cancellable, GError **error);

/**
 * bpg_management_receive:
 * @deadline: monotonic time, µs
 *
 * Waits for the next reply.
 *
 * Returns: 1 with a reply, 0 when the deadline has passed, -1 with Disconnected or Cancelled.
 */
int bpg_management_receive (BpgManagement *self, gint64 deadline, BpgSmpReply *reply, GCancellable *cancellable,
                            GError **error);

/**
 * bpg_management_call:
 * @milliseconds: patience with one try
 * @tries: how often it is sent; only what may be said twice may be tried twice
 * @reply: a reply that reports success
 *
 * One request and its reply.
 *
 * Returns: %FALSE with TimedOut, Disconnected, Cancelled or what the arm says, see bpg_management_check().
 */
gboolean bpg_management_call (BpgManagement *self, const BpgSmpRequest *request, guint milliseconds, guint tries,
                              BpgSmpReply *reply, GCancellable *cancellable, GError **error);

/**
 * bpg_management_check:
 *
 * What a reply says about success. The arm's reasons become our errors: BatteryTooLow, SignatureInvalid, Incompatible,
 * NoSpace, VersionTooOld, WrongState, Busy, Corrupt (also for a reply that is none), LimitExceeded, NotAuthorized,
 * InvalidArgument, NotFound, NotSupported, TimedOut, Failed.
 */
gboolean bpg_management_check (const BpgSmpReply *reply, GError **error);
