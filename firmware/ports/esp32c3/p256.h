/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * ECDSA on the curve P-256, for a board without a secure element and for
 * chips that only exist in an emulator: the key then lies in flash, and its
 * owner can only hope that nobody reads it. Freestanding, no heap; needs
 * about 3 KB of stack and fewer than 20 million instructions a signature.
 *
 * Time and addresses do not depend on the private key, nor on the nonce:
 * complete addition formulas, a window of four bits whose table is read as a
 * whole, inversion by a power. Two things are public and may: how often a
 * nonce out of range was thrown away, and the lengths in the signature.
 *
 * Numbers are 32 bytes, big-endian.
 *
 * The curve: NIST SP 800-186, 3.2.1.3. Addition: J. Renes, C. Costello, L.
 * Batina, "Complete addition formulas for prime order elliptic curves",
 * EUROCRYPT 2016, algorithm 4. Multiplication: Ç. K. Koç, T. Acar, B. S.
 * Kaliski, "Analyzing and comparing Montgomery multiplication algorithms",
 * IEEE Micro 16, 1996 (CIOS). Nonce: RFC 6979, 3.2 and 3.6. Forms: RFC 3279,
 * 2.2.3, and RFC 5480, 2.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BPG_P256_NUMBER 32u
#define BPG_P256_SIGNATURE_MAX 72u
#define BPG_P256_SPKI 91u

/* SHA-256 of @length bytes. */
typedef void (*bpg_p256_sha256) (const uint8_t *bytes, size_t length, uint8_t hash[32]);

/*
 * Makes a private key of 32 random bytes. Returns false when they are none
 * (0, or not below the curve's order; once in 2^32): come again with others.
 */
bool bpg_p256_make_key (const uint8_t random[BPG_P256_NUMBER],
                        uint8_t private_key[BPG_P256_NUMBER]);

/* The public key, x and y. Returns false when @private_key is none. */
bool bpg_p256_public_key (const uint8_t private_key[BPG_P256_NUMBER],
                          uint8_t public_key[2 * BPG_P256_NUMBER]);

/* The public key's SubjectPublicKeyInfo, DER. */
void bpg_p256_spki (const uint8_t public_key[2 * BPG_P256_NUMBER], uint8_t spki[BPG_P256_SPKI]);

/*
 * Signs the SHA-256 @hash into @signature (DER). The nonce comes of key and
 * hash, so that it is good without any randomness; @fresh, 32 random bytes or
 * NULL, is mixed in so that whoever can disturb the chip does not see the same
 * computation twice. Returns the signature's length, 0 when @private_key is
 * none.
 */
size_t bpg_p256_sign (const uint8_t private_key[BPG_P256_NUMBER], const uint8_t hash[32],
                      const uint8_t *fresh, bpg_p256_sha256 sha256,
                      uint8_t signature[BPG_P256_SIGNATURE_MAX]);
