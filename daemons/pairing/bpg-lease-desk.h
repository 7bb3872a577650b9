/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-dbus.h"
#include "bpg-link.h"

#define BPG_TYPE_LEASE_DESK (bpg_lease_desk_get_type ())
G_DECLARE_FINAL_TYPE (BpgLeaseDesk, bpg_lease_desk, BPG, LEASE_DESK, GObject)

/**
 * bpg_lease_desk_new:
 * @skeleton: (transfer none): whose Leased is kept true; it must live longer
 *
 * Hands the management channel of one prosthesis to one holder at a time.
 *
 * Signal "returned": a holder has given it back.
 */
BpgLeaseDesk *bpg_lease_desk_new (BpgDBusProsthesis1 *skeleton);

/**
 * bpg_lease_desk_set_link:
 * @link: (nullable): the connection that is up; without one the lease ends and everybody who waits gets Disconnected
 */
void bpg_lease_desk_set_link (BpgLeaseDesk *self, BpgLink *link);

/**
 * bpg_lease_desk_acquire:
 * @invocation: (transfer full): of AcquireManagement, whose caller has the right; answered now or when it is their turn
 */
void bpg_lease_desk_acquire (BpgLeaseDesk *self, GDBusMethodInvocation *invocation, gboolean wait, const char *purpose);
