/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control/factory.h"

#include "control/flash.h"

bool
bpg_factory_load (struct bpg_factory *factory)
{
  return bpg_factory_decode (bpg_port_flash_map (BPG_FLASH_FACTORY), factory);
}

bool
bpg_factory_save (const struct bpg_factory *factory)
{
  uint8_t sector[BPG_FACTORY_MOST];
  uint32_t length = bpg_factory_encode (factory, sector);

  return length > 0 && bpg_flash_replace_sector (BPG_FLASH_FACTORY, 0, sector, length);
}
