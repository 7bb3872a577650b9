/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* SLIP (RFC 1055) as the ROM loader speaks it: 0xC0 before and after a frame, 0xDB 0xDC and 0xDB 0xDD for 0xC0 and 0xDB
 * in it. */

/* What the loader answers is far shorter; a longer frame is noise and dropped whole. */
#define BPG_ROM_FRAME_MAX 256u

/**
 * bpg_rom_slip_append:
 * @wire: where the bytes go
 *
 * Appends one frame, with its delimiters.
 */
void bpg_rom_slip_append (GByteArray *wire, const guint8 *bytes, gsize length);

/**
 * BpgRomSlip:
 *
 * A decoder; all zero at the beginning.
 */
typedef struct {
  guint8 bytes[BPG_ROM_FRAME_MAX];
  gsize length;
  gboolean escaped;
  gboolean broken; /* until the next delimiter */
} BpgRomSlip;

/**
 * bpg_rom_slip_take:
 * @byte: the next one of the line
 * @frame: (out): the frame's bytes, valid until the next call
 * @length: (out): above 0
 *
 * Every 0xC0 ends a frame and begins the next, so that one byte lost or doubled costs no more than the frame it is in.
 *
 * Returns: whether @byte has ended a frame.
 */
gboolean bpg_rom_slip_take (BpgRomSlip *self, guint8 byte, const guint8 **frame, gsize *length);
