/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "arm.h"

#include <string.h>

#include "boot/second-stage.h"
#include "control/flash.h"
#include "link/checksum.h"
#include "link/little-endian.h"
#include "recognition/digest.h"

#define HARDWARE "virt-1"
#define SLOT_SIZE (256u * 1024u)
#define MODEL_SIZE (32u * 1024u)
#define USAGE_SIZE (4u * BPG_FLASH_SECTOR)
#define KEY_SIZE 422u
#define MODULUS_AT 33u
#define SIDE "any"

struct virt_arm virt_arm;

/* The areas, one behind the other. */
static const uint32_t area_sizes[BPG_FLASH_AREAS] = {
  [BPG_FLASH_FACTORY] = BPG_FLASH_SECTOR,
  [BPG_FLASH_BOOT] = 2 * BPG_FLASH_SECTOR,
  [BPG_FLASH_BINDING] = 2 * BPG_FLASH_SECTOR,
  [BPG_FLASH_UPLOAD] = BPG_FLASH_SECTOR,
  [BPG_FLASH_FIRMWARE_A] = SLOT_SIZE,
  [BPG_FLASH_FIRMWARE_B] = SLOT_SIZE,
  [BPG_FLASH_MODEL_A] = MODEL_SIZE,
  [BPG_FLASH_MODEL_B] = MODEL_SIZE,
  [BPG_FLASH_USAGE] = USAGE_SIZE,
};
#ifdef __riscv
/* No start clears flash. */
__attribute__ ((section (".flash")))
#endif
static uint8_t flash[6 * BPG_FLASH_SECTOR + 2 * SLOT_SIZE + 2 * MODEL_SIZE + USAGE_SIZE];
static uint8_t key[KEY_SIZE];

static uint8_t *
area_bytes (enum bpg_flash_area area)
{
  uint32_t offset = 0;

  for (unsigned i = 0; i < area; i++)
    offset += area_sizes[i];
  return flash + offset;
}

uint64_t
bpg_port_now_us (void)
{
  return virt_arm.now;
}

void
bpg_port_watchdog_feed (void)
{
}

enum bpg_boot_reason
bpg_port_boot_reason (void)
{
  return BPG_BOOT_RESET;
}

uint8_t
bpg_port_firmware_slot (void)
{
  return virt_arm.firmware_slot;
}

void
bpg_port_reset (void)
{
  virt_arm.reset_wanted = true;
}

const struct bpg_port_electrodes *
bpg_port_electrodes (void)
{
  return &virt_arm.electrodes;
}

uint16_t
bpg_port_lead_off (void)
{
  return 0;
}

/* No bench mode: this arm's samples are not to be had by the link. */

bool
bpg_port_bench_set (const struct bpg_port_electrodes *electrodes)
{
  return false;
}

unsigned
bpg_port_bench_room (void)
{
  return 0;
}

void
bpg_port_bench_push (const int16_t *values)
{
}

bool
bpg_port_is_bench (void)
{
  return false;
}

void
bpg_port_actuator_set (unsigned index, uint16_t position)
{
  virt_arm.position[index] = position;
}

uint16_t
bpg_port_actuator_position (unsigned index)
{
  return virt_arm.position[index];
}

uint32_t
bpg_port_current_ma (void)
{
  return 0;
}

int32_t
bpg_port_temperature_dc (void)
{
  return 250;
}

void
bpg_port_identify (bool on)
{
}

unsigned
bpg_port_battery_percent (void)
{
  return 80;
}

unsigned
bpg_port_battery_mv (void)
{
  return 8000;
}

bool
bpg_port_worn (void)
{
  return true;
}

uint32_t
bpg_port_flash_size (enum bpg_flash_area area)
{
  return area_sizes[area];
}

const uint8_t *
bpg_port_flash_map (enum bpg_flash_area area)
{
  return area_bytes (area);
}

bool
bpg_port_flash_write (enum bpg_flash_area area, uint32_t offset, const uint8_t *bytes, uint32_t length)
{
  uint8_t *at = area_bytes (area) + offset;

  if (length == 0 || offset % 4 != 0 || length % 4 != 0 || offset > area_sizes[area]
      || length > area_sizes[area] - offset || offset / BPG_FLASH_PAGE != (offset + length - 1) / BPG_FLASH_PAGE)
    return false;
  virt_arm.operations++;
  for (uint32_t i = 0; i < length; i++)
    at[i] &= bytes[i];
  return true;
}

bool
bpg_port_flash_erase (enum bpg_flash_area area, uint32_t offset)
{
  if (offset % BPG_FLASH_SECTOR != 0 || offset >= area_sizes[area])
    return false;
  virt_arm.operations++;
  memset (area_bytes (area) + offset, 0xFF, BPG_FLASH_SECTOR);
  return true;
}

uint32_t
bpg_port_flash_operations (void)
{
  return virt_arm.operations;
}

size_t
bpg_port_link_room (void)
{
  return VIRT_ARM_LINE;
}

void
bpg_port_link_write (const uint8_t *bytes, size_t length)
{
  virt_arm.sent += (uint32_t) length;
  virt_arm.sent_digest = bpg_crc32 (virt_arm.sent_digest, bytes, length);
}

size_t
bpg_port_link_read (uint8_t *bytes, size_t capacity)
{
  return 0;
}

uint32_t
bpg_port_link_rate (void)
{
  return 0;
}

void
bpg_port_sha256 (const uint8_t *bytes, size_t length, uint8_t hash[32])
{
  bpg_bpm_digest (bytes, length, hash);
}

bool
bpg_port_rsa_pss_verify (const uint8_t *spki, size_t spki_length, const uint8_t hash[32],
                         const uint8_t signature[384])
{
  return memcmp (signature, hash, BPG_SHA256_SIZE) == 0;
}

bool
bpg_port_random (uint8_t *bytes, size_t length)
{
  return false;
}

size_t
bpg_port_element_sign (const uint8_t hash[32], uint8_t signature[72])
{
  memcpy (signature, hash, BPG_SHA256_SIZE);
  return BPG_SHA256_SIZE;
}

/* A SubjectPublicKeyInfo that looks like an RSA key of 3072 bits. */
static void
make_key (void)
{
  static const uint8_t head[MODULUS_AT]
    = { 0x30, 0x82, 0x01, 0xA2, 0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48,
        0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x82, 0x01,
        0x8F, 0x00, 0x30, 0x82, 0x01, 0x8A, 0x02, 0x82, 0x01, 0x81, 0x00 };
  static const uint8_t exponent[] = { 0x02, 0x03, 0x01, 0x00, 0x01 };

  memset (key, 0xC7, sizeof key);
  memcpy (key, head, sizeof head);
  memcpy (key + KEY_SIZE - sizeof exponent, exponent, sizeof exponent);
}

static bool
bind (void)
{
  const struct bpg_bind_request request = {
    .patient = { "P-0001", 6 },
    .side = { "left", 4 },
    .key = { key, sizeof key },
    .timeout = 60,
  };
  struct bpg_binding binding;

  bpg_binding_load (&binding);
  return bpg_binding_ask (&binding, &request, 0) == BPG_ARM_OK && bpg_binding_confirm (&binding);
}

bool
virt_arm_make (const struct bpg_bpm *model)
{
  const struct bpg_factory factory = {
    .id = { "BP-VIRT", 7 },
    .hw = { HARDWARE, sizeof HARDWARE - 1 },
    .key = { key, sizeof key },
    .release = { key, sizeof key },
  };

  make_key ();
  memset (flash, 0xFF, sizeof flash);
  memset (&virt_arm, 0, sizeof virt_arm);
  virt_arm.firmware_slot = BPG_BOOT_NO_SLOT;
  virt_arm.electrodes = (struct bpg_port_electrodes){
    .rate = model->rate,
    .channels = model->channels,
    .lsb_nano = model->scale_nano,
    .unit = "",
    .unit_code = model->unit,
  };
  return bpg_factory_save (&factory) && bind ();
}

static uint8_t *
put_tlv (uint8_t *at, unsigned type, const void *bytes, unsigned length)
{
  bpg_put_u16 (at, (uint16_t) type);
  bpg_put_u16 (at + 2, (uint16_t) length);
  memcpy (at + 4, bytes, length);
  return at + 4 + length;
}

/* Signs the @length bytes at @start as this machine holds for signed; returns the end. */
static uint8_t *
put_signature (uint8_t *start, size_t length)
{
  uint8_t signature[BPG_RSA3072_SIZE] = { 0 };
  uint8_t hash[BPG_SHA256_SIZE];
  uint8_t *at = start + length;
  const uint8_t *rsa = key;
  size_t rsa_length = 0;

  bpg_put_u16 (at, BPG_IMAGE_TLV_MAGIC);
  bpg_put_u16 (at + 2, 4 + 3 * 4 + 2 * BPG_SHA256_SIZE + BPG_RSA3072_SIZE);
  bpg_port_sha256 (start, length, signature);
  at = put_tlv (at + 4, BPG_IMAGE_TLV_SHA256, signature, BPG_SHA256_SIZE);
  bpg_image_rsa_key (key, sizeof key, &rsa, &rsa_length);
  bpg_port_sha256 (rsa, rsa_length, hash);
  at = put_tlv (at, BPG_IMAGE_TLV_KEY_HASH, hash, sizeof hash);
  return put_tlv (at, BPG_IMAGE_TLV_RSA3072_PSS, signature, sizeof signature);
}

bool
virt_arm_install (unsigned image, const uint8_t *payload, size_t length)
{
  const unsigned protected_size = 4 + 4 + (sizeof HARDWARE - 1) + 4 + (sizeof SIDE - 1) + 4 + 4;
  uint8_t *start = area_bytes (bpg_slots_area (image, 0));
  uint8_t *at = start + BPG_IMAGE_HEADER_SIZE + length;
  struct bpg_boot_record record;
  struct bpg_image parsed;
  uint8_t bytes[BPG_BOOT_RECORD_SIZE];
  uint8_t schema[4];
  const uint8_t *copies = area_bytes (BPG_FLASH_BOOT);
  unsigned next;
  bool found;

  memset (start, 0, BPG_IMAGE_HEADER_SIZE);
  bpg_put_u32 (start, BPG_IMAGE_MAGIC);
  bpg_put_u16 (start + 8, BPG_IMAGE_HEADER_SIZE);
  bpg_put_u16 (start + 10, (uint16_t) protected_size);
  bpg_put_u32 (start + 12, (uint32_t) length);
  start[20] = 1;
  memcpy (start + BPG_IMAGE_HEADER_SIZE, payload, length);
  bpg_put_u16 (at, BPG_IMAGE_PROTECTED_MAGIC);
  bpg_put_u16 (at + 2, (uint16_t) protected_size);
  bpg_put_u32 (schema, BPG_BPM_SCHEMA);
  at = put_tlv (at + 4, BPG_IMAGE_TLV_HARDWARE, HARDWARE, sizeof HARDWARE - 1);
  at = put_tlv (at, BPG_IMAGE_TLV_SIDE, SIDE, sizeof SIDE - 1);
  at = put_tlv (at, BPG_IMAGE_TLV_SCHEMA, schema, sizeof schema);
  put_signature (start, (size_t) (at - start));

  next = bpg_boot_record_load (copies, copies + BPG_FLASH_SECTOR, &record, &found);
  if (bpg_image_parse (start, area_sizes[bpg_slots_area (image, 0)], &parsed) != BPG_IMAGE_OK)
    return false;
  bpg_boot_confirm (&record.entries[image], 0, parsed.hash);
  record.sequence++;
  bpg_boot_record_encode (&record, bytes);
  return bpg_flash_replace_sector (BPG_FLASH_BOOT, next * BPG_FLASH_SECTOR, bytes, sizeof bytes);
}

static bool
replace_copy (unsigned copy, const uint8_t bytes[BPG_BOOT_RECORD_SIZE])
{
  return bpg_flash_replace_sector (BPG_FLASH_BOOT, copy * BPG_FLASH_SECTOR, bytes, BPG_BOOT_RECORD_SIZE);
}

void
virt_arm_start_firmware (void)
{
  static const struct bpg_image_crypto crypto = {
    .sha256 = bpg_port_sha256,
    .rsa_pss_verify = bpg_port_rsa_pss_verify,
  };
  const uint8_t *copies = area_bytes (BPG_FLASH_BOOT);
  const struct bpg_second_stage_machine machine = {
    .copies = { copies, copies + BPG_FLASH_SECTOR },
    .slots = { area_bytes (BPG_FLASH_FIRMWARE_A), area_bytes (BPG_FLASH_FIRMWARE_B) },
    .slot_size = SLOT_SIZE,
    .replace_copy = replace_copy,
    .crypto = &crypto,
    .key = key,
    .key_length = sizeof key,
    .hardware = HARDWARE,
    .hardware_length = sizeof HARDWARE - 1,
    .built_in = true,
  };
  struct bpg_second_stage_result result;

  bpg_second_stage_run (&machine, &result);
  virt_arm.firmware_slot = result.slot;
}

bool
virt_arm_start (void)
{
  virt_arm.reset_wanted = false;
  virt_arm.sent = 0;
  virt_arm.sent_digest = 0;
  virt_arm.now = 0;
  return bpg_control_init (&virt_arm.control);
}
