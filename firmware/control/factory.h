/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the arm was given when it was made: one sector with magic, length,
 * CRC-32 and a CBOR map. It is written once.
 */

#include "link/messages.h"

struct bpg_factory
{
  struct bpg_text id;       /* deviceId */
  struct bpg_text hw;       /* hardware name */
  struct bpg_bytes key;     /* the element's public key, SPKI DER */
  struct bpg_bytes cert;    /* certificate for it, may be absent */
  struct bpg_bytes release; /* the release key for firmware, SPKI DER; may be absent */
};

/* Reads the factory sector; texts and keys point into flash. Returns false
 * when the arm was never made, or the sector is broken. */
bool bpg_factory_load (struct bpg_factory *factory);

/* Writes the factory sector. Returns false when it did not fit or failed. */
bool bpg_factory_save (const struct bpg_factory *factory);
