/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-service.h"

/**
 * bpg_flash_work_handle:
 * @invocation: (transfer full): a call of Update1.FlashRom whose caller has the right
 *
 * Answers with a job, or with InvalidArgument, UnknownOption, Busy (a job works on that port) or LimitExceeded; reads the
 * images and does the work in a worker, and ends the job.
 */
void bpg_flash_work_handle (BpgService *service, GDBusMethodInvocation *invocation, GVariant *parameters);
