/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control/factory.h"

#include <stddef.h>

#include "link/checksum.h"
#include "link/little-endian.h"

#define FACTORY_MAGIC 0x46425042u /* "BPBF" */
#define FACTORY_HEADER 12u
#define FACTORY_MOST (BPG_FACTORY_MOST - FACTORY_HEADER)

static const struct bpg_field factory_fields[] = {
  { "id", BPG_FIELD_TEXT, true, offsetof (struct bpg_factory, id) },
  { "hw", BPG_FIELD_TEXT, true, offsetof (struct bpg_factory, hw) },
  { "key", BPG_FIELD_BYTES, true, offsetof (struct bpg_factory, key) },
  { "cert", BPG_FIELD_BYTES, false, offsetof (struct bpg_factory, cert) },
  { "release", BPG_FIELD_BYTES, false, offsetof (struct bpg_factory, release) },
};

static const struct bpg_format factory_format = {
  factory_fields,
  sizeof factory_fields / sizeof factory_fields[0],
  sizeof (struct bpg_factory),
};

bool
bpg_factory_decode (const uint8_t *sector, struct bpg_factory *factory)
{
  uint32_t length = bpg_get_u32 (sector + 4);
  struct bpg_cbor_item map;

  if (bpg_get_u32 (sector) != FACTORY_MAGIC || length > FACTORY_MOST
      || bpg_get_u32 (sector + 8) != bpg_crc32 (0, sector + FACTORY_HEADER, length))
    return false;
  return bpg_cbor_read_map (sector + FACTORY_HEADER, length, &map)
         && bpg_message_read (&factory_format, &map, factory)
         && factory->id.length <= BPG_DEVICE_ID_MAX && factory->key.length <= BPG_KEY_MAX
         && factory->cert.length <= BPG_CERTIFICATE_MAX;
}

uint32_t
bpg_factory_encode (const struct bpg_factory *factory, uint8_t sector[BPG_FACTORY_MOST])
{
  struct bpg_cbor_writer writer;
  uint32_t length;

  bpg_cbor_writer_init (&writer, sector + FACTORY_HEADER, FACTORY_MOST);
  bpg_cbor_open_map (&writer);
  bpg_message_write (&factory_format, factory, &writer);
  bpg_cbor_close (&writer);
  if (writer.overflow)
    return 0;

  length = (uint32_t) writer.length;
  bpg_put_u32 (sector, FACTORY_MAGIC);
  bpg_put_u32 (sector + 4, length);
  bpg_put_u32 (sector + 8, bpg_crc32 (0, sector + FACTORY_HEADER, length));
  length += FACTORY_HEADER;
  while (length % 4 != 0)
    sector[length++] = 0xFF;
  return length;
}
