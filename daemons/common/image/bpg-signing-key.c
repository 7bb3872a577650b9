/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-signing-key.h"

#include "bpg-error.h"
#include "bpg-file.h"

#include "boot/image.h"

#include <gnutls/abstract.h>
#include <gnutls/pkcs11.h>
#include <gnutls/x509.h>
#include <string.h>

#define KEY_BITS 3072
#define KEY_FILE_LIMIT 16384
#define TOKEN_SCHEME "pkcs11:"
#define PIN_SOURCE "pin-source="
#define PIN_FILE_LIMIT 4096

typedef struct gnutls_x509_privkey_int KeyFile;
typedef struct gnutls_pubkey_st PublicKey;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KeyFile, gnutls_x509_privkey_deinit)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (PublicKey, gnutls_pubkey_deinit)

struct _BpgSigningKey {
  GMutex mutex; /* over the private key */
  gnutls_privkey_t key;
  char *name; /* as it was given */
  char *uri;  /* of a token: without the PIN's file */
  char *pin_file;
  GBytes *public_key;
  guint8 hash[BPG_HASH_LENGTH];
  BpgPinFunc pin;
  gpointer user_data;
  gboolean given; /* a PIN or password was */
  GError *pin_error;
};

static gboolean
is_token (const char *name)
{
  return g_str_has_prefix (name, TOKEN_SCHEME);
}

gboolean
bpg_pin_read_file (const char *path, char *pin, gsize size, GError **error)
{
  g_autoptr (GBytes) bytes = bpg_file_read (path, PIN_FILE_LIMIT, error);
  const char *text;
  gsize length, line = 0;

  if (bytes == NULL)
    return FALSE;
  text = g_bytes_get_data (bytes, &length);
  while (line < length && text[line] != '\n' && text[line] != '\r' && text[line] != '\0')
    line++;
  if (line == 0 || line >= size) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "The first line of %s is no PIN", path);
    return FALSE;
  }
  memcpy (pin, text, line);
  pin[line] = '\0';
  return TRUE;
}

/* GnuTLS asks again after a wrong PIN; a token that counts must not see it twice. */
static int
on_pin (void *user_data, int attempt, const char *url, const char *label, unsigned int flags, char *pin, size_t size)
{
  BpgSigningKey *self = user_data;
  const char *token = label != NULL && label[0] != '\0' ? label : self->name;
  gboolean last = (flags & GNUTLS_PIN_FINAL_TRY) != 0;

  if (attempt > 0 || (flags & GNUTLS_PIN_WRONG) != 0)
    return GNUTLS_E_PKCS11_PIN_ERROR;
  g_clear_error (&self->pin_error);
  if (self->pin_file != NULL)
    self->given = bpg_pin_read_file (self->pin_file, pin, size, &self->pin_error);
  else if (self->pin != NULL)
    self->given = self->pin (token, last, pin, size, self->user_data, &self->pin_error);
  return self->given ? 0 : GNUTLS_E_PKCS11_PIN_ERROR;
}

/* What is not there: the token, or the key in it. */
static const char *
get_missing (const char *uri)
{
  unsigned int flags;

  if (uri == NULL)
    return "There is no key";
  return gnutls_pkcs11_token_get_flags (uri, &flags) >= 0 ? "The token has no such key" : "There is no such token";
}

static gboolean
fail (BpgSigningKey *self, int code, GError **error)
{
  switch (code) {
  case GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE:
  case GNUTLS_E_PKCS11_REQUESTED_OBJECT_NOT_AVAILBLE:
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND, "%s: %s", get_missing (self->uri), self->name);
    return FALSE;
  case GNUTLS_E_PKCS11_PIN_ERROR:
  case GNUTLS_E_DECRYPTION_FAILED:
    if (self->pin_error != NULL)
      g_propagate_error (error, g_steal_pointer (&self->pin_error));
    else
      g_set_error (error, BPG_ERROR, BPG_ERROR_AUTHORIZATION_DISMISSED,
                   self->given ? "The PIN or password is wrong: %s" : "A PIN or password is needed: %s", self->name);
    return FALSE;
  case GNUTLS_E_PKCS11_PIN_LOCKED:
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_AUTHORIZED, "The token has locked itself after wrong PINs: %s",
                 self->name);
    return FALSE;
  case GNUTLS_E_PARSING_ERROR:
  case GNUTLS_E_BASE64_DECODING_ERROR:
  case GNUTLS_E_BASE64_UNEXPECTED_HEADER_ERROR:
  case GNUTLS_E_ASN1_DER_ERROR:
  case GNUTLS_E_ASN1_TAG_ERROR:
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "This is no key: %s", self->name);
    return FALSE;
  default:
    g_set_error (error, BPG_ERROR, BPG_ERROR_FAILED, "%s: %s", self->name, gnutls_strerror (code));
    return FALSE;
  }
}

/* SubjectPublicKeyInfo of an RSA key of the one size, or NULL. */
static GBytes *
export_public (BpgSigningKey *self, gnutls_pubkey_t key, GError **error)
{
  g_autoptr (GBytes) bytes = NULL;
  gnutls_datum_t spki = {NULL, 0};
  const guint8 *rsa;
  gsize length;
  int rc = gnutls_pubkey_export2 (key, GNUTLS_X509_FMT_DER, &spki);

  if (rc < 0) {
    fail (self, rc, error);
    return NULL;
  }
  bytes = g_bytes_new (spki.data, spki.size);
  gnutls_free (spki.data);
  if (!bpg_image_rsa_key (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), &rsa, &length)) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "It is not an RSA key of %d bits: %s", KEY_BITS,
                 self->name);
    return NULL;
  }
  return g_steal_pointer (&bytes);
}

static BpgSigningKey *
begin (const char *name, BpgPinFunc pin, gpointer user_data)
{
  BpgSigningKey *self = g_atomic_rc_box_new0 (BpgSigningKey);

  g_mutex_init (&self->mutex);
  self->name = g_strdup (name);
  self->pin = pin;
  self->user_data = user_data;
  return self;
}

static void
clear (gpointer data)
{
  BpgSigningKey *self = data;

  if (self->key != NULL)
    gnutls_privkey_deinit (self->key);
  g_clear_pointer (&self->public_key, g_bytes_unref);
  g_mutex_clear (&self->mutex);
  g_free (self->name);
  g_free (self->uri);
  g_free (self->pin_file);
  g_clear_error (&self->pin_error);
}

BpgSigningKey *
bpg_signing_key_ref (BpgSigningKey *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
bpg_signing_key_unref (BpgSigningKey *self)
{
  g_atomic_rc_box_release_full (self, clear);
}

/* Derives what is public; the private key is in place. */
static gboolean
take_public (BpgSigningKey *self, GError **error)
{
  g_autoptr (PublicKey) public = NULL;
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize size = BPG_HASH_LENGTH;
  const guint8 *rsa;
  gsize length;
  int rc = gnutls_pubkey_init (&public);

  if (rc >= 0)
    rc = gnutls_pubkey_import_privkey (public, self->key, 0, 0);
  if (rc < 0)
    return fail (self, rc, error);
  self->public_key = export_public (self, public, error);
  if (self->public_key == NULL)
    return FALSE;
  bpg_image_rsa_key (g_bytes_get_data (self->public_key, NULL), g_bytes_get_size (self->public_key), &rsa, &length);
  g_checksum_update (checksum, rsa, (gssize) length);
  g_checksum_get_digest (checksum, self->hash, &size);
  return TRUE;
}

static gboolean
take_file (BpgSigningKey *self, gnutls_x509_privkey_t file, GError **error)
{
  int rc = gnutls_privkey_init (&self->key);

  if (rc >= 0)
    rc = gnutls_privkey_import_x509 (self->key, file, GNUTLS_PRIVKEY_IMPORT_COPY);
  return rc >= 0 ? take_public (self, error) : fail (self, rc, error);
}

static gboolean
generate (BpgSigningKey *self, GError **error)
{
  g_autoptr (KeyFile) file = NULL;
  gnutls_datum_t pkcs8 = {NULL, 0};
  gboolean written;
  int rc = gnutls_x509_privkey_init (&file);

  if (rc >= 0)
    rc = gnutls_x509_privkey_generate (file, GNUTLS_PK_RSA, KEY_BITS, 0);
  if (rc >= 0)
    rc = gnutls_x509_privkey_export2_pkcs8 (file, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pkcs8);
  if (rc < 0) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_FAILED, "Making a key: %s", gnutls_strerror (rc));
    return FALSE;
  }
  written = bpg_file_write_durable (self->name, pkcs8.data, pkcs8.size, 0600, error);
  gnutls_memset (pkcs8.data, 0, pkcs8.size);
  gnutls_free (pkcs8.data);
  return written && take_file (self, file, error);
}

BpgSigningKey *
bpg_signing_key_generate (const char *path, GError **error)
{
  g_autoptr (BpgSigningKey) self = begin (path, NULL, NULL);

  return generate (self, error) ? g_steal_pointer (&self) : NULL;
}

/* The file may be of either form. */
static int
import_file (BpgSigningKey *self, gnutls_x509_privkey_t file, const gnutls_datum_t *bytes)
{
  int rc;

  gnutls_x509_privkey_set_pin_function (file, on_pin, self);
  rc = gnutls_x509_privkey_import2 (file, bytes, GNUTLS_X509_FMT_PEM, NULL, 0);
  if (rc < 0 && rc != GNUTLS_E_PKCS11_PIN_ERROR && rc != GNUTLS_E_DECRYPTION_FAILED)
    rc = gnutls_x509_privkey_import2 (file, bytes, GNUTLS_X509_FMT_DER, NULL, 0);
  return rc;
}

static gboolean
load (BpgSigningKey *self, GError **error)
{
  g_autoptr (GBytes) bytes = bpg_file_read (self->name, KEY_FILE_LIMIT, error);
  g_autoptr (KeyFile) file = NULL;
  gnutls_datum_t datum;
  gsize length;
  int rc = gnutls_x509_privkey_init (&file);

  if (bytes == NULL)
    return FALSE;
  datum.data = (unsigned char *) g_bytes_get_data (bytes, &length);
  datum.size = (unsigned int) length;
  if (rc >= 0)
    rc = import_file (self, file, &datum);
  return rc >= 0 ? take_file (self, file, error) : fail (self, rc, error);
}

/* Takes an attribute out of a URI; returns its value as it stands there, or NULL. */
static char *
take_attribute (char *uri, const char *name)
{
  char *at = strstr (uri, name);
  char *value;
  gsize length;

  while (at != NULL && strchr (":;?&", at[-1]) == NULL)
    at = strstr (at + 1, name);
  if (at == NULL)
    return NULL;
  length = strcspn (at, ";?&");
  value = g_strndup (at + strlen (name), length - strlen (name));
  /* One separator goes with it. */
  if (at[length] != '\0' && at[length] != '?')
    length++;
  else if (at[-1] != ':')
    at--, length++;
  memmove (at, at + length, strlen (at + length) + 1);
  return value;
}

/* The PIN's file may be a path or, as RFC 7512 wants it, a URI of its own; it is read here, as p11-kit takes the line's
 * end for a part of the PIN. */
static gboolean
take_uri (BpgSigningKey *self, GError **error)
{
  g_autofree char *source = NULL;

  if (strstr (self->name, "pin-value=") != NULL) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT,
                 "A PIN in the URI (pin-value) is seen by everybody on this machine; name a file with pin-source");
    return FALSE;
  }
  self->uri = g_strdup (self->name);
  source = take_attribute (self->uri, PIN_SOURCE);
  if (source == NULL)
    return TRUE;
  self->pin_file = g_uri_unescape_string (g_str_has_prefix (source, "file:") ? source + 5 : source, NULL);
  if (self->pin_file != NULL)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "The URI does not name the PIN's file: %s", self->name);
  return FALSE;
}

static gboolean
open_token (BpgSigningKey *self, GError **error)
{
  int rc;

  if (!take_uri (self, error))
    return FALSE;
  rc = gnutls_privkey_init (&self->key);
  if (rc >= 0) {
    gnutls_privkey_set_pin_function (self->key, on_pin, self);
    rc = gnutls_privkey_import_url (self->key, self->uri, 0);
  }
  return rc >= 0 ? take_public (self, error) : fail (self, rc, error);
}

BpgSigningKey *
bpg_signing_key_open (const char *name, BpgPinFunc pin, gpointer user_data, GError **error)
{
  g_autoptr (BpgSigningKey) self = begin (name, pin, user_data);

  return (is_token (name) ? open_token (self, error) : load (self, error)) ? g_steal_pointer (&self) : NULL;
}

static int
import_public_file (gnutls_pubkey_t key, GBytes *bytes)
{
  const gnutls_datum_t datum = {(unsigned char *) g_bytes_get_data (bytes, NULL),
                                (unsigned int) g_bytes_get_size (bytes)};
  int rc = gnutls_pubkey_import (key, &datum, GNUTLS_X509_FMT_PEM);

  return rc >= 0 ? rc : gnutls_pubkey_import (key, &datum, GNUTLS_X509_FMT_DER);
}

GBytes *
bpg_public_key_open (const char *name, GError **error)
{
  g_autoptr (BpgSigningKey) self = begin (name, NULL, NULL);
  g_autoptr (PublicKey) key = NULL;
  g_autoptr (GBytes) bytes = NULL;
  int rc = gnutls_pubkey_init (&key);

  if (is_token (name)) {
    if (!take_uri (self, error))
      return NULL;
    rc = rc >= 0 ? gnutls_pubkey_import_url (key, self->uri, 0) : rc;
  } else {
    bytes = bpg_file_read (name, KEY_FILE_LIMIT, error);
    if (bytes == NULL)
      return NULL;
    rc = rc >= 0 ? import_public_file (key, bytes) : rc;
  }
  if (rc >= 0)
    return export_public (self, key, error);
  fail (self, rc, error);
  return NULL;
}

GBytes *
bpg_signing_key_get_public_key (BpgSigningKey *self)
{
  return self->public_key;
}

void
bpg_signing_key_get_hash (BpgSigningKey *self, guint8 hash[BPG_HASH_LENGTH])
{
  memcpy (hash, self->hash, BPG_HASH_LENGTH);
}

gboolean
bpg_signature_holds (GBytes *public_key, const guint8 hash[BPG_HASH_LENGTH],
                     const guint8 signature[BPG_SIGNATURE_LENGTH])
{
  const gnutls_datum_t spki = {(unsigned char *) g_bytes_get_data (public_key, NULL),
                               (unsigned int) g_bytes_get_size (public_key)};
  const gnutls_datum_t digest = {(unsigned char *) hash, BPG_HASH_LENGTH};
  const gnutls_datum_t datum = {(unsigned char *) signature, BPG_SIGNATURE_LENGTH};
  g_autoptr (PublicKey) key = NULL;
  gnutls_x509_spki_t parameters = NULL;
  int rc = gnutls_pubkey_init (&key);

  if (rc >= 0)
    rc = gnutls_x509_spki_init (&parameters);
  if (rc >= 0)
    rc = gnutls_pubkey_import (key, &spki, GNUTLS_X509_FMT_DER);
  if (rc >= 0) {
    gnutls_x509_spki_set_rsa_pss_params (parameters, GNUTLS_DIG_SHA256, BPG_HASH_LENGTH);
    rc = gnutls_pubkey_set_spki (key, parameters, 0);
  }
  if (rc >= 0)
    rc = gnutls_pubkey_verify_hash2 (key, GNUTLS_SIGN_RSA_PSS_SHA256, 0, &digest, &datum);
  if (parameters != NULL)
    gnutls_x509_spki_deinit (parameters);
  return rc >= 0;
}

gboolean
bpg_signing_key_sign (BpgSigningKey *self, const guint8 hash[BPG_HASH_LENGTH],
                      guint8 signature[BPG_SIGNATURE_LENGTH], GError **error)
{
  g_autoptr (GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->mutex);
  const gnutls_datum_t digest = {(unsigned char *) hash, BPG_HASH_LENGTH};
  gnutls_datum_t result = {NULL, 0};
  /* For a key that prescribes nothing GnuTLS takes a salt as long as the hash. */
  int rc = gnutls_privkey_sign_hash2 (self->key, GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, 0, &digest, &result);
  gboolean holds;

  if (rc < 0)
    return fail (self, rc, error);
  holds = result.size == BPG_SIGNATURE_LENGTH && bpg_signature_holds (self->public_key, hash, result.data);
  if (holds)
    memcpy (signature, result.data, BPG_SIGNATURE_LENGTH);
  else
    g_set_error (error, BPG_ERROR, BPG_ERROR_NOT_SUPPORTED,
                 "What the key signed does not hold as RSASSA-PSS with SHA-256 and a salt of %u bytes: %s",
                 BPG_HASH_LENGTH, self->name);
  gnutls_free (result.data);
  return holds;
}
