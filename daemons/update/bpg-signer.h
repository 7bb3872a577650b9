/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-signing-key.h"

/*
 * The clinic's model key: RSA with 3072 bits, made at first need, kept as PKCS#8 in a file that only the daemon's own
 * user can read (0600). A vault takes the file's place behind the same functions.
 */

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
 * bpg_signer_get_key:
 *
 * Returns: (transfer none) (nullable): what signs, %NULL before bpg_signer_ensure(); lives as long as @self.
 */
BpgSigningKey *bpg_signer_get_key (BpgSigner *self);
