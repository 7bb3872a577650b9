/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-model-registry.h"

/**
 * BpgTuners:
 *
 * Keeps a BpgTuner for every prosthesis that org.bionicpro.Pairing1 knows as bound.
 */
#define BPG_TYPE_TUNERS (bpg_tuners_get_type ())
G_DECLARE_FINAL_TYPE (BpgTuners, bpg_tuners, BPG, TUNERS, GObject)

/** bpg_tuners_new: watches pairingd, whether or not it is there yet; it is not started for this. */
BpgTuners *bpg_tuners_new (BpgService *service, BpgModelRegistry *registry);

/** bpg_tuners_look: the registry has a new model, see bpg_tuner_look(). */
void bpg_tuners_look (BpgTuners *self);
