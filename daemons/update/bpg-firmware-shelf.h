/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-firmware-folder.h"

#define BPG_TYPE_FIRMWARE_SHELF (bpg_firmware_shelf_get_type ())
G_DECLARE_FINAL_TYPE (BpgFirmwareShelf, bpg_firmware_shelf, BPG, FIRMWARE_SHELF, GObject)

/**
 * bpg_firmware_shelf_new:
 *
 * Exports a Firmware1 object for each container that lies in one of the folders and was verified, and keeps in step with
 * the folders. What is there and cannot be trusted is a problem of the service.
 *
 * Signal "ready": once, when the folders were looked through for the first time.
 */
BpgFirmwareShelf *bpg_firmware_shelf_new (BpgService *service, BpgFirmwareSettings *settings);

/**
 * bpg_firmware_shelf_is_ready:
 */
gboolean bpg_firmware_shelf_is_ready (BpgFirmwareShelf *self);

/**
 * bpg_firmware_shelf_get:
 * @path: of a Firmware1 object
 *
 * Returns: (transfer none) (nullable): what it says.
 */
const BpgFirmware *bpg_firmware_shelf_get (BpgFirmwareShelf *self, const char *path);

/**
 * bpg_firmware_shelf_look_async:
 *
 * Looks through the folders once more.
 */
void bpg_firmware_shelf_look_async (BpgFirmwareShelf *self, GAsyncReadyCallback callback, gpointer user_data);
void bpg_firmware_shelf_look_finish (BpgFirmwareShelf *self, GAsyncResult *result);
