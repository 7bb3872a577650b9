/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BPG_RECOGNITION_DIGEST_H
#define BPG_RECOGNITION_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define BPG_BPM_DIGEST_LENGTH 32

/**
 * bpg_bpm_digest: SHA-256 (FIPS 180-4) of @length bytes.
 * @digest: receives the 32 bytes.
 */
void bpg_bpm_digest (const uint8_t *bytes,
                     size_t         length,
                     uint8_t        digest[BPG_BPM_DIGEST_LENGTH]);

#endif
