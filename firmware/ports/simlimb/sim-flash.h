/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The flash chip: a file, mapped. Writing clears bits, erasing sets 4 KB to
 * 0xFF. A power cut stops in the middle of an operation: part of the page is
 * written, part of the sector erased, and after that nothing is written any
 * more until power comes back.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/port.h"
#include "sim-random.h"

struct sim_flash
{
  int fd; /* held open, for its lock */
  uint8_t *bytes;
  uint32_t *counters; /* behind the flash, in the same file */
  uint32_t cut_in;    /* operations until power fails; 0 = it does not */
  bool dead;          /* power is off */
  uint32_t worn;      /* mask of areas that take no writes and erases any more */
  struct sim_random random;
};

/* Maps @path, made blank when it is not there. Refused (BUSY) while another
 * process has it, and when the disk has no room for all of it. */
bool sim_flash_open (struct sim_flash *flash, const char *path, uint64_t seed, GError **error);

/* Unmaps the file and lets others have it. */
void sim_flash_close (struct sim_flash *flash);

/* As the functions of port.h that are named likewise. */
uint32_t sim_flash_size (enum bpg_flash_area area);
const uint8_t *sim_flash_map (const struct sim_flash *flash, enum bpg_flash_area area);
bool sim_flash_write (struct sim_flash *flash, enum bpg_flash_area area, uint32_t offset,
                      const uint8_t *bytes, uint32_t length);
bool sim_flash_erase (struct sim_flash *flash, enum bpg_flash_area area, uint32_t offset);

/* Writes and erases since the file was made. */
uint32_t sim_flash_operations (const struct sim_flash *flash);

/* Turns power off (noting that it was cut) and on again. */
void sim_flash_power_off (struct sim_flash *flash);

/* Returns whether power had been cut, and forgets it. */
bool sim_flash_power_on (struct sim_flash *flash);
