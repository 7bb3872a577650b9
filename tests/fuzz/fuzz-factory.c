/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sectors that are written when an arm is made, with a sum made right so that what is behind it is reached. */
#include <glib.h>
#include <string.h>

#include "control/element-key.h"
#include "control/factory.h"
#include "link/checksum.h"
#include "link/little-endian.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_inside (const uint8_t *sector, const void *bytes, size_t length)
{
  if (bytes != NULL)
    g_assert_true ((const uint8_t *) bytes >= sector && (const uint8_t *) bytes + length <= sector + BPG_FACTORY_MOST);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree uint8_t *sector = g_malloc (BPG_FACTORY_MOST);
  struct bpg_factory factory;
  uint8_t private_key[32];
  uint32_t length;

  memset (sector, 0xFF, BPG_FACTORY_MOST);
  memcpy (sector, data, MIN (size, BPG_FACTORY_MOST));
  bpg_element_key_decode (sector, private_key);
  for (unsigned mended = 0; mended < 2; mended++)
    {
      if (bpg_factory_decode (sector, &factory))
        {
          check_inside (sector, factory.id.bytes, factory.id.length);
          check_inside (sector, factory.hw.bytes, factory.hw.length);
          check_inside (sector, factory.key.bytes, factory.key.length);
          check_inside (sector, factory.cert.bytes, factory.cert.length);
          check_inside (sector, factory.release.bytes, factory.release.length);
        }
      length = MIN (bpg_get_u32 (sector + 4), BPG_FACTORY_MOST - 12);
      bpg_put_u32 (sector + 8, bpg_crc32 (0, sector + 12, length));
    }
  return 0;
}
