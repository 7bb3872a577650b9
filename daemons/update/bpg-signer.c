/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-signer.h"

#include "bpg-error.h"
#include "bpg-file.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <string.h>

#define KEY_BITS 3072
#define KEY_FILE_LIMIT 16384

struct _BpgSigner {
  GObject parent_instance;

  char *path;
  GMutex mutex; /* over all below */
  gnutls_privkey_t key;
  GBytes *public_key;
  guint8 key_hash[BPG_HASH_LENGTH];
};

G_DEFINE_FINAL_TYPE (BpgSigner, bpg_signer, G_TYPE_OBJECT)

static void
bpg_signer_finalize (GObject *object)
{
  BpgSigner *self = BPG_SIGNER (object);

  if (self->key != NULL)
    gnutls_privkey_deinit (self->key);
  g_clear_pointer (&self->public_key, g_bytes_unref);
  g_mutex_clear (&self->mutex);
  g_free (self->path);
  G_OBJECT_CLASS (bpg_signer_parent_class)->finalize (object);
}

static void
bpg_signer_class_init (BpgSignerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_signer_finalize;
}

static void
bpg_signer_init (BpgSigner *self)
{
  g_mutex_init (&self->mutex);
}

BpgSigner *
bpg_signer_new (const char *path)
{
  BpgSigner *self = g_object_new (BPG_TYPE_SIGNER, NULL);

  self->path = g_strdup (path);
  return self;
}

gboolean
bpg_signer_exists (BpgSigner *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->mutex);

  return self->key != NULL || g_file_test (self->path, G_FILE_TEST_EXISTS);
}

static gboolean
fail (int code, BpgError kind, const char *what, GError **error)
{
  g_set_error (error, BPG_ERROR, kind, "%s: %s", what, gnutls_strerror (code));
  return FALSE;
}

static gboolean
generate (BpgSigner *self, gnutls_x509_privkey_t key, GError **error)
{
  gnutls_datum_t pkcs8 = {NULL, 0};
  gboolean written;
  int rc = gnutls_x509_privkey_generate (key, GNUTLS_PK_RSA, KEY_BITS, 0);

  if (rc >= 0)
    rc = gnutls_x509_privkey_export2_pkcs8 (key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pkcs8);
  if (rc < 0)
    return fail (rc, BPG_ERROR_FAILED, "Making the clinic's key", error);
  written = bpg_file_write_durable (self->path, pkcs8.data, pkcs8.size, 0600, error);
  gnutls_memset (pkcs8.data, 0, pkcs8.size);
  gnutls_free (pkcs8.data);
  return written;
}

static gboolean
load (BpgSigner *self, gnutls_x509_privkey_t key, GError **error)
{
  g_autoptr (GError) local = NULL;
  g_autoptr (GBytes) pem = bpg_file_read (self->path, KEY_FILE_LIMIT, &local);
  gnutls_datum_t datum;
  unsigned int bits = 0;
  int rc;

  if (pem == NULL) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_VAULT_NO_KEY, "The clinic's key: %s", local->message);
    return FALSE;
  }
  datum = (gnutls_datum_t){(unsigned char *) g_bytes_get_data (pem, NULL), (unsigned int) g_bytes_get_size (pem)};
  rc = gnutls_x509_privkey_import_pkcs8 (key, &datum, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN);
  if (rc < 0)
    return fail (rc, BPG_ERROR_VAULT_NO_KEY, self->path, error);
  if (gnutls_x509_privkey_get_pk_algorithm2 (key, &bits) != GNUTLS_PK_RSA || bits != KEY_BITS) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_VAULT_NO_KEY, "%s is not an RSA key of %d bits", self->path, KEY_BITS);
    return FALSE;
  }
  return TRUE;
}

static gsize
put_der_head (guint8 *out, guint8 tag, gsize length)
{
  out[0] = tag;
  if (length < 128) {
    out[1] = (guint8) length;
    return 2;
  }
  out[1] = 0x82;
  out[2] = (guint8) (length >> 8);
  out[3] = (guint8) length;
  return 4;
}

/* RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER } */
static void
hash_rsa_key (const gnutls_datum_t *modulus, const gnutls_datum_t *exponent, guint8 hash[BPG_HASH_LENGTH])
{
  g_autoptr (GByteArray) body = g_byte_array_new ();
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  const gnutls_datum_t *const numbers[] = {modulus, exponent};
  gsize length = BPG_HASH_LENGTH;
  guint8 head[4];

  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++) {
    g_byte_array_append (body, head, (guint) put_der_head (head, 0x02, numbers[i]->size));
    g_byte_array_append (body, numbers[i]->data, numbers[i]->size);
  }
  g_checksum_update (checksum, head, (gssize) put_der_head (head, 0x30, body->len));
  g_checksum_update (checksum, body->data, (gssize) body->len);
  g_checksum_get_digest (checksum, hash, &length);
}

static int
export_public (BpgSigner *self, gnutls_pubkey_t public)
{
  gnutls_datum_t spki = {NULL, 0};
  gnutls_datum_t modulus = {NULL, 0};
  gnutls_datum_t exponent = {NULL, 0};
  int rc = gnutls_pubkey_export_rsa_raw2 (public, &modulus, &exponent, 0);

  if (rc >= 0) {
    hash_rsa_key (&modulus, &exponent, self->key_hash);
    rc = gnutls_pubkey_export2 (public, GNUTLS_X509_FMT_DER, &spki);
  }
  if (rc >= 0)
    self->public_key = g_bytes_new (spki.data, spki.size);
  gnutls_free (spki.data);
  gnutls_free (modulus.data);
  gnutls_free (exponent.data);
  return rc;
}

static gboolean
take_key (BpgSigner *self, gnutls_x509_privkey_t key, GError **error)
{
  gnutls_privkey_t private = NULL;
  gnutls_pubkey_t public = NULL;
  int rc = gnutls_privkey_init (&private);

  if (rc >= 0)
    rc = gnutls_privkey_import_x509 (private, key, GNUTLS_PRIVKEY_IMPORT_COPY);
  if (rc >= 0)
    rc = gnutls_pubkey_init (&public);
  if (rc >= 0)
    rc = gnutls_pubkey_import_privkey (public, private, 0, 0);
  if (rc >= 0)
    rc = export_public (self, public);
  if (public != NULL)
    gnutls_pubkey_deinit (public);
  if (rc >= 0) {
    self->key = private;
    return TRUE;
  }
  if (private != NULL)
    gnutls_privkey_deinit (private);
  return fail (rc, BPG_ERROR_VAULT_NO_KEY, "The clinic's key", error);
}

gboolean
bpg_signer_ensure (BpgSigner *self, GError **error)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->mutex);
  gnutls_x509_privkey_t key = NULL;
  gboolean done;
  int rc;

  if (self->key != NULL)
    return TRUE;
  rc = gnutls_x509_privkey_init (&key);
  if (rc < 0)
    return fail (rc, BPG_ERROR_FAILED, "Making the clinic's key", error);
  done = g_file_test (self->path, G_FILE_TEST_EXISTS) ? load (self, key, error) : generate (self, key, error);
  done = done && take_key (self, key, error);
  gnutls_x509_privkey_deinit (key);
  return done;
}

static void
ensure_in_worker (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  GError *error = NULL;

  if (bpg_signer_ensure (source, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

void
bpg_signer_ensure_async (BpgSigner *self, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, user_data);

  g_task_set_source_tag (task, bpg_signer_ensure_async);
  g_task_run_in_thread (task, ensure_in_worker);
}

gboolean
bpg_signer_ensure_finish (BpgSigner *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

GBytes *
bpg_signer_get_public_key (BpgSigner *self)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->mutex);

  return self->public_key != NULL ? g_bytes_ref (self->public_key) : NULL;
}

void
bpg_signer_get_key_hash (BpgSigner *self, guint8 hash[BPG_HASH_LENGTH])
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->mutex);

  memcpy (hash, self->key_hash, BPG_HASH_LENGTH);
}

gboolean
bpg_signer_sign (BpgSigner *self, const guint8 hash[BPG_HASH_LENGTH], guint8 signature[BPG_SIGNATURE_LENGTH],
                 GError **error)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->mutex);
  const gnutls_datum_t digest = {(unsigned char *) hash, BPG_HASH_LENGTH};
  gnutls_datum_t result = {NULL, 0};
  int rc;

  g_return_val_if_fail (self->key != NULL, FALSE);

  /* For a key that prescribes nothing GnuTLS takes a salt as long as the hash. */
  rc = gnutls_privkey_sign_hash2 (self->key, GNUTLS_SIGN_RSA_PSS_SHA256, 0, &digest, &result);
  if (rc < 0)
    return fail (rc, BPG_ERROR_FAILED, "Signing", error);
  if (result.size != BPG_SIGNATURE_LENGTH) {
    gnutls_free (result.data);
    g_set_error (error, BPG_ERROR, BPG_ERROR_FAILED, "The signature has the wrong length");
    return FALSE;
  }
  memcpy (signature, result.data, BPG_SIGNATURE_LENGTH);
  gnutls_free (result.data);
  return TRUE;
}
