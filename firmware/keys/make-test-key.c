/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes the key that signs firmware in this build folder alone: RSA with 3072
 * bits, the private half in PKCS#8 PEM (0600), the public one as
 * SubjectPublicKeyInfo in DER. A key that is there already is kept, so that
 * what was signed yesterday still starts today.
 *
 * usage: make-test-key PRIVATE PUBLIC
 */
#include <errno.h>
#include <fcntl.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BITS 3072

static void __attribute__ ((noreturn))
die (const char *what, const char *why)
{
  fprintf (stderr, "make-test-key: %s: %s\n", what, why);
  exit (EXIT_FAILURE);
}

static void
check (int code, const char *what)
{
  if (code < 0)
    die (what, gnutls_strerror (code));
}

static void
save (const char *path, const gnutls_datum_t *bytes, mode_t mode)
{
  int fd = open (path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

  if (fd < 0 || write (fd, bytes->data, bytes->size) != (ssize_t) bytes->size || close (fd) != 0)
    die (path, strerror (errno));
}

/* Returns whether there is a key that will do. */
static int
load (gnutls_x509_privkey_t key, const char *path)
{
  gnutls_datum_t pem = { NULL, 0 };
  unsigned bits = 0;
  int there;

  if (gnutls_load_file (path, &pem) < 0)
    return 0;
  there = gnutls_x509_privkey_import (key, &pem, GNUTLS_X509_FMT_PEM) >= 0
          && gnutls_x509_privkey_get_pk_algorithm2 (key, &bits) == GNUTLS_PK_RSA && bits == BITS;
  gnutls_free (pem.data);
  return there;
}

static void
generate (gnutls_x509_privkey_t key, const char *path)
{
  gnutls_datum_t pem = { NULL, 0 };

  check (gnutls_x509_privkey_generate (key, GNUTLS_PK_RSA, BITS, 0), "making a key");
  check (gnutls_x509_privkey_export2_pkcs8 (key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem),
         "writing a key");
  save (path, &pem, 0600);
  gnutls_free (pem.data);
}

static void
save_public (gnutls_x509_privkey_t key, const char *path)
{
  gnutls_datum_t spki = { NULL, 0 };
  gnutls_privkey_t private_key;
  gnutls_pubkey_t public_key;

  check (gnutls_privkey_init (&private_key), "key");
  check (gnutls_pubkey_init (&public_key), "key");
  check (gnutls_privkey_import_x509 (private_key, key, 0), "key");
  check (gnutls_pubkey_import_privkey (public_key, private_key, 0, 0), "key");
  check (gnutls_pubkey_export2 (public_key, GNUTLS_X509_FMT_DER, &spki), "public key");
  save (path, &spki, 0644);
  gnutls_free (spki.data);
  gnutls_pubkey_deinit (public_key);
  gnutls_privkey_deinit (private_key);
}

int
main (int argc, char **argv)
{
  gnutls_x509_privkey_t key;

  if (argc != 3)
    die ("usage", "make-test-key PRIVATE PUBLIC");
  check (gnutls_x509_privkey_init (&key), "key");
  if (!load (key, argv[1]))
    {
      gnutls_x509_privkey_deinit (key);
      check (gnutls_x509_privkey_init (&key), "key");
      generate (key, argv[1]);
    }
  else if (utimensat (AT_FDCWD, argv[1], NULL, 0) != 0)
    die (argv[1], strerror (errno));
  save_public (key, argv[2]);
  gnutls_x509_privkey_deinit (key);
  return EXIT_SUCCESS;
}
