/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Small helps over the port's flash. */

#include "control/port.h"

/* Writes @length bytes (a multiple of 4) page by page. */
bool bpg_flash_write (enum bpg_flash_area area, uint32_t offset, const uint8_t *bytes,
                      uint32_t length);

/* Erases the sector at @offset and writes @length bytes at its start. */
bool bpg_flash_replace_sector (enum bpg_flash_area area, uint32_t offset, const uint8_t *bytes,
                               uint32_t length);

/* Whether @length bytes from @offset on are erased. */
bool bpg_flash_is_blank (enum bpg_flash_area area, uint32_t offset, uint32_t length);
