/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-firmware-folder.h"
#include "bpg-work.h"

/**
 * bpg_firmware_work_start:
 *
 * Does a job about an arm's firmware, as bpg_model_work_start() does one about its model: reads and verifies the
 * container in a worker, takes the management channel, does the procedure in a worker; lets the channel go while the arm
 * restarts, waits for it for at most a minute, looks what runs; writes the history, tells the slots, and ends the job.
 */
void bpg_firmware_work_start (const BpgWorkTask *task, BpgFirmwareSettings *settings);
