/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-movement.h"

static const BpgMovement movements[] = {
  {0, "rest"},      {1, "wrist_flexion"},   {2, "wrist_extension"}, {3, "radial_deviation"}, {4, "ulnar_deviation"},
  {5, "pronation"}, {6, "supination"},      {7, "hand_close"},      {8, "hand_open"},        {9, "side_grip"},
  {10, "fine_grip"}, {11, "thumb_up"},      {12, "pointer"},
};

const BpgMovement *
bpg_movement_get_all (guint *n_movements)
{
  *n_movements = G_N_ELEMENTS (movements);
  return movements;
}

const BpgMovement *
bpg_movement_from_name (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (movements); i++) {
    if (g_strcmp0 (movements[i].name, name) == 0)
      return &movements[i];
  }
  return NULL;
}

const char *
bpg_movement_get_name (guint8 code)
{
  for (guint i = 0; i < G_N_ELEMENTS (movements); i++) {
    if (movements[i].code == code)
      return movements[i].name;
  }
  return "unknown";
}
