/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim-manufacture.h"

#include <gio/gio.h>
#include <glib/gstdio.h>

#include "control/flash.h"
#include "manufacture/maker.h"

static bool
write_sector (GBytes *sector, GError **error)
{
  gsize length;
  const uint8_t *bytes = g_bytes_get_data (sector, &length);

  if (bpg_flash_replace_sector (BPG_FLASH_FACTORY, 0, bytes, (uint32_t) length))
    return true;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "the factory sector cannot be written");
  return false;
}

static bool
make (const struct sim_manufacture *order, const char *key_path, GError **error)
{
  const struct bpg_maker_order maker
    = { order->device_id, order->hardware, order->ca, order->release };
  g_autofree char *code_path = g_build_filename (order->directory, "qr.json", NULL);
  g_autoptr (BpgMakerKey) key = bpg_maker_key_generate (error);
  g_autoptr (GBytes) spki = NULL;
  struct bpg_maker_arm arm;
  bool ok;

  if (key == NULL || !bpg_maker_key_save (key, key_path, error))
    return false;
  spki = bpg_maker_key_public (key, error);
  if (spki == NULL)
    return false;
  ok = bpg_maker_make (&maker, spki, &arm, error) && write_sector (arm.sector, error)
       && g_file_set_contents (code_path, arm.code, -1, error);
  bpg_maker_arm_clear (&arm);
  return ok;
}

bool
sim_manufacture (const struct sim_manufacture *order, struct sim_flash *flash, GError **error)
{
  g_autofree char *key_path = g_build_filename (order->directory, "element.pem", NULL);
  bool ok;

  if (g_file_test (key_path, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS, "%s: this arm has been made already",
                   order->directory);
      return false;
    }
  ok = make (order, key_path, error);
  if (!ok)
    g_unlink (key_path);
  return ok;
}
