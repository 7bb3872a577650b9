/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-rom-chip.h"

/* Brings images into the flash of an ESP32-C3 through its ROM loader: what is there already is left alone, what is
 * written is verified, and what was cut off goes on from what is there. */

/**
 * BpgRomMode:
 * @BPG_ROM_MODE_AUTO: deflated where that is shorter
 *
 * How the bytes go over the line.
 */
typedef enum {
  BPG_ROM_MODE_AUTO,
  BPG_ROM_MODE_PLAIN,
  BPG_ROM_MODE_DEFLATED,
} BpgRomMode;

/**
 * BpgRomErase:
 * @BPG_ROM_ERASE_IMAGES: first the sectors the images will stand in, changed or not
 * @BPG_ROM_ERASE_CHIP: first the whole flash
 */
typedef enum {
  BPG_ROM_ERASE_NONE,
  BPG_ROM_ERASE_IMAGES,
  BPG_ROM_ERASE_CHIP,
} BpgRomErase;

/**
 * BpgRomImage:
 * @offset: in the flash; a sector's beginning
 */
typedef struct {
  guint32 offset;
  GBytes *bytes;
} BpgRomImage;

/**
 * BpgRomFunc:
 * @phase: `connecting`, `checking`, `erasing`, `writing` or `verifying`
 * @progress: 0 to 1, never lower than before
 * @message: (nullable): what somebody has to do now, or that nobody has to do anything any more when it is ""
 */
typedef void (*BpgRomFunc) (const char *phase, double progress, const char *message, gpointer user_data);

/**
 * BpgRomOrder:
 * @path: see bpg_rom_line_open()
 * @baud: see bpg_rom_line_is_speed(); 0: as fast as the line allows
 * @reset: whether modem lines may be used
 * @flash_size: bytes, or 0 to ask the flash
 * @absent_seconds: how long a line that has gone is waited for
 * @images: (element-type BpgRomImage)
 * @func: (nullable): called in the thread of the work
 */
typedef struct {
  const char *path;
  guint baud;
  gboolean reset;
  guint64 flash_size;
  BpgRomMode mode;
  BpgRomErase erase;
  guint absent_seconds;
  const BpgRomImage *images;
  guint n_images;
  BpgRomFunc func;
  gpointer user_data;
  GCancellable *cancellable;
} BpgRomOrder;

/**
 * BpgRomReport:
 * @bytes: of the images, in whole sectors
 * @written: of these, sectors written again counted again
 * @deflated: whether any of it went deflated
 * @write_seconds: while blocks were sent, without erasing and checking
 * @retries: requests that had to be repeated in another way
 * @resumed: how often the line had gone and come back
 * @restarted: whether the chip was reset to start what was written
 */
typedef struct {
  guint32 revision;
  guint64 flash_size;
  guint baud;
  guint64 bytes;
  guint64 written;
  gboolean deflated;
  double seconds;
  double write_seconds;
  guint requests;
  guint retries;
  guint resumed;
  gboolean restarted;
} BpgRomReport;

/**
 * bpg_rom_images_check:
 * @flash_size: 0 when it is not known yet
 *
 * Returns: %FALSE with InvalidArgument (no image, an empty one, an offset inside a sector, two that overlap, one beyond
 *   the end of the flash) or NotSupported (beyond the 16 MB that the ROM can reach).
 */
gboolean bpg_rom_images_check (const BpgRomImage *images, guint n_images, guint64 flash_size, GError **error);

/**
 * bpg_rom_flash:
 * @report: (out): filled as far as it came
 *
 * Does it; blocks, for a worker thread. Security info and eFuses are looked at before anything is changed.
 *
 * Returns: %FALSE with an error of bpg_rom_line_open() or bpg_rom_images_check(), or TimedOut (the chip does not answer;
 *   the message says what to do), ChipLocked (secure boot, flash encryption or a restricted loader), Incompatible
 *   (another chip), NotSupported (size of the flash unknown), Disconnected (the line went and did not come back),
 *   Corrupt (the line damages too much, or the flash does not keep what is written), Failed or Cancelled.
 */
gboolean bpg_rom_flash (const BpgRomOrder *order, BpgRomReport *report, GError **error);
