/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes what the tests of firmware need and nobody commits: keys, signed containers, a server's certificate.
 *
 * usage: firmware-maker key PRIVATE.pem PUBLIC.pem
 *        firmware-maker container PRIVATE.pem OUT HARDWARE SIDE SCHEMA MAJOR.MINOR.REVISION SIZE
 *        firmware-maker server CERTIFICATE.pem KEY.pem
 */
#include "bpg-image-builder.h"
#include "bpg-signer.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY 86400

static BpgSigner *
open_key (const char *path)
{
  BpgSigner *signer = bpg_signer_new (path);
  g_autoptr (GError) error = NULL;

  if (!bpg_signer_ensure (signer, &error))
    g_error ("%s", error->message);
  return signer;
}

static void
save (const char *path, const void *bytes, gsize length)
{
  g_autoptr (GError) error = NULL;

  if (!g_file_set_contents (path, bytes, (gssize) length, &error))
    g_error ("%s", error->message);
}

static void
make_key (char **arguments)
{
  g_autoptr (BpgSigner) signer = open_key (arguments[0]);
  g_autoptr (GBytes) spki = bpg_signer_get_public_key (signer);
  const gnutls_datum_t der = {(unsigned char *) g_bytes_get_data (spki, NULL), (unsigned int) g_bytes_get_size (spki)};
  gnutls_datum_t pem = {NULL, 0};

  g_assert_cmpint (gnutls_pem_base64_encode2 ("PUBLIC KEY", &der, &pem), ==, 0);
  save (arguments[1], pem.data, pem.size);
  gnutls_free (pem.data);
}

static void
make_container (char **arguments)
{
  g_autoptr (BpgSigner) signer = open_key (arguments[0]);
  g_auto (GStrv) numbers = g_strsplit (arguments[5], ".", 3);
  gsize size = (gsize) g_ascii_strtoull (arguments[6], NULL, 10);
  guint8 *payload = g_malloc (size);
  g_autoptr (GRand) random = g_rand_new_with_seed ((guint32) size);
  BpgImageClaims claims = {.hardware = arguments[2], .side = arguments[3]};
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (GBytes) container = NULL;
  g_autoptr (GError) error = NULL;
  guint8 hash[BPG_HASH_LENGTH];

  for (gsize i = 0; i < size; i++)
    payload[i] = (guint8) g_rand_int_range (random, 0, 256);
  bytes = g_bytes_new_take (payload, size);
  claims.schema = (guint32) g_ascii_strtoull (arguments[4], NULL, 10);
  claims.version = (BpgImageVersion){(guint8) atoi (numbers[0]), (guint8) atoi (numbers[1]),
                                     (guint16) atoi (numbers[2]), 0};
  container = bpg_image_build (bytes, &claims, bpg_signer_get_key (signer), hash, &error);
  if (container == NULL)
    g_error ("%s", error->message);
  save (arguments[1], g_bytes_get_data (container, NULL), g_bytes_get_size (container));
  for (guint i = 0; i < sizeof hash; i++)
    printf ("%02x", hash[i]);
  printf ("\n");
}

/* A certificate that signs itself, for "localhost". */
static void
make_server (char **arguments)
{
  gnutls_x509_privkey_t key;
  gnutls_x509_crt_t certificate;
  gnutls_datum_t pem = {NULL, 0};

  gnutls_x509_privkey_init (&key);
  g_assert_cmpint (gnutls_x509_privkey_generate (key, GNUTLS_PK_ECDSA,
                                                 GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1), 0), ==, 0);
  gnutls_x509_crt_init (&certificate);
  gnutls_x509_crt_set_version (certificate, 3);
  gnutls_x509_crt_set_serial (certificate, "\x01", 1);
  gnutls_x509_crt_set_activation_time (certificate, time (NULL) - DAY);
  gnutls_x509_crt_set_expiration_time (certificate, time (NULL) + DAY);
  gnutls_x509_crt_set_dn_by_oid (certificate, GNUTLS_OID_X520_COMMON_NAME, 0, "localhost", strlen ("localhost"));
  gnutls_x509_crt_set_subject_alt_name (certificate, GNUTLS_SAN_DNSNAME, "localhost", strlen ("localhost"), 0);
  gnutls_x509_crt_set_ca_status (certificate, 1);
  gnutls_x509_crt_set_key_usage (certificate, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_DIGITAL_SIGNATURE);
  gnutls_x509_crt_set_key (certificate, key);
  g_assert_cmpint (gnutls_x509_crt_sign2 (certificate, certificate, key, GNUTLS_DIG_SHA256, 0), ==, 0);
  gnutls_x509_crt_export2 (certificate, GNUTLS_X509_FMT_PEM, &pem);
  save (arguments[0], pem.data, pem.size);
  gnutls_free (pem.data);
  gnutls_x509_privkey_export2_pkcs8 (key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem);
  save (arguments[1], pem.data, pem.size);
  gnutls_free (pem.data);
  gnutls_x509_crt_deinit (certificate);
  gnutls_x509_privkey_deinit (key);
}

int
main (int argc, char **argv)
{
  if (argc == 4 && g_str_equal (argv[1], "key"))
    make_key (argv + 2);
  else if (argc == 9 && g_str_equal (argv[1], "container"))
    make_container (argv + 2);
  else if (argc == 4 && g_str_equal (argv[1], "server"))
    make_server (argv + 2);
  else
    return 2;
  return 0;
}
