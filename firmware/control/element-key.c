/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control/element-key.h"

#include <string.h>

#include "link/checksum.h"
#include "link/little-endian.h"

#define ELEMENT_MAGIC 0x45425042u /* "BPBE" */
#define ELEMENT_VERSION 1u
#define KEY_AT 8u
#define CRC_AT 40u

void
bpg_element_key_encode (const uint8_t private_key[32], uint8_t bytes[BPG_ELEMENT_KEY_SIZE])
{
  bpg_put_u32 (bytes, ELEMENT_MAGIC);
  bpg_put_u32 (bytes + 4, ELEMENT_VERSION);
  memcpy (bytes + KEY_AT, private_key, 32);
  bpg_put_u32 (bytes + CRC_AT, bpg_crc32 (0, bytes, CRC_AT));
}

bool
bpg_element_key_decode (const uint8_t bytes[BPG_ELEMENT_KEY_SIZE], uint8_t private_key[32])
{
  if (bpg_get_u32 (bytes) != ELEMENT_MAGIC || bpg_get_u32 (bytes + 4) != ELEMENT_VERSION
      || bpg_get_u32 (bytes + CRC_AT) != bpg_crc32 (0, bytes, CRC_AT))
    return false;
  memcpy (private_key, bytes + KEY_AT, 32);
  return true;
}
