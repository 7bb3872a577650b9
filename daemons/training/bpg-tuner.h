/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-model-registry.h"

/**
 * BpgTuner:
 *
 * Listens to the decisions of one bound prosthesis and says how well its model still fits, org.bionicpro.Tuning1.
 */
#define BPG_TYPE_TUNER (bpg_tuner_get_type ())
G_DECLARE_FINAL_TYPE (BpgTuner, bpg_tuner, BPG, TUNER, GObject)

/**
 * bpg_tuner_new:
 * @arm: the prosthesis, connected or not
 *
 * Exports it; bpg_tuner_close() takes it off the bus.
 */
BpgTuner *bpg_tuner_new (BpgService *service, BpgModelRegistry *registry, BpgDBusProsthesis1 *arm);

/** bpg_tuner_look: looks for the model on the arm again, after the registry has a new one. */
void bpg_tuner_look (BpgTuner *self);

void bpg_tuner_close (BpgTuner *self);
