/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-maker.h"

#include "bpg-error.h"
#include "bpg-file.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <string.h>

#define MAX_FILE (1024 * 1024)
#define MAX_KEY 1024

struct _BpgMaker {
  GObject parent_instance;

  gnutls_x509_trust_list_t trusted;
};

G_DEFINE_FINAL_TYPE (BpgMaker, bpg_maker, G_TYPE_OBJECT)

typedef struct gnutls_x509_crt_int Certificate;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Certificate, gnutls_x509_crt_deinit)

static void
bpg_maker_finalize (GObject *object)
{
  BpgMaker *self = BPG_MAKER (object);

  if (self->trusted != NULL)
    gnutls_x509_trust_list_deinit (self->trusted, 1);
  G_OBJECT_CLASS (bpg_maker_parent_class)->finalize (object);
}

static void
bpg_maker_class_init (BpgMakerClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = bpg_maker_finalize;
}

static void
bpg_maker_init (BpgMaker *self)
{
}

BpgMaker *
bpg_maker_new (const char *path, GError **error)
{
  g_autoptr (BpgMaker) self = g_object_new (BPG_TYPE_MAKER, NULL);
  g_autoptr (GBytes) pem = bpg_file_read (path, MAX_FILE, error);
  gnutls_datum_t text;

  if (pem == NULL)
    return NULL;
  text.data = (unsigned char *) g_bytes_get_data (pem, NULL);
  text.size = (unsigned int) g_bytes_get_size (pem);
  if (gnutls_x509_trust_list_init (&self->trusted, 0) != GNUTLS_E_SUCCESS ||
      gnutls_x509_trust_list_add_trust_mem (self->trusted, &text, NULL, GNUTLS_X509_FMT_PEM, 0, 0) <= 0) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_CORRUPT, "%s holds no certificate in PEM form", path);
    return NULL;
  }
  return g_steal_pointer (&self);
}

static gboolean
has_key (gnutls_x509_crt_t certificate, GBytes *key)
{
  gnutls_pubkey_t theirs = NULL;
  guint8 der[MAX_KEY];
  size_t length = sizeof der;
  gboolean same = gnutls_pubkey_init (&theirs) == GNUTLS_E_SUCCESS &&
                  gnutls_pubkey_import_x509 (theirs, certificate, 0) == GNUTLS_E_SUCCESS &&
                  gnutls_pubkey_export (theirs, GNUTLS_X509_FMT_DER, der, &length) == GNUTLS_E_SUCCESS &&
                  length == g_bytes_get_size (key) && memcmp (der, g_bytes_get_data (key, NULL), length) == 0;

  if (theirs != NULL)
    gnutls_pubkey_deinit (theirs);
  return same;
}

static gboolean
is_named (gnutls_x509_crt_t certificate, const char *device_id)
{
  char name[128];
  size_t length = sizeof name;

  return gnutls_x509_crt_get_dn_by_oid (certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &length) ==
           GNUTLS_E_SUCCESS &&
         length == strlen (device_id) && memcmp (name, device_id, length) == 0;
}

gboolean
bpg_maker_check (BpgMaker *self, const BpgArmIdentity *identity, GError **error)
{
  g_autoptr (Certificate) certificate = NULL;
  const char *why = NULL;
  unsigned int status = 0;
  gnutls_datum_t der = {NULL, 0};

  if (identity->certificate != NULL)
    der = (gnutls_datum_t){(unsigned char *) g_bytes_get_data (identity->certificate, NULL),
                           (unsigned int) g_bytes_get_size (identity->certificate)};
  if (der.size == 0)
    why = "it has no certificate";
  else if (gnutls_x509_crt_init (&certificate) != GNUTLS_E_SUCCESS ||
           gnutls_x509_crt_import (certificate, &der, GNUTLS_X509_FMT_DER) != GNUTLS_E_SUCCESS)
    why = "its certificate cannot be read";
  else if (!is_named (certificate, identity->device_id))
    why = "its certificate is for another deviceId";
  else if (!has_key (certificate, identity->key))
    why = "its certificate is for another key";
  else if (gnutls_x509_trust_list_verify_crt (self->trusted, &certificate, 1, 0, &status, NULL) != GNUTLS_E_SUCCESS ||
           status != 0)
    why = "its certificate is not of a maker that is trusted here";
  if (why == NULL)
    return TRUE;
  g_set_error (error, BPG_ERROR, BPG_ERROR_WRONG_PROSTHESIS, "What calls itself %s is not believed: %s",
               identity->device_id, why);
  return FALSE;
}
