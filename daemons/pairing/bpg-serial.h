/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-transport.h"

#define BPG_TYPE_SERIAL (bpg_serial_get_type ())
G_DECLARE_FINAL_TYPE (BpgSerial, bpg_serial, BPG, SERIAL, GObject)

#define BPG_SERIAL_DEFAULT_BAUD 115200u

/**
 * bpg_serial_open:
 * @path: a character device, or a symbolic link to one
 * @kind: what bpg_transport_get_kind() shall say
 * @baud: a speed bpg_tty_is_speed() knows
 *
 * Opens the line raw, without touching its modem lines (they reset many boards), for us alone.
 *
 * Returns: (transfer full): the line, or %NULL with NotFound (no such file), Disconnected (a file without a device
 *   behind it), Busy (open already, here or in another program), NotAuthorized (no right to the file),
 *   InvalidArgument (not a character device), Failed.
 */
BpgSerial *bpg_serial_open (const char *path, const char *kind, guint baud, GError **error);
