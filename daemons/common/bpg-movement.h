/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#define BPG_MOVEMENT_REST 0

typedef struct {
  guint8 code;
  const char *name;
} BpgMovement;

/**
 * bpg_movement_get_all:
 *
 * Every movement the gateway prompts for, rest first; the codes are those of the recording format and never change.
 */
const BpgMovement *bpg_movement_get_all (guint *n_movements);

/**
 * bpg_movement_from_name:
 *
 * Returns: (nullable): the row, or %NULL for an unknown name.
 */
const BpgMovement *bpg_movement_from_name (const char *name);

/**
 * bpg_movement_get_name:
 *
 * Returns: the name, "unknown" for a code without one.
 */
const char *bpg_movement_get_name (guint8 code);
