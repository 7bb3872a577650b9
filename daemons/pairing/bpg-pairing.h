/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-service.h"

#define BPG_TYPE_PAIRING (bpg_pairing_get_type ())
G_DECLARE_FINAL_TYPE (BpgPairing, bpg_pairing, BPG, PAIRING, GObject)

/**
 * bpg_pairing_get_info:
 *
 * Returns: what bpg_service_main() needs to run this daemon.
 */
const BpgServiceInfo *bpg_pairing_get_info (void);
