/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The secure element's driver, against a model of an ATECC608 on the model of
 * the I2C bus: it sleeps until the wake-up pulse, answers with count and
 * checksum, does not acknowledge while it works, forgets the digest when it
 * falls asleep, and holds a P-256 key that GnuTLS made and signs with. Its
 * checksum is computed from the polynomial's reflected form, not as the
 * driver does it.
 */
#include <glib.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <string.h>

#include "i2c-model.h"
#include "model.h"
#include "ports/esp32c3/drivers/atecc608.h"
#include "ports/esp32c3/drivers/i2c.h"

#define ANSWER_MAX 75

typedef struct
{
  gnutls_privkey_t key;
  gboolean awake;
  gboolean absent;
  gboolean locked;
  gboolean data_locked;
  gboolean has_digest;
  guint8 digest[32];
  GByteArray *command;
  guint8 answer[ANSWER_MAX];
  guint at;
  guint works;          /* polls that it does not acknowledge */
  guint works_for;      /* polls a command takes */
  guint garble_wakes;   /* how many of the next answers to a wake-up are garbled, */
  guint garble_words;   /* of the others that are a word, */
  guint garble_results; /* and of the results */
  guint garble_commands;
  guint wrong_counts;
  guint falls_asleep;   /* after how many commands, 0 = never */
  guint8 refuses_with;  /* a status in place of every result, 0 = none */
  gboolean says_done;   /* in place of every result */
  gboolean hangs_the_bus; /* from the first command on */
  guint commands;
  guint64 waited_us;
} Element;

static guint16
reflected_crc (const guint8 *bytes, gsize length)
{
  guint32 crc = 0, turned = 0;

  for (gsize i = 0; i < length; i++)
    {
      crc ^= bytes[i];
      for (guint bit = 0; bit < 8; bit++)
        crc = crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1;
    }
  for (guint bit = 0; bit < 16; bit++)
    turned |= (crc >> bit & 1) << (15 - bit);
  return (guint16) turned;
}

static void
answer (Element *element, const guint8 *payload, gsize length)
{
  guint *garbles = length > 1 ? &element->garble_results : &element->garble_words;
  guint8 *at = element->answer;
  guint16 crc;

  if (length == 1 && payload[0] == 0x11)
    garbles = &element->garble_wakes;

  memset (element->answer, 0xFF, sizeof element->answer);
  at[0] = (guint8) (1 + length + 2);
  memcpy (at + 1, payload, length);
  crc = reflected_crc (at, 1 + length);
  at[1 + length] = (guint8) crc;
  at[2 + length] = (guint8) (crc >> 8);
  element->at = 0;
  if (*garbles > 0)
    {
      --*garbles;
      at[1] ^= 0x10;
    }
  if (element->wrong_counts > 0)
    {
      element->wrong_counts--;
      at[0]++;
    }
}

static void
answer_status (Element *element, guint8 status)
{
  answer (element, &status, 1);
}

static void
put_point (const gnutls_datum_t *number, guint8 at[32])
{
  gsize skip = number->size > 32 ? number->size - 32 : 0;
  gsize length = number->size - skip;

  memset (at, 0, 32);
  memcpy (at + 32 - length, number->data + skip, length);
}

static void
answer_public_key (Element *element)
{
  gnutls_datum_t x, y;
  guint8 point[64];

  g_assert_cmpint (gnutls_privkey_export_ecc_raw (element->key, NULL, &x, &y, NULL), ==, 0);
  put_point (&x, point);
  put_point (&y, point + 32);
  gnutls_free (x.data);
  gnutls_free (y.data);
  answer (element, point, sizeof point);
}

static void
make_key (Element *element)
{
  if (element->key != NULL)
    gnutls_privkey_deinit (element->key);
  gnutls_privkey_init (&element->key);
  g_assert_cmpint (gnutls_privkey_generate (element->key, GNUTLS_PK_ECDSA,
                                            GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1), 0),
                   ==, 0);
}

static void
answer_signature (Element *element)
{
  gnutls_datum_t hash = { element->digest, sizeof element->digest };
  gnutls_datum_t der, r, s;
  guint8 signature[64];

  g_assert_cmpint (gnutls_privkey_sign_hash (element->key, GNUTLS_DIG_SHA256, 0, &hash, &der), ==, 0);
  g_assert_cmpint (gnutls_decode_rs_value (&der, &r, &s), ==, 0);
  put_point (&r, signature);
  put_point (&s, signature + 32);
  gnutls_free (der.data);
  gnutls_free (r.data);
  gnutls_free (s.data);
  answer (element, signature, sizeof signature);
}

static void
answer_random (Element *element)
{
  guint8 bytes[32];

  for (guint i = 0; i < sizeof bytes; i++)
    bytes[i] = element->locked ? (guint8) g_test_rand_int () : (i % 4 < 2 ? 0xFF : 0x00);
  answer (element, bytes, sizeof bytes);
}

static void
work (Element *element, const guint8 *command, gsize length)
{
  const guint8 locks[4] = { 0, 0, element->data_locked ? 0x00 : 0x55, element->locked ? 0x00 : 0x55 };

  element->commands++;
  model_i2c.times_out = element->hangs_the_bus;
  element->works = element->works_for;
  if (element->refuses_with != 0)
    {
      answer_status (element, element->refuses_with);
      return;
    }
  if (element->says_done)
    {
      answer_status (element, 0x00);
      return;
    }
  switch (command[1])
    {
    case 0x02:
      g_assert_cmpuint (command[3], ==, 0x15);
      answer (element, locks, sizeof locks);
      break;
    case 0x16:
      g_assert_cmpuint (command[2], ==, 0x03);
      g_assert_cmpuint (length, ==, 39);
      memcpy (element->digest, command + 5, 32);
      element->has_digest = TRUE;
      answer_status (element, 0x00);
      break;
    case 0x1B:
      answer_random (element);
      break;
    case 0x40:
      if (command[2] == 0x04)
        make_key (element);
      answer_public_key (element);
      break;
    case 0x41:
      g_assert_cmpuint (command[2], ==, 0x80);
      if (element->has_digest)
        answer_signature (element);
      else
        answer_status (element, 0x0F);
      element->has_digest = FALSE;
      break;
    default:
      answer_status (element, 0x03);
      break;
    }
}

static void
take_command (Element *element)
{
  const guint8 *bytes = element->command->data + 1;
  gsize length = element->command->len - 1;
  guint16 crc = reflected_crc (bytes, length - 2);

  g_assert_cmpuint (length, >=, 7);
  g_assert_cmpuint (bytes[0], ==, length);
  g_assert_cmpuint (bytes[length - 2], ==, crc & 0xFF);
  g_assert_cmpuint (bytes[length - 1], ==, crc >> 8);
  if (element->garble_commands > 0)
    {
      element->garble_commands--;
      answer_status (element, 0xFF);
    }
  else if (element->falls_asleep > 0 && --element->falls_asleep == 0)
    {
      element->awake = FALSE;
      element->has_digest = FALSE;
    }
  else
    {
      work (element, bytes, length);
    }
}

static gboolean
element_start (gpointer data,
               gboolean to_read)
{
  Element *element = data;

  g_byte_array_set_size (element->command, 0);
  if (element->absent || !element->awake)
    return FALSE;
  if (element->works > 0)
    {
      element->works--;
      return FALSE;
    }
  return TRUE;
}

static gboolean
element_write (gpointer data,
               guint8   byte)
{
  Element *element = data;

  g_byte_array_append (element->command, &byte, 1);
  return TRUE;
}

static guint8
element_read (gpointer data)
{
  Element *element = data;

  return element->at < sizeof element->answer ? element->answer[element->at++] : 0xFF;
}

static void
element_stop (gpointer data)
{
  Element *element = data;

  if (element->command->len == 0)
    return;
  if (element->command->data[0] == 0x03)
    take_command (element);
  else if (element->command->data[0] == 0x02)
    element->awake = FALSE;
  g_byte_array_set_size (element->command, 0);
}

/* Address 0 keeps the data line low for long enough to wake. */
static gboolean
pulse_start (gpointer data,
             gboolean to_read)
{
  Element *element = data;

  if (!element->absent && !element->awake)
    {
      element->awake = TRUE;
      answer_status (element, 0x11);
    }
  return FALSE;
}

static void
pulse_stop (gpointer data)
{
}

static void
pause_for (void *data, uint32_t microseconds)
{
  Element *element = data;

  element->waited_us += microseconds;
}

static void
set_up (Element *element, struct bpg_atecc *atecc)
{
  const ModelSlave pulse = { 0, pulse_start, element_write, element_read, pulse_stop, element };
  const ModelSlave slave = {
    BPG_ATECC_ADDRESS, element_start, element_write, element_read, element_stop, element,
  };

  model_reset ();
  model_i2c_add ();
  model_i2c_add_slave (&pulse);
  model_i2c_add_slave (&slave);
  g_assert_true (bpg_i2c_init (4, 5));
  element->command = g_byte_array_new ();
  element->works_for = 3;
  element->locked = TRUE;
  make_key (element);
  bpg_atecc_init (atecc, BPG_ATECC_ADDRESS, pause_for, element);
}

static void
tear_down (Element *element)
{
  g_byte_array_unref (element->command);
  gnutls_privkey_deinit (element->key);
}

/* GnuTLS takes the key and the signature for what they are. */
static void
check_signature (const guint8 public_key[64], const guint8 hash[32], const guint8 signature[64])
{
  guint8 spki[BPG_ATECC_SPKI_SIZE], der[BPG_ATECC_DER_MAX];
  gnutls_datum_t key_datum = { spki, sizeof spki };
  gnutls_datum_t hash_datum = { (guint8 *) hash, 32 };
  gnutls_datum_t der_datum = { der, 0 };
  gnutls_pubkey_t key;

  bpg_atecc_spki (public_key, spki);
  der_datum.size = (guint) bpg_atecc_der (signature, der);
  g_assert_cmpuint (der_datum.size, <=, BPG_ATECC_DER_MAX);
  gnutls_pubkey_init (&key);
  g_assert_cmpint (gnutls_pubkey_import (key, &key_datum, GNUTLS_X509_FMT_DER), ==, 0);
  g_assert_cmpint (gnutls_pubkey_verify_hash2 (key, GNUTLS_SIGN_ECDSA_SHA256, 0, &hash_datum,
                                               &der_datum),
                   >=, 0);
  gnutls_pubkey_deinit (key);
}

static void
test_sign (void)
{
  Element element = { 0 };
  struct bpg_atecc atecc;
  guint8 made[64], read[64], hash[32], signature[64];

  set_up (&element, &atecc);
  g_assert_cmpint (bpg_atecc_make_key (&atecc, 0, made), ==, BPG_ATECC_OK);
  g_assert_cmpint (bpg_atecc_public_key (&atecc, 0, read), ==, BPG_ATECC_OK);
  g_assert_cmpmem (made, 64, read, 64);
  for (guint i = 0; i < 20; i++)
    {
      for (guint j = 0; j < sizeof hash; j++)
        hash[j] = (guint8) g_test_rand_int ();
      g_assert_cmpint (bpg_atecc_sign (&atecc, 0, hash, signature), ==, BPG_ATECC_OK);
      check_signature (made, hash, signature);
      /* It rests between the calls. */
      g_assert_false (element.awake);
    }
  tear_down (&element);
}

static void
test_locks_and_random (void)
{
  Element element = { 0 };
  struct bpg_atecc atecc;
  struct bpg_atecc_locks locks;
  guint8 first[32], second[32];

  set_up (&element, &atecc);
  g_assert_cmpint (bpg_atecc_read_locks (&atecc, &locks), ==, BPG_ATECC_OK);
  g_assert_true (locks.configuration);
  g_assert_false (locks.data);
  g_assert_cmpint (bpg_atecc_random (&atecc, first), ==, BPG_ATECC_OK);
  g_assert_cmpint (bpg_atecc_random (&atecc, second), ==, BPG_ATECC_OK);
  g_assert_cmpint (memcmp (first, second, sizeof first), !=, 0);

  element.data_locked = TRUE;
  g_assert_cmpint (bpg_atecc_read_locks (&atecc, &locks), ==, BPG_ATECC_OK);
  g_assert_true (locks.configuration && locks.data);
  element.data_locked = FALSE;
  element.locked = FALSE;
  g_assert_cmpint (bpg_atecc_read_locks (&atecc, &locks), ==, BPG_ATECC_OK);
  g_assert_false (locks.configuration);
  g_assert_cmpint (bpg_atecc_random (&atecc, first), ==, BPG_ATECC_UNLOCKED);
  tear_down (&element);
}

static void
test_disturbed_line (void)
{
  Element element = { 0 };
  struct bpg_atecc atecc;
  guint8 key[64], hash[32] = { 1 }, signature[64];

  set_up (&element, &atecc);
  g_assert_cmpint (bpg_atecc_public_key (&atecc, 0, key), ==, BPG_ATECC_OK);
  for (guint garbled = 1; garbled < BPG_ATECC_TRIES; garbled++)
    {
      element.garble_wakes = garbled;
      g_assert_cmpint (bpg_atecc_sign (&atecc, 0, hash, signature), ==, BPG_ATECC_OK);
      check_signature (key, hash, signature);
      element.garble_words = garbled;
      g_assert_cmpint (bpg_atecc_sign (&atecc, 0, hash, signature), ==, BPG_ATECC_OK);
      check_signature (key, hash, signature);
      element.garble_results = garbled;
      g_assert_cmpint (bpg_atecc_sign (&atecc, 0, hash, signature), ==, BPG_ATECC_OK);
      check_signature (key, hash, signature);
      element.wrong_counts = garbled;
      g_assert_cmpint (bpg_atecc_sign (&atecc, 0, hash, signature), ==, BPG_ATECC_OK);
      check_signature (key, hash, signature);
      element.garble_commands = garbled;
      g_assert_cmpint (bpg_atecc_sign (&atecc, 0, hash, signature), ==, BPG_ATECC_OK);
      check_signature (key, hash, signature);
    }
  /* Asleep between the digest and the signature: the digest is loaded again. */
  element.falls_asleep = 2;
  g_assert_cmpint (bpg_atecc_sign (&atecc, 0, hash, signature), ==, BPG_ATECC_OK);
  check_signature (key, hash, signature);

  element.garble_results = 100;
  g_assert_cmpint (bpg_atecc_sign (&atecc, 0, hash, signature), ==, BPG_ATECC_GARBLED);
  g_assert_cmpuint (element.garble_results, ==, 100 - BPG_ATECC_TRIES);
  element.garble_results = 0;
  g_assert_cmpint (bpg_atecc_sign (&atecc, 0, hash, signature), ==, BPG_ATECC_OK);
  /* "Done" is no signature. */
  element.says_done = TRUE;
  g_assert_cmpint (bpg_atecc_random (&atecc, signature), ==, BPG_ATECC_GARBLED);
  tear_down (&element);
}

static void
test_refused (void)
{
  static const guint8 final[] = { 0x01, 0x03, 0x05, 0x07, 0x08, 0x0F };
  Element element = { 0 };
  struct bpg_atecc atecc;
  guint8 hash[32] = { 1 }, signature[64];

  set_up (&element, &atecc);
  for (guint i = 0; i < G_N_ELEMENTS (final); i++)
    {
      element.refuses_with = final[i];
      element.commands = 0;
      g_assert_cmpint (bpg_atecc_sign (&atecc, 3, hash, signature), ==, BPG_ATECC_REFUSED);
      g_assert_cmpuint (atecc.status, ==, final[i]);
      /* No means no: it is not asked again. */
      g_assert_cmpuint (element.commands, ==, 1);
    }
  tear_down (&element);
}

static void
test_absent (void)
{
  Element element = { .absent = TRUE };
  struct bpg_atecc atecc;
  guint8 bytes[64];

  set_up (&element, &atecc);
  g_assert_cmpint (bpg_atecc_random (&atecc, bytes), ==, BPG_ATECC_ABSENT);
  g_assert_cmpuint (model_i2c.starts, <, 40);
  /* With a bus that does not end: a bounded number of reads, counted. */
  model_i2c.never_ends = TRUE;
  model_accesses ();
  g_assert_cmpint (bpg_atecc_random (&atecc, bytes), ==, BPG_ATECC_ABSENT);
  g_assert_cmpuint (model_accesses (), <, 200000);
  tear_down (&element);
}

static void
test_never_ready (void)
{
  Element element = { 0 };
  struct bpg_atecc atecc;
  guint8 bytes[64];

  set_up (&element, &atecc);
  element.works_for = G_MAXUINT / 2;
  g_assert_cmpint (bpg_atecc_make_key (&atecc, 0, bytes), ==, BPG_ATECC_SILENT);
  /* What was asked to be waited, not measured: the longest, once, as an
   * element that works does not even wake. */
  g_assert_cmpuint (element.waited_us, >=, BPG_ATECC_KEY_MS * 1000);
  g_assert_cmpuint (element.waited_us, <, 2 * BPG_ATECC_KEY_MS * 1000);
  tear_down (&element);
}

/* The bus hangs while it works: there is no answer, and no end of waiting. */
static void
test_bus_hangs (void)
{
  Element element = { .hangs_the_bus = TRUE };
  struct bpg_atecc atecc;
  guint8 bytes[64];

  set_up (&element, &atecc);
  g_assert_cmpint (bpg_atecc_public_key (&atecc, 0, bytes), ==, BPG_ATECC_SILENT);
  g_assert_cmpuint (element.commands, ==, 1);
  g_assert_cmpuint (model_i2c.starts, <, 40);
  element.hangs_the_bus = FALSE;
  model_i2c.times_out = FALSE;
  element.works = 0;
  g_assert_cmpint (bpg_atecc_public_key (&atecc, 0, bytes), ==, BPG_ATECC_OK);
  tear_down (&element);
}

/* Integers with high bits, with zeros in front, and nothing but zeros. */
static void
test_der (void)
{
  guint8 signature[64] = { 0 };
  guint8 der[BPG_ATECC_DER_MAX];
  static const guint8 zeros[] = { 0x30, 6, 2, 1, 0, 2, 1, 0 };
  static const guint8 mixed[] = { 0x30, 7, 2, 2, 0, 0x80, 2, 1, 0x7F };

  g_assert_cmpuint (bpg_atecc_der (signature, der), ==, sizeof zeros);
  g_assert_cmpmem (der, sizeof zeros, zeros, sizeof zeros);
  signature[31] = 0x80;
  signature[63] = 0x7F;
  g_assert_cmpuint (bpg_atecc_der (signature, der), ==, sizeof mixed);
  g_assert_cmpmem (der, sizeof mixed, mixed, sizeof mixed);
  memset (signature, 0xFF, sizeof signature);
  g_assert_cmpuint (bpg_atecc_der (signature, der), ==, BPG_ATECC_DER_MAX);
  for (guint i = 0; i < 2000; i++)
    {
      gnutls_datum_t datum = { der, 0 }, r, s;
      guint8 back[64];

      for (guint j = 0; j < sizeof signature; j++)
        signature[j] = g_test_rand_int_range (0, 64) < (gint) (i % 64) ? (guint8) g_test_rand_int () : 0;
      datum.size = (guint) bpg_atecc_der (signature, der);
      g_assert_cmpint (gnutls_decode_rs_value (&datum, &r, &s), ==, 0);
      put_point (&r, back);
      put_point (&s, back + 32);
      g_assert_cmpmem (back, 64, signature, 64);
      gnutls_free (r.data);
      gnutls_free (s.data);
    }
}

/* As the data sheet has it: the answer after waking. */
static void
test_crc (void)
{
  static const guint8 awake[] = { 0x04, 0x11 };

  g_assert_cmphex (bpg_atecc_crc (awake, sizeof awake), ==, 0x4333);
  g_assert_cmphex (reflected_crc (awake, sizeof awake), ==, 0x4333);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/esp32c3/atecc608/crc", test_crc);
  g_test_add_func ("/esp32c3/atecc608/der", test_der);
  g_test_add_func ("/esp32c3/atecc608/sign", test_sign);
  g_test_add_func ("/esp32c3/atecc608/locks-and-random", test_locks_and_random);
  g_test_add_func ("/esp32c3/atecc608/disturbed-line", test_disturbed_line);
  g_test_add_func ("/esp32c3/atecc608/refused", test_refused);
  g_test_add_func ("/esp32c3/atecc608/absent", test_absent);
  g_test_add_func ("/esp32c3/atecc608/bus-hangs", test_bus_hangs);
  g_test_add_func ("/esp32c3/atecc608/never-ready", test_never_ready);
  return g_test_run ();
}
