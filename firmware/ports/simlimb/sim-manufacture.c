/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim-manufacture.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <time.h>

#include "control/factory.h"
#include "sim-element.h"

#define TEN_YEARS (10 * 365 * 86400)

typedef struct gnutls_x509_privkey_int SimKey;
typedef struct gnutls_x509_crt_int SimCertificate;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SimKey, gnutls_x509_privkey_deinit)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (SimCertificate, gnutls_x509_crt_deinit)

static bool
check (int code, const char *what, GError **error)
{
  if (code >= 0)
    return true;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: %s", what, gnutls_strerror (code));
  return false;
}

static bool
save_datum (const char *path, gnutls_datum_t *datum, int mode, GError **error)
{
  bool ok = g_file_set_contents_full (path, (const char *) datum->data, datum->size,
                                      G_FILE_SET_CONTENTS_CONSISTENT, mode, error);

  gnutls_free (datum->data);
  datum->data = NULL;
  return ok;
}

static SimKey *
make_key (const char *path, GError **error)
{
  g_autoptr (SimKey) key = NULL;
  gnutls_datum_t pem = { NULL, 0 };

  gnutls_x509_privkey_init (&key);
  if (!check (gnutls_x509_privkey_generate (key, GNUTLS_PK_ECDSA,
                                            GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1), 0),
              "making a key", error)
      || !check (gnutls_x509_privkey_export2_pkcs8 (key, GNUTLS_X509_FMT_PEM, NULL,
                                                    GNUTLS_PKCS_PLAIN, &pem),
                 "writing a key", error)
      || !save_datum (path, &pem, 0600, error))
    return NULL;
  return g_steal_pointer (&key);
}

static SimKey *
load_key (const char *path, GError **error)
{
  g_autoptr (SimKey) key = NULL;
  g_autofree char *pem = NULL;
  gnutls_datum_t datum;
  gsize length;

  if (!g_file_get_contents (path, &pem, &length, error))
    return NULL;
  datum.data = (unsigned char *) pem;
  datum.size = (unsigned) length;
  gnutls_x509_privkey_init (&key);
  if (!check (gnutls_x509_privkey_import (key, &datum, GNUTLS_X509_FMT_PEM), path, error))
    return NULL;
  return g_steal_pointer (&key);
}

static bool
set_serial (SimCertificate *certificate, GError **error)
{
  uint8_t serial[16];

  gnutls_rnd (GNUTLS_RND_NONCE, serial, sizeof serial);
  serial[0] &= 0x7F;
  serial[0] |= 0x01;
  return check (gnutls_x509_crt_set_serial (certificate, serial, sizeof serial), "serial", error);
}

/* What the maker's CA and the arms' certificates have in common. */
static SimCertificate *
begin_certificate (SimKey *key, const char *name, GError **error)
{
  g_autoptr (SimCertificate) certificate = NULL;

  gnutls_x509_crt_init (&certificate);
  gnutls_x509_crt_set_version (certificate, 3);
  gnutls_x509_crt_set_activation_time (certificate, time (NULL) - 86400);
  gnutls_x509_crt_set_expiration_time (certificate, time (NULL) + TEN_YEARS);
  if (!check (gnutls_x509_crt_set_dn_by_oid (certificate, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                             (unsigned) strlen (name)),
              "subject", error)
      || !check (gnutls_x509_crt_set_key (certificate, key), "key", error)
      || !set_serial (certificate, error))
    return NULL;
  return g_steal_pointer (&certificate);
}

static SimCertificate *
make_ca (const char *path, SimKey *key, GError **error)
{
  g_autoptr (SimCertificate) ca = begin_certificate (key, "BionicPRO development maker", error);
  gnutls_datum_t pem = { NULL, 0 };

  if (ca == NULL)
    return NULL;
  gnutls_x509_crt_set_ca_status (ca, 1);
  gnutls_x509_crt_set_key_usage (ca, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN);
  if (!check (gnutls_x509_crt_sign2 (ca, ca, key, GNUTLS_DIG_SHA256, 0), "signing the CA", error)
      || !check (gnutls_x509_crt_export2 (ca, GNUTLS_X509_FMT_PEM, &pem), "writing the CA", error)
      || !save_datum (path, &pem, 0644, error))
    return NULL;
  return g_steal_pointer (&ca);
}

static SimCertificate *
load_ca (const char *path, GError **error)
{
  g_autoptr (SimCertificate) ca = NULL;
  g_autofree char *pem = NULL;
  gnutls_datum_t datum;
  gsize length;

  if (!g_file_get_contents (path, &pem, &length, error))
    return NULL;
  datum.data = (unsigned char *) pem;
  datum.size = (unsigned) length;
  gnutls_x509_crt_init (&ca);
  if (!check (gnutls_x509_crt_import (ca, &datum, GNUTLS_X509_FMT_PEM), path, error))
    return NULL;
  return g_steal_pointer (&ca);
}

static bool
open_ca (const char *folder, SimKey **key, SimCertificate **ca, GError **error)
{
  g_autofree char *key_path = g_build_filename (folder, "maker-key.pem", NULL);
  g_autofree char *ca_path = g_build_filename (folder, "maker-ca.pem", NULL);

  if (g_mkdir_with_parents (folder, 0700) != 0)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s: cannot be made", folder);
      return false;
    }
  if (g_file_test (ca_path, G_FILE_TEST_EXISTS))
    {
      *key = load_key (key_path, error);
      *ca = *key != NULL ? load_ca (ca_path, error) : NULL;
      return *ca != NULL;
    }
  *key = make_key (key_path, error);
  *ca = *key != NULL ? make_ca (ca_path, *key, error) : NULL;
  return *ca != NULL;
}

/* The arm's certificate, DER. */
static bool
issue (SimKey *key, const char *device_id, const char *folder, gnutls_datum_t *der, GError **error)
{
  g_autoptr (SimKey) ca_key = NULL;
  g_autoptr (SimCertificate) ca = NULL;
  g_autoptr (SimCertificate) certificate = NULL;

  if (!open_ca (folder, &ca_key, &ca, error))
    return false;
  certificate = begin_certificate (key, device_id, error);
  if (certificate == NULL)
    return false;
  gnutls_x509_crt_set_key_usage (certificate, GNUTLS_KEY_DIGITAL_SIGNATURE);
  return check (gnutls_x509_crt_sign2 (certificate, ca, ca_key, GNUTLS_DIG_SHA256, 0),
                "signing the certificate", error)
         && check (gnutls_x509_crt_export2 (certificate, GNUTLS_X509_FMT_DER, der),
                   "writing the certificate", error);
}

/* SubjectPublicKeyInfo of a key, DER. */
static bool
public_key (SimKey *key, gnutls_datum_t *spki, GError **error)
{
  gnutls_privkey_t private_key;
  gnutls_pubkey_t pubkey;
  bool ok;

  gnutls_privkey_init (&private_key);
  gnutls_pubkey_init (&pubkey);
  ok = check (gnutls_privkey_import_x509 (private_key, key, 0), "key", error)
       && check (gnutls_pubkey_import_privkey (pubkey, private_key, 0, 0), "public key", error)
       && check (gnutls_pubkey_export2 (pubkey, GNUTLS_X509_FMT_DER, spki), "public key", error);
  gnutls_pubkey_deinit (pubkey);
  gnutls_privkey_deinit (private_key);
  return ok;
}

/* The release key's SPKI DER from a PEM file. */
static bool
load_release (const char *path, gnutls_datum_t *spki, GError **error)
{
  g_autofree char *pem = NULL;
  gnutls_pubkey_t pubkey;
  gnutls_datum_t datum;
  gsize length;
  bool ok;

  if (path == NULL)
    return true;
  if (!g_file_get_contents (path, &pem, &length, error))
    return false;
  datum.data = (unsigned char *) pem;
  datum.size = (unsigned) length;
  gnutls_pubkey_init (&pubkey);
  ok = check (gnutls_pubkey_import (pubkey, &datum, GNUTLS_X509_FMT_PEM), path, error)
       && check (gnutls_pubkey_export2 (pubkey, GNUTLS_X509_FMT_DER, spki), path, error);
  gnutls_pubkey_deinit (pubkey);
  return ok;
}

static bool
save_code (const char *directory, const char *device_id, const char *fingerprint,
           const gnutls_datum_t *spki, GError **error)
{
  g_autofree char *path = g_build_filename (directory, "qr.json", NULL);
  g_autofree char *key = g_base64_encode (spki->data, spki->size);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *text = NULL;

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "deviceId");
  json_builder_add_string_value (builder, device_id);
  json_builder_set_member_name (builder, "fingerprint");
  json_builder_add_string_value (builder, fingerprint);
  json_builder_set_member_name (builder, "publicKey");
  json_builder_add_string_value (builder, key);
  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  text = json_to_string (root, FALSE);
  return g_file_set_contents (path, text, -1, error);
}

static bool
write_factory (struct sim_flash *flash, const struct sim_manufacture *order, const char *device_id,
               const gnutls_datum_t *spki, const gnutls_datum_t *certificate,
               const gnutls_datum_t *release, GError **error)
{
  struct bpg_factory factory = {
    .id = bpg_text (device_id),
    .hw = bpg_text (order->hardware),
    .key = { spki->data, spki->size },
    .cert = { certificate->data, certificate->size },
    .release = { release->data, release->size },
  };

  if (strlen (device_id) <= BPG_DEVICE_ID_MAX && bpg_factory_save (&factory))
    return true;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "the factory sector cannot be written");
  return false;
}

bool
sim_manufacture (const struct sim_manufacture *order, struct sim_flash *flash, GError **error)
{
  g_autofree char *key_path = g_build_filename (order->directory, "element.pem", NULL);
  g_autofree char *fingerprint = NULL;
  g_autofree char *device_id = g_strdup (order->device_id);
  g_autoptr (SimKey) key = NULL;
  gnutls_datum_t spki = { NULL, 0 };
  gnutls_datum_t certificate = { NULL, 0 };
  gnutls_datum_t release = { NULL, 0 };
  bool ok;

  if (g_file_test (key_path, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_EXISTS, "%s: this arm has been made already",
                   order->directory);
      return false;
    }
  key = make_key (key_path, error);
  if (key == NULL || !public_key (key, &spki, error))
    return false;
  fingerprint = g_compute_checksum_for_data (G_CHECKSUM_SHA256, spki.data, spki.size);
  if (device_id == NULL)
    device_id = g_strdup_printf ("BP-%.8s", fingerprint);

  ok = issue (key, device_id, order->ca, &certificate, error)
       && load_release (order->release, &release, error)
       && write_factory (flash, order, device_id, &spki, &certificate, &release, error)
       && save_code (order->directory, device_id, fingerprint, &spki, error);
  if (!ok)
    g_unlink (key_path);
  gnutls_free (spki.data);
  gnutls_free (certificate.data);
  gnutls_free (release.data);
  return ok;
}
