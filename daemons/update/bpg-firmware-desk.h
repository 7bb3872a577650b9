/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-firmware-shelf.h"
#include "bpg-order.h"
#include "bpg-update.h"

#define BPG_TYPE_FIRMWARE_DESK (bpg_firmware_desk_get_type ())
G_DECLARE_FINAL_TYPE (BpgFirmwareDesk, bpg_firmware_desk, BPG, FIRMWARE_DESK, GObject)

/**
 * bpg_firmware_desk_new:
 * @update: not owned; outlives the desk
 *
 * Answers the calls of Update1 that are about firmware.
 */
BpgFirmwareDesk *bpg_firmware_desk_new (BpgUpdate *update, BpgFirmwareSettings *settings, BpgFirmwareShelf *shelf);

/* Answer StageFirmware, ImportFirmware, InstallFirmware; the caller has the right to. */
void bpg_firmware_desk_stage (BpgFirmwareDesk *self, GDBusMethodInvocation *invocation, GVariant *parameters);
void bpg_firmware_desk_import (BpgFirmwareDesk *self, GDBusMethodInvocation *invocation, GVariant *parameters);
void bpg_firmware_desk_install (BpgFirmwareDesk *self, GDBusMethodInvocation *invocation, GVariant *parameters);

/**
 * bpg_firmware_desk_recover:
 *
 * Goes on with a fetch that the previous process did not end.
 *
 * Returns: %FALSE when @job is none.
 */
gboolean bpg_firmware_desk_recover (BpgFirmwareDesk *self, BpgJob *job);

/**
 * bpg_firmware_desk_take_image:
 * @image: (nullable): what a caller says an order is about
 *
 * Returns: %FALSE with InvalidArgument when it is neither `model` nor `firmware`, or an option does not go with it.
 */
gboolean bpg_firmware_desk_take_image (const char *image, BpgOrder *order, GError **error);
