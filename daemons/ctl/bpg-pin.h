/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-ctl.h"

/**
 * BpgPin:
 * @file: (nullable): file whose first line is the PIN
 * @may_ask: whether a person may be asked at the terminal
 *
 * Where the PIN of a token comes from; its address is what bpg_pin_get() gets as user data.
 */
typedef struct {
  const char *file;
  gboolean may_ask;
} BpgPin;

/**
 * bpg_pin_get:
 *
 * A BpgPinFunc: from the file, else asked at the terminal, unseen.
 */
gboolean bpg_pin_get (const char *token, gboolean last, char *pin, gsize size, gpointer user_data, GError **error);
