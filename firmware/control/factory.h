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

/* Most bytes of the sector that are used; a multiple of 4. */
#define BPG_FACTORY_MOST 3084u

/*
 * Takes the factory sector apart, of which BPG_FACTORY_MOST bytes are there;
 * texts and keys point into it. Hostile input. Returns false when the arm was
 * never made, or the sector is broken.
 */
bool bpg_factory_decode (const uint8_t *sector, struct bpg_factory *factory);

/* Puts together what is to stand at the sector's beginning. Returns its
 * length, a multiple of 4, or 0 when it did not fit. */
uint32_t bpg_factory_encode (const struct bpg_factory *factory, uint8_t sector[BPG_FACTORY_MOST]);

/* bpg_factory_decode() of the port's flash. */
bool bpg_factory_load (struct bpg_factory *factory);

/* bpg_factory_encode() into the port's flash. Returns false when it did not
 * fit or failed. */
bool bpg_factory_save (const struct bpg_factory *factory);
