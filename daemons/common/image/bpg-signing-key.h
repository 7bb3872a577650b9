/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#define BPG_SIGNATURE_LENGTH 384u
#define BPG_HASH_LENGTH 32u

/**
 * BpgSigningKey:
 *
 * A private key that signs containers: RSA with 3072 bits, in memory or in a PKCS#11 token that does not give it away.
 * It may be used by several threads at once.
 */
typedef struct _BpgSigningKey BpgSigningKey;

/**
 * BpgPinFunc:
 * @token: the token's label, or the file's path
 * @last: the token will lock itself when this one is wrong
 * @pin: (out): room for the PIN, with its terminating zero
 *
 * Gives the PIN of a token, or the password of an encrypted file. It is asked once: a wrong one is not tried again, as
 * tokens count.
 *
 * Returns: whether there is one; %FALSE without @error when nobody gave it.
 */
typedef gboolean (*BpgPinFunc) (const char *token, gboolean last, char *pin, gsize size, gpointer user_data,
                                GError **error);

/**
 * bpg_pin_read_file:
 * @path: a file whose first line is a PIN
 *
 * Returns: %FALSE with NotFound, InvalidArgument (the line is empty or too long) or Failed.
 */
gboolean bpg_pin_read_file (const char *path, char *pin, gsize size, GError **error);

/**
 * bpg_signing_key_generate:
 * @path: where it is written durably, as PKCS#8 in PEM, 0600
 *
 * Makes a key. Blocks for up to some seconds.
 *
 * Returns: (transfer full): the key, or %NULL with NoSpace or Failed.
 */
BpgSigningKey *bpg_signing_key_generate (const char *path, GError **error);

/**
 * bpg_signing_key_open:
 * @name: a file (PEM or DER; PKCS#8, also encrypted, or PKCS#1), or the URI of an object in a token (RFC 7512)
 * @pin: (nullable): asked when a PIN is needed and the URI names no file whose first line it is (pin-source); it may be
 *   asked again when the key is used
 *
 * Blocks as long as the token takes.
 *
 * Returns: (transfer full): the key, or %NULL with NotFound (no such file, token or object), AuthorizationDismissed (no
 *   PIN, or a wrong one), NotAuthorized (the token is locked), InvalidArgument (no key, not an RSA key of 3072 bits, or
 *   a URI with the PIN in it, where everybody sees it) or Failed.
 */
BpgSigningKey *bpg_signing_key_open (const char *name, BpgPinFunc pin, gpointer user_data, GError **error);

/**
 * bpg_public_key_open:
 * @name: a file with a public key (SubjectPublicKeyInfo, PEM or DER), or the URI of an object in a token
 *
 * Returns: (transfer full): SubjectPublicKeyInfo in DER of an RSA key of 3072 bits, or %NULL with NotFound,
 *   InvalidArgument or Failed.
 */
GBytes *bpg_public_key_open (const char *name, GError **error);

BpgSigningKey *bpg_signing_key_ref (BpgSigningKey *self);
void bpg_signing_key_unref (BpgSigningKey *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgSigningKey, bpg_signing_key_unref)

/**
 * bpg_signing_key_get_public_key:
 *
 * Returns: (transfer none): SubjectPublicKeyInfo in DER.
 */
GBytes *bpg_signing_key_get_public_key (BpgSigningKey *self);

/**
 * bpg_signing_key_get_hash:
 * @hash: receives the SHA-256 of the key's RSAPublicKey (RFC 8017, A.1.1), by which MCUboot finds a key
 */
void bpg_signing_key_get_hash (BpgSigningKey *self, guint8 hash[BPG_HASH_LENGTH]);

/**
 * bpg_signing_key_sign:
 * @hash: SHA-256 of what is signed
 *
 * RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes (RFC 8017, 8.1). The signature is verified before
 * it is given out: a token that does it another way is found here and not by an arm. Takes milliseconds, in a token
 * seconds.
 *
 * Returns: %FALSE with the errors of bpg_signing_key_open(), or NotSupported (the token cannot sign in this way).
 */
gboolean bpg_signing_key_sign (BpgSigningKey *self, const guint8 hash[BPG_HASH_LENGTH],
                               guint8 signature[BPG_SIGNATURE_LENGTH], GError **error);

/**
 * bpg_signature_holds:
 * @public_key: SubjectPublicKeyInfo in DER
 *
 * Returns: whether @signature over @hash is as bpg_signing_key_sign() makes them, a salt of exactly 32 bytes included.
 */
gboolean bpg_signature_holds (GBytes *public_key, const guint8 hash[BPG_HASH_LENGTH],
                              const guint8 signature[BPG_SIGNATURE_LENGTH]);
