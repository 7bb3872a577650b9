/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Containers: what the builder makes is what the arm's own parser and verifier take. */
#include "bpg-error.h"
#include "bpg-image-reader.h"
#include "bpg-signer.h"
#include "update-fixture.h"

#include "boot/image.h"

#include <gnutls/abstract.h>
#include <string.h>

static void
sha256 (const uint8_t *bytes, size_t length, uint8_t hash[BPG_SHA256_SIZE])
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize size = BPG_SHA256_SIZE;

  g_checksum_update (checksum, bytes, (gssize) length);
  g_checksum_get_digest (checksum, hash, &size);
}

/* Verifies with a salt of exactly 32 bytes, as the chip's ROM does. */
static bool
verify (const uint8_t *spki, size_t spki_length, const uint8_t hash[BPG_SHA256_SIZE],
        const uint8_t signature[BPG_RSA3072_SIZE])
{
  const gnutls_datum_t key = {(unsigned char *) spki, (unsigned int) spki_length};
  const gnutls_datum_t digest = {(unsigned char *) hash, BPG_SHA256_SIZE};
  const gnutls_datum_t datum = {(unsigned char *) signature, BPG_RSA3072_SIZE};
  gnutls_x509_spki_t parameters;
  gnutls_pubkey_t public;
  int rc;

  g_assert_cmpint (gnutls_pubkey_init (&public), ==, 0);
  g_assert_cmpint (gnutls_x509_spki_init (&parameters), ==, 0);
  gnutls_x509_spki_set_rsa_pss_params (parameters, GNUTLS_DIG_SHA256, 32);
  g_assert_cmpint (gnutls_pubkey_import (public, &key, GNUTLS_X509_FMT_DER), ==, 0);
  g_assert_cmpint (gnutls_pubkey_set_spki (public, parameters, 0), ==, 0);
  rc = gnutls_pubkey_verify_hash2 (public, GNUTLS_SIGN_RSA_PSS_SHA256, 0, &digest, &datum);
  gnutls_x509_spki_deinit (parameters);
  gnutls_pubkey_deinit (public);
  return rc >= 0;
}

static const struct bpg_image_crypto crypto = {.sha256 = sha256, .rsa_pss_verify = verify};

static const BpgImageClaims claims = {"bionicpro-c3-1", "left", 1, {26, 11, 20, 1234567}};

static BpgSigner *
make_signer (Fixture *fixture)
{
  g_autofree char *path = g_build_filename (fixture->folder, "key.pem", NULL);
  BpgSigner *signer = bpg_signer_new (path);
  g_autoptr (GError) error = NULL;

  bpg_signer_ensure (signer, &error);
  g_assert_no_error (error);
  return signer;
}

static void
test_verified (Fixture *fixture, gconstpointer data)
{
  static const guint lengths[] = {1, 3, 4, 255, 4096, 70000};
  g_autoptr (BpgSigner) signer = make_signer (fixture);
  g_autoptr (GBytes) key = bpg_signer_get_public_key (signer);

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++) {
    g_autofree guint8 *bytes = g_malloc (lengths[i]);
    g_autoptr (GBytes) payload = NULL;
    g_autoptr (GBytes) container = NULL;
    g_autoptr (GBytes) back = NULL;
    g_autoptr (GError) error = NULL;
    guint8 hash[BPG_HASH_LENGTH];
    struct bpg_image image;

    for (guint j = 0; j < lengths[i]; j++)
      bytes[j] = (guint8) (j * 7 + i);
    payload = g_bytes_new (bytes, lengths[i]);
    container = bpg_image_build (payload, &claims, bpg_signer_get_key (signer), hash, &error);
    g_assert_no_error (error);
    g_assert_cmpint (bpg_image_parse (g_bytes_get_data (container, NULL), g_bytes_get_size (container), &image), ==,
                     BPG_IMAGE_OK);
    g_assert_cmpuint (image.total_length, ==, g_bytes_get_size (container));
    g_assert_cmpmem (image.payload, image.payload_length, bytes, lengths[i]);
    g_assert_cmpmem (image.hash, BPG_SHA256_SIZE, hash, sizeof hash);
    g_assert_cmpmem (image.hardware, image.hardware_length, "bionicpro-c3-1", 14);
    g_assert_cmpmem (image.side, image.side_length, "left", 4);
    g_assert_true (image.has_schema);
    g_assert_cmpuint (image.schema, ==, 1);
    g_assert_cmpuint (image.version.major, ==, 26);
    g_assert_cmpuint (image.version.minor, ==, 11);
    g_assert_cmpuint (image.version.revision, ==, 20);
    g_assert_cmpuint (image.version.build, ==, 1234567);
    g_assert_cmpint (bpg_image_verify (&image, g_bytes_get_data (key, NULL), g_bytes_get_size (key), &crypto), ==,
                     BPG_IMAGE_OK);
    back = bpg_image_get_payload (container, &error);
    g_assert_true (g_bytes_equal (back, payload));
  }
}

/* Whatever byte is changed, the arm notices: the structure breaks, or hash, key or signature do not hold. */
static void
test_every_byte_counts (Fixture *fixture, gconstpointer data)
{
  g_autoptr (BpgSigner) signer = make_signer (fixture);
  g_autoptr (GBytes) key = bpg_signer_get_public_key (signer);
  g_autoptr (GBytes) payload = g_bytes_new_static ("a model", 7);
  guint8 hash[BPG_HASH_LENGTH];
  g_autoptr (GBytes) container = bpg_image_build (payload, &claims, bpg_signer_get_key (signer), hash, NULL);
  gsize length = g_bytes_get_size (container);
  g_autofree guint8 *bytes = g_memdup2 (g_bytes_get_data (container, NULL), length);

  for (gsize i = 0; i < length; i++) {
    struct bpg_image image;
    int rc;

    bytes[i] ^= 0x01;
    rc = bpg_image_parse (bytes, length, &image);
    if (rc == BPG_IMAGE_OK)
      rc = bpg_image_verify (&image, g_bytes_get_data (key, NULL), g_bytes_get_size (key), &crypto);
    g_assert_cmpint (rc, !=, BPG_IMAGE_OK);
    bytes[i] ^= 0x01;
  }
}

static void
test_other_key (Fixture *fixture, gconstpointer data)
{
  g_autoptr (BpgSigner) signer = make_signer (fixture);
  g_autofree char *path = g_build_filename (fixture->folder, "other.pem", NULL);
  g_autoptr (BpgSigner) other = bpg_signer_new (path);
  g_autoptr (GBytes) payload = g_bytes_new_static ("a model", 7);
  g_autoptr (GBytes) container = NULL;
  g_autoptr (GBytes) key = NULL;
  guint8 hash[BPG_HASH_LENGTH];
  struct bpg_image image;

  g_assert_false (bpg_signer_exists (other));
  g_assert_true (bpg_signer_ensure (other, NULL));
  g_assert_true (bpg_signer_exists (other));
  container = bpg_image_build (payload, &claims, bpg_signer_get_key (signer), hash, NULL);
  key = bpg_signer_get_public_key (other);
  g_assert_cmpint (bpg_image_parse (g_bytes_get_data (container, NULL), g_bytes_get_size (container), &image), ==,
                   BPG_IMAGE_OK);
  g_assert_cmpint (bpg_image_verify (&image, g_bytes_get_data (key, NULL), g_bytes_get_size (key), &crypto), ==,
                   BPG_IMAGE_EKEY);
}

static void
test_refused_claims (Fixture *fixture, gconstpointer data)
{
  const BpgImageClaims bad[] = {
    {"a name that is longer than thirty-one", "left", 1, {0}},
    {"", "left", 1, {0}},
    {"board", "a side that is longer than thirty-one", 1, {0}},
    {"board", "left", 1, {0}, 28},
    {"board", "left", 1, {0}, 34},
  };
  g_autoptr (BpgSigner) signer = make_signer (fixture);
  g_autoptr (GBytes) payload = g_bytes_new_static ("x", 1);
  g_autoptr (GBytes) nothing = g_bytes_new_static ("", 0);
  guint8 hash[BPG_HASH_LENGTH];

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (bpg_image_build (payload, &bad[i], bpg_signer_get_key (signer), hash, &error));
    g_assert_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT);
  }
  g_assert_null (bpg_image_build (nothing, &claims, bpg_signer_get_key (signer), hash, NULL));
}

static void
test_damaged_payload (Fixture *fixture, gconstpointer data)
{
  static const char *const bad[] = {"", "short", "this is long enough for a header, but is none"};

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GBytes) bytes = g_bytes_new_static (bad[i], strlen (bad[i]));
    g_autoptr (GError) error = NULL;

    g_assert_null (bpg_image_get_payload (bytes, &error));
    g_assert_error (error, BPG_ERROR, BPG_ERROR_CORRUPT);
  }
}

static void
test_versions (Fixture *fixture, gconstpointer data)
{
  /* 2026-11-20 10:00:00.500 UTC */
  const guint64 time = G_GUINT64_CONSTANT (1795168800500000);
  BpgImageVersion first = bpg_image_version_from_time (time, NULL);
  BpgImageVersion later = bpg_image_version_from_time (time + 1000, &first);
  BpgImageVersion earlier = bpg_image_version_from_time (time - G_TIME_SPAN_HOUR, &later);
  BpgImageVersion same = bpg_image_version_from_time (time, &earlier);

  g_assert_cmpuint (first.major, ==, 26);
  g_assert_cmpuint (first.minor, ==, 11);
  g_assert_cmpuint (first.revision, ==, 20);
  g_assert_cmpuint (first.build, ==, 36000500);
  g_assert_cmpuint (bpg_image_version_pack (&later), >, bpg_image_version_pack (&first));
  g_assert_cmpuint (bpg_image_version_pack (&earlier), >, bpg_image_version_pack (&later));
  g_assert_cmpuint (bpg_image_version_pack (&same), >, bpg_image_version_pack (&earlier));
}

static void
test_version_texts (Fixture *fixture, gconstpointer data)
{
  static const char *const good[] = {"0.0.0", "1.2.3", "255.255.65535+4294967295", "26.11.20+1"};
  static const char *const bad[] = {"",         "1",      "1.2",    "1.2.3.4", "1.2.3+",     "256.0.0", "0.256.0", "0.0.65536",
                                    "1.2.3+-1", " 1.2.3", "1.2.3 ", "1.-2.3",  "1.2.3+4294967296", "v1.2.3", "1..2",
                                    "1.2.99999999999999999999999999"};

  for (guint i = 0; i < G_N_ELEMENTS (good); i++) {
    BpgImageVersion version;
    g_autofree char *back = NULL;

    g_assert_true (bpg_image_version_parse (good[i], &version, NULL));
    back = bpg_image_version_format (&version);
    g_assert_cmpstr (back, ==, good[i]);
  }
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    BpgImageVersion version;
    g_autoptr (GError) error = NULL;

    g_assert_false (bpg_image_version_parse (bad[i], &version, &error));
    g_assert_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT);
  }
}

/* What was left out is not there, and a longer header is none of the payload. */
static void
test_told (Fixture *fixture, gconstpointer data)
{
  const BpgImageClaims bare = {NULL, NULL, 0, {1, 2, 3, 4}, 512};
  g_autoptr (BpgSigner) signer = make_signer (fixture);
  g_autoptr (GBytes) key = bpg_signer_get_public_key (signer);
  g_autoptr (GBytes) payload = g_bytes_new_static ("a program", 9);
  g_autoptr (GError) error = NULL;
  guint8 hash[BPG_HASH_LENGTH];
  g_autoptr (GBytes) full = bpg_image_build (payload, &claims, bpg_signer_get_key (signer), hash, NULL);
  g_autoptr (GBytes) container = bpg_image_build (payload, &bare, bpg_signer_get_key (signer), hash, NULL);
  g_autoptr (BpgImageInfo) told = bpg_image_info_new (full, NULL);
  g_autoptr (BpgImageInfo) info = bpg_image_info_new (container, NULL);
  g_autoptr (GBytes) back = bpg_image_get_payload (container, NULL);

  g_assert_cmpstr (told->hardware, ==, "bionicpro-c3-1");
  g_assert_cmpstr (told->side, ==, "left");
  g_assert_true (told->has_schema && told->schema == 1);
  g_assert_null (info->hardware);
  g_assert_null (info->side);
  g_assert_false (info->has_schema);
  g_assert_cmpuint (info->header_size, ==, 512);
  g_assert_cmpuint (info->payload_length, ==, 9);
  g_assert_cmpuint (info->total_length, ==, g_bytes_get_size (container));
  g_assert_true (g_bytes_equal (back, payload));
  g_assert_true (bpg_image_check (container, key, &error));
  g_assert_no_error (error);
}

/* Which error: not a container, another key, damaged. */
static void
test_checked (Fixture *fixture, gconstpointer data)
{
  g_autoptr (BpgSigner) signer = make_signer (fixture);
  g_autofree char *path = g_build_filename (fixture->folder, "other.pem", NULL);
  g_autoptr (BpgSigningKey) other = bpg_signing_key_generate (path, NULL);
  g_autoptr (GBytes) key = bpg_signer_get_public_key (signer);
  g_autoptr (GBytes) payload = g_bytes_new_static ("a program", 9);
  guint8 hash[BPG_HASH_LENGTH];
  g_autoptr (GBytes) container = bpg_image_build (payload, &claims, bpg_signer_get_key (signer), hash, NULL);
  g_autoptr (GByteArray) damaged = g_byte_array_new ();
  const struct {
    gsize length;
    gsize flip;
    BpgError code;
  } cases[] = {
    {g_bytes_get_size (container), 0, BPG_ERROR_CORRUPT},
    {g_bytes_get_size (container), 33, BPG_ERROR_CORRUPT},
    {g_bytes_get_size (container), g_bytes_get_size (container) - 1, BPG_ERROR_SIGNATURE_INVALID},
    {g_bytes_get_size (container) - 1, 20, BPG_ERROR_CORRUPT},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GBytes) bytes = NULL;
    g_autoptr (GError) error = NULL;

    g_byte_array_set_size (damaged, 0);
    g_byte_array_append (damaged, g_bytes_get_data (container, NULL), (guint) cases[i].length);
    damaged->data[cases[i].flip] ^= 0x20;
    bytes = g_bytes_new (damaged->data, damaged->len);
    g_assert_false (bpg_image_check (bytes, key, &error));
    g_assert_error (error, BPG_ERROR, (int) cases[i].code);
  }
  {
    g_autoptr (GError) error = NULL;

    g_assert_false (bpg_image_check (container, bpg_signing_key_get_public_key (other), &error));
    g_assert_error (error, BPG_ERROR, BPG_ERROR_SIGNATURE_INVALID);
  }
}

static void
test_key_file (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->folder, "key.pem", NULL);
  g_autoptr (BpgSigner) signer = make_signer (fixture);
  g_autoptr (BpgSigner) again = bpg_signer_new (path);
  g_autoptr (GBytes) key = bpg_signer_get_public_key (signer);
  g_autoptr (GBytes) same = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  g_assert_null (bpg_signer_get_public_key (again));
  g_assert_true (bpg_signer_ensure (again, NULL));
  same = bpg_signer_get_public_key (again);
  g_assert_true (g_bytes_equal (key, same));
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_true (g_str_has_prefix (text, "-----BEGIN PRIVATE KEY-----"));

  /* A damaged file is not replaced: whoever bound an arm to that key would never again be believed. */
  g_assert_true (g_file_set_contents (path, "nonsense", -1, NULL));
  g_clear_object (&again);
  again = bpg_signer_new (path);
  g_assert_false (bpg_signer_ensure (again, &error));
  g_assert_error (error, BPG_ERROR, BPG_ERROR_VAULT_NO_KEY);
  g_clear_pointer (&text, g_free);
  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  g_assert_cmpstr (text, ==, "nonsense");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_test ("/image/verified", test_verified);
  add_test ("/image/every-byte-counts", test_every_byte_counts);
  add_test ("/image/other-key", test_other_key);
  add_test ("/image/refused-claims", test_refused_claims);
  add_test ("/image/damaged-payload", test_damaged_payload);
  add_test ("/image/versions", test_versions);
  add_test ("/image/version-texts", test_version_texts);
  add_test ("/image/told", test_told);
  add_test ("/image/checked", test_checked);
  add_test ("/image/key-file", test_key_file);
  return g_test_run ();
}
