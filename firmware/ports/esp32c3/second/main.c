/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The second stage: the ROM loads it into RAM from flash offset 0 and starts
 * it. It looks for a program whose signature holds, shows the program's slot
 * where programs are linked to stand, and jumps there.
 *
 * It leaves the clock as the ROM does (20 MHz), and its watchdogs on: a program
 * that does not take them over is reset.
 */
#include <string.h>

#include "boot/second-stage.h"
#include "ports/esp32c3/board.h"
#include "ports/esp32c3/chip-crypto.h"
#include "ports/esp32c3/chip-flash.h"
#include "ports/esp32c3/drivers/registers.h"
#include "ports/esp32c3/drivers/reset.h"
#include "ports/esp32c3/drivers/watchdog.h"
#include "ports/esp32c3/memory.h"
#include "ports/esp32c3/rom.h"
#include BPG_RELEASE_KEY_HEADER

/* Low-power Management: bit 0 keeps the ROM in download mode after a reset. */
#define RTC_CNTL_OPTION1_REG (RTC_CNTL_BASE + 0xF4)
#define RTC_CNTL_FORCE_DOWNLOAD_BOOT BPG_BIT (0)

/* For two slots at 20 MHz, and the slowest erasing of a sector. */
#define WATCHDOG_CORE_MS 1500u
#define WATCHDOG_CHIP_MS 4000u

typedef void (*program_entry) (uint32_t slot) __attribute__ ((noreturn));

void bpg_second_main (void) __attribute__ ((noreturn));

static bool
replace_copy (unsigned copy, const uint8_t bytes[BPG_BOOT_RECORD_SIZE])
{
  uint32_t offset = bpg_chip_areas[BPG_FLASH_BOOT].offset + copy * BPG_FLASH_SECTOR;

  return bpg_chip_flash_erase (offset) && bpg_chip_flash_write (offset, bytes, BPG_BOOT_RECORD_SIZE)
         && memcmp (bpg_chip_map (BPG_FLASH_BOOT) + copy * BPG_FLASH_SECTOR, bytes,
                    BPG_BOOT_RECORD_SIZE)
              == 0;
}

/* Only the release key is ever asked for, and that was prepared beforehand. */
static bool
verify (const uint8_t *spki, size_t spki_length, const uint8_t hash[BPG_SHA256_SIZE],
        const uint8_t signature[BPG_RSA3072_SIZE])
{
  static const struct ets_rsa_pubkey release_key = BPG_RELEASE_KEY_FOR_ROM;

  return bpg_chip_rsa_pss_verify_prepared (&release_key, hash, signature);
}

/* Nothing can start: the ROM's loader waits for a program, without anybody
 * having to press a button. */
static void __attribute__ ((noreturn))
wait_for_loader (void)
{
  ets_printf ("bionicpro: no slot holds a program for this board; waiting for the loader\n");
  bpg_reg_set (RTC_CNTL_OPTION1_REG, RTC_CNTL_FORCE_DOWNLOAD_BOOT);
  for (;;)
    bpg_reset_chip ();
}

void
bpg_second_main (void)
{
  static const char *const reasons[] = { "nothing", "confirmed", "trial", "confirmed now",
                                         "back after a trial", "rescue" };
  static const struct bpg_image_crypto crypto = {
    .sha256 = bpg_chip_sha256,
    .rsa_pss_verify = verify,
  };
  struct bpg_second_stage_machine machine = {
    .slot_size = bpg_chip_areas[BPG_FLASH_FIRMWARE_A].size,
    .header_size = BPG_CHIP_HEADER_SIZE,
    .replace_copy = replace_copy,
    .crypto = &crypto,
    .key = bpg_release_key,
    .key_length = sizeof bpg_release_key,
    .hardware = BPG_BOARD_NAME,
    .hardware_length = sizeof BPG_BOARD_NAME - 1,
  };
  struct bpg_second_stage_result result;

  bpg_watchdogs_stop_boot ();
  bpg_watchdogs_start (WATCHDOG_CORE_MS, WATCHDOG_CHIP_MS);
  bpg_chip_flash_map (bpg_chip_areas[BPG_FLASH_FIRMWARE_A].offset);
  if (!bpg_chip_flash_unlock ())
    ets_printf ("bionicpro: flash stays locked\n");
  for (unsigned i = 0; i < 2; i++)
    machine.copies[i] = bpg_chip_map (BPG_FLASH_BOOT) + i * BPG_FLASH_SECTOR;
  machine.slots[0] = bpg_chip_map (BPG_FLASH_FIRMWARE_A);
  machine.slots[1] = bpg_chip_map (BPG_FLASH_FIRMWARE_B);

  bpg_second_stage_run (&machine, &result);
  bpg_watchdogs_feed ();
  if (result.slot >= BPG_BOOT_SLOTS)
    wait_for_loader ();
  ets_printf ("bionicpro: starting slot %c (%s)%s\n", 'A' + result.slot, reasons[result.choice],
              BPG_RELEASE_KEY_IS_TEST ? ", test key" : "");
  bpg_chip_flash_map (bpg_chip_areas[BPG_FLASH_FIRMWARE_A + result.slot].offset);
  ((program_entry) BPG_CHIP_ENTRY) (result.slot);
}
