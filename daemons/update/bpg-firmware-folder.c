/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-firmware-folder.h"

#include "bpg-error.h"
#include "bpg-file.h"
#include "bpg-power.h"

#include "boot/image.h"

#include <glib/gstdio.h>
#include <string.h>

#define SUFFIX ".bin"
#define NOTE_SUFFIX ".ini"
#define NOTE_GROUP "Firmware"
/* So many files of a folder are looked at. */
#define FILES_MAX 256u

static char **folder_options;
static char **key_options;
static char *ca_option;
static char *power_option;

const GOptionEntry bpg_firmware_options[] = {
  {"firmware-dir", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &folder_options,
   "Offer the firmware there, too (" BPG_FIRMWARE_DIR ")", "DIR"},
  {"release-key", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &key_options,
   "Trust firmware signed with this public key, or those in this folder (" BPG_RELEASE_KEYS ")", "FILE"},
  {"ca-file", 0, 0, G_OPTION_ARG_FILENAME, &ca_option, "Trust these authorities when fetching (the system's)", "FILE"},
  {"power-supply-dir", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_FILENAME, &power_option,
   "Look there what this PC runs on", "DIR"},
  {NULL},
};

static GStrv
make_list (const char *first, char **given, const char *fallback)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  if (first != NULL)
    g_strv_builder_add (builder, first);
  if (given != NULL)
    g_strv_builder_addv (builder, (const char **) given);
  else
    g_strv_builder_add (builder, fallback);
  return g_strv_builder_end (builder);
}

BpgFirmwareSettings *
bpg_firmware_settings_new (BpgService *service)
{
  BpgFirmwareSettings *settings = g_atomic_rc_box_new0 (BpgFirmwareSettings);

  settings->own = g_build_filename (bpg_service_get_state_dir (service), "firmware", NULL);
  settings->folders = make_list (settings->own, folder_options, BPG_FIRMWARE_DIR);
  settings->keys = make_list (NULL, key_options, BPG_RELEASE_KEYS);
  settings->ca_file = g_strdup (ca_option);
  settings->power = g_strdup (power_option != NULL ? power_option : BPG_POWER_FOLDER);
  return settings;
}

BpgFirmwareSettings *
bpg_firmware_settings_ref (BpgFirmwareSettings *settings)
{
  return g_atomic_rc_box_acquire (settings);
}

static void
clear_settings (gpointer data)
{
  BpgFirmwareSettings *settings = data;

  g_free (settings->own);
  g_strfreev (settings->folders);
  g_strfreev (settings->keys);
  g_free (settings->ca_file);
  g_free (settings->power);
}

void
bpg_firmware_settings_unref (BpgFirmwareSettings *settings)
{
  g_atomic_rc_box_release_full (settings, clear_settings);
}

void
bpg_staged_free (BpgStaged *staged)
{
  g_clear_pointer (&staged->firmware, bpg_firmware_free);
  g_free (staged->path);
  g_free (staged->source);
  g_free (staged);
}

/* Files of our own are named by their hash, with a note beside them of where they came from. */

static char *
get_path (const BpgFirmwareSettings *settings, const char *hash, const char *suffix)
{
  g_autofree char *name = g_strconcat (hash, suffix, NULL);

  return g_build_filename (settings->own, name, NULL);
}

static guint64
get_time (const char *path)
{
  GStatBuf status;

  return g_stat (path, &status) == 0 ? (guint64) status.st_mtime * G_USEC_PER_SEC : 0;
}

/* A container from elsewhere has no note: it came from where it lies, when it was written. */
static void
take_note (BpgStaged *staged)
{
  g_autofree char *stem = g_strndup (staged->path, strlen (staged->path) - strlen (SUFFIX));
  g_autofree char *path = g_strconcat (stem, NOTE_SUFFIX, NULL);
  g_autoptr (GKeyFile) note = g_key_file_new ();

  staged->added = get_time (staged->path);
  if (g_str_has_suffix (staged->path, SUFFIX) && g_key_file_load_from_file (note, path, G_KEY_FILE_NONE, NULL)) {
    guint64 added = g_key_file_get_uint64 (note, NOTE_GROUP, "added", NULL);

    staged->source = g_key_file_get_string (note, NOTE_GROUP, "source", NULL);
    if (added > 0)
      staged->added = added;
  }
  if (staged->source == NULL)
    staged->source = g_strdup (staged->path);
}

static gboolean
is_container (GBytes *bytes)
{
  uint32_t length;

  return bpg_image_peek (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), &length) == BPG_IMAGE_OK;
}

static void
look_at (const char *path, GPtrArray *keys, GHashTable *found, GHashTable *problems)
{
  g_autoptr (GBytes) container = bpg_file_read (path, BPG_FIRMWARE_MAX, NULL);
  g_autoptr (GError) error = NULL;
  BpgFirmware *firmware;
  BpgStaged *staged;

  if (container == NULL || !is_container (container))
    return;
  firmware = bpg_firmware_parse (container, keys, &error);
  if (firmware == NULL) {
    g_hash_table_replace (problems, g_strdup (path), g_steal_pointer (&error));
    return;
  }
  if (g_hash_table_contains (found, firmware->hash)) {
    bpg_firmware_free (firmware);
    return;
  }
  staged = g_new0 (BpgStaged, 1);
  staged->firmware = firmware;
  staged->path = g_strdup (path);
  take_note (staged);
  g_hash_table_insert (found, firmware->hash, staged);
}

static void
scan_folder (const char *folder, GPtrArray *keys, GHashTable *found, GHashTable *problems)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  guint n = 0;

  while (dir != NULL && n < FILES_MAX && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    if (name[0] == '.' || g_str_has_suffix (name, NOTE_SUFFIX))
      continue;
    look_at (path, keys, found, problems);
    n++;
  }
}

GPtrArray *
bpg_firmware_folder_scan (const BpgFirmwareSettings *settings, GHashTable *problems)
{
  g_autoptr (GPtrArray) keys = bpg_firmware_load_keys ((const char *const *) settings->keys, problems);
  g_autoptr (GHashTable) found = g_hash_table_new (g_str_hash, g_str_equal);
  GPtrArray *all = g_ptr_array_new_with_free_func ((GDestroyNotify) bpg_staged_free);
  GHashTableIter iter;
  gpointer staged;

  for (guint i = 0; settings->folders[i] != NULL; i++)
    scan_folder (settings->folders[i], keys, found, problems);
  g_hash_table_iter_init (&iter, found);
  while (g_hash_table_iter_next (&iter, NULL, &staged))
    g_ptr_array_add (all, staged);
  return all;
}

GBytes *
bpg_firmware_folder_open (const BpgFirmwareSettings *settings, const char *hash, BpgFirmware **firmware,
                          GError **error)
{
  g_autoptr (GHashTable) problems =
    g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_error_free);
  g_autoptr (GPtrArray) all = bpg_firmware_folder_scan (settings, problems);

  for (guint i = 0; i < all->len; i++) {
    BpgStaged *staged = g_ptr_array_index (all, i);
    GBytes *container;

    if (!g_str_equal (staged->firmware->hash, hash))
      continue;
    container = bpg_file_read (staged->path, BPG_FIRMWARE_MAX, error);
    if (container != NULL)
      *firmware = g_steal_pointer (&staged->firmware);
    return container;
  }
  g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, "The firmware is no longer here, or no longer trusted");
  return NULL;
}

static gint
compare_newer (gconstpointer a, gconstpointer b)
{
  const BpgStaged *first = *(const BpgStaged *const *) a;
  const BpgStaged *second = *(const BpgStaged *const *) b;

  return first->added < second->added ? 1 : first->added > second->added ? -1 : 0;
}

static void
forget_oldest (const BpgFirmwareSettings *settings)
{
  g_autoptr (GHashTable) problems =
    g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_error_free);
  char *only[] = {settings->own, NULL};
  const BpgFirmwareSettings own = {.folders = only, .keys = settings->keys};
  g_autoptr (GPtrArray) all = bpg_firmware_folder_scan (&own, problems);

  g_ptr_array_sort (all, compare_newer);
  for (guint i = BPG_FIRMWARE_KEPT; i < all->len; i++) {
    const BpgStaged *staged = g_ptr_array_index (all, i);
    g_autofree char *note = get_path (settings, staged->firmware->hash, NOTE_SUFFIX);

    g_unlink (staged->path);
    g_unlink (note);
  }
}

static gboolean
write_note (const char *path, const char *source, GError **error)
{
  g_autoptr (GKeyFile) note = g_key_file_new ();
  g_autofree char *text = NULL;
  gsize length;

  g_key_file_set_string (note, NOTE_GROUP, "source", source);
  g_key_file_set_uint64 (note, NOTE_GROUP, "added", (guint64) g_get_real_time ());
  text = g_key_file_to_data (note, &length, NULL);
  return bpg_file_write_durable (path, text, length, 0600, error);
}

BpgFirmware *
bpg_firmware_folder_keep (const BpgFirmwareSettings *settings, GBytes *container, const char *source, GError **error)
{
  g_autoptr (GPtrArray) keys = bpg_firmware_load_keys ((const char *const *) settings->keys, NULL);
  g_autoptr (BpgFirmware) firmware = bpg_firmware_parse (container, keys, error);
  g_autofree char *path = NULL;
  g_autofree char *note = NULL;

  if (firmware == NULL || !bpg_file_ensure_folder (settings->own, error))
    return NULL;
  path = get_path (settings, firmware->hash, SUFFIX);
  note = get_path (settings, firmware->hash, NOTE_SUFFIX);
  if (!write_note (note, source, error) ||
      !bpg_file_write_durable (path, g_bytes_get_data (container, NULL), g_bytes_get_size (container), 0600, error))
    return NULL;
  forget_oldest (settings);
  return g_steal_pointer (&firmware);
}

gboolean
bpg_firmware_folder_has (const BpgFirmwareSettings *settings, const char *hash)
{
  g_autofree char *path = get_path (settings, hash, SUFFIX);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}
