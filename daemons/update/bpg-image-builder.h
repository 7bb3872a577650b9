/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-signer.h"

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
 * @hardware: for which board, at most 31 bytes
 * @side: `left`, `right` or `any`
 * @schema: schema of the payload
 *
 * What the signature covers besides the payload.
 */
typedef struct {
  const char *hardware;
  const char *side;
  guint32 schema;
  BpgImageVersion version;
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
 * bpg_image_build:
 * @payload: a model or a program
 * @signer: with its key ensured
 * @hash: receives the SHA-256 of header, payload and protected TLVs: the container's name everywhere
 *
 * Builds a signed container in MCUboot's image format (MCUboot, docs/design.md, "Image format"): header, payload,
 * protected TLVs with the claims, then SHA-256, hash of the key and RSA-3072-PSS signature. For workers.
 *
 * Returns: (transfer full): the container, or %NULL with InvalidArgument (a claim that does not fit) or Failed.
 */
GBytes *bpg_image_build (GBytes *payload, const BpgImageClaims *claims, BpgSigner *signer,
                         guint8 hash[BPG_HASH_LENGTH], GError **error);

/**
 * bpg_image_get_payload:
 * @container: one that bpg_image_build() made
 *
 * Returns: (transfer full): what is in it, or %NULL with Corrupt.
 */
GBytes *bpg_image_get_payload (GBytes *container, GError **error);
