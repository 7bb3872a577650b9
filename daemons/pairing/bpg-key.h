/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#define BPG_KEY_NONCE_SIZE 32u

/**
 * bpg_key_get_fingerprint:
 * @key: SubjectPublicKeyInfo, DER
 *
 * Returns: (transfer full): SHA-256 of it, 64 hexadecimal digits.
 */
char *bpg_key_get_fingerprint (GBytes *key);

/**
 * bpg_key_make_nonce:
 *
 * Fills @nonce from the system's generator. Failed when there is none.
 */
gboolean bpg_key_make_nonce (guint8 nonce[BPG_KEY_NONCE_SIZE], GError **error);

/**
 * bpg_key_verify:
 * @key: SubjectPublicKeyInfo, DER, of an ECDSA key on P-256
 * @device_id: who was challenged
 * @signature: DER, of SHA-256 ("BionicPRO challenge 1" || @device_id || @nonce)
 *
 * Errors: WrongProsthesis: the key is of another kind, or the signature is not its.
 */
gboolean bpg_key_verify (GBytes *key, const char *device_id, const guint8 nonce[BPG_KEY_NONCE_SIZE], GBytes *signature,
                         GError **error);
