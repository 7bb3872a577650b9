/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-arm-identity.h"
#include "bpg-link.h"
#include "bpg-maker.h"

/**
 * bpg_handshake_async:
 * @maker: (nullable): whose certificates are asked for
 *
 * Finds out who is at the other end, on every connection anew: asks for the identity, has it sign a fresh nonce, and
 * sets the link's window to what the arm takes. Errors: TimedOut, Disconnected, Cancelled, WrongProsthesis (the key it
 * shows is not its own, or not of @maker), and Corrupt or NotSupported of a device that is no arm.
 */
void bpg_handshake_async (BpgLink *link, BpgMaker *maker, GCancellable *cancellable, GAsyncReadyCallback callback,
                          gpointer user_data);

BpgArmIdentity *bpg_handshake_finish (BpgLink *link, GAsyncResult *result, GError **error);
