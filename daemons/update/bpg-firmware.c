/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-firmware.h"

#include "bpg-error.h"
#include "bpg-file.h"
#include "bpg-image-builder.h"

#include "boot/image.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <string.h>

#define KEY_FILE_LIMIT 16384u
#define KEY_BITS 3072u
#define SALT_LENGTH 32u
/* So many files of a folder are looked at. */
#define KEY_FILES_MAX 64u

BpgFirmware *
bpg_firmware_copy (const BpgFirmware *firmware)
{
  BpgFirmware *copy = g_memdup2 (firmware, sizeof *firmware);

  copy->hash = g_strdup (firmware->hash);
  copy->version = g_strdup (firmware->version);
  copy->hardware = g_strdup (firmware->hardware);
  copy->side = g_strdup (firmware->side);
  copy->signer = g_strdup (firmware->signer);
  return copy;
}

void
bpg_firmware_free (BpgFirmware *firmware)
{
  g_free (firmware->hash);
  g_free (firmware->version);
  g_free (firmware->hardware);
  g_free (firmware->side);
  g_free (firmware->signer);
  g_free (firmware);
}

/* The cryptography of the arm's verifier. */

static void
sha256 (const uint8_t *bytes, size_t length, uint8_t hash[BPG_SHA256_SIZE])
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize size = BPG_SHA256_SIZE;

  g_checksum_update (checksum, bytes, (gssize) length);
  g_checksum_get_digest (checksum, hash, &size);
}

static gboolean
verify_with (gnutls_pubkey_t key, const gnutls_datum_t *digest, const gnutls_datum_t *signature)
{
  gnutls_x509_spki_t parameters;
  int rc = gnutls_x509_spki_init (&parameters);

  if (rc < 0)
    return FALSE;
  gnutls_x509_spki_set_rsa_pss_params (parameters, GNUTLS_DIG_SHA256, SALT_LENGTH);
  rc = gnutls_pubkey_set_spki (key, parameters, 0);
  if (rc >= 0)
    rc = gnutls_pubkey_verify_hash2 (key, GNUTLS_SIGN_RSA_PSS_SHA256, 0, digest, signature);
  gnutls_x509_spki_deinit (parameters);
  return rc >= 0;
}

static bool
rsa_pss_verify (const uint8_t *spki, size_t spki_length, const uint8_t hash[BPG_SHA256_SIZE],
                const uint8_t signature[BPG_RSA3072_SIZE])
{
  const gnutls_datum_t der = {(unsigned char *) spki, (unsigned int) spki_length};
  const gnutls_datum_t digest = {(unsigned char *) hash, BPG_SHA256_SIZE};
  const gnutls_datum_t datum = {(unsigned char *) signature, BPG_RSA3072_SIZE};
  gnutls_pubkey_t key = NULL;
  gboolean holds = gnutls_pubkey_init (&key) >= 0;

  holds = holds && gnutls_pubkey_import (key, &der, GNUTLS_X509_FMT_DER) >= 0 && verify_with (key, &digest, &datum);
  if (key != NULL)
    gnutls_pubkey_deinit (key);
  return holds;
}

static const struct bpg_image_crypto crypto = {.sha256 = sha256, .rsa_pss_verify = rsa_pss_verify};

static gboolean
set_image_error (GError **error, int code)
{
  switch (code) {
  case BPG_IMAGE_EKEY:
    g_set_error (error, BPG_ERROR, BPG_ERROR_SIGNATURE_INVALID,
                 "The firmware is signed by nobody whose release key this PC trusts");
    break;
  case BPG_IMAGE_ESIGNATURE:
    g_set_error (error, BPG_ERROR, BPG_ERROR_SIGNATURE_INVALID, "The firmware's signature does not hold");
    break;
  case BPG_IMAGE_EHASH:
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "The firmware is damaged: its hash does not fit");
    break;
  default:
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "That is no signed firmware, or not all of it");
    break;
  }
  return FALSE;
}

/* Finds the key that signed @image. */
static GBytes *
find_signer (const struct bpg_image *image, GPtrArray *keys, GError **error)
{
  int code = BPG_IMAGE_EKEY;

  for (guint i = 0; i < keys->len && code == BPG_IMAGE_EKEY; i++) {
    GBytes *key = g_ptr_array_index (keys, i);

    code = bpg_image_verify (image, g_bytes_get_data (key, NULL), g_bytes_get_size (key), &crypto);
    if (code == BPG_IMAGE_OK)
      return key;
  }
  set_image_error (error, code);
  return NULL;
}

static char *
print_version (const struct bpg_image_version *version)
{
  if (version->build == 0)
    return g_strdup_printf ("%u.%u.%u", version->major, version->minor, version->revision);
  return g_strdup_printf ("%u.%u.%u.%u", version->major, version->minor, version->revision, version->build);
}

static char *
print_text (const char *text, gsize length, const char *fallback)
{
  return text != NULL ? g_utf8_make_valid (text, (gssize) length) : g_strdup (fallback);
}

static BpgFirmware *
describe (const struct bpg_image *image, GBytes *signer)
{
  BpgFirmware *firmware = g_new0 (BpgFirmware, 1);
  const BpgImageVersion version = {image->version.major, image->version.minor, image->version.revision,
                                   image->version.build};
  GString *hash = g_string_sized_new (2 * BPG_SHA256_SIZE);

  for (guint i = 0; i < BPG_SHA256_SIZE; i++)
    g_string_append_printf (hash, "%02x", image->hash[i]);
  firmware->hash = g_string_free (hash, FALSE);
  firmware->version = print_version (&image->version);
  firmware->packed = bpg_image_version_pack (&version);
  firmware->hardware = print_text (image->hardware, image->hardware_length, "");
  firmware->side = print_text (image->side, image->side_length, "any");
  firmware->schema = image->has_schema ? image->schema : 0;
  firmware->signer = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, signer);
  firmware->size = image->total_length;
  return firmware;
}

BpgFirmware *
bpg_firmware_parse (GBytes *container, GPtrArray *keys, GError **error)
{
  gsize length;
  const guint8 *bytes = g_bytes_get_data (container, &length);
  struct bpg_image image;
  GBytes *signer;
  int code;

  if (length > BPG_FIRMWARE_MAX) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_LIMIT_EXCEEDED, "Firmware has at most %u bytes, not %" G_GSIZE_FORMAT,
                 BPG_FIRMWARE_MAX, length);
    return NULL;
  }
  code = bpg_image_parse (bytes, length, &image);
  /* What follows the end would be uploaded too, and nobody has signed it. */
  if (code != BPG_IMAGE_OK || image.total_length != length || image.hash == NULL) {
    set_image_error (error, BPG_IMAGE_ELAYOUT);
    return NULL;
  }
  signer = find_signer (&image, keys, error);
  return signer != NULL ? describe (&image, signer) : NULL;
}

gboolean
bpg_firmware_pack_version (const char *text, guint64 *packed)
{
  static const guint64 most[] = {G_MAXUINT8, G_MAXUINT8, G_MAXUINT16, G_MAXUINT32};
  g_auto (GStrv) words = g_strsplit (text, ".", G_N_ELEMENTS (most) + 1);
  guint64 numbers[G_N_ELEMENTS (most)] = {0};
  guint n = g_strv_length (words);

  if (n < 3 || n > G_N_ELEMENTS (most))
    return FALSE;
  for (guint i = 0; i < n; i++)
    if (!g_ascii_string_to_unsigned (words[i], 10, 0, most[i], &numbers[i], NULL))
      return FALSE;
  *packed = numbers[0] << 56 | numbers[1] << 48 | numbers[2] << 32 | numbers[3];
  return TRUE;
}

/* The release keys. */

static GBytes *
import_key (GBytes *pem, GError **error)
{
  gnutls_datum_t datum = {(unsigned char *) g_bytes_get_data (pem, NULL), (unsigned int) g_bytes_get_size (pem)};
  gnutls_datum_t spki = {NULL, 0};
  gnutls_pubkey_t key = NULL;
  GBytes *bytes = NULL;
  unsigned int bits = 0;
  int rc = gnutls_pubkey_init (&key);

  if (rc >= 0)
    rc = gnutls_pubkey_import (key, &datum, GNUTLS_X509_FMT_PEM);
  if (rc >= 0 && (gnutls_pubkey_get_pk_algorithm (key, &bits) != GNUTLS_PK_RSA || bits != KEY_BITS))
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "It is not an RSA key of %u bits", KEY_BITS);
  else if (rc >= 0 && (rc = gnutls_pubkey_export2 (key, GNUTLS_X509_FMT_DER, &spki)) >= 0)
    bytes = g_bytes_new (spki.data, spki.size);
  if (rc < 0)
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "It is not a public key: %s", gnutls_strerror (rc));
  gnutls_free (spki.data);
  if (key != NULL)
    gnutls_pubkey_deinit (key);
  return bytes;
}

static void
load_key (const char *path, GPtrArray *keys, GHashTable *problems)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) pem = bpg_file_read (path, KEY_FILE_LIMIT, &error);
  GBytes *key = pem != NULL ? import_key (pem, &error) : NULL;

  if (key != NULL)
    g_ptr_array_add (keys, key);
  else if (problems != NULL)
    g_hash_table_replace (problems, g_strdup (path), g_steal_pointer (&error));
}

static void
load_folder (const char *path, GPtrArray *keys, GHashTable *problems)
{
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  const char *name;
  guint n = 0;

  while (folder != NULL && n < KEY_FILES_MAX && (name = g_dir_read_name (folder)) != NULL) {
    g_autofree char *file = g_build_filename (path, name, NULL);

    if (!g_str_has_suffix (name, ".pem"))
      continue;
    load_key (file, keys, problems);
    n++;
  }
}

GPtrArray *
bpg_firmware_load_keys (const char *const *paths, GHashTable *problems)
{
  GPtrArray *keys = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);

  for (guint i = 0; paths[i] != NULL; i++) {
    if (g_file_test (paths[i], G_FILE_TEST_IS_DIR))
      load_folder (paths[i], keys, problems);
    else if (g_file_test (paths[i], G_FILE_TEST_EXISTS))
      load_key (paths[i], keys, problems);
  }
  return keys;
}
