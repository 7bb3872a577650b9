/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#define BPG_CODE_MAX 4096u

/* What stands in the QR code of a prosthesis. */
typedef struct {
  char *device_id;
  char *fingerprint; /* 64 lower-case hexadecimal digits */
  GBytes *key;       /* SubjectPublicKeyInfo, DER */
} BpgCode;

/**
 * bpg_code_parse:
 * @text: JSON with deviceId, fingerprint and publicKey; the key in base64, in PEM, or in hexadecimal
 *
 * Errors: InvalidArgument: too long, not JSON, a member is absent or malformed.
 */
BpgCode *bpg_code_parse (const char *text, GError **error);

/**
 * bpg_code_check:
 *
 * Whether this is the code of the arm with that identity. Errors: WrongProsthesis.
 */
gboolean bpg_code_check (const BpgCode *self, const char *device_id, const char *fingerprint, GBytes *key,
                         GError **error);

void bpg_code_free (BpgCode *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgCode, bpg_code_free)
