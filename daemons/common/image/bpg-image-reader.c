/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-image-reader.h"

#include "bpg-error.h"

#include "boot/image.h"

static void
compute_sha256 (const uint8_t *bytes, size_t length, uint8_t hash[BPG_SHA256_SIZE])
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize size = BPG_SHA256_SIZE;

  g_checksum_update (checksum, bytes, (gssize) length);
  g_checksum_get_digest (checksum, hash, &size);
}

static bool
verify (const uint8_t *spki, size_t spki_length, const uint8_t hash[BPG_SHA256_SIZE],
        const uint8_t signature[BPG_RSA3072_SIZE])
{
  g_autoptr (GBytes) key = g_bytes_new (spki, spki_length);

  return bpg_signature_holds (key, hash, signature);
}

static const struct bpg_image_crypto crypto = {.sha256 = compute_sha256, .rsa_pss_verify = verify};

static gboolean
parse (GBytes *container, struct bpg_image *image, GError **error)
{
  switch (bpg_image_parse (g_bytes_get_data (container, NULL), g_bytes_get_size (container), image)) {
  case BPG_IMAGE_OK:
    return TRUE;
  case BPG_IMAGE_EMAGIC:
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "It is no container");
    return FALSE;
  case BPG_IMAGE_ETRUNCATED:
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The container is not whole");
    return FALSE;
  default:
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The container contradicts itself");
    return FALSE;
  }
}

/* A claim may hold anything. */
static char *
to_text (const char *bytes, gsize length)
{
  return bytes != NULL ? g_utf8_make_valid (bytes, (gssize) length) : NULL;
}

BpgImageInfo *
bpg_image_info_new (GBytes *container, GError **error)
{
  struct bpg_image image;
  BpgImageInfo *info;

  if (!parse (container, &image, error))
    return NULL;
  info = g_new0 (BpgImageInfo, 1);
  info->version = (BpgImageVersion){image.version.major, image.version.minor, image.version.revision,
                                    image.version.build};
  info->hash = g_compute_checksum_for_data (G_CHECKSUM_SHA256, image.bytes, image.hashed_length);
  info->hardware = to_text (image.hardware, image.hardware_length);
  info->side = to_text (image.side, image.side_length);
  info->has_schema = image.has_schema;
  info->schema = image.schema;
  info->key_hash = image.key_hash != NULL ? bpg_hash_to_hex (image.key_hash)
                   : image.public_key != NULL
                     ? g_compute_checksum_for_data (G_CHECKSUM_SHA256, image.public_key, image.public_key_length)
                     : NULL;
  info->header_size = (gsize) (image.payload - image.bytes);
  info->payload_length = image.payload_length;
  info->total_length = image.total_length;
  return info;
}

void
bpg_image_info_free (BpgImageInfo *info)
{
  g_free (info->hash);
  g_free (info->hardware);
  g_free (info->side);
  g_free (info->key_hash);
  g_free (info);
}

gboolean
bpg_image_check (GBytes *container, GBytes *public_key, GError **error)
{
  struct bpg_image image;

  if (!parse (container, &image, error))
    return FALSE;
  switch (bpg_image_verify (&image, g_bytes_get_data (public_key, NULL), g_bytes_get_size (public_key), &crypto)) {
  case BPG_IMAGE_OK:
    return TRUE;
  case BPG_IMAGE_EHASH:
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The container's bytes do not have the hash it says");
    return FALSE;
  case BPG_IMAGE_EKEY:
    g_set_error (error, BPG_ERROR, BPG_ERROR_SIGNATURE_INVALID, "The container was signed by another key");
    return FALSE;
  case BPG_IMAGE_EKIND:
    g_set_error (error, BPG_ERROR, BPG_ERROR_INCOMPATIBLE,
                 "The container is encrypted, compressed or not meant to be started");
    return FALSE;
  default:
    g_set_error (error, BPG_ERROR, BPG_ERROR_SIGNATURE_INVALID, "The container's signature does not hold");
    return FALSE;
  }
}
