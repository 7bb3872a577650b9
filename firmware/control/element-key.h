/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The key of an arm whose board has no secure element: one sector with magic,
 * version, the private P-256 key (32 bytes, big-endian) and a CRC-32, written
 * when the arm is made. The rest of the sector is 0xFF.
 */

#include <stdbool.h>
#include <stdint.h>

#define BPG_ELEMENT_KEY_SIZE 44u

void bpg_element_key_encode (const uint8_t private_key[32], uint8_t bytes[BPG_ELEMENT_KEY_SIZE]);

/* Returns false when there is no key, or it is broken. */
bool bpg_element_key_decode (const uint8_t bytes[BPG_ELEMENT_KEY_SIZE], uint8_t private_key[32]);
