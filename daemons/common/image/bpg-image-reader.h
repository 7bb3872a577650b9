/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-image-builder.h"

/**
 * BpgImageInfo:
 * @hash: SHA-256 of header, payload and protected TLVs as they are, in hex: the container's name everywhere
 * @hardware: @side: (nullable): claims
 * @key_hash: (nullable): SHA-256 of the signer's RSAPublicKey, in hex, as the container says
 *
 * What a container says of itself.
 */
typedef struct {
  BpgImageVersion version;
  char *hash;
  char *hardware;
  char *side;
  gboolean has_schema;
  guint32 schema;
  char *key_hash;
  gsize header_size;
  gsize payload_length;
  gsize total_length;
} BpgImageInfo;

/**
 * bpg_image_info_new:
 * @container: of any origin
 *
 * Takes a container apart with the arm's own parser; nothing is verified.
 *
 * Returns: (transfer full): what it says, or %NULL with Corrupt.
 */
BpgImageInfo *bpg_image_info_new (GBytes *container, GError **error);
void bpg_image_info_free (BpgImageInfo *info);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgImageInfo, bpg_image_info_free)

/**
 * bpg_image_check:
 * @container: of any origin
 * @public_key: SubjectPublicKeyInfo in DER
 *
 * Verifies hash, key and signature as the arm does.
 *
 * Returns: %FALSE with Corrupt (no container, or its hash is not that of its bytes) or SignatureInvalid (another key's,
 *   or it does not hold) or Incompatible (its flags are for another boot loader).
 */
gboolean bpg_image_check (GBytes *container, GBytes *public_key, GError **error);
