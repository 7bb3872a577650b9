/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-rom-flash.h"

/* Between bpg-rom-flash.c and what it is made of. */

/**
 * BpgRomSession:
 * @chip: (nullable): while connected
 * @baud: to be gone to, lowered by what failed
 * @block: bytes of a block, lowered by noise
 * @run_sectors: so many sectors are begun at once, lowered by noise
 * @ahead: whether a block is begun before the one before it was answered
 * @plain: deflating was refused, or failed
 * @reason: of the loader's last refusal
 *
 * What one piece of work knows about its chip and its line.
 */
typedef struct {
  const BpgRomOrder *order;
  BpgRomReport *report;
  BpgRomChip *chip;
  guint baud;
  guint block;
  guint run_sectors;
  gboolean ahead;
  gboolean plain;
  guint8 reason;
  double progress;
} BpgRomSession;

void bpg_rom_session_init (BpgRomSession *self, const BpgRomOrder *order, BpgRomReport *report);
void bpg_rom_session_clear (BpgRomSession *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (BpgRomSession, bpg_rom_session_clear)

/**
 * bpg_rom_session_tell:
 * @message: (nullable): see #BpgRomFunc
 */
void bpg_rom_session_tell (BpgRomSession *self, const char *phase, double progress, const char *message);

/**
 * bpg_rom_session_connect:
 * @again: the line was there before: it and its chip are waited for
 *
 * Opens the line, gets the chip into its loader, looks whether a plain image may be written to it, finds the size of its
 * flash and goes to a higher speed.
 *
 * Returns: %FALSE with an error of bpg_rom_flash().
 */
gboolean bpg_rom_session_connect (BpgRomSession *self, gboolean again, GError **error);

/**
 * bpg_rom_session_disconnect:
 */
void bpg_rom_session_disconnect (BpgRomSession *self);

/**
 * bpg_rom_session_be_careful:
 *
 * The line has spoilt something: smaller blocks, fewer at once, one after the other; and the first speed again, when that
 * has not helped.
 *
 * Returns: %FALSE with TimedOut, Disconnected or Cancelled.
 */
gboolean bpg_rom_session_be_careful (BpgRomSession *self, guint times, GError **error);

/**
 * bpg_rom_session_write:
 * @bytes: @offset: @sectors: the run; at most @run_sectors of the session
 * @erase: whether it has to be erased first
 *
 * Writes a run once.
 *
 * Returns: %BPG_ROM_DONE when the loader says that it has all of it; %BPG_ROM_REFUSED or %BPG_ROM_SILENT when some of it
 *   may be there and some not; %BPG_ROM_LOST with @error.
 */
BpgRomOutcome bpg_rom_session_write (BpgRomSession *self, const guint8 *bytes, guint32 offset, guint sectors,
                                     gboolean erase, GError **error);
