/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The software element's ECDSA, against published vectors and against another implementation. */
#include "ports/esp32c3/p256.h"

#include <glib.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>

#define ORDER "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define ORDER_LESS_1 "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550"
#define BASE_X "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
#define BASE_Y "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
#define RFC_KEY "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"

static void
sha256 (const uint8_t *bytes, size_t length, uint8_t hash[32])
{
  g_assert_cmpint (gnutls_hash_fast (GNUTLS_DIG_SHA256, bytes, length, hash), ==, 0);
}

static void
from_hex (const char *text, uint8_t *bytes, gsize length)
{
  g_assert_cmpuint (strlen (text), ==, 2 * length);
  for (gsize i = 0; i < length; i++)
    bytes[i] = (uint8_t) (g_ascii_xdigit_value (text[2 * i]) << 4 | g_ascii_xdigit_value (text[2 * i + 1]));
}

/* The key as the other implementation knows it. */
static gnutls_pubkey_t
import_key (const uint8_t private_key[32])
{
  uint8_t public_key[64];
  uint8_t spki[BPG_P256_SPKI];
  const gnutls_datum_t datum = { spki, sizeof spki };
  gnutls_pubkey_t key;

  g_assert_true (bpg_p256_public_key (private_key, public_key));
  bpg_p256_spki (public_key, spki);
  g_assert_cmpint (gnutls_pubkey_init (&key), ==, 0);
  g_assert_cmpint (gnutls_pubkey_import (key, &datum, GNUTLS_X509_FMT_DER), ==, 0);
  return key;
}

static gboolean
verify (gnutls_pubkey_t key, const uint8_t hash[32], const uint8_t *signature, gsize length)
{
  const gnutls_datum_t digest = { (unsigned char *) hash, 32 };
  const gnutls_datum_t datum = { (unsigned char *) signature, (unsigned int) length };

  return gnutls_pubkey_verify_hash2 (key, GNUTLS_SIGN_ECDSA_SHA256, 0, &digest, &datum) >= 0;
}

static void
check_public (const char *private_key, const char *x, const char *y)
{
  uint8_t scalar[32];
  uint8_t wanted[64];
  uint8_t got[64];

  from_hex (private_key, scalar, sizeof scalar);
  from_hex (x, wanted, 32);
  from_hex (y, wanted + 32, 32);
  g_assert_true (bpg_p256_public_key (scalar, got));
  g_assert_cmpmem (got, sizeof got, wanted, sizeof wanted);
}

/* Multiples of the base point: 1, 2, 3, 15 to 17 (around the window), and order - 1, which is its negative. */
static void
test_known_keys (void)
{
  check_public ("0000000000000000000000000000000000000000000000000000000000000001", BASE_X, BASE_Y);
  check_public ("0000000000000000000000000000000000000000000000000000000000000002",
                "7cf27b188d034f7e8a52380304b51ac3c08969e277f21b35a60b48fc47669978",
                "07775510db8ed040293d9ac69f7430dbba7dade63ce982299e04b79d227873d1");
  check_public ("0000000000000000000000000000000000000000000000000000000000000003",
                "5ecbe4d1a6330a44c8f7ef951d4bf165e6c6b721efada985fb41661bc6e7fd6c",
                "8734640c4998ff7e374b06ce1a64a2ecd82ab036384fb83d9a79b127a27d5032");
  check_public ("000000000000000000000000000000000000000000000000000000000000000f",
                "f0454dc6971abae7adfb378999888265ae03af92de3a0ef163668c63e59b9d5f",
                "b5b93ee3592e2d1f4e6594e51f9643e62a3b21ce75b5fa3f47e59cde0d034f36");
  check_public ("0000000000000000000000000000000000000000000000000000000000000010",
                "76a94d138a6b41858b821c629836315fcd28392eff6ca038a5eb4787e1277c6e",
                "a985fe61341f260e6cb0a1b5e11e87208599a0040fc78baa0e9ddd724b8c5110");
  check_public ("0000000000000000000000000000000000000000000000000000000000000011",
                "47776904c0f1cc3a9c0984b66f75301a5fa68678f0d64af8ba1abce34738a73e",
                "aa005ee6b5b957286231856577648e8381b2804428d5733f32f787ff71f1fcdc");
  check_public (ORDER_LESS_1, BASE_X, "b01cbd1c01e58065711814b583f061e9d431cca994cea1313449bf97c840ae0a");
  check_public (RFC_KEY, "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
                "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
}

static void
check_signature (const char *message, const char *der)
{
  uint8_t scalar[32];
  uint8_t hash[32];
  uint8_t wanted[BPG_P256_SIGNATURE_MAX];
  uint8_t got[BPG_P256_SIGNATURE_MAX];
  gsize length = strlen (der) / 2;

  from_hex (RFC_KEY, scalar, sizeof scalar);
  from_hex (der, wanted, length);
  sha256 ((const uint8_t *) message, strlen (message), hash);
  g_assert_cmpmem (got, bpg_p256_sign (scalar, hash, NULL, sha256, got), wanted, length);
}

/* RFC 6979, A.2.5, with SHA-256. */
static void
test_published_signatures (void)
{
  check_signature ("sample",
                   "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
                   "022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8");
  check_signature ("test",
                   "3045022100f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
                   "0220019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083");
}

/* Whatever key, hash and nonce: the other implementation takes the signature, and only with that hash. */
static void
test_verified (void)
{
  for (guint i = 0; i < 300; i++) {
    uint8_t random[3][32];
    uint8_t private_key[32];
    uint8_t signature[BPG_P256_SIGNATURE_MAX];
    gnutls_pubkey_t key;
    gsize length;

    for (guint j = 0; j < sizeof random; j++)
      ((uint8_t *) random)[j] = (uint8_t) g_test_rand_int ();
    g_assert_true (bpg_p256_make_key (random[0], private_key));
    key = import_key (private_key);
    length = bpg_p256_sign (private_key, random[1], i % 2 == 0 ? random[2] : NULL, sha256, signature);
    g_assert_cmpuint (length, <=, sizeof signature);
    g_assert_true (verify (key, random[1], signature, length));
    random[1][i % 32] ^= 0x10;
    g_assert_false (verify (key, random[1], signature, length));
    gnutls_pubkey_deinit (key);
  }
}

/* Hashes at the ends of the range and around the order, keys at the ends of theirs. */
static void
test_edges (void)
{
  static const char *const keys[] = {
    "0000000000000000000000000000000000000000000000000000000000000001",
    "0000000000000000000000000000000000000000000000000000000000000100",
    "8000000000000000000000000000000000000000000000000000000000000000",
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc63254f",
    ORDER_LESS_1,
  };
  static const char *const hashes[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000001",
    ORDER_LESS_1,
    ORDER,
    "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  };

  for (guint k = 0; k < G_N_ELEMENTS (keys); k++) {
    uint8_t private_key[32];
    gnutls_pubkey_t key;

    from_hex (keys[k], private_key, sizeof private_key);
    key = import_key (private_key);
    for (guint h = 0; h < G_N_ELEMENTS (hashes); h++) {
      uint8_t hash[32];
      uint8_t signature[BPG_P256_SIGNATURE_MAX];
      gsize length;

      from_hex (hashes[h], hash, sizeof hash);
      length = bpg_p256_sign (private_key, hash, NULL, sha256, signature);
      g_assert_true (verify (key, hash, signature, length));
    }
    gnutls_pubkey_deinit (key);
  }
}

static void
test_no_keys (void)
{
  static const char *const bad[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    ORDER,
    "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  };
  uint8_t hash[32] = { 1 };

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    uint8_t random[32];
    uint8_t out[BPG_P256_SIGNATURE_MAX];

    from_hex (bad[i], random, sizeof random);
    g_assert_false (bpg_p256_make_key (random, out));
    g_assert_false (bpg_p256_public_key (random, out));
    g_assert_cmpuint (bpg_p256_sign (random, hash, NULL, sha256, out), ==, 0);
  }
}

/* What is mixed in changes the signature, the same again does not. */
static void
test_fresh (void)
{
  uint8_t private_key[32];
  uint8_t hash[32] = { 7 };
  uint8_t fresh[32] = { 0 };
  uint8_t plain[BPG_P256_SIGNATURE_MAX];
  uint8_t first[BPG_P256_SIGNATURE_MAX];
  uint8_t again[BPG_P256_SIGNATURE_MAX];
  uint8_t other[BPG_P256_SIGNATURE_MAX];
  gsize length;

  from_hex (RFC_KEY, private_key, sizeof private_key);
  bpg_p256_sign (private_key, hash, NULL, sha256, plain);
  length = bpg_p256_sign (private_key, hash, fresh, sha256, first);
  g_assert_cmpmem (again, bpg_p256_sign (private_key, hash, fresh, sha256, again), first, length);
  fresh[31] = 1;
  bpg_p256_sign (private_key, hash, fresh, sha256, other);
  /* Bytes 5 to 30 are within r, whatever its length. */
  g_assert_cmpint (memcmp (plain + 5, first + 5, 25), !=, 0);
  g_assert_cmpint (memcmp (first + 5, other + 5, 25), !=, 0);
}

static guint calls;

/* Eight hashes make the generator's state, two more the first nonce, and each nonce that is thrown away costs six. */
static void
stubborn_sha256 (const uint8_t *bytes, size_t length, uint8_t hash[32])
{
  sha256 (bytes, length, hash);
  calls++;
  if (calls == 10 || calls == 16)
    memset (hash, calls == 10 ? 0xff : 0x00, 32);
}

/* A nonce out of range is replaced, and the signature holds. */
static void
test_nonce_out_of_range (void)
{
  uint8_t private_key[32];
  uint8_t hash[32] = { 9 };
  uint8_t signature[BPG_P256_SIGNATURE_MAX];
  gnutls_pubkey_t key;
  gsize length;

  from_hex (RFC_KEY, private_key, sizeof private_key);
  key = import_key (private_key);
  calls = 0;
  length = bpg_p256_sign (private_key, hash, NULL, stubborn_sha256, signature);
  g_assert_cmpuint (calls, ==, 22);
  g_assert_true (verify (key, hash, signature, length));
  gnutls_pubkey_deinit (key);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/p256/known-keys", test_known_keys);
  g_test_add_func ("/p256/published-signatures", test_published_signatures);
  g_test_add_func ("/p256/verified", test_verified);
  g_test_add_func ("/p256/edges", test_edges);
  g_test_add_func ("/p256/no-keys", test_no_keys);
  g_test_add_func ("/p256/fresh", test_fresh);
  g_test_add_func ("/p256/nonce-out-of-range", test_nonce_out_of_range);
  return g_test_run ();
}
