/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-signing-key.h"

/**
 * BpgImageVersion:
 *
 * Version of a container, in the order in which MCUboot compares. Ours say when the container was made: the year since
 * 2000, the month, the day, and the millisecond of the day (UTC).
 */
typedef struct {
  guint8 major;
  guint8 minor;
  guint16 revision;
  guint32 build;
} BpgImageVersion;

/**
 * BpgImageClaims:
 * @hardware: (nullable): for which board, at most 31 bytes
 * @side: (nullable): `left`, `right` or `any`
 * @schema: schema of the payload, 0: nothing is claimed
 * @header_size: bytes in front of the payload, 0: the least, which is 32; the rest of them is 0
 *
 * What the signature covers besides the payload.
 */
typedef struct {
  const char *hardware;
  const char *side;
  guint32 schema;
  BpgImageVersion version;
  guint16 header_size;
} BpgImageClaims;

/**
 * bpg_image_version_from_time:
 * @time: µs of the real clock
 * @above: (nullable): the version must be higher than this one, also when the clock has gone back
 */
BpgImageVersion bpg_image_version_from_time (guint64 time, const BpgImageVersion *above);

/**
 * bpg_image_version_pack:
 *
 * Returns: a number that is higher for a higher version.
 */
guint64 bpg_image_version_pack (const BpgImageVersion *version);
BpgImageVersion bpg_image_version_unpack (guint64 packed);

/**
 * bpg_image_version_parse:
 * @text: MAJOR.MINOR.REVISION, with +BUILD behind it or without; as imgtool writes it
 *
 * Returns: %FALSE with InvalidArgument.
 */
gboolean bpg_image_version_parse (const char *text, BpgImageVersion *version, GError **error);

/**
 * bpg_image_version_format:
 *
 * Returns: (transfer full): what bpg_image_version_parse() reads; +0 is left out.
 */
char *bpg_image_version_format (const BpgImageVersion *version);

/**
 * bpg_image_build:
 * @payload: a model or a program
 * @hash: receives the SHA-256 of header, payload and protected TLVs: the container's name everywhere
 *
 * Builds a signed container in MCUboot's image format (MCUboot, docs/design.md, "Image format"): header, payload,
 * protected TLVs with the claims, then SHA-256, hash of the key and RSA-3072-PSS signature. For workers.
 *
 * Returns: (transfer full): the container, or %NULL with InvalidArgument (a claim that does not fit) or the errors of
 *   bpg_signing_key_sign().
 */
GBytes *bpg_image_build (GBytes *payload, const BpgImageClaims *claims, BpgSigningKey *key,
                         guint8 hash[BPG_HASH_LENGTH], GError **error);

/**
 * bpg_image_get_payload:
 *
 * Returns: (transfer full): what is in it, or %NULL with Corrupt.
 */
GBytes *bpg_image_get_payload (GBytes *container, GError **error);

/**
 * bpg_hash_to_hex:
 *
 * Returns: (transfer full): the hash as it is shown and stored.
 */
char *bpg_hash_to_hex (const guint8 hash[BPG_HASH_LENGTH]);
