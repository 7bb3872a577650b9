/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control/port.h"

#include <string.h>

#include "boot/record.h"
#include "ports/esp32c3/board.h"
#include "ports/esp32c3/chip-crypto.h"
#include "ports/esp32c3/chip-flash.h"
#include "ports/esp32c3/drivers/clock.h"
#include "ports/esp32c3/drivers/reset.h"
#include "ports/esp32c3/drivers/systimer.h"
#include "ports/esp32c3/drivers/watchdog.h"
#include "ports/esp32c3/memory.h"
#include "ports/esp32c3/program/devices.h"
#include "ports/esp32c3/program/kept.h"
#include "ports/esp32c3/program/links.h"
#include "ports/esp32c3/program/port-chip.h"
#include "ports/esp32c3/program/samples.h"
#include "recognition/unit.h"

#define CPU_HZ 160000000u
#define WATCHDOG_CHIP_MS 2000u
/* A sector is erased in some 45 ms; flash chips promise 400. */
#define ERASE_MS 800u

static struct
{
  uint8_t slot;
  bool reset_wanted;
  bool bench;
  uint32_t flash_operations;
  struct bpg_kept kept;
  struct bpg_port_electrodes electrodes;
} port;

/* Time */

uint64_t
bpg_port_now_us (void)
{
  return bpg_systimer_us ();
}

void
bpg_chip_watchdog (uint32_t milliseconds)
{
  bpg_watchdogs_start (milliseconds * (CPU_HZ / bpg_clock_cpu_hz ()), WATCHDOG_CHIP_MS);
}

void
bpg_port_watchdog_feed (void)
{
  bpg_watchdogs_feed ();
}

enum bpg_boot_reason
bpg_port_boot_reason (void)
{
  switch (bpg_reset_reason ())
    {
    case BPG_RESET_SOFTWARE:
      return BPG_BOOT_RESET;
    case BPG_RESET_WATCHDOG:
      return BPG_BOOT_WATCHDOG;
    case BPG_RESET_BROWN_OUT:
      return BPG_BOOT_POWER_CUT;
    default:
      return BPG_BOOT_POWER_ON;
    }
}

uint8_t
bpg_port_firmware_slot (void)
{
  return port.slot;
}

void
bpg_port_reset (void)
{
  port.reset_wanted = true;
}

bool
bpg_chip_reset_wanted (void)
{
  return port.reset_wanted;
}

void
bpg_chip_reset (void)
{
  for (;;)
    bpg_reset_chip ();
}

/* Electrodes */

const struct bpg_port_electrodes *
bpg_port_electrodes (void)
{
  return &port.electrodes;
}

bool
bpg_port_bench_set (const struct bpg_port_electrodes *electrodes)
{
  port.kept.bench = electrodes != NULL;
  if (electrodes != NULL)
    port.kept.electrodes = *electrodes;
  bpg_kept_save (&port.kept);
  return true;
}

unsigned
bpg_port_bench_room (void)
{
  return bpg_samples_room ();
}

void
bpg_port_bench_push (const int16_t *values)
{
  bpg_samples_push (values, port.electrodes.channels);
}

bool
bpg_port_is_bench (void)
{
  return port.bench;
}

/* Actuators */

void
bpg_port_actuator_set (unsigned index, uint16_t position)
{
  if (port.kept.position[index] == position)
    return;
  port.kept.position[index] = position;
  bpg_kept_save (&port.kept);
  bpg_devices_move (index, position);
}

uint16_t
bpg_port_actuator_position (unsigned index)
{
  return port.kept.position[index];
}

/* Flash */

uint32_t
bpg_port_flash_size (enum bpg_flash_area area)
{
  return bpg_chip_areas[area].size;
}

const uint8_t *
bpg_port_flash_map (enum bpg_flash_area area)
{
  return bpg_chip_map (area);
}

static bool
is_within (enum bpg_flash_area area, uint32_t offset, uint32_t length)
{
  uint32_t size = bpg_chip_areas[area].size;

  return offset <= size && length <= size - offset;
}

bool
bpg_port_flash_write (enum bpg_flash_area area, uint32_t offset, const uint8_t *bytes,
                      uint32_t length)
{
  port.flash_operations++;
  return is_within (area, offset, length)
         && bpg_chip_flash_write (bpg_chip_areas[area].offset + offset, bytes, length)
         && memcmp (bpg_chip_map (area) + offset, bytes, length) == 0;
}

bool
bpg_port_flash_erase (enum bpg_flash_area area, uint32_t offset)
{
  bool done;

  port.flash_operations++;
  if (!is_within (area, offset, BPG_FLASH_SECTOR))
    return false;
  bpg_chip_watchdog (ERASE_MS);
  done = bpg_chip_flash_erase (bpg_chip_areas[area].offset + offset);
  bpg_chip_watchdog (BPG_CHIP_WATCHDOG_MS);
  return done;
}

uint32_t
bpg_port_flash_operations (void)
{
  return port.flash_operations;
}

/* Link */

size_t
bpg_port_link_room (void)
{
  return bpg_links_room ();
}

void
bpg_port_link_write (const uint8_t *bytes, size_t length)
{
  bpg_links_write (bytes, length);
}

size_t
bpg_port_link_read (uint8_t *bytes, size_t capacity)
{
  return bpg_links_read (bytes, capacity);
}

uint32_t
bpg_port_link_rate (void)
{
  return bpg_links_rate ();
}

/* Cryptography */

void
bpg_port_sha256 (const uint8_t *bytes, size_t length, uint8_t hash[32])
{
  bpg_chip_sha256 (bytes, length, hash);
}

bool
bpg_port_rsa_pss_verify (const uint8_t *spki, size_t spki_length, const uint8_t hash[32],
                         const uint8_t signature[384])
{
  return bpg_chip_rsa_pss_verify (spki, spki_length, hash, signature);
}

void
bpg_chip_port_init (uint32_t slot)
{
  port.slot = (uint8_t) slot;
  bpg_chip_flash_unlock ();
  bpg_kept_load (&port.kept);
  /* A board that lost its power is an arm again. */
  if (bpg_port_boot_reason () == BPG_BOOT_POWER_ON || bpg_port_boot_reason () == BPG_BOOT_POWER_CUT)
    port.kept.bench = false;
  port.bench = port.kept.bench;
  bpg_devices_init (port.kept.position);
  if (port.bench)
    {
      port.electrodes = port.kept.electrodes;
      port.electrodes.unit = bpg_unit_name (port.electrodes.unit_code);
      bpg_samples_start_bench ();
    }
  else
    {
      port.electrodes = *bpg_devices_electrodes ();
    }
}
