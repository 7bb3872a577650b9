/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Everything board-specific that the control loop stands on. A port
 * implements each function; there is one port in a program. Nothing here
 * allocates, nothing blocks longer than it says.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most electrodes, and actuators, that a board can have. */
#define BPG_PORT_MAX_CHANNELS 16
#define BPG_PORT_ACTUATORS 6

/* Time */

/* Microseconds since the arm started; never goes back. */
uint64_t bpg_port_now_us (void);

/* Feeds the watchdog; not fed for 250 ms it resets the arm and leaves the
 * actuators where they are. */
void bpg_port_watchdog_feed (void);

enum bpg_boot_reason
{
  BPG_BOOT_POWER_ON = 0,
  BPG_BOOT_RESET = 1,
  BPG_BOOT_WATCHDOG = 2,
  BPG_BOOT_POWER_CUT = 3, /* the supply failed while flash was being written */
};

/* Why the arm started; the same answer as long as it runs. */
enum bpg_boot_reason bpg_port_boot_reason (void);

/* The firmware slot that the second stage started, BPG_BOOT_NO_SLOT for a
 * program that is in none. */
uint8_t bpg_port_firmware_slot (void);

/* Restarts the arm soon after the call returns, when the replies are out. */
void bpg_port_reset (void);

/* Electrodes */

struct bpg_port_electrodes
{
  uint32_t rate;      /* samples a second */
  uint8_t channels;   /* 4..16 */
  uint64_t lsb_nano;  /* 1e-9 units a count */
  const char *unit;   /* as recordings name it */
  uint8_t unit_code;  /* enum bpg_bpm_unit, 0 when no model can name it */
  uint16_t high_pass; /* corner in Hz, 0 = none */
  uint16_t notch;     /* Hz, 0 = none */
};

/* Fixed while the arm runs. Samples come by bpg_control_sample(). */
const struct bpg_port_electrodes *bpg_port_electrodes (void);

/* Mask of electrodes that the converter's lead-off detection finds loose. */
uint16_t bpg_port_lead_off (void);

/* Bench mode: samples from the link take the electrodes' place, so that a bare
 * board can be exercised. */

/* From the next start on, until the power goes, the arm has such @electrodes
 * (of the unit only the code is kept); NULL: its own again. False when the
 * board cannot. */
bool bpg_port_bench_set (const struct bpg_port_electrodes *electrodes);

/* How many samples of all channels bpg_port_bench_push() would take now; 0 but
 * in bench mode. */
unsigned bpg_port_bench_room (void);

/* Lets one sample of all channels come at its time behind those that wait. */
void bpg_port_bench_push (const int16_t *values);

/* Whether the arm is in bench mode. */
bool bpg_port_is_bench (void);

/* Actuators */

/* Commands actuator @index to @position, 0..1000 of its way. */
void bpg_port_actuator_set (unsigned index, uint16_t position);

/* Where actuator @index was last commanded to, 0..1000. It is kept over a
 * reset, so that the hand stays where it is; 500 when nothing is known. */
uint16_t bpg_port_actuator_position (unsigned index);

/* Current of all actuators, in mA. */
uint32_t bpg_port_current_ma (void);

/* Temperature of the drive, in 0.1 degrees Celsius. */
int32_t bpg_port_temperature_dc (void);

/* Lamp and vibration that show which arm is meant. */
void bpg_port_identify (bool on);

/* Battery and wearer */

/* Charge, 0..100, and the battery's voltage in millivolts. */
unsigned bpg_port_battery_percent (void);
unsigned bpg_port_battery_mv (void);

/* Whether the socket is on a person's arm. */
bool bpg_port_worn (void);

/* Flash: erase blocks of 4 KB; erasing sets bytes to 0xFF, writing only
 * clears bits; offsets and lengths of writes are multiples of 4. */

#define BPG_FLASH_SECTOR 4096u
#define BPG_FLASH_PAGE 256u

enum bpg_flash_area
{
  BPG_FLASH_FACTORY,    /* 1 sector, written when the arm is made */
  BPG_FLASH_BOOT,       /* 2 sectors: the boot record's copies */
  BPG_FLASH_BINDING,    /* 2 sectors: the binding's copies */
  BPG_FLASH_UPLOAD,     /* 1 sector: journal of the upload under way */
  BPG_FLASH_FIRMWARE_A, /* 256 KB each */
  BPG_FLASH_FIRMWARE_B,
  BPG_FLASH_MODEL_A, /* 32 KB each */
  BPG_FLASH_MODEL_B,
  BPG_FLASH_USAGE, /* the usage log: a whole number of sectors, at least 3 */
  BPG_FLASH_AREAS,
};

/* Size of an area in bytes. */
uint32_t bpg_port_flash_size (enum bpg_flash_area area);

/* An area as readable memory; stays valid, changes with writes and erases. */
const uint8_t *bpg_port_flash_map (enum bpg_flash_area area);

/* Writes @length bytes at @offset of the area; both multiples of 4. A call
 * stays within one page. Returns false when it failed. */
bool bpg_port_flash_write (enum bpg_flash_area area, uint32_t offset, const uint8_t *bytes,
                           uint32_t length);

/* Erases the sector at @offset of the area, in tens of milliseconds. Returns
 * false when it failed. */
bool bpg_port_flash_erase (enum bpg_flash_area area, uint32_t offset);

/* Writes and erases since the arm was made, or, on a board that keeps no
 * count, since it started. */
uint32_t bpg_port_flash_operations (void);

/* Link */

/* Bytes that bpg_port_link_write() would take now. */
size_t bpg_port_link_room (void);

/* Sends @length bytes, not more than there is room for. */
void bpg_port_link_write (const uint8_t *bytes, size_t length);

/* Takes up to @capacity received bytes; returns how many. */
size_t bpg_port_link_read (uint8_t *bytes, size_t capacity);

/* Bytes a second the line carries; 0 when that is no limit (USB). */
uint32_t bpg_port_link_rate (void);

/* Cryptography */

/* SHA-256 of @length bytes. */
void bpg_port_sha256 (const uint8_t *bytes, size_t length, uint8_t hash[32]);

/* As struct bpg_image_crypto's rsa_pss_verify. */
bool bpg_port_rsa_pss_verify (const uint8_t *spki, size_t spki_length, const uint8_t hash[32],
                              const uint8_t signature[384]);

/* Fills @bytes with what nobody can foresee; false when there is no source. */
bool bpg_port_random (uint8_t *bytes, size_t length);

/* Signs the SHA-256 @hash with the secure element's P-256 key into @signature
 * (ECDSA, DER, at most 72 bytes). Returns its length, 0 when it failed. */
size_t bpg_port_element_sign (const uint8_t hash[32], uint8_t signature[72]);
