/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An RSA-3072 key as the chip's accelerator wants it, for Montgomery's
 * multiplication (P. L. Montgomery, "Modular multiplication without trial
 * division", Mathematics of Computation 44, 1985). */

#include "ports/esp32c3/rom.h"

/* Fills @key from a SubjectPublicKeyInfo. Returns false when that is no
 * RSA-3072 key. */
bool bpg_rsa_key_prepare (const uint8_t *spki, size_t spki_length, struct ets_rsa_pubkey *key);
