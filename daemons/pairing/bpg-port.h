/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-arm-identity.h"
#include "bpg-link.h"
#include "bpg-maker.h"

#define BPG_TYPE_PORT (bpg_port_get_type ())
G_DECLARE_FINAL_TYPE (BpgPort, bpg_port, BPG, PORT, GObject)

/**
 * bpg_port_new:
 * @path: the device
 * @kind: `usb` or `serial`
 * @maker: (nullable): see bpg_handshake_async()
 *
 * A line on which an arm is looked for, again and again, ever more seldom, until it is stopped.
 *
 * Signals: "changed": what bpg_port_describe() says; "proved" (BpgLink, BpgArmIdentity*): an arm has proved its key: the
 * handler answers with bpg_port_accept(), bpg_port_stand_by() or bpg_port_refuse(), at once or later.
 */
BpgPort *bpg_port_new (const char *path, const char *kind, guint baud, BpgMaker *maker);

void bpg_port_start (BpgPort *self);

/**
 * bpg_port_stop:
 *
 * Closes the line; it is not tried again.
 */
void bpg_port_stop (BpgPort *self);

/**
 * bpg_port_set_baud:
 *
 * From the next time the line is opened; it is closed and opened again when that makes a difference.
 */
void bpg_port_set_baud (BpgPort *self, guint baud);

const char *bpg_port_get_path (BpgPort *self);

/**
 * bpg_port_has_failed:
 *
 * Whether the last attempt failed; bpg_port_get_error() says why.
 */
gboolean bpg_port_has_failed (BpgPort *self);

/**
 * bpg_port_is_settled:
 *
 * Whether it is known what is on the line; %FALSE while an attempt is under way.
 */
gboolean bpg_port_is_settled (BpgPort *self);

/**
 * bpg_port_get_error:
 *
 * Returns: (nullable) (transfer none): why the last attempt failed.
 */
const GError *bpg_port_get_error (BpgPort *self);

/**
 * bpg_port_accept:
 * @prosthesis: the object that has taken over the link
 */
void bpg_port_accept (BpgPort *self, const char *prosthesis);

/**
 * bpg_port_stand_by:
 * @prosthesis: the object that has a working link on another line
 *
 * Closes the line and looks again later.
 */
void bpg_port_stand_by (BpgPort *self, const char *prosthesis, const char *message);

/**
 * bpg_port_refuse:
 *
 * Closes the line and looks again later.
 */
void bpg_port_refuse (BpgPort *self, const GError *error);

/**
 * bpg_port_describe:
 *
 * Returns: (transfer floating): a{sv} as an entry of Pairing1.Ports.
 */
GVariant *bpg_port_describe (BpgPort *self);
