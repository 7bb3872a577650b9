/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-service.h"

/**
 * BpgTrainingd:
 *
 * The daemon: org.bionicpro.Training1 and everything below it.
 */
#define BPG_TYPE_TRAININGD (bpg_trainingd_get_type ())
G_DECLARE_FINAL_TYPE (BpgTrainingd, bpg_trainingd, BPG, TRAININGD, GObject)

/** bpg_trainingd_info: what bpg_service_main() needs to know of it. */
const BpgServiceInfo *bpg_trainingd_info (void);

/**
 * bpg_trainingd_start:
 *
 * Opens the state folder and exports everything.
 *
 * Returns: (transfer full): the daemon as a GObject, or %NULL with NoSpace or Failed.
 */
GObject *bpg_trainingd_start (BpgService *service, GError **error);
