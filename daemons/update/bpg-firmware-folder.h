/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-firmware.h"

#include "bpg-service.h"

/* So many containers are kept of those that were fetched or handed in; the oldest go first. */
#define BPG_FIRMWARE_KEPT 16u

/**
 * bpg_firmware_options:
 *
 * What the daemon's command line says about firmware.
 */
extern const GOptionEntry bpg_firmware_options[];

/**
 * BpgFirmwareSettings:
 * @own: the folder that the daemon itself writes to
 * @folders: @own, and those of others, which are only read
 * @keys: files and folders of release keys
 * @ca_file: (nullable): whom to trust with HTTPS; %NULL: whom the system trusts
 * @power: see bpg_power_read()
 *
 * Where firmware comes from.
 */
typedef struct {
  char *own;
  GStrv folders;
  GStrv keys;
  char *ca_file;
  char *power;
} BpgFirmwareSettings;

/**
 * bpg_firmware_settings_new:
 *
 * What the command line said, else the defaults.
 *
 * Returns: (transfer full): the settings, which workers may keep by a reference of their own.
 */
BpgFirmwareSettings *bpg_firmware_settings_new (BpgService *service);
BpgFirmwareSettings *bpg_firmware_settings_ref (BpgFirmwareSettings *settings);
void bpg_firmware_settings_unref (BpgFirmwareSettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgFirmwareSettings, bpg_firmware_settings_unref)

/**
 * BpgStaged:
 * @path: its file
 * @source: where it came from: an address, a name, or the file itself
 * @added: µs of the real clock
 *
 * A container that was verified, and may be installed.
 */
typedef struct {
  BpgFirmware *firmware;
  char *path;
  char *source;
  guint64 added;
} BpgStaged;

void bpg_staged_free (BpgStaged *staged);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgStaged, bpg_staged_free)

/**
 * bpg_firmware_folder_scan:
 * @problems: receives path -> GError for each container, or key, that is none or cannot be trusted
 *
 * Looks through the folders. Files that are no containers at all are passed over. Blocks; for workers, as all below.
 *
 * Returns: (transfer full) (element-type BpgStaged): each container once.
 */
GPtrArray *bpg_firmware_folder_scan (const BpgFirmwareSettings *settings, GHashTable *problems);

/**
 * bpg_firmware_folder_open:
 * @hash: of the container
 * @firmware: (out): what it says
 *
 * Reads and verifies a container anew, wherever it lies.
 *
 * Returns: (transfer full): the container, or %NULL with NotFound.
 */
GBytes *bpg_firmware_folder_open (const BpgFirmwareSettings *settings, const char *hash, BpgFirmware **firmware,
                                  GError **error);

/**
 * bpg_firmware_folder_keep:
 * @source: as BpgStaged has it
 *
 * Verifies a container and keeps it in the daemon's own folder, from where the oldest beyond BPG_FIRMWARE_KEPT go.
 *
 * Returns: (transfer full): what it says; %NULL with the errors of bpg_firmware_parse(), NoSpace or Failed.
 */
BpgFirmware *bpg_firmware_folder_keep (const BpgFirmwareSettings *settings, GBytes *container, const char *source,
                                       GError **error);

/**
 * bpg_firmware_folder_has:
 *
 * Returns: whether the daemon's own folder has a container of that hash.
 */
gboolean bpg_firmware_folder_has (const BpgFirmwareSettings *settings, const char *hash);
