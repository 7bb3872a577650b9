/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Units of the electrodes' values: as recordings name them, and as models do
 * (enum bpg_bpm_unit). */

#include <stddef.h>

/* The unit of a name that need not be terminated, 0 for one that no model can
 * name. */
unsigned bpg_unit_find (const char *name, size_t length);

/* The name of a unit, "unknown" for one that is none. */
const char *bpg_unit_name (unsigned unit);
