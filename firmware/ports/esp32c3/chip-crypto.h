/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Cryptography by the chip's ROM and accelerators. */

#include "boot/image.h"
#include "ports/esp32c3/rom.h"

/* SHA-256 of @length bytes. */
void bpg_chip_sha256 (const uint8_t *bytes, size_t length, uint8_t hash[BPG_SHA256_SIZE]);

/* As struct bpg_image_crypto's rsa_pss_verify. The first look at a key takes
 * some 4 million instructions; the one before is remembered. */
bool bpg_chip_rsa_pss_verify (const uint8_t *spki, size_t spki_length,
                              const uint8_t hash[BPG_SHA256_SIZE],
                              const uint8_t signature[BPG_RSA3072_SIZE]);

/* The same with a key in the accelerator's form. */
bool bpg_chip_rsa_pss_verify_prepared (const struct ets_rsa_pubkey *key,
                                       const uint8_t hash[BPG_SHA256_SIZE],
                                       const uint8_t signature[BPG_RSA3072_SIZE]);
