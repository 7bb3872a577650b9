/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sectors that are written when an arm is made, read without one: the factory sector and the key of a board
 * without a secure element. Their checksums are put right, so that the fuzzer gets behind them. */
#include <glib.h>
#include <string.h>

#include "control/element-key.h"
#include "control/factory.h"
#include "link/checksum.h"
#include "link/little-endian.h"

#define FACTORY_HEADER 12u
#define ELEMENT_CRC_AT (BPG_ELEMENT_KEY_SIZE - 4u)

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
try_factory (const uint8_t *data, size_t size)
{
  g_autofree uint8_t *sector = g_malloc (BPG_FACTORY_MOST);
  g_autofree uint8_t *again = g_malloc (BPG_FACTORY_MOST);
  struct bpg_factory factory, back;
  uint32_t length;

  memset (sector, 0xFF, BPG_FACTORY_MOST);
  memcpy (sector, data, MIN (size, BPG_FACTORY_MOST));
  length = bpg_get_u32 (sector + 4);
  if (length <= BPG_FACTORY_MOST - FACTORY_HEADER)
    bpg_put_u32 (sector + 8, bpg_crc32 (0, sector + FACTORY_HEADER, length));
  if (!bpg_factory_decode (sector, &factory))
    return;
  g_assert_true ((const uint8_t *) factory.id.bytes >= sector
                 && (const uint8_t *) factory.id.bytes + factory.id.length <= sector + BPG_FACTORY_MOST);
  if (bpg_factory_encode (&factory, again) > 0)
    g_assert_true (bpg_factory_decode (again, &back));
}

static void
try_element_key (const uint8_t *data, size_t size)
{
  uint8_t bytes[BPG_ELEMENT_KEY_SIZE] = { 0 };
  uint8_t key[32];

  memcpy (bytes, data, MIN (size, sizeof bytes));
  bpg_put_u32 (bytes + ELEMENT_CRC_AT, bpg_crc32 (0, bytes, ELEMENT_CRC_AT));
  if (bpg_element_key_decode (bytes, key)) {
    uint8_t again[BPG_ELEMENT_KEY_SIZE];

    bpg_element_key_encode (key, again);
    g_assert_cmpmem (again, sizeof again, bytes, sizeof bytes);
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  try_factory (data, size);
  try_element_key (data, size);
  return 0;
}
