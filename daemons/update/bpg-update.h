/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-service.h"

#define BPG_TYPE_UPDATE (bpg_update_get_type ())
G_DECLARE_FINAL_TYPE (BpgUpdate, bpg_update, BPG, UPDATE, GObject)

/**
 * bpg_update_info:
 *
 * What bpg_service_main() needs to know of bionicpro-updated.
 */
extern const BpgServiceInfo bpg_update_info;

/**
 * bpg_update_new:
 *
 * Opens the history and the clinic's key, and begins to watch for prostheses.
 */
BpgUpdate *bpg_update_new (BpgService *service, GError **error);

/**
 * bpg_update_ready:
 *
 * The name is owned: takes up the jobs of the previous process.
 */
void bpg_update_ready (BpgUpdate *self);
