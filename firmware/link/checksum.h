/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * CRC-16/XMODEM (polynomial 0x1021, start 0, not reflected) of @bytes,
 * carried on from @crc (0 to begin). SMP's serial framing uses it.
 */
uint16_t bpg_crc16_xmodem (uint16_t crc, const uint8_t *bytes, size_t length);

/*
 * CRC-32 (IEEE 802.3, reflected 0xEDB88320) of @bytes, carried on from @crc
 * (0 to begin), as zlib's crc32().
 */
uint32_t bpg_crc32 (uint32_t crc, const uint8_t *bytes, size_t length);
