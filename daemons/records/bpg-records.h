/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-service.h"

#define BPG_TYPE_RECORDS (bpg_records_get_type ())
G_DECLARE_FINAL_TYPE (BpgRecords, bpg_records, BPG, RECORDS, GObject)

/**
 * bpg_records_info:
 *
 * What bpg_service_main() needs to know of bionicpro-recordsd.
 */
extern const BpgServiceInfo bpg_records_info;

/**
 * bpg_records_new:
 *
 * Opens the archive and exports every patient and recording.
 */
BpgRecords *bpg_records_new (BpgService *service, GError **error);

/**
 * bpg_records_ready:
 *
 * The name is owned: takes up the jobs of the previous process, and begins to watch for prostheses.
 */
void bpg_records_ready (BpgRecords *self);
