/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/* The largest program an arm takes, and what header and TLVs may add to it. */
#define BPG_FIRMWARE_PAYLOAD_MAX (256u * 1024u)
#define BPG_FIRMWARE_MAX (BPG_FIRMWARE_PAYLOAD_MAX + 4096u)

/**
 * BpgFirmware:
 * @hash: SHA-256 (hex) of header, payload and protected TLVs: its name everywhere
 * @version: as MCUmgr writes it, 1.2.3 or 1.2.3.4
 * @packed: the same as a number that is higher for a higher version
 * @hardware: the board it is for
 * @side: `left`, `right` or `any`
 * @schema: highest schema of models it understands, 0 when it does not say
 * @signer: SHA-256 (hex) of the SubjectPublicKeyInfo of the release key that signed it
 * @size: of the container, bytes
 *
 * What a signed container says of the program in it.
 */
typedef struct {
  char *hash;
  char *version;
  guint64 packed;
  char *hardware;
  char *side;
  guint32 schema;
  char *signer;
  gsize size;
} BpgFirmware;

BpgFirmware *bpg_firmware_copy (const BpgFirmware *firmware);
void bpg_firmware_free (BpgFirmware *firmware);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgFirmware, bpg_firmware_free)

/**
 * bpg_firmware_parse:
 * @keys: (element-type GBytes): the release keys, SubjectPublicKeyInfo in DER
 *
 * Takes a container apart and verifies it just as the arm does, with the arm's own parser. Hostile input. Takes
 * milliseconds, for workers.
 *
 * Returns: (transfer full): what it says; %NULL with Corrupt (no container, or a damaged one), LimitExceeded (too
 *   large), SignatureInvalid (signed by none of @keys, or the signature does not hold), Incompatible (made for another
 *   boot loader).
 */
BpgFirmware *bpg_firmware_parse (GBytes *container, GPtrArray *keys, GError **error);

/**
 * bpg_firmware_pack_version:
 * @text: 1.2.3 or 1.2.3.4, as an arm tells it
 *
 * Returns: %FALSE when it is no version.
 */
gboolean bpg_firmware_pack_version (const char *text, guint64 *packed);

/**
 * bpg_firmware_load_keys:
 * @paths: (array zero-terminated=1): files (SubjectPublicKeyInfo), or folders of files that end in .pem
 * @problems: (nullable): receives path -> GError for what is no release key
 *
 * Blocks; for workers. What is not there is no problem: then nothing is trusted.
 *
 * Returns: (transfer full) (element-type GBytes): the keys.
 */
GPtrArray *bpg_firmware_load_keys (const char *const *paths, GHashTable *problems);
