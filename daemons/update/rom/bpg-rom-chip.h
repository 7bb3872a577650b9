/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-rom-line.h"
#include "bpg-rom-message.h"
#include "bpg-rom-slip.h"

/* The ROM loader behind a line: requests and their answers. All calls block, for a worker thread. */

#define BPG_ROM_SECTOR 4096u
/* The ROM's buffer for one block. */
#define BPG_ROM_BLOCK_MAX 0x1800u
/* The ROM sends three bytes of address to the flash. */
#define BPG_ROM_FLASH_MAX (16u * 1024 * 1024)

/* What a person can do about a chip that does not answer. */
#define BPG_ROM_ADVICE "Hold BOOT, press RESET, let BOOT go, and try again"

/**
 * BpgRomOutcome:
 * @BPG_ROM_DONE: the loader did it
 * @BPG_ROM_REFUSED: it said no; the reply's reason says why
 * @BPG_ROM_SILENT: nothing that is an answer came in time
 * @BPG_ROM_LOST: the line has gone, or the work was cancelled; the error is set
 */
typedef enum {
  BPG_ROM_DONE,
  BPG_ROM_REFUSED,
  BPG_ROM_SILENT,
  BPG_ROM_LOST,
} BpgRomOutcome;

/**
 * BpgRomChip:
 *
 * A chip in its ROM loader; the fields belong to the functions below, and to the writer.
 */
typedef struct {
  BpgRomLine *line;
  GCancellable *cancellable;
  BpgRomSlip slip;
  GByteArray *wire;
  guint requests; /* so many were sent, for the figures */
} BpgRomChip;

/**
 * bpg_rom_chip_new:
 * @line: (transfer full)
 * @cancellable: (nullable)
 */
BpgRomChip *bpg_rom_chip_new (BpgRomLine *line, GCancellable *cancellable);

void bpg_rom_chip_free (BpgRomChip *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgRomChip, bpg_rom_chip_free)

/**
 * bpg_rom_chip_await:
 * @milliseconds: from now
 * @reply: (out): the answer, valid until the next call
 *
 * Waits for the answer to @command; whatever else comes is passed over.
 */
BpgRomOutcome bpg_rom_chip_await (BpgRomChip *self, BpgRomCommand command, guint milliseconds, BpgRomReply *reply,
                                  GError **error);

/**
 * bpg_rom_chip_ask:
 * @body: (nullable)
 * @milliseconds: that the chip may take, beside the time on the line
 *
 * Sends a request once and waits for its answer.
 */
BpgRomOutcome bpg_rom_chip_ask (BpgRomChip *self, BpgRomCommand command, const guint8 *body, gsize length,
                                guint milliseconds, BpgRomReply *reply, GError **error);

/**
 * bpg_rom_chip_sync:
 * @tries: so often
 *
 * Finds the loader, whatever it was in the middle of.
 *
 * Returns: %FALSE with TimedOut, Disconnected or Cancelled.
 */
gboolean bpg_rom_chip_sync (BpgRomChip *self, guint tries, GError **error);

/* What follows is asked again when noise may have spoilt it. Each returns %FALSE with TimedOut (no answer), Failed (the
 * loader says why), Disconnected or Cancelled. */

gboolean bpg_rom_chip_read_register (BpgRomChip *self, guint32 address, guint32 *value, GError **error);
gboolean bpg_rom_chip_write_register (BpgRomChip *self, guint32 address, guint32 value, GError **error);
gboolean bpg_rom_chip_get_security (BpgRomChip *self, BpgRomSecurity *security, GError **error);

/**
 * bpg_rom_chip_stop_watchdogs:
 *
 * Entered by USB-Serial-JTAG, the loader leaves the RTC's watchdogs running, which would reset it in the middle.
 */
gboolean bpg_rom_chip_stop_watchdogs (BpgRomChip *self, GError **error);

/**
 * bpg_rom_chip_reset_by_watchdog:
 *
 * Has the RTC's watchdog reset the chip in a moment: the one reset without modem lines after which it looks at BOOT anew.
 */
gboolean bpg_rom_chip_reset_by_watchdog (BpgRomChip *self, GError **error);

/**
 * bpg_rom_chip_attach_flash:
 *
 * Connects the loader with the flash at its usual pins; before anything else about the flash.
 */
gboolean bpg_rom_chip_attach_flash (BpgRomChip *self, GError **error);

/**
 * bpg_rom_chip_read_flash_id:
 * @id: (out): see bpg_rom_flash_size_from_id()
 */
gboolean bpg_rom_chip_read_flash_id (BpgRomChip *self, guint32 *id, GError **error);

/**
 * bpg_rom_chip_set_flash_size:
 *
 * Tells the loader how large the flash is.
 */
gboolean bpg_rom_chip_set_flash_size (BpgRomChip *self, guint32 bytes, GError **error);

/**
 * bpg_rom_chip_get_md5:
 * @digest: (out) (array fixed-size=16): of the flash there
 */
gboolean bpg_rom_chip_get_md5 (BpgRomChip *self, guint32 offset, guint32 length, guint8 *digest, GError **error);

/**
 * bpg_rom_chip_change_baud:
 *
 * Has both ends go to @baud, and tries whether they understand each other there.
 *
 * Returns: %FALSE also when only our end is back at the speed before: then nobody knows at which the chip is.
 */
gboolean bpg_rom_chip_change_baud (BpgRomChip *self, guint baud, GError **error);

/**
 * bpg_rom_chip_begin:
 * @deflated: the blocks are those of a zlib stream
 * @erase: so much is erased first, in whole sectors
 * @blocks: @block: so many blocks of so many bytes at most follow
 *
 * Begins to write at @offset, a sector's beginning, and erases; @reply says why not. Once only, as with all whose
 * outcome the writer weighs itself.
 */
BpgRomOutcome bpg_rom_chip_begin (BpgRomChip *self, gboolean deflated, guint32 offset, guint32 erase, guint32 blocks,
                                  guint32 block, BpgRomReply *reply, GError **error);

/**
 * bpg_rom_chip_frame_block:
 * @wire: where the frame goes
 * @length: a multiple of four
 *
 * Puts a block of FLASH_DATA or FLASH_DEFL_DATA into a frame.
 */
void bpg_rom_chip_frame_block (GByteArray *wire, gboolean deflated, guint32 sequence, const guint8 *bytes, gsize length);

/**
 * bpg_rom_describe_reason:
 *
 * Returns: what one of the loader's reasons means.
 */
const char *bpg_rom_describe_reason (guint8 reason);

/**
 * bpg_rom_erase_milliseconds:
 *
 * Returns: how long erasing, writing or reading so many bytes of flash may take at the very most.
 */
guint bpg_rom_erase_milliseconds (guint64 bytes);
