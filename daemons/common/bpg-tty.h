/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <sys/types.h>

/**
 * BpgTty:
 * @fd: -1 when it is not open
 * @device: its number, also after it was closed
 * @is_ours: nobody else has the device
 *
 * A serial device as every service holds one: raw if it is a terminal, not blocking, and for itself alone, so that none
 * disturbs another.
 */
typedef struct {
  int fd;
  dev_t device;
  gboolean is_ours;
} BpgTty;

#define BPG_TTY_INIT {.fd = -1}

/**
 * bpg_tty_open:
 * @baud: one of bpg_tty_is_speed(), else the line's speed stays as it is
 *
 * Opens a device that is not open. Some stand-ins for a serial line are no terminals and pass bytes as they are; they are
 * taken too.
 *
 * Returns: %FALSE with what bpg_tty_set_error() makes of it; nothing is open then.
 */
gboolean bpg_tty_open (BpgTty *self, const char *path, guint baud, GError **error);

void bpg_tty_close (BpgTty *self);

/**
 * bpg_tty_is_pty:
 *
 * Returns: whether it is the slave end of a pseudo terminal.
 */
gboolean bpg_tty_is_pty (const BpgTty *self);

/**
 * bpg_tty_is_speed:
 *
 * Returns: whether a line can be set to so many baud.
 */
gboolean bpg_tty_is_speed (guint baud);

/**
 * bpg_tty_set_speed:
 *
 * Sets the speed once what was written is on the line.
 *
 * Returns: %FALSE with an errno.
 */
gboolean bpg_tty_set_speed (BpgTty *self, guint baud);

/**
 * bpg_tty_set_error:
 *
 * Sets NotFound (no such file), Disconnected (nothing behind it; also of a socket in a line's place), Busy (somebody
 * holds it), NotAuthorized or Failed.
 *
 * Returns: %FALSE
 */
gboolean bpg_tty_set_error (const char *path, int errsv, GError **error);
