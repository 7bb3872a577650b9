/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-port.h"

#define BPG_TYPE_PORT_LIST (bpg_port_list_get_type ())
G_DECLARE_FINAL_TYPE (BpgPortList, bpg_port_list, BPG, PORT_LIST, GObject)

#define BPG_PORT_LIST_MAX_ADDED 32u
#define BPG_PORT_LIST_MAX_USB 64u

/**
 * bpg_port_list_new:
 * @maker: (nullable): see bpg_handshake_async()
 *
 * Every line that is looked at, those of USB and those that were added by hand; one path, one port.
 *
 * Signals: "changed": the list, or a port in it; "port-changed" (BpgPort): see #BpgPort; "proved" (BpgPort, BpgLink,
 * BpgArmIdentity*): see #BpgPort; "gone" (path): no longer looked at.
 */
BpgPortList *bpg_port_list_new (BpgMaker *maker);

/**
 * bpg_port_list_add:
 * @baud: a speed the line can have
 *
 * Adds a line by hand, or changes its speed. Errors: LimitExceeded.
 */
gboolean bpg_port_list_add (BpgPortList *self, const char *path, guint baud, GError **error);

/**
 * bpg_port_list_remove:
 *
 * Errors: NotFound: it was not added by hand.
 */
gboolean bpg_port_list_remove (BpgPortList *self, const char *path, GError **error);

/**
 * bpg_port_list_plug: bpg_port_list_unplug:
 *
 * A line of USB came or went.
 */
void bpg_port_list_plug (BpgPortList *self, const char *path);
void bpg_port_list_unplug (BpgPortList *self, const char *path);

/**
 * bpg_port_list_stop:
 */
void bpg_port_list_stop (BpgPortList *self);

/**
 * bpg_port_list_describe:
 *
 * Returns: (transfer floating): aa{sv} for Pairing1.Ports, by path.
 */
GVariant *bpg_port_list_describe (BpgPortList *self);
