/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "manufacture/maker-ca.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <gnutls/crypto.h>
#include <string.h>
#include <time.h>

#define TEN_YEARS (10 * 365 * 86400)

typedef struct gnutls_x509_crt_int Certificate;
typedef struct gnutls_pubkey_st PublicKey;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Certificate, gnutls_x509_crt_deinit)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PublicKey, gnutls_pubkey_deinit)

static bool
set_serial (Certificate *certificate, GError **error)
{
  uint8_t serial[16];

  gnutls_rnd (GNUTLS_RND_NONCE, serial, sizeof serial);
  serial[0] &= 0x7F;
  serial[0] |= 0x01;
  return bpg_maker_check (gnutls_x509_crt_set_serial (certificate, serial, sizeof serial), "serial",
                          error);
}

/* What the maker's CA and the arms' certificates have in common. */
static Certificate *
begin_certificate (GBytes *spki, const char *name, GError **error)
{
  const gnutls_datum_t datum
    = { (unsigned char *) g_bytes_get_data (spki, NULL), (unsigned) g_bytes_get_size (spki) };
  g_autoptr (Certificate) certificate = NULL;
  g_autoptr (PublicKey) key = NULL;

  gnutls_pubkey_init (&key);
  gnutls_x509_crt_init (&certificate);
  gnutls_x509_crt_set_version (certificate, 3);
  gnutls_x509_crt_set_activation_time (certificate, time (NULL) - 86400);
  gnutls_x509_crt_set_expiration_time (certificate, time (NULL) + TEN_YEARS);
  if (!bpg_maker_check (gnutls_x509_crt_set_dn_by_oid (certificate, GNUTLS_OID_X520_COMMON_NAME, 0,
                                                       name, (unsigned) strlen (name)),
                        "subject", error)
      || !bpg_maker_check (gnutls_pubkey_import (key, &datum, GNUTLS_X509_FMT_DER), "key", error)
      || !bpg_maker_check (gnutls_x509_crt_set_pubkey (certificate, key), "key", error)
      || !set_serial (certificate, error))
    return NULL;
  return g_steal_pointer (&certificate);
}

static Certificate *
make_ca (const char *path, BpgMakerKey *key, GError **error)
{
  g_autoptr (GBytes) spki = bpg_maker_key_public (key, error);
  g_autoptr (Certificate) ca
    = spki != NULL ? begin_certificate (spki, "BionicPRO development maker", error) : NULL;
  gnutls_datum_t pem = { NULL, 0 };
  bool ok;

  if (ca == NULL)
    return NULL;
  gnutls_x509_crt_set_ca_status (ca, 1);
  gnutls_x509_crt_set_key_usage (ca, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
  if (!bpg_maker_check (gnutls_x509_crt_sign2 (ca, ca, key, GNUTLS_DIG_SHA256, 0), "signing the CA",
                        error)
      || !bpg_maker_check (gnutls_x509_crt_export2 (ca, GNUTLS_X509_FMT_PEM, &pem),
                           "writing the CA", error))
    return NULL;
  ok = g_file_set_contents_full (path, (const char *) pem.data, pem.size,
                                 G_FILE_SET_CONTENTS_CONSISTENT, 0644, error);
  gnutls_free (pem.data);
  return ok ? g_steal_pointer (&ca) : NULL;
}

static Certificate *
load_ca (const char *path, GError **error)
{
  g_autoptr (Certificate) ca = NULL;
  gnutls_datum_t pem;
  bool ok;

  if (!bpg_maker_read (path, &pem, error))
    return NULL;
  gnutls_x509_crt_init (&ca);
  ok = bpg_maker_check (gnutls_x509_crt_import (ca, &pem, GNUTLS_X509_FMT_PEM), path, error);
  g_free (pem.data);
  return ok ? g_steal_pointer (&ca) : NULL;
}

static bool
open_ca (const char *folder, BpgMakerKey **key, Certificate **ca, GError **error)
{
  g_autofree char *key_path = g_build_filename (folder, "maker-key.pem", NULL);
  g_autofree char *ca_path = g_build_filename (folder, "maker-ca.pem", NULL);

  if (g_mkdir_with_parents (folder, 0700) != 0)
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "%s: cannot be made: %s",
                   folder, g_strerror (errno));
      return false;
    }
  if (g_file_test (ca_path, G_FILE_TEST_EXISTS))
    {
      *key = bpg_maker_key_load (key_path, error);
      *ca = *key != NULL ? load_ca (ca_path, error) : NULL;
      return *ca != NULL;
    }
  *key = bpg_maker_key_generate (error);
  if (*key != NULL && bpg_maker_key_save (*key, key_path, error))
    *ca = make_ca (ca_path, *key, error);
  return *ca != NULL;
}

GBytes *
bpg_maker_ca_issue (const char *folder, const char *device_id, GBytes *spki, GError **error)
{
  g_autoptr (BpgMakerKey) ca_key = NULL;
  g_autoptr (Certificate) ca = NULL;
  g_autoptr (Certificate) certificate = NULL;
  gnutls_datum_t der = { NULL, 0 };
  GBytes *bytes;

  if (!open_ca (folder, &ca_key, &ca, error))
    return NULL;
  certificate = begin_certificate (spki, device_id, error);
  if (certificate == NULL)
    return NULL;
  gnutls_x509_crt_set_key_usage (certificate, GNUTLS_KEY_DIGITAL_SIGNATURE);
  if (!bpg_maker_check (gnutls_x509_crt_sign2 (certificate, ca, ca_key, GNUTLS_DIG_SHA256, 0),
                        "signing the certificate", error)
      || !bpg_maker_check (gnutls_x509_crt_export2 (certificate, GNUTLS_X509_FMT_DER, &der),
                           "writing the certificate", error))
    return NULL;
  bytes = g_bytes_new (der.data, der.size);
  gnutls_free (der.data);
  return bytes;
}
