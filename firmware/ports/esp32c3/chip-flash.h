/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Flash by the functions of the ROM. While it is written no code can be
 * fetched from it: what follows runs from RAM with the cache suspended, and so
 * must every interrupt that is let through meanwhile.
 */

#include <stdbool.h>
#include <stdint.h>

/* Code that is in RAM whenever it is called. */
#define BPG_IN_RAM __attribute__ ((section (".ram.text"), noinline))

/* Maps all of flash at BPG_CHIP_WINDOW, and the program of a slot that begins
 * at flash offset @program where programs are linked to stand. Not to be
 * called by a program that runs from there. */
void bpg_chip_flash_map (uint32_t program);

/* Prepares for writing; false when the flash chip stays locked. */
bool bpg_chip_flash_unlock (void);

/* Erases the sector of 4 KB at @offset; false when it failed. */
bool bpg_chip_flash_erase (uint32_t offset);

/* Writes at most a page of 256 bytes; @offset and @length are multiples of 4.
 * False when it failed. */
bool bpg_chip_flash_write (uint32_t offset, const uint8_t *bytes, uint32_t length);
