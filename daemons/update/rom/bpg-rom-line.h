/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/* The line to the chip: a serial device, a pseudo terminal or a unix socket. All calls block, for a worker thread, and
 * end at once with Cancelled when their cancellable says so. */

typedef struct _BpgRomLine BpgRomLine;

/* What the ROM begins with, whatever comes after. */
#define BPG_ROM_FIRST_BAUD 115200u
#define BPG_ROM_LAST_BAUD 921600u

/**
 * BpgRomReset:
 * @BPG_ROM_RESET_NONE: the line has no modem lines, or they are not to be touched
 * @BPG_ROM_RESET_CLASSIC: a USB adapter whose DTR and RTS pull BOOT and RESET over two transistors
 * @BPG_ROM_RESET_USB_JTAG: the chip's own USB-Serial-JTAG, which takes them as commands
 *
 * How a line can reset the chip.
 */
typedef enum {
  BPG_ROM_RESET_NONE,
  BPG_ROM_RESET_CLASSIC,
  BPG_ROM_RESET_USB_JTAG,
} BpgRomReset;

/**
 * bpg_rom_line_open:
 * @path: a character device, a link to one, or a unix socket somebody listens on
 *
 * Opens the line at the ROM's first speed, for us alone: as pairingd does it, so that neither disturbs the other.
 *
 * Returns: the line, or %NULL with NotFound (no such file), Disconnected (nothing behind it), Busy (somebody holds it),
 *   NotAuthorized, InvalidArgument (neither device nor socket), Failed.
 */
BpgRomLine *bpg_rom_line_open (const char *path, GError **error);

void bpg_rom_line_free (BpgRomLine *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgRomLine, bpg_rom_line_free)

/**
 * bpg_rom_line_get_reset:
 *
 * Returns: how this line can reset the chip.
 */
BpgRomReset bpg_rom_line_get_reset (BpgRomLine *self);

/**
 * bpg_rom_line_has_speed:
 *
 * Returns: whether a higher speed makes the line faster; USB and sockets carry bytes as fast as they come.
 */
gboolean bpg_rom_line_has_speed (BpgRomLine *self);

/**
 * bpg_rom_line_is_speed:
 *
 * Returns: whether @baud is one that is tried: 115,200, 230,400, 460,800 or 921,600.
 */
gboolean bpg_rom_line_is_speed (guint baud);

/**
 * bpg_rom_line_set_baud:
 *
 * Returns: %FALSE with Failed when the device cannot be set to it.
 */
gboolean bpg_rom_line_set_baud (BpgRomLine *self, guint baud, GError **error);

guint bpg_rom_line_get_baud (BpgRomLine *self);

/**
 * bpg_rom_line_get_milliseconds:
 *
 * Returns: how long so many bytes are on the line at its present speed.
 */
guint bpg_rom_line_get_milliseconds (BpgRomLine *self, gsize bytes);

/**
 * bpg_rom_line_write:
 *
 * Writes all of it.
 *
 * Returns: %FALSE with Disconnected, TimedOut (nothing was taken for seconds) or Cancelled.
 */
gboolean bpg_rom_line_write (BpgRomLine *self, const guint8 *bytes, gsize length, GCancellable *cancellable,
                             GError **error);

/**
 * bpg_rom_line_read:
 * @deadline: on the monotonic clock, µs
 *
 * Returns: how many bytes came, 0 when none came in time, -1 with Disconnected or Cancelled.
 */
gssize bpg_rom_line_read (BpgRomLine *self, guint8 *bytes, gsize size, gint64 deadline, GCancellable *cancellable,
                          GError **error);

/**
 * bpg_rom_line_drain:
 * @milliseconds: of silence
 *
 * Throws away what comes until the line has been silent, within bounds.
 *
 * Returns: %FALSE with Disconnected or Cancelled.
 */
gboolean bpg_rom_line_drain (BpgRomLine *self, guint milliseconds, GCancellable *cancellable, GError **error);

/**
 * bpg_rom_line_enter_download:
 * @slow: hold BOOT longer, for boards whose RESET has a large capacitor
 *
 * Resets the chip into its ROM loader. A line without modem lines is left alone.
 *
 * Returns: %FALSE with Disconnected, Cancelled or Failed.
 */
gboolean bpg_rom_line_enter_download (BpgRomLine *self, gboolean slow, GCancellable *cancellable, GError **error);

/**
 * bpg_rom_line_restart:
 *
 * Resets the chip, so that it starts what is in its flash.
 */
gboolean bpg_rom_line_restart (BpgRomLine *self, GCancellable *cancellable, GError **error);

/**
 * bpg_rom_sleep:
 *
 * Returns: %FALSE with Cancelled when the sleep was cut short.
 */
gboolean bpg_rom_sleep (guint milliseconds, GCancellable *cancellable, GError **error);
