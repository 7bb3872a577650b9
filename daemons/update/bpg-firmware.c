/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-firmware.h"

#include "bpg-error.h"
#include "bpg-image-reader.h"

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

/* Finds the key that signed @container. */
static GBytes *
find_signer (GBytes *container, GPtrArray *keys, GError **error)
{
  g_autoptr (GError) local = NULL;

  for (guint i = 0; i < keys->len; i++) {
    GBytes *key = g_ptr_array_index (keys, i);

    g_clear_error (&local);
    if (bpg_image_check (container, key, &local))
      return key;
    if (!g_error_matches (local, BPG_ERROR, BPG_ERROR_SIGNATURE_INVALID)) {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
  }
  g_set_error (error, BPG_ERROR, BPG_ERROR_SIGNATURE_INVALID,
               "The firmware is signed by nobody whose release key this PC trusts");
  return NULL;
}

/* As an arm tells it. */
static char *
print_version (const BpgImageVersion *version)
{
  if (version->build == 0)
    return g_strdup_printf ("%u.%u.%u", version->major, version->minor, version->revision);
  return g_strdup_printf ("%u.%u.%u.%u", version->major, version->minor, version->revision, version->build);
}

static BpgFirmware *
describe (const BpgImageInfo *info, GBytes *signer)
{
  BpgFirmware *firmware = g_new0 (BpgFirmware, 1);

  firmware->hash = g_strdup (info->hash);
  firmware->version = print_version (&info->version);
  firmware->packed = bpg_image_version_pack (&info->version);
  firmware->hardware = g_utf8_make_valid (info->hardware != NULL ? info->hardware : "", -1);
  firmware->side = g_utf8_make_valid (info->side != NULL ? info->side : "any", -1);
  firmware->schema = info->has_schema ? info->schema : 0;
  firmware->signer = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, signer);
  firmware->size = info->total_length;
  return firmware;
}

BpgFirmware *
bpg_firmware_parse (GBytes *container, GPtrArray *keys, GError **error)
{
  gsize length = g_bytes_get_size (container);
  g_autoptr (BpgImageInfo) info = NULL;
  GBytes *signer;

  if (length > BPG_FIRMWARE_MAX) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_LIMIT_EXCEEDED, "Firmware has at most %u bytes, not %" G_GSIZE_FORMAT,
                 BPG_FIRMWARE_MAX, length);
    return NULL;
  }
  info = bpg_image_info_new (container, error);
  if (info == NULL)
    return NULL;
  /* What follows the end would be uploaded too, and nobody has signed it. */
  if (info->total_length != length) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "Behind the firmware's end there is more");
    return NULL;
  }
  signer = find_signer (container, keys, error);
  return signer != NULL ? describe (info, signer) : NULL;
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

static void
load_key (const char *path, GPtrArray *keys, GHashTable *problems)
{
  g_autoptr (GError) error = NULL;
  GBytes *key = bpg_public_key_open (path, &error);

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

    if (!g_str_has_suffix (name, ".pem") && !g_str_has_suffix (name, ".der"))
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
