/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manufacture/maker-key.h"

#include <string.h>

#include "boot/image.h"

#define NUMBER 32u

typedef struct gnutls_privkey_st PrivateKey;
typedef struct gnutls_pubkey_st PublicKey;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PrivateKey, gnutls_privkey_deinit)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PublicKey, gnutls_pubkey_deinit)

bool
bpg_maker_check (int code, const char *what, GError **error)
{
  if (code >= 0)
    return true;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s", what, gnutls_strerror (code));
  return false;
}

bool
bpg_maker_read (const char *path, gnutls_datum_t *datum, GError **error)
{
  char *bytes;
  gsize length;

  if (!g_file_get_contents (path, &bytes, &length, error))
    return false;
  *datum = (gnutls_datum_t){ (unsigned char *) bytes, (unsigned) length };
  return true;
}

BpgMakerKey *
bpg_maker_key_generate (GError **error)
{
  g_autoptr (BpgMakerKey) key = NULL;

  gnutls_x509_privkey_init (&key);
  if (!bpg_maker_check (gnutls_x509_privkey_generate (
                          key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1), 0),
                        "making a key", error))
    return NULL;
  return g_steal_pointer (&key);
}

bool
bpg_maker_key_save (BpgMakerKey *key, const char *path, GError **error)
{
  gnutls_datum_t pem = { NULL, 0 };
  bool ok;

  if (!bpg_maker_check (gnutls_x509_privkey_export2_pkcs8 (key, GNUTLS_X509_FMT_PEM, NULL,
                                                           GNUTLS_PKCS_PLAIN, &pem),
                        "writing a key", error))
    return false;
  ok = g_file_set_contents_full (path, (const char *) pem.data, pem.size,
                                 G_FILE_SET_CONTENTS_CONSISTENT, 0600, error);
  gnutls_memset (pem.data, 0, pem.size);
  gnutls_free (pem.data);
  return ok;
}

BpgMakerKey *
bpg_maker_key_load (const char *path, GError **error)
{
  g_autoptr (BpgMakerKey) key = NULL;
  gnutls_datum_t pem;
  bool ok;

  if (!bpg_maker_read (path, &pem, error))
    return NULL;
  gnutls_x509_privkey_init (&key);
  ok = bpg_maker_check (gnutls_x509_privkey_import (key, &pem, GNUTLS_X509_FMT_PEM), path, error);
  gnutls_memset (pem.data, 0, pem.size);
  g_free (pem.data);
  return ok ? g_steal_pointer (&key) : NULL;
}

bool
bpg_maker_key_private (BpgMakerKey *key, uint8_t private_key[NUMBER], GError **error)
{
  gnutls_ecc_curve_t curve;
  gnutls_datum_t x = { NULL, 0 };
  gnutls_datum_t y = { NULL, 0 };
  gnutls_datum_t number = { NULL, 0 };
  size_t skip;

  if (!bpg_maker_check (gnutls_x509_privkey_export_ecc_raw (key, &curve, &x, &y, &number), "key",
                        error))
    return false;
  /* It may have a zero in front, or fewer bytes. */
  skip = number.size > NUMBER ? number.size - NUMBER : 0;
  memset (private_key, 0, NUMBER);
  memcpy (private_key + NUMBER - (number.size - skip), number.data + skip, number.size - skip);
  gnutls_memset (number.data, 0, number.size);
  gnutls_free (number.data);
  gnutls_free (x.data);
  gnutls_free (y.data);
  return true;
}

static GBytes *
export_public (gnutls_pubkey_t key, GError **error)
{
  gnutls_datum_t spki = { NULL, 0 };
  GBytes *bytes;

  if (!bpg_maker_check (gnutls_pubkey_export2 (key, GNUTLS_X509_FMT_DER, &spki), "public key", error))
    return NULL;
  bytes = g_bytes_new (spki.data, spki.size);
  gnutls_free (spki.data);
  return bytes;
}

GBytes *
bpg_maker_key_public (BpgMakerKey *key, GError **error)
{
  g_autoptr (PrivateKey) private_key = NULL;
  g_autoptr (PublicKey) public_key = NULL;

  gnutls_privkey_init (&private_key);
  gnutls_pubkey_init (&public_key);
  if (!bpg_maker_check (gnutls_privkey_import_x509 (private_key, key, 0), "key", error)
      || !bpg_maker_check (gnutls_pubkey_import_privkey (public_key, private_key, 0, 0),
                           "public key", error))
    return NULL;
  return export_public (public_key, error);
}

/* A public key of a file in either form. */
static PublicKey *
load_public (const char *path, GError **error)
{
  g_autoptr (PublicKey) key = NULL;
  gnutls_datum_t bytes;
  bool ok;

  if (!bpg_maker_read (path, &bytes, error))
    return NULL;
  gnutls_pubkey_init (&key);
  ok = gnutls_pubkey_import (key, &bytes, GNUTLS_X509_FMT_PEM) >= 0
       || gnutls_pubkey_import (key, &bytes, GNUTLS_X509_FMT_DER) >= 0;
  g_free (bytes.data);
  if (ok)
    return g_steal_pointer (&key);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s: no public key", path);
  return NULL;
}

GBytes *
bpg_maker_load_element (const char *path, GError **error)
{
  g_autoptr (PublicKey) key = load_public (path, error);
  gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;

  if (key == NULL)
    return NULL;
  if (gnutls_pubkey_export_ecc_raw2 (key, &curve, NULL, NULL, 0) < 0
      || curve != GNUTLS_ECC_CURVE_SECP256R1)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s: no key of the curve P-256", path);
      return NULL;
    }
  return export_public (key, error);
}

GBytes *
bpg_maker_load_release (const char *path, GError **error)
{
  g_autoptr (PublicKey) key = load_public (path, error);
  g_autoptr (GBytes) spki = key != NULL ? export_public (key, error) : NULL;
  const uint8_t *rsa;
  size_t length;

  if (spki == NULL)
    return NULL;
  if (!bpg_image_rsa_key (g_bytes_get_data (spki, NULL), g_bytes_get_size (spki), &rsa, &length))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, "%s: no RSA key of 3072 bits", path);
      return NULL;
    }
  return g_steal_pointer (&spki);
}
