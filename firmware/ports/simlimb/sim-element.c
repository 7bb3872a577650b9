/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim-element.h"

#include <gio/gio.h>
#include <gnutls/crypto.h>
#include <string.h>

#include "manufacture/maker-key.h"

bool
sim_element_load (struct sim_element *element, const char *path, GError **error)
{
  gnutls_datum_t pem;
  int code;

  memset (element, 0, sizeof *element);
  if (!bpg_maker_read (path, &pem, error))
    return false;
  gnutls_privkey_init (&element->key);
  code = gnutls_privkey_import_x509_raw (element->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
  gnutls_memset (pem.data, 0, pem.size);
  g_free (pem.data);
  if (code == 0)
    return true;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s: %s", path, gnutls_strerror (code));
  sim_element_clear (element);
  return false;
}

void
sim_element_clear (struct sim_element *element)
{
  g_clear_pointer (&element->key, gnutls_privkey_deinit);
  g_clear_pointer (&element->cached, gnutls_pubkey_deinit);
}

void
sim_element_sha256 (const uint8_t *bytes, size_t length, uint8_t hash[32])
{
  if (gnutls_hash_fast (GNUTLS_DIG_SHA256, bytes, length, hash) != 0)
    g_error ("GnuTLS has no SHA-256");
}

static gnutls_pubkey_t
find_key (struct sim_element *element, const uint8_t *spki, size_t length)
{
  gnutls_datum_t datum = { (unsigned char *) spki, (unsigned) length };
  uint8_t hash[32];

  sim_element_sha256 (spki, length, hash);
  if (element->cached != NULL && memcmp (hash, element->cached_hash, sizeof hash) == 0)
    return element->cached;

  g_clear_pointer (&element->cached, gnutls_pubkey_deinit);
  gnutls_pubkey_init (&element->cached);
  if (gnutls_pubkey_import (element->cached, &datum, GNUTLS_X509_FMT_DER) != 0)
    g_clear_pointer (&element->cached, gnutls_pubkey_deinit);
  memcpy (element->cached_hash, hash, sizeof hash);
  return element->cached;
}

bool
sim_element_rsa_pss_verify (struct sim_element *element, const uint8_t *spki, size_t spki_length,
                            const uint8_t hash[32], const uint8_t *signature,
                            size_t signature_length)
{
  gnutls_datum_t hash_datum = { (unsigned char *) hash, 32 };
  gnutls_datum_t signature_datum = { (unsigned char *) signature, (unsigned) signature_length };
  gnutls_pubkey_t key = find_key (element, spki, spki_length);

  return key != NULL
         && gnutls_pubkey_verify_hash2 (key, GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, 0, &hash_datum,
                                        &signature_datum)
              >= 0;
}

size_t
sim_element_sign (struct sim_element *element, const uint8_t hash[32], uint8_t signature[72])
{
  gnutls_datum_t hash_datum = { (unsigned char *) hash, 32 };
  gnutls_datum_t out = { NULL, 0 };
  size_t length = 0;

  if (gnutls_privkey_sign_hash2 (element->key, GNUTLS_SIGN_ECDSA_SHA256, 0, &hash_datum, &out) != 0)
    return 0;
  if (out.size <= 72)
    {
      memcpy (signature, out.data, out.size);
      length = out.size;
    }
  gnutls_free (out.data);
  return length;
}
