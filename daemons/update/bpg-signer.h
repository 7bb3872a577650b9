/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/*
 * The clinic's model key, and the one place that touches its private part: RSA with 3072 bits, made at first need, kept
 * as PKCS#8 in a file that only the daemon's own user can read (0600). A vault takes the file's place behind the same
 * functions.
 */

#define BPG_SIGNATURE_LENGTH 384u
#define BPG_HASH_LENGTH 32u

#define BPG_TYPE_SIGNER (bpg_signer_get_type ())
G_DECLARE_FINAL_TYPE (BpgSigner, bpg_signer, BPG, SIGNER, GObject)

/**
 * bpg_signer_new:
 * @path: file of the private key, may not be there yet
 */
BpgSigner *bpg_signer_new (const char *path);

/**
 * bpg_signer_exists:
 *
 * Returns: whether there is a key already, in memory or in the file.
 */
gboolean bpg_signer_exists (BpgSigner *self);

/**
 * bpg_signer_ensure:
 *
 * Loads the key, or makes one and writes it durably. Blocks, for up to some seconds; for workers. May be called in
 * several threads at once.
 *
 * Returns: %FALSE with VaultNoKey (the file is there and is no such key; it is left alone), NoSpace or Failed.
 */
gboolean bpg_signer_ensure (BpgSigner *self, GError **error);

/**
 * bpg_signer_ensure_async:
 *
 * bpg_signer_ensure() in a worker.
 */
void bpg_signer_ensure_async (BpgSigner *self, GAsyncReadyCallback callback, gpointer user_data);
gboolean bpg_signer_ensure_finish (BpgSigner *self, GAsyncResult *result, GError **error);

/**
 * bpg_signer_get_public_key:
 *
 * Returns: (transfer full) (nullable): SubjectPublicKeyInfo in DER, %NULL before bpg_signer_ensure().
 */
GBytes *bpg_signer_get_public_key (BpgSigner *self);

/**
 * bpg_signer_get_key_hash:
 * @hash: receives the SHA-256 of the key's RSAPublicKey (RFC 8017, A.1.1), by which MCUboot finds a key
 *
 * Only after bpg_signer_ensure().
 */
void bpg_signer_get_key_hash (BpgSigner *self, guint8 hash[BPG_HASH_LENGTH]);

/**
 * bpg_signer_sign:
 * @hash: SHA-256 of what is signed
 *
 * RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes (RFC 8017, 8.1). Only after bpg_signer_ensure();
 * takes milliseconds, for workers.
 */
gboolean bpg_signer_sign (BpgSigner *self, const guint8 hash[BPG_HASH_LENGTH],
                          guint8 signature[BPG_SIGNATURE_LENGTH], GError **error);
