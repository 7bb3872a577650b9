/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/memory.h"

#include "control/usage-log.h"

const struct bpg_chip_area bpg_chip_areas[BPG_FLASH_AREAS] = {
  [BPG_FLASH_BOOT] = { 0xC000, 2 * BPG_FLASH_SECTOR },
  [BPG_FLASH_FACTORY] = { 0xE000, BPG_FLASH_SECTOR },
  [BPG_FLASH_UPLOAD] = { 0xF000, BPG_FLASH_SECTOR },
  [BPG_FLASH_FIRMWARE_A] = { 0x10000, 0x40000 },
  [BPG_FLASH_BINDING] = { 0x50000, 2 * BPG_FLASH_SECTOR },
  [BPG_FLASH_MODEL_A] = { 0x60000, 0x8000 },
  [BPG_FLASH_MODEL_B] = { 0x68000, 0x8000 },
  [BPG_FLASH_USAGE] = { 0x70000, BPG_USAGE_SECTORS * BPG_FLASH_SECTOR },
  [BPG_FLASH_FIRMWARE_B] = { 0x200000, 0x40000 },
};
