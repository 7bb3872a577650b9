/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The numbers that the chip computes of a key, against those that Python did when the header was made: an accelerator
 * given wrong ones refuses every signature, and no emulator of it looks at them. */
#include <glib.h>
#include <gnutls/abstract.h>
#include <string.h>

#include "keys/release-key.h"
#include "ports/esp32c3/rsa-key.h"

static void
test_release_key (void)
{
  static const struct ets_rsa_pubkey expected = BPG_RELEASE_KEY_FOR_ROM;
  struct ets_rsa_pubkey key;

  g_assert_true (bpg_rsa_key_prepare (bpg_release_key, sizeof bpg_release_key, &key));
  g_assert_cmpmem (key.n, sizeof key.n, expected.n, sizeof expected.n);
  g_assert_cmpmem (key.rinv, sizeof key.rinv, expected.rinv, sizeof expected.rinv);
  g_assert_cmphex (key.e, ==, expected.e);
  g_assert_cmphex (key.mdash, ==, expected.mdash);
}

/* SubjectPublicKeyInfo of a new key. */
static void
make_key (gnutls_pk_algorithm_t algorithm, unsigned bits, gnutls_datum_t *spki)
{
  gnutls_x509_privkey_t x509;
  gnutls_privkey_t private_key;
  gnutls_pubkey_t public_key;

  gnutls_x509_privkey_init (&x509);
  gnutls_privkey_init (&private_key);
  gnutls_pubkey_init (&public_key);
  g_assert_cmpint (gnutls_x509_privkey_generate (x509, algorithm, bits, 0), ==, 0);
  g_assert_cmpint (gnutls_privkey_import_x509 (private_key, x509, 0), ==, 0);
  g_assert_cmpint (gnutls_pubkey_import_privkey (public_key, private_key, 0, 0), ==, 0);
  g_assert_cmpint (gnutls_pubkey_export2 (public_key, GNUTLS_X509_FMT_DER, spki), ==, 0);
  gnutls_pubkey_deinit (public_key);
  gnutls_privkey_deinit (private_key);
  gnutls_x509_privkey_deinit (x509);
}

static void
test_other_keys (void)
{
  struct ets_rsa_pubkey key;
  gnutls_datum_t spki;

  make_key (GNUTLS_PK_RSA, 2048, &spki);
  g_assert_false (bpg_rsa_key_prepare (spki.data, spki.size, &key));
  gnutls_free (spki.data);
  make_key (GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1), &spki);
  g_assert_false (bpg_rsa_key_prepare (spki.data, spki.size, &key));
  gnutls_free (spki.data);
  for (gsize length = 0; length < sizeof bpg_release_key; length++)
    {
      g_autofree guint8 *part = g_memdup2 (bpg_release_key, length);

      g_assert_false (bpg_rsa_key_prepare (part, length, &key));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/esp32c3/rsa-key/release", test_release_key);
  g_test_add_func ("/esp32c3/rsa-key/others", test_other_keys);
  return g_test_run ();
}
