/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Keys of arms and of the maker, P-256. Errors are in G_FILE_ERROR for what
 * cannot be read or written, else in G_IO_ERROR: InvalidData for what is no
 * such key, Failed for the rest.
 */

#include <gio/gio.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct gnutls_x509_privkey_int BpgMakerKey;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgMakerKey, gnutls_x509_privkey_deinit)

/* Makes a key. */
BpgMakerKey *bpg_maker_key_generate (GError **error);

/* Writes a key as PKCS#8 PEM, 0600. */
bool bpg_maker_key_save (BpgMakerKey *key, const char *path, GError **error);

BpgMakerKey *bpg_maker_key_load (const char *path, GError **error);

/* The private number, big-endian. */
bool bpg_maker_key_private (BpgMakerKey *key, uint8_t private_key[32], GError **error);

/* SubjectPublicKeyInfo of a key, DER. */
GBytes *bpg_maker_key_public (BpgMakerKey *key, GError **error);

/* The same from a file with a public key of either kind, PEM or DER: of an
 * arm (P-256), or of whoever signs firmware (RSA with 3072 bits). */
GBytes *bpg_maker_load_element (const char *path, GError **error);
GBytes *bpg_maker_load_release (const char *path, GError **error);

/* Reads a file for GnuTLS. @datum's bytes are the caller's, for g_free(). */
bool bpg_maker_read (const char *path, gnutls_datum_t *datum, GError **error);

/* Sets @error from GnuTLS's @code when that is one; returns whether it is none. */
bool bpg_maker_check (int code, const char *what, GError **error);
