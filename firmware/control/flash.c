/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control/flash.h"

bool
bpg_flash_write (enum bpg_flash_area area, uint32_t offset, const uint8_t *bytes, uint32_t length)
{
  while (length > 0)
    {
      uint32_t room = BPG_FLASH_PAGE - offset % BPG_FLASH_PAGE;
      uint32_t part = length < room ? length : room;

      if (!bpg_port_flash_write (area, offset, bytes, part))
        return false;
      offset += part;
      bytes += part;
      length -= part;
    }
  return true;
}

bool
bpg_flash_replace_sector (enum bpg_flash_area area, uint32_t offset, const uint8_t *bytes,
                          uint32_t length)
{
  return bpg_port_flash_erase (area, offset) && bpg_flash_write (area, offset, bytes, length);
}

bool
bpg_flash_is_blank (enum bpg_flash_area area, uint32_t offset, uint32_t length)
{
  const uint8_t *bytes = bpg_port_flash_map (area) + offset;

  for (uint32_t i = 0; i < length; i++)
    {
      if (bytes[i] != 0xFF)
        return false;
    }
  return true;
}
