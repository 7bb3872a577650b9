/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Little-endian numbers in bytes of any alignment. */

#include <stdint.h>

static inline uint16_t
bpg_get_u16 (const uint8_t *bytes)
{
  return (uint16_t) (bytes[0] | bytes[1] << 8);
}

static inline uint32_t
bpg_get_u32 (const uint8_t *bytes)
{
  return bytes[0] | (uint32_t) bytes[1] << 8 | (uint32_t) bytes[2] << 16 | (uint32_t) bytes[3] << 24;
}

static inline uint64_t
bpg_get_u64 (const uint8_t *bytes)
{
  return bpg_get_u32 (bytes) | (uint64_t) bpg_get_u32 (bytes + 4) << 32;
}

static inline void
bpg_put_u16 (uint8_t *bytes, uint16_t value)
{
  bytes[0] = (uint8_t) value;
  bytes[1] = (uint8_t) (value >> 8);
}

static inline void
bpg_put_u32 (uint8_t *bytes, uint32_t value)
{
  bpg_put_u16 (bytes, (uint16_t) value);
  bpg_put_u16 (bytes + 2, (uint16_t) (value >> 16));
}

static inline void
bpg_put_u64 (uint8_t *bytes, uint64_t value)
{
  bpg_put_u32 (bytes, (uint32_t) value);
  bpg_put_u32 (bytes + 4, (uint32_t) (value >> 32));
}
