/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-firmware-folder.h"
#include "bpg-order.h"
#include "bpg-slots.h"
#include "bpg-work.h"

#define BPG_TYPE_FIRMWARE_WORK (bpg_firmware_work_get_type ())
G_DECLARE_FINAL_TYPE (BpgFirmwareWork, bpg_firmware_work, BPG, FIRMWARE_WORK, GObject)

/**
 * bpg_firmware_work_start:
 * @order: (transfer full)
 * @func: called once, unless @owner has gone before
 *
 * Does a job about an arm's firmware, as bpg_work_start() does one about its model: reads and verifies the container in
 * a worker, takes the management channel, does the procedure in a worker; lets the channel go while the arm restarts,
 * waits for it for at most a minute, looks what runs; writes the history, tells the slots, and ends @job.
 */
void bpg_firmware_work_start (BpgService *service, BpgHistory *history, BpgFirmwareSettings *settings, BpgSlots *slots,
                              const BpgArm *arm, BpgJob *job, BpgOrder *order, BpgWorkFunc func, GObject *owner);
