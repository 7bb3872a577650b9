/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A signed container, as the arm reads it from a slot. */
#include <glib.h>

#include "boot/image.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct bpg_image image;
  const uint8_t *key;
  uint32_t promised;
  size_t key_length;

  bpg_image_peek (data, size, &promised);
  if (bpg_image_rsa_key (data, size, &key, &key_length))
    g_assert_true (key >= data && key + key_length <= data + size);
  if (bpg_image_parse (data, size, &image) != BPG_IMAGE_OK)
    return 0;
  g_assert_true (image.payload >= data && image.payload + image.payload_length <= data + size);
  if (image.public_key != NULL)
    g_assert_true (image.public_key + image.public_key_length <= data + size);
  if (image.hardware != NULL)
    g_assert_true ((const uint8_t *) image.hardware + image.hardware_length <= data + size);
  return 0;
}
