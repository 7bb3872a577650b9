/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Functions in the chip's ROM that are called. Their addresses are given to
 * the linker by rom.ld (ESP-IDF, components/esp_rom/esp32c3/ld/esp32c3.rom.ld),
 * and hold for every revision of the chip.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Flash, by the controller SPI1. Whoever calls them must run from RAM with the
 * cache suspended. They return 0 when all went well. */
int esp_rom_spiflash_unlock (void);
int esp_rom_spiflash_erase_sector (uint32_t sector);
int esp_rom_spiflash_write (uint32_t offset, const uint32_t *words, int32_t length);
int esp_rom_spiflash_config_param (uint32_t device_id, uint32_t chip_size, uint32_t block_size,
                                   uint32_t sector_size, uint32_t page_size, uint32_t status_mask);

/* What the ROM knows of the flash chip; its first word is the chip's id. */
extern const uint32_t *rom_spiflash_legacy_data;

/* The cache. What Suspend returns is given to Resume. */
uint32_t Cache_Suspend_ICache (void);
void Cache_Resume_ICache (uint32_t autoload);
void Cache_Invalidate_ICache_All (void);

/* SHA, by the accelerator. */
enum ets_sha_type
{
  ETS_SHA2_256 = 2,
};

struct ets_sha_context
{
  bool start;
  bool in_hardware;
  enum ets_sha_type type;
  uint32_t state[16];
  uint8_t buffer[128];
  uint32_t total_bits[4];
};

void ets_sha_enable (void);
void ets_sha_disable (void);
int ets_sha_init (struct ets_sha_context *context, enum ets_sha_type type);
int ets_sha_starts (struct ets_sha_context *context, uint16_t t);
int ets_sha_update (struct ets_sha_context *context, const uint8_t *bytes, uint32_t length,
                    bool update_context);
int ets_sha_finish (struct ets_sha_context *context, uint8_t *hash);

/* RSA-3072-PSS with SHA-256, as secure boot uses it. Numbers are little-endian;
 * @rinv is 2^6144 mod n, @mdash is -1/n mod 2^32. */
struct ets_rsa_pubkey
{
  uint8_t n[384];
  uint32_t e;
  uint8_t rinv[384];
  uint32_t mdash;
};

/* @signature is a number, too. @verified receives the digest; revisions that know no such argument leave it. */
bool ets_rsa_pss_verify (const struct ets_rsa_pubkey *key, const uint8_t signature[384],
                         const uint8_t digest[32], uint8_t verified[32]);

/* Tells the ROM's delays how many MHz the core runs at. */
void ets_update_cpu_frequency (uint32_t megahertz);

/* Speaks on the line the ROM speaks on. */
int ets_printf (const char *format, ...) __attribute__ ((format (printf, 1, 2)));
