/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-key.h"

#include "bpg-error.h"

#include "link/messages.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <string.h>

G_STATIC_ASSERT (BPG_KEY_NONCE_SIZE == BPG_ELEMENT_NONCE_SIZE);

typedef struct gnutls_pubkey_st PublicKey;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PublicKey, gnutls_pubkey_deinit)

char *
bpg_key_get_fingerprint (GBytes *key)
{
  return g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, key);
}

gboolean
bpg_key_make_nonce (guint8 nonce[BPG_KEY_NONCE_SIZE], GError **error)
{
  int rc = gnutls_rnd (GNUTLS_RND_NONCE, nonce, BPG_KEY_NONCE_SIZE);

  if (rc == GNUTLS_E_SUCCESS)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_FAILED, "No random numbers: %s", gnutls_strerror (rc));
  return FALSE;
}

static gnutls_datum_t
datum (GBytes *bytes)
{
  gsize length;
  gconstpointer data = g_bytes_get_data (bytes, &length);

  return (gnutls_datum_t){(unsigned char *) data, (unsigned int) length};
}

static gboolean
import (GBytes *key, PublicKey **imported, GError **error)
{
  gnutls_datum_t der = datum (key);
  gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;

  if (gnutls_pubkey_init (imported) != GNUTLS_E_SUCCESS ||
      gnutls_pubkey_import (*imported, &der, GNUTLS_X509_FMT_DER) != GNUTLS_E_SUCCESS ||
      gnutls_pubkey_export_ecc_raw (*imported, &curve, NULL, NULL) != GNUTLS_E_SUCCESS ||
      curve != GNUTLS_ECC_CURVE_SECP256R1) {
    g_set_error_literal (error, BPG_ERROR, BPG_ERROR_WRONG_PROSTHESIS,
                         "The key the arm shows is not one an arm is made with (ECDSA on P-256)");
    return FALSE;
  }
  return TRUE;
}

gboolean
bpg_key_verify (GBytes *key, const char *device_id, const guint8 nonce[BPG_KEY_NONCE_SIZE], GBytes *signature,
                GError **error)
{
  g_autoptr (GByteArray) text = g_byte_array_new ();
  g_autoptr (PublicKey) imported = NULL;
  gnutls_datum_t signed_text, sig = datum (signature);

  if (!import (key, &imported, error))
    return FALSE;

  g_byte_array_append (text, (const guint8 *) BPG_CHALLENGE_PREFIX, strlen (BPG_CHALLENGE_PREFIX));
  g_byte_array_append (text, (const guint8 *) device_id, (guint) strlen (device_id));
  g_byte_array_append (text, nonce, BPG_KEY_NONCE_SIZE);
  signed_text = (gnutls_datum_t){text->data, text->len};
  if (gnutls_pubkey_verify_data2 (imported, GNUTLS_SIGN_ECDSA_SHA256, 0, &signed_text, &sig) >= 0)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_WRONG_PROSTHESIS,
               "What calls itself %s does not have the key it shows; do not use it", device_id);
  return FALSE;
}
