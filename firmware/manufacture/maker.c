/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manufacture/maker.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "boot/image.h"
#include "manufacture/maker-ca.h"

static bool
is_name (const char *name, size_t most)
{
  size_t length = strlen (name);

  for (size_t i = 0; i < length; i++)
    {
      if (!g_ascii_isgraph (name[i]))
        return false;
    }
  return length >= 1 && length <= most;
}

static bool
check_names (const char *device_id, const char *hardware, GError **error)
{
  if (!is_name (device_id, BPG_DEVICE_ID_MAX))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "an arm's name has 1 to %u visible characters, without a space", BPG_DEVICE_ID_MAX);
      return false;
    }
  if (!is_name (hardware, BPG_IMAGE_TEXT_MAX))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "a hardware name has 1 to %u visible characters, without a space",
                   BPG_IMAGE_TEXT_MAX);
      return false;
    }
  return true;
}

static char *
make_code (const char *device_id, const char *fingerprint, GBytes *spki)
{
  g_autofree char *key = g_base64_encode (g_bytes_get_data (spki, NULL), g_bytes_get_size (spki));
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "deviceId");
  json_builder_add_string_value (builder, device_id);
  json_builder_set_member_name (builder, "fingerprint");
  json_builder_add_string_value (builder, fingerprint);
  json_builder_set_member_name (builder, "publicKey");
  json_builder_add_string_value (builder, key);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  return json_to_string (root, FALSE);
}

static struct bpg_bytes
borrow (GBytes *bytes)
{
  struct bpg_bytes borrowed = { NULL, 0 };
  gsize length;

  if (bytes != NULL)
    {
      borrowed.bytes = g_bytes_get_data (bytes, &length);
      borrowed.length = length;
    }
  return borrowed;
}

static GBytes *
make_sector (const char *device_id, const char *hardware, GBytes *spki, GBytes *certificate,
             GBytes *release, GError **error)
{
  struct bpg_factory factory = {
    .id = bpg_text (device_id),
    .hw = bpg_text (hardware),
    .key = borrow (spki),
    .cert = borrow (certificate),
    .release = borrow (release),
  };
  uint8_t sector[BPG_FACTORY_MOST];
  uint32_t length = bpg_factory_encode (&factory, sector);

  if (length > 0)
    return g_bytes_new (sector, length);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "the factory sector is too small for that");
  return NULL;
}

bool
bpg_maker_make (const struct bpg_maker_order *order, GBytes *spki, struct bpg_maker_arm *arm,
                GError **error)
{
  g_autoptr (GBytes) release = NULL;

  memset (arm, 0, sizeof *arm);
  arm->fingerprint = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, spki);
  arm->device_id = order->device_id != NULL ? g_strdup (order->device_id)
                                            : g_strdup_printf ("BP-%.8s", arm->fingerprint);
  if (!check_names (arm->device_id, order->hardware, error))
    return false;
  if (order->release != NULL)
    {
      release = bpg_maker_load_release (order->release, error);
      if (release == NULL)
        return false;
    }
  arm->certificate = bpg_maker_ca_issue (order->ca, arm->device_id, spki, error);
  if (arm->certificate == NULL)
    return false;
  arm->sector
    = make_sector (arm->device_id, order->hardware, spki, arm->certificate, release, error);
  arm->code = make_code (arm->device_id, arm->fingerprint, spki);
  return arm->sector != NULL;
}

void
bpg_maker_arm_clear (struct bpg_maker_arm *arm)
{
  g_free (arm->device_id);
  g_free (arm->fingerprint);
  g_clear_pointer (&arm->certificate, g_bytes_unref);
  g_clear_pointer (&arm->sector, g_bytes_unref);
  g_free (arm->code);
  memset (arm, 0, sizeof *arm);
}
