/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ports/esp32c3/chip-flash.h"

#include <string.h>

#include "ports/esp32c3/drivers/registers.h"
#include "ports/esp32c3/memory.h"
#include "ports/esp32c3/rom.h"

#define BLOCK_SIZE 0x10000u
#define STATUS_MASK 0xFFFFu

static void
map_pages (uint32_t first, uint32_t count, uint32_t offset)
{
  for (uint32_t i = 0; i < count; i++)
    bpg_reg_write (BPG_CHIP_MMU_TABLE + 4 * (first + i), offset / BPG_CHIP_PAGE + i);
}

BPG_IN_RAM void
bpg_chip_flash_map (uint32_t program)
{
  uint32_t state = Cache_Suspend_ICache ();

  for (uint32_t page = 0; page < BPG_CHIP_PAGES; page++)
    bpg_reg_write (BPG_CHIP_MMU_TABLE + 4 * page, BPG_CHIP_MMU_INVALID);
  map_pages (0, BPG_CHIP_PROGRAM_PAGES, program);
  map_pages (BPG_CHIP_WINDOW_PAGE, BPG_CHIP_FLASH_SIZE / BPG_CHIP_PAGE, 0);
  Cache_Invalidate_ICache_All ();
  Cache_Resume_ICache (state);
}

BPG_IN_RAM bool
bpg_chip_flash_unlock (void)
{
  uint32_t state = Cache_Suspend_ICache ();
  int error = esp_rom_spiflash_config_param (rom_spiflash_legacy_data[0], BPG_CHIP_FLASH_SIZE,
                                             BLOCK_SIZE, BPG_FLASH_SECTOR, BPG_FLASH_PAGE,
                                             STATUS_MASK);

  if (error == 0)
    error = esp_rom_spiflash_unlock ();
  Cache_Resume_ICache (state);
  return error == 0;
}

/* What the cache holds of flash is no longer what is there. */
BPG_IN_RAM static bool
end_writing (uint32_t state, int error)
{
  Cache_Invalidate_ICache_All ();
  Cache_Resume_ICache (state);
  return error == 0;
}

BPG_IN_RAM bool
bpg_chip_flash_erase (uint32_t offset)
{
  uint32_t state = Cache_Suspend_ICache ();

  return end_writing (state, esp_rom_spiflash_erase_sector (offset / BPG_FLASH_SECTOR));
}

BPG_IN_RAM bool
bpg_chip_flash_write (uint32_t offset, const uint8_t *bytes, uint32_t length)
{
  /* The caller's bytes may be anywhere, also in flash. */
  uint32_t words[BPG_FLASH_PAGE / 4];
  uint32_t state;

  if (length > sizeof words)
    return false;
  memcpy (words, bytes, length);
  state = Cache_Suspend_ICache ();
  return end_writing (state, esp_rom_spiflash_write (offset, words, (int32_t) length));
}
