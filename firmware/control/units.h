/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Units of the electrodes' values: as recordings name them, and as models do
 * (enum bpg_bpm_unit). */

#include "link/messages.h"

/* The code of a unit, 0 for one that no model can name. */
uint8_t bpg_unit_code (const struct bpg_text *name);

/* The name of a code, "" for one that is none. */
const char *bpg_unit_name (uint8_t code);
