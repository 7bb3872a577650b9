/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Where things are on the chip: its address space (ESP32-C3 Technical
 * Reference Manual, chapter "System and Memory") and our layout of the flash.
 */

#include "control/port.h"

/* Flash, mapped in pages of 64 KB: one table for both buses, so that page n
 * is seen at 0x42000000 + n * 64 KB by code and at 0x3C000000 + n * 64 KB as
 * data. */
#define BPG_CHIP_CODE_BUS 0x42000000u
#define BPG_CHIP_DATA_BUS 0x3C000000u
#define BPG_CHIP_PAGE 0x10000u
#define BPG_CHIP_PAGES 128u
#define BPG_CHIP_MMU_TABLE 0x600C5000u
#define BPG_CHIP_MMU_INVALID 0x100u

/* RAM that a reset leaves alone and a loss of power does not. */
#define BPG_CHIP_RTC_RAM 0x50000000u

#define BPG_CHIP_FLASH_SIZE 0x400000u

/* The first pages show the program that runs, the upper half all of flash. */
#define BPG_CHIP_PROGRAM_PAGES 4u
#define BPG_CHIP_WINDOW_PAGE 64u
#define BPG_CHIP_WINDOW (BPG_CHIP_DATA_BUS + BPG_CHIP_WINDOW_PAGE * BPG_CHIP_PAGE)

/* A program's container has the shortest header there is; the program is
 * linked to stand behind it. */
#define BPG_CHIP_HEADER_SIZE 32u
#define BPG_CHIP_ENTRY (BPG_CHIP_CODE_BUS + BPG_CHIP_HEADER_SIZE)

/* The second stage has what is before the element's sector. */
#define BPG_CHIP_ELEMENT 0xB000u /* 1 sector: key of a board without a secure element */

struct bpg_chip_area
{
  uint32_t offset;
  uint32_t size;
};

/* The areas, by enum bpg_flash_area. A slot begins where a page does. */
extern const struct bpg_chip_area bpg_chip_areas[BPG_FLASH_AREAS];

/* An area as readable memory. */
static inline const uint8_t *
bpg_chip_map (enum bpg_flash_area area)
{
  return (const uint8_t *) (BPG_CHIP_WINDOW + bpg_chip_areas[area].offset);
}
