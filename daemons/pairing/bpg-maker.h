/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-arm-identity.h"

#define BPG_TYPE_MAKER (bpg_maker_get_type ())
G_DECLARE_FINAL_TYPE (BpgMaker, bpg_maker, BPG, MAKER, GObject)

/**
 * bpg_maker_new:
 * @path: certificates of the makers that are trusted, PEM
 *
 * Reads the file; blocks, for use at start. Errors: NotFound, Failed, Corrupt (no certificate in it).
 */
BpgMaker *bpg_maker_new (const char *path, GError **error);

/**
 * bpg_maker_check:
 *
 * Whether the arm's certificate is of a trusted maker, is for its deviceId and holds the key it shows. Errors:
 * WrongProsthesis.
 */
gboolean bpg_maker_check (BpgMaker *self, const BpgArmIdentity *identity, GError **error);
