/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-link.h"

#define BPG_TYPE_LEASE (bpg_lease_get_type ())
G_DECLARE_FINAL_TYPE (BpgLease, bpg_lease, BPG, LEASE, GObject)

/* Requests of the holder on their way at once; more wait in the socket. */
#define BPG_LEASE_MAX_OUTSTANDING 8u

/**
 * bpg_lease_new:
 * @purpose: who holds it, for whoever comes second
 * @holder_fd: (out): the holder's end of the SOCK_SEQPACKET pair
 *
 * The management channel in somebody's hand: SMP requests from the socket go to the arm, replies come back with the
 * holder's sequence numbers. Requests that this daemon answers for (streams, binding) are refused with NOT_AUTHORISED
 * of group 64; what is no SMP request is dropped.
 *
 * Signal "ended": the holder has closed its end; not after bpg_lease_end().
 */
BpgLease *bpg_lease_new (BpgLink *link, const char *purpose, int *holder_fd, GError **error);

const char *bpg_lease_get_purpose (BpgLease *self);

/**
 * bpg_lease_end:
 *
 * Takes it back: the holder sees the end of file.
 */
void bpg_lease_end (BpgLease *self);
