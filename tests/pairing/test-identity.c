/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-arm-identity.h"
#include "bpg-arm-report.h"
#include "bpg-error.h"
#include "bpg-key.h"
#include "bpg-maker.h"
#include "bpg-usb-watcher.h"

#include "link/messages.h"

#include <glib/gstdio.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <string.h>
#include <unistd.h>

/* A key of an arm, or of a maker. */
typedef struct {
  gnutls_x509_privkey_t x509;
  gnutls_privkey_t private_key;
  GBytes *key;
} Key;

static Key *
key_new (gnutls_ecc_curve_t curve)
{
  Key *self = g_new0 (Key, 1);
  gnutls_pubkey_t public_key;
  gnutls_datum_t der;

  g_assert_cmpint (gnutls_x509_privkey_init (&self->x509), ==, 0);
  g_assert_cmpint (gnutls_x509_privkey_generate (self->x509, GNUTLS_PK_EC, GNUTLS_CURVE_TO_BITS (curve), 0), ==, 0);
  g_assert_cmpint (gnutls_privkey_init (&self->private_key), ==, 0);
  g_assert_cmpint (gnutls_privkey_import_x509 (self->private_key, self->x509, GNUTLS_PRIVKEY_IMPORT_COPY), ==, 0);
  g_assert_cmpint (gnutls_pubkey_init (&public_key), ==, 0);
  g_assert_cmpint (gnutls_pubkey_import_privkey (public_key, self->private_key, 0, 0), ==, 0);
  g_assert_cmpint (gnutls_pubkey_export2 (public_key, GNUTLS_X509_FMT_DER, &der), ==, 0);
  self->key = g_bytes_new (der.data, der.size);
  gnutls_free (der.data);
  gnutls_pubkey_deinit (public_key);
  return self;
}

static void
key_free (Key *self)
{
  gnutls_privkey_deinit (self->private_key);
  gnutls_x509_privkey_deinit (self->x509);
  g_bytes_unref (self->key);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Key, key_free)

static GBytes *
sign (Key *key, const char *prefix, const char *id, const guint8 *nonce)
{
  g_autoptr (GByteArray) text = g_byte_array_new ();
  gnutls_datum_t data, signature;
  GBytes *bytes;

  g_byte_array_append (text, (const guint8 *) prefix, (guint) strlen (prefix));
  g_byte_array_append (text, (const guint8 *) id, (guint) strlen (id));
  g_byte_array_append (text, nonce, BPG_KEY_NONCE_SIZE);
  data = (gnutls_datum_t){text->data, text->len};
  g_assert_cmpint (gnutls_privkey_sign_data2 (key->private_key, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &signature), ==, 0);
  bytes = g_bytes_new (signature.data, signature.size);
  gnutls_free (signature.data);
  return bytes;
}

static void
expect_verify (GBytes *key, const char *id, const guint8 *nonce, GBytes *signature, gboolean good)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (bpg_key_verify (key, id, nonce, signature, &error), ==, good);
  if (good)
    g_assert_no_error (error);
  else
    g_assert_error (error, BPG_ERROR, BPG_ERROR_WRONG_PROSTHESIS);
}

static void
test_challenge (void)
{
  g_autoptr (Key) key = key_new (GNUTLS_ECC_CURVE_SECP256R1);
  g_autoptr (Key) other = key_new (GNUTLS_ECC_CURVE_SECP256R1);
  g_autoptr (Key) stronger = key_new (GNUTLS_ECC_CURVE_SECP384R1);
  g_autoptr (GBytes) rubbish = g_bytes_new_static ("rubbish", 7);
  g_autoptr (GError) error = NULL;
  guint8 nonce[BPG_KEY_NONCE_SIZE], fresh[BPG_KEY_NONCE_SIZE];
  g_autoptr (GBytes) good = NULL;
  g_autoptr (GBytes) unprefixed = NULL;
  g_autoptr (GBytes) of_stronger = NULL;

  g_assert_true (bpg_key_make_nonce (nonce, &error));
  g_assert_true (bpg_key_make_nonce (fresh, &error));
  g_assert_cmpint (memcmp (nonce, fresh, sizeof nonce), !=, 0);
  good = sign (key, BPG_CHALLENGE_PREFIX, "BP-1", nonce);
  unprefixed = sign (key, "", "BP-1", nonce);
  of_stronger = sign (stronger, BPG_CHALLENGE_PREFIX, "BP-1", nonce);

  expect_verify (key->key, "BP-1", nonce, good, TRUE);
  expect_verify (key->key, "BP-2", nonce, good, FALSE);
  expect_verify (key->key, "BP-1", fresh, good, FALSE);
  expect_verify (other->key, "BP-1", nonce, good, FALSE);
  expect_verify (key->key, "BP-1", nonce, unprefixed, FALSE);
  expect_verify (key->key, "BP-1", nonce, rubbish, FALSE);
  expect_verify (rubbish, "BP-1", nonce, good, FALSE);
  expect_verify (stronger->key, "BP-1", nonce, of_stronger, FALSE);
}

typedef struct {
  const char *id, *fp, *hw, *side, *state, *patient;
  GBytes *cert;
} Claims;

static GBytes *
encode_claims (Key *key, const Claims *claims)
{
  g_autofree char *fingerprint = bpg_key_get_fingerprint (key->key);
  guint8 payload[2048];
  struct bpg_cbor_writer writer;
  struct bpg_identity message = {
    .id = bpg_text (claims->id),
    .fp = bpg_text (claims->fp != NULL ? claims->fp : fingerprint),
    .key = {g_bytes_get_data (key->key, NULL), g_bytes_get_size (key->key)},
    .hw = bpg_text (claims->hw),
    .side = bpg_text (claims->side),
    .state = bpg_text (claims->state),
    .fw = bpg_text ("1.0"),
    .schema = 1,
    .patient = bpg_text (claims->patient),
  };

  if (claims->cert != NULL)
    message.cert = (struct bpg_bytes){g_bytes_get_data (claims->cert, NULL), g_bytes_get_size (claims->cert)};
  bpg_cbor_writer_init (&writer, payload, sizeof payload);
  bpg_identity_encode (&message, &writer);
  g_assert_false (writer.overflow);
  return g_bytes_new (payload, writer.length);
}

static BpgArmIdentity *
parse_claims (Key *key, const Claims *claims, GError **error)
{
  g_autoptr (GBytes) payload = encode_claims (key, claims);

  return bpg_arm_identity_parse (payload, error);
}

static void
test_identity (void)
{
  static const char long_text[] = "0123456789012345678901234567890123456789012345678901234567890123456789";
  static const char zeros[] = "0000000000000000000000000000000000000000000000000000000000000000";
  g_autoptr (Key) key = key_new (GNUTLS_ECC_CURVE_SECP256R1);
  const struct {
    Claims claims;
    int code;
  } cases[] = {
    {{"BP-1", NULL, "hw", "left", "bound", "p1", NULL}, -1},
    {{"", NULL, "hw", "", "unbound", "", NULL}, BPG_ERROR_CORRUPT},
    {{long_text, NULL, "hw", "", "unbound", "", NULL}, BPG_ERROR_CORRUPT},
    {{"BP-1\n", NULL, "hw", "", "unbound", "", NULL}, BPG_ERROR_CORRUPT},
    {{"BP-1", NULL, long_text, "", "unbound", "", NULL}, BPG_ERROR_CORRUPT},
    {{"BP-1", NULL, "hw", "both", "unbound", "", NULL}, BPG_ERROR_CORRUPT},
    {{"BP-1", NULL, "hw", "", "", "", NULL}, BPG_ERROR_CORRUPT},
    {{"BP-1", NULL, "hw", "", "unbound", "p\x1b[2J", NULL}, BPG_ERROR_CORRUPT},
    {{"BP-1", zeros, "hw", "", "unbound", "", NULL}, BPG_ERROR_WRONG_PROSTHESIS},
    {{"BP-1", "00", "hw", "", "unbound", "", NULL}, BPG_ERROR_WRONG_PROSTHESIS},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (BpgArmIdentity) identity = parse_claims (key, &cases[i].claims, &error);

    if (cases[i].code >= 0) {
      g_assert_error (error, BPG_ERROR, cases[i].code);
      continue;
    }
    g_assert_no_error (error);
    g_assert_cmpstr (identity->device_id, ==, "BP-1");
    g_assert_cmpstr (identity->patient, ==, "p1");
  }
}

/* Every beginning of a message, and every message with one byte changed, is taken or refused, never more. */
static void
test_identity_damaged (void)
{
  const Claims claims = {"BP-1", NULL, "hw", "left", "bound", "p1", NULL};
  g_autoptr (Key) key = key_new (GNUTLS_ECC_CURVE_SECP256R1);
  g_autoptr (GBytes) payload = encode_claims (key, &claims);
  gsize length = g_bytes_get_size (payload);
  guint refused = 0;

  for (gsize i = 0; i < length; i++) {
    g_autofree guint8 *copy = g_memdup2 (g_bytes_get_data (payload, NULL), length);
    g_autoptr (GBytes) shorter = g_bytes_new (copy, i);
    g_autoptr (GBytes) changed = NULL;
    g_autoptr (BpgArmIdentity) none = bpg_arm_identity_parse (shorter, NULL);
    g_autoptr (BpgArmIdentity) some = NULL;

    copy[i] ^= 0x55;
    changed = g_bytes_new (copy, length);
    some = bpg_arm_identity_parse (changed, NULL);
    g_assert_null (none);
    refused += some == NULL;
  }
  g_assert_cmpuint (refused, >, length / 2);
}

static GBytes *
make_certificate (Key *subject, const char *name, Key *issuer, gboolean authority)
{
  gnutls_x509_crt_t certificate, issuer_certificate;
  gnutls_datum_t der;
  GBytes *bytes;
  guint8 serial = 1;
  time_t now = time (NULL);

  g_assert_cmpint (gnutls_x509_crt_init (&certificate), ==, 0);
  gnutls_x509_crt_set_version (certificate, 3);
  gnutls_x509_crt_set_serial (certificate, &serial, 1);
  gnutls_x509_crt_set_activation_time (certificate, now - 86400);
  gnutls_x509_crt_set_expiration_time (certificate, now + 86400);
  gnutls_x509_crt_set_basic_constraints (certificate, authority, -1);
  gnutls_x509_crt_set_key (certificate, subject->x509);
  gnutls_x509_crt_set_dn_by_oid (certificate, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned int) strlen (name));
  if (authority) {
    gnutls_x509_crt_set_key_usage (certificate, GNUTLS_KEY_KEY_CERT_SIGN);
    g_assert_cmpint (gnutls_x509_crt_sign2 (certificate, certificate, issuer->x509, GNUTLS_DIG_SHA256, 0), ==, 0);
  } else {
    g_autoptr (GBytes) above = make_certificate (issuer, "Maker", issuer, TRUE);
    gnutls_datum_t data = {(unsigned char *) g_bytes_get_data (above, NULL), (unsigned int) g_bytes_get_size (above)};

    g_assert_cmpint (gnutls_x509_crt_init (&issuer_certificate), ==, 0);
    g_assert_cmpint (gnutls_x509_crt_import (issuer_certificate, &data, GNUTLS_X509_FMT_DER), ==, 0);
    g_assert_cmpint (gnutls_x509_crt_sign2 (certificate, issuer_certificate, issuer->x509, GNUTLS_DIG_SHA256, 0), ==, 0);
    gnutls_x509_crt_deinit (issuer_certificate);
  }
  g_assert_cmpint (gnutls_x509_crt_export2 (certificate, GNUTLS_X509_FMT_DER, &der), ==, 0);
  bytes = g_bytes_new (der.data, der.size);
  gnutls_free (der.data);
  gnutls_x509_crt_deinit (certificate);
  return bytes;
}

static char *
write_maker (Key *maker)
{
  g_autoptr (GBytes) der = make_certificate (maker, "Maker", maker, TRUE);
  g_autofree char *base64 = g_base64_encode (g_bytes_get_data (der, NULL), g_bytes_get_size (der));
  g_autofree char *pem = g_strdup_printf ("-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n", base64);
  char *path = NULL;
  int fd = g_file_open_tmp ("bionicpro-maker-XXXXXX.pem", &path, NULL);

  close (fd);
  g_assert_true (g_file_set_contents (path, pem, -1, NULL));
  return path;
}

static void
expect_maker (BpgMaker *maker, Key *key, GBytes *certificate, gboolean good)
{
  const Claims claims = {"BP-1", NULL, "hw", "", "unbound", "", certificate};
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgArmIdentity) identity = parse_claims (key, &claims, &error);

  g_assert_no_error (error);
  g_assert_cmpint (bpg_maker_check (maker, identity, &error), ==, good);
  if (!good)
    g_assert_error (error, BPG_ERROR, BPG_ERROR_WRONG_PROSTHESIS);
}

static void
test_maker (void)
{
  g_autoptr (Key) root = key_new (GNUTLS_ECC_CURVE_SECP256R1);
  g_autoptr (Key) stranger = key_new (GNUTLS_ECC_CURVE_SECP256R1);
  g_autoptr (Key) arm = key_new (GNUTLS_ECC_CURVE_SECP256R1);
  g_autofree char *path = write_maker (root);
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgMaker) maker = bpg_maker_new (path, &error);
  g_autoptr (GBytes) good = make_certificate (arm, "BP-1", root, FALSE);
  g_autoptr (GBytes) other_name = make_certificate (arm, "BP-2", root, FALSE);
  g_autoptr (GBytes) other_key = make_certificate (stranger, "BP-1", root, FALSE);
  g_autoptr (GBytes) other_maker = make_certificate (arm, "BP-1", stranger, FALSE);
  g_autoptr (GBytes) rubbish = g_bytes_new_static ("rubbish", 7);

  g_assert_no_error (error);
  expect_maker (maker, arm, good, TRUE);
  expect_maker (maker, arm, other_name, FALSE);
  expect_maker (maker, arm, other_key, FALSE);
  expect_maker (maker, arm, other_maker, FALSE);
  expect_maker (maker, arm, rubbish, FALSE);
  expect_maker (maker, arm, NULL, FALSE);

  g_assert_true (g_file_set_contents (path, "no certificate", -1, NULL));
  g_assert_null (bpg_maker_new (path, &error));
  g_assert_error (error, BPG_ERROR, BPG_ERROR_CORRUPT);
  g_unlink (path);
}

static GBytes *
encode_status (const struct bpg_status *status)
{
  guint8 payload[1024];
  struct bpg_cbor_writer writer;

  bpg_cbor_writer_init (&writer, payload, sizeof payload);
  bpg_status_encode (status, &writer);
  return g_bytes_new (payload, writer.length);
}

static void
test_report (void)
{
  const struct bpg_status bad[] = {
    {.bat = 101, .boot = bpg_text ("reset")},
    {.temp = 20000, .boot = bpg_text ("reset")},
    {.temp = -4000, .boot = bpg_text ("reset")},
    {.dead = 0x10000, .boot = bpg_text ("reset")},
    {.trial = (guint64) G_MAXUINT32 + 1, .boot = bpg_text ("reset")},
    {.boot = bpg_text ("a reason with spaces")},
  };
  const struct bpg_parameters wrong[] = {
    {0, 8, 1, bpg_text ("microvolt"), 0, 0, {(const guint8 *) "", 0}},
    {1000, 0, 1, bpg_text ("microvolt"), 0, 0, {(const guint8 *) "", 0}},
    {1000, 17, 1, bpg_text ("microvolt"), 0, 0, {(const guint8 *) "", 0}},
    {1000, 8, 0, bpg_text ("microvolt"), 0, 0, {(const guint8 *) "", 0}},
    {1000, 8, 1, bpg_text ("\a"), 0, 0, {(const guint8 *) "", 0}},
    {1000, 8, 1, bpg_text ("microvolt"), 0, 0, {(const guint8 *) "abc", 3}},
  };
  g_autoptr (BpgDBusProsthesis1) skeleton = bpg_dbus_prosthesis1_skeleton_new ();
  guint64 uptime;

  bpg_dbus_prosthesis1_set_battery_percent (skeleton, 55);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GBytes) payload = encode_status (&bad[i]);
    g_autoptr (GError) error = NULL;

    g_assert_false (bpg_arm_report_status (payload, skeleton, &uptime, &error));
    g_assert_error (error, BPG_ERROR, BPG_ERROR_CORRUPT);
    g_assert_cmpuint (bpg_dbus_prosthesis1_get_battery_percent (skeleton), ==, 55);
  }
  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    guint8 bytes[512];
    struct bpg_cbor_writer writer;
    g_autoptr (GBytes) payload = NULL;
    g_autoptr (GError) error = NULL;

    bpg_cbor_writer_init (&writer, bytes, sizeof bytes);
    bpg_parameters_encode (&wrong[i], &writer);
    payload = g_bytes_new (bytes, writer.length);
    g_assert_false (bpg_arm_report_parameters (payload, skeleton, &error));
    g_assert_error (error, BPG_ERROR, BPG_ERROR_CORRUPT);
  }
}

static void
test_usb_kinds (void)
{
  g_assert_true (bpg_usb_watcher_is_kind ("303a:1001"));
  g_assert_true (bpg_usb_watcher_is_kind ("10C4:EA60"));
  g_assert_false (bpg_usb_watcher_is_kind ("303a-1001"));
  g_assert_false (bpg_usb_watcher_is_kind ("303a:100"));
  g_assert_false (bpg_usb_watcher_is_kind ("303a:100g"));
  g_assert_false (bpg_usb_watcher_is_kind (""));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  bpg_error_quark ();
  g_test_add_func ("/pairing/identity/challenge", test_challenge);
  g_test_add_func ("/pairing/identity/identity", test_identity);
  g_test_add_func ("/pairing/identity/damaged", test_identity_damaged);
  g_test_add_func ("/pairing/identity/maker", test_maker);
  g_test_add_func ("/pairing/identity/report", test_report);
  g_test_add_func ("/pairing/identity/usb-kinds", test_usb_kinds);
  return g_test_run ();
}
