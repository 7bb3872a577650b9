/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The arm's behaviour on its line: identity, binding, models, trial. */
#include <string.h>

#include "harness.h"

static void
test_challenge (void)
{
  g_autoptr (Harness) harness = harness_new ();
  struct bpg_cbor_writer writer = harness_begin (harness);
  uint8_t nonce[32] = { 1, 2, 3 };
  struct bpg_challenge_request challenge = { { nonce, sizeof nonce } };
  struct bpg_challenge_reply reply;
  struct bpg_identity identity;
  g_autoptr (GByteArray) message = g_byte_array_new ();
  gnutls_pubkey_t key;
  gnutls_datum_t spki, data, signature;
  g_autofree uint8_t *copy = NULL;

  bpg_challenge_request_encode (&challenge, &writer);
  g_assert_cmpint (harness_request (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_CHALLENGE, &writer), ==, 0);
  g_assert_true (bpg_challenge_reply_decode (harness->reply, harness->reply_length, &reply));
  copy = g_memdup2 (reply.sig.bytes, reply.sig.length);
  signature = (gnutls_datum_t){ copy, (unsigned) reply.sig.length };

  g_assert_cmpint (harness_ask (harness, BPG_SMP_READ, BPG_GROUP_ARM, BPG_ARM_IDENTITY), ==, 0);
  g_assert_true (bpg_identity_decode (harness->reply, harness->reply_length, &identity));
  g_assert_true (bpg_text_is (&identity.id, "BP-TEST"));
  g_assert_true (bpg_text_is (&identity.hw, "simlimb-1"));
  g_assert_nonnull (identity.cert.bytes);
  spki = (gnutls_datum_t){ (unsigned char *) identity.key.bytes, (unsigned) identity.key.length };

  g_byte_array_append (message, (const uint8_t *) BPG_CHALLENGE_PREFIX, strlen (BPG_CHALLENGE_PREFIX));
  g_byte_array_append (message, (const uint8_t *) "BP-TEST", 7);
  g_byte_array_append (message, nonce, sizeof nonce);
  data = (gnutls_datum_t){ message->data, message->len };
  gnutls_pubkey_init (&key);
  g_assert_cmpint (gnutls_pubkey_import (key, &spki, GNUTLS_X509_FMT_DER), ==, 0);
  g_assert_cmpint (gnutls_pubkey_verify_data2 (key, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &signature), >=, 0);
  message->data[message->len - 1] ^= 1;
  g_assert_cmpint (gnutls_pubkey_verify_data2 (key, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &signature), <, 0);
  gnutls_pubkey_deinit (key);

  challenge.nonce.length = 31;
  writer = harness_begin (harness);
  bpg_challenge_request_encode (&challenge, &writer);
  g_assert_cmpint (harness_request (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_CHALLENGE, &writer), ==,
                   BPG_ARM_ERROR_INVALID);
}

static int
ask_to_bind (struct harness *harness, const char *patient, const char *side, guint64 timeout, gboolean wrong_key)
{
  struct bpg_cbor_writer writer = harness_begin (harness);
  struct bpg_bind_request bind = { .patient = bpg_text (patient), .side = bpg_text (side), .timeout = timeout };
  gsize length;

  bind.key.bytes = g_bytes_get_data (harness->spki, &length);
  bind.key.length = length - (wrong_key ? 1 : 0);
  bpg_bind_request_encode (&bind, &writer);
  return harness_request (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_BIND, &writer);
}

static void
assert_state (struct harness *harness, const char *expected)
{
  g_autofree char *state = harness_state (harness);

  g_assert_cmpstr (state, ==, expected);
}

static void
test_binding (void)
{
  g_autoptr (Harness) harness = harness_new ();

  assert_state (harness, "unbound//");
  g_assert_cmpint (ask_to_bind (harness, "", "left", 60, FALSE), ==, BPG_ARM_ERROR_INVALID);
  g_assert_cmpint (ask_to_bind (harness, "P", "up", 60, FALSE), ==, BPG_ARM_ERROR_INVALID);
  g_assert_cmpint (ask_to_bind (harness, "P", "left", 0, FALSE), ==, BPG_ARM_ERROR_INVALID);
  g_assert_cmpint (ask_to_bind (harness, "P", "left", 601, FALSE), ==, BPG_ARM_ERROR_INVALID);
  g_assert_cmpint (ask_to_bind (harness, "P", "left", 60, TRUE), ==, BPG_ARM_ERROR_INVALID);

  /* Nobody presses: back to unbound. */
  g_assert_cmpint (ask_to_bind (harness, "P-7", "left", 2, FALSE), ==, 0);
  assert_state (harness, "binding//");
  g_assert_cmpint (ask_to_bind (harness, "P-8", "left", 2, FALSE), ==, BPG_ARM_ERROR_BUSY);
  harness_run (harness, 2100);
  assert_state (harness, "unbound//");
  simlimb_press (&harness->arm);
  assert_state (harness, "unbound//");
  g_assert_cmpuint (harness_event (harness, BPG_EVENT_BUTTON)->a, ==, BPG_BUTTON_NOTHING);

  g_assert_cmpint (ask_to_bind (harness, "P-7", "left", 2, FALSE), ==, 0);
  simlimb_press (&harness->arm);
  assert_state (harness, "bound/P-7/left");
  g_assert_cmpuint (harness_event (harness, BPG_EVENT_BUTTON)->a, ==, BPG_BUTTON_BOUND);
  g_assert_cmpint (ask_to_bind (harness, "P-8", "left", 2, FALSE), ==, BPG_ARM_ERROR_WRONG_STATE);

  harness_power_on (harness);
  assert_state (harness, "bound/P-7/left");

  /* Unbinding too needs the button. */
  g_assert_cmpint (harness_ask (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_UNBIND), ==, 0);
  harness_run (harness, 61000);
  assert_state (harness, "bound/P-7/left");
  g_assert_cmpint (harness_ask (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_UNBIND), ==, 0);
  simlimb_press (&harness->arm);
  assert_state (harness, "unbound//");
  g_assert_cmpint (harness_ask (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_UNBIND), ==, BPG_ARM_ERROR_WRONG_STATE);
}

static void
assert_model (struct harness *harness, GBytes *model)
{
  g_autofree char *active = harness_model (harness);
  g_autofree char *expected = model != NULL ? harness_model_hash (model) : g_strdup ("");

  g_assert_cmpstr (active, ==, expected);
}

/* The slot that the last such record says was given up. */
static unsigned
reverted_slot (struct harness *harness)
{
  uint8_t records[64 * BPG_USAGE_RECORD_SIZE];
  uint64_t first, next;
  unsigned count = bpg_usage_log_read (&harness->arm.control.usage, 0, records, 64, &first, &next);
  unsigned slot = BPG_BOOT_NO_SLOT;

  g_assert_cmpuint (next, ==, harness->arm.control.usage.next);
  for (unsigned i = 0; i < count; i++)
    {
      struct bpg_usage_record record;

      g_assert_true (bpg_usage_record_decode (records + i * BPG_USAGE_RECORD_SIZE, &record));
      if (record.kind == BPG_USAGE_MODEL && record.a >> 8 == BPG_USAGE_MODEL_REVERTED)
        slot = record.a & 0xFF;
    }
  return slot;
}

static void
test_trial_and_confirm (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GBytes) first = harness_make_model (harness, 1);
  g_autoptr (GBytes) second = harness_make_model (harness, 2);
  g_autoptr (GBytes) first_signed = harness_sign (harness, first, NULL);
  g_autoptr (GBytes) second_signed = harness_sign (harness, second, NULL);

  harness_bind (harness, "left");
  g_assert_cmpint (harness_trial (harness, 60), ==, BPG_ARM_ERROR_WRONG_STATE);
  g_assert_cmpint (harness_upload (harness, 1, first_signed), ==, 0);
  assert_model (harness, NULL);
  g_assert_cmpint (harness_set_state (harness, first_signed, FALSE), ==, 0);
  assert_model (harness, NULL);
  g_assert_cmpint (harness_trial (harness, 0), ==, BPG_ARM_ERROR_INVALID);
  g_assert_cmpint (harness_trial (harness, 60), ==, 0);
  assert_model (harness, first);
  g_assert_cmpuint (harness_status (harness).trial, ==, 60);
  g_assert_cmpint (harness_confirm (harness), ==, 0);
  g_assert_cmpuint (harness_status (harness).trial, ==, 0);
  g_assert_cmpint (harness_fall_back (harness), ==, BPG_ARM_ERROR_WRONG_STATE);

  /* A trial that nobody confirms ends by itself. */
  g_assert_cmpint (harness_upload (harness, 1, second_signed), ==, 0);
  g_assert_cmpint (harness_set_state (harness, second_signed, FALSE), ==, 0);
  g_assert_cmpint (harness_trial (harness, 3), ==, 0);
  assert_model (harness, second);
  g_assert_cmpint (harness_upload (harness, 1, first_signed), ==, BPG_ARM_ERROR_WRONG_STATE);
  harness_run (harness, 3100);
  assert_model (harness, first);
  g_assert_cmpuint (harness_event (harness, BPG_EVENT_TRIAL_ENDED)->b, ==, 0);
  g_assert_cmpuint (reverted_slot (harness), ==, 1);

  /* So does one that the power ends. */
  g_assert_cmpint (harness_set_state (harness, second_signed, FALSE), ==, 0);
  g_assert_cmpint (harness_trial (harness, 60), ==, 0);
  assert_model (harness, second);
  harness_power_on (harness);
  assert_model (harness, first);
  g_assert_cmpuint (reverted_slot (harness), ==, 1);

  /* Confirmed, it stays; and one step goes back. */
  g_assert_cmpint (harness_install (harness, second_signed), ==, 0);
  harness_power_on (harness);
  assert_model (harness, second);
  g_assert_cmpint (harness_fall_back (harness), ==, 0);
  assert_model (harness, first);
  harness_power_on (harness);
  assert_model (harness, first);
  g_assert_cmpint (harness_fall_back (harness), ==, 0);
  assert_model (harness, second);
  g_assert_cmpuint (reverted_slot (harness), ==, 0);
  g_assert_cmpuint (harness_event (harness, BPG_EVENT_TRIAL_ENDED)->b, ==, 1);

  /* A fall-back ends a trial too. */
  g_assert_cmpint (harness_set_state (harness, first_signed, FALSE), ==, 0);
  g_assert_cmpint (harness_trial (harness, 60), ==, 0);
  assert_model (harness, first);
  g_assert_cmpint (harness_fall_back (harness), ==, 0);
  assert_model (harness, second);
  g_assert_cmpuint (harness_event (harness, BPG_EVENT_TRIAL_ENDED)->b, ==, 0);
  g_assert_cmpuint (harness_event (harness, BPG_EVENT_TRIAL_ENDED)->a, ==, 1);
}

/* MCUmgr's own way: test, reset, confirm. */
static void
test_reset_starts_trial (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GBytes) model = harness_make_model (harness, 1);
  g_autoptr (GBytes) container = harness_sign (harness, model, NULL);

  harness_bind (harness, "right");
  g_assert_cmpint (harness_upload (harness, 1, container), ==, 0);
  g_assert_cmpint (harness_set_state (harness, container, FALSE), ==, 0);
  g_assert_cmpint (harness_ask (harness, BPG_SMP_WRITE, BPG_GROUP_OS, BPG_OS_RESET), ==, 0);
  harness_run (harness, 10);
  g_assert_cmpuint (harness->arm.starts, ==, 2);
  assert_model (harness, model);
  g_assert_cmpuint (harness_status (harness).trial, >, 0);
  g_assert_true (bpg_text_is (&(struct bpg_text){ harness_status (harness).boot.bytes, 5 }, "reset"));
  g_assert_cmpint (harness_confirm (harness), ==, 0);
  harness_power_on (harness);
  assert_model (harness, model);
}

/* On a battery that allows no trial a reset begins none, and nothing moves. */
static void
test_reset_on_low_battery (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GBytes) model = harness_make_model (harness, 1);
  g_autoptr (GBytes) container = harness_sign (harness, model, NULL);

  harness_bind (harness, "right");
  g_assert_cmpint (harness_upload (harness, 1, container), ==, 0);
  g_assert_cmpint (harness_set_state (harness, container, FALSE), ==, 0);
  harness->arm.battery_percent = BPG_GUARD_WRITE_PERCENT - 1;
  g_assert_true (simlimb_power_on (&harness->arm, BPG_BOOT_RESET));
  g_assert_false (bpg_guard_may_write (&harness->arm.control.guard));
  assert_model (harness, NULL);
  g_assert_cmpuint (harness_event (harness, BPG_EVENT_BATTERY_LOW)->a, ==, BPG_GUARD_WRITE_PERCENT - 1);
  harness->arm.battery_percent = BPG_GUARD_MOVE_PERCENT - 1;
  g_assert_true (simlimb_power_on (&harness->arm, BPG_BOOT_RESET));
  g_assert_false (bpg_guard_may_move (&harness->arm.control.guard));
  harness->arm.battery_percent = 80;
  g_assert_true (simlimb_power_on (&harness->arm, BPG_BOOT_RESET));
  assert_model (harness, model);
}

/* A trial that flash cannot note does not begin. */
static void
test_reset_with_worn_flash (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GBytes) first = harness_make_model (harness, 1);
  g_autoptr (GBytes) second = harness_make_model (harness, 2);
  g_autoptr (GBytes) first_signed = harness_sign (harness, first, NULL);
  g_autoptr (GBytes) second_signed = harness_sign (harness, second, NULL);

  harness_bind (harness, "right");
  g_assert_cmpint (harness_install (harness, first_signed), ==, 0);
  g_assert_cmpint (harness_upload (harness, 1, second_signed), ==, 0);
  g_assert_cmpint (harness_set_state (harness, second_signed, TRUE), ==, 0);
  harness->arm.flash.worn = 1u << BPG_FLASH_BOOT;
  g_assert_true (simlimb_power_on (&harness->arm, BPG_BOOT_RESET));
  assert_model (harness, first);
  harness->arm.flash.worn = 0;
  g_assert_true (simlimb_power_on (&harness->arm, BPG_BOOT_RESET));
  assert_model (harness, second);
}

static int
try_container (struct harness *harness, GBytes *model, const struct container *container)
{
  g_autoptr (GBytes) bytes = harness_sign (harness, model, container);
  int error = harness_upload (harness, 1, bytes);

  /* What was refused cannot be started either. */
  if (error != 0)
    {
      g_assert_cmpint (harness_set_state (harness, bytes, FALSE), !=, 0);
      assert_model (harness, NULL);
    }
  return error;
}

static void
test_refused_models (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GBytes) model = harness_make_model (harness, 1);
  g_autoptr (GBytes) wrong_rate = NULL;
  g_autoptr (GBytes) garbage = g_bytes_new ("this is not a model, whatever its signature says", 48);
  g_autofree uint8_t *large = g_malloc0 (40000);
  g_autoptr (GBytes) too_large = g_bytes_new (large, 40000);
  gnutls_privkey_t other = harness_make_key ();

  g_assert_cmpint (try_container (harness, model, NULL), ==, BPG_ARM_ERROR_NOT_BOUND);
  harness_bind (harness, "left");
  g_assert_cmpint (try_container (harness, model, &(struct container){ .key = other }), ==, BPG_ARM_ERROR_SIGNATURE);
  g_assert_cmpint (try_container (harness, model, &(struct container){ .break_signature = TRUE }), ==,
                   BPG_ARM_ERROR_SIGNATURE);
  g_assert_cmpint (try_container (harness, model, &(struct container){ .break_hash = TRUE }), ==,
                   BPG_ARM_ERROR_CORRUPT);
  g_assert_cmpint (try_container (harness, model, &(struct container){ .hardware = "other" }), ==,
                   BPG_ARM_ERROR_INCOMPATIBLE);
  g_assert_cmpint (try_container (harness, model, &(struct container){ .side = "right" }), ==,
                   BPG_ARM_ERROR_INCOMPATIBLE);
  g_assert_cmpint (try_container (harness, model, &(struct container){ .schema = 99 }), ==,
                   BPG_ARM_ERROR_INCOMPATIBLE);
  g_assert_cmpint (try_container (harness, garbage, NULL), ==, BPG_ARM_ERROR_CORRUPT);
  g_assert_cmpint (try_container (harness, too_large, NULL), ==, BPG_ARM_ERROR_LIMIT);
  harness->arm.electrodes.port.rate = 500;
  wrong_rate = harness_make_model (harness, 1);
  harness->arm.electrodes.port.rate = 1000;
  g_assert_cmpint (try_container (harness, wrong_rate, NULL), ==, BPG_ARM_ERROR_INCOMPATIBLE);
  g_assert_cmpuint (harness_event (harness, BPG_EVENT_MODEL_REJECTED)->b, ==, BPG_ARM_ERROR_INCOMPATIBLE);

  harness->arm.battery_percent = 14;
  harness_run (harness, 20);
  g_assert_cmpint (try_container (harness, model, NULL), ==, BPG_ARM_ERROR_BATTERY_LOW);
  harness->arm.battery_percent = 80;
  harness_run (harness, 20);
  g_assert_cmpint (try_container (harness, model, &(struct container){ .side = "left" }), ==, 0);
  gnutls_privkey_deinit (other);
}

static int
send_piece (struct harness *harness, GBytes *container, guint64 off, gsize size, bool first, guint64 *next)
{
  struct bpg_cbor_writer writer = harness_begin (harness);
  const uint8_t *data = g_bytes_get_data (container, NULL);
  gsize length = g_bytes_get_size (container);
  struct bpg_upload_request upload = { .off = off, .data = { data + off, size } };
  struct bpg_upload_reply reply;
  uint8_t sha[32];
  int error;

  if (first)
    {
      sim_element_sha256 (data, length, sha);
      upload.image = 1;
      upload.len = length;
      upload.sha = (struct bpg_bytes){ sha, sizeof sha };
    }
  bpg_upload_request_encode (&upload, &writer);
  error = harness_request (harness, BPG_SMP_WRITE, BPG_GROUP_IMAGE, BPG_IMAGE_UPLOAD, &writer);
  if (error == 0)
    {
      g_assert_true (bpg_upload_reply_decode (harness->reply, harness->reply_length, &reply));
      *next = reply.off;
    }
  return error;
}

/* A model padded to 12 KB, so that it has sectors to resume at. */
static GBytes *
make_long_container (struct harness *harness)
{
  g_autoptr (GBytes) model = harness_make_model (harness, 3);
  g_autoptr (GByteArray) bytes = g_byte_array_new ();
  g_autoptr (GBytes) padded = NULL;
  gsize training = 12000;
  uint8_t zero = 0;

  g_byte_array_append (bytes, g_bytes_get_data (model, NULL), (guint) g_bytes_get_size (model));
  for (gsize i = 0; i < training; i++)
    g_byte_array_append (bytes, &zero, 1);
  for (unsigned i = 0; i < 4; i++)
    {
      bytes->data[8 + i] = (uint8_t) (bytes->len >> 8 * i);
      bytes->data[380 + i] = (uint8_t) (training >> 8 * i);
    }
  bpg_bpm_digest (bytes->data + BPG_BPM_HASHED_FROM, bytes->len - BPG_BPM_HASHED_FROM, bytes->data + 12);
  padded = g_bytes_new (bytes->data, bytes->len);
  return harness_sign (harness, padded, NULL);
}

static void
test_resume (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GBytes) container = make_long_container (harness);
  guint64 next = 0;

  harness_bind (harness, "left");
  g_assert_cmpint (send_piece (harness, container, 0, 1000, true, &next), ==, 0);
  g_assert_cmpuint (next, ==, 1000);
  /* Out of place: the arm says where. */
  g_assert_cmpint (send_piece (harness, container, 5000, 1000, false, &next), ==, 0);
  g_assert_cmpuint (next, ==, 1000);
  g_assert_cmpint (send_piece (harness, container, 1000, 1500, false, &next), ==, 0);
  g_assert_cmpint (send_piece (harness, container, 2500, 1500, false, &next), ==, 0);
  g_assert_cmpint (send_piece (harness, container, 4000, 1500, false, &next), ==, 0);
  /* Begun again, it goes on at the byte. */
  g_assert_cmpint (send_piece (harness, container, 0, 1500, true, &next), ==, 0);
  g_assert_cmpuint (next, ==, 5500);
  /* After the power was gone, at the sector. */
  harness_power_on (harness);
  g_assert_cmpint (send_piece (harness, container, 5500, 100, false, &next), ==, BPG_ARM_ERROR_WRONG_STATE);
  g_assert_cmpint (send_piece (harness, container, 0, 1500, true, &next), ==, 0);
  g_assert_cmpuint (next, ==, 4096);
  g_assert_cmpint (harness_install (harness, container), ==, 0);
  /* What is there already is not sent again. */
  g_assert_cmpint (harness_fall_back (harness), ==, BPG_ARM_ERROR_WRONG_STATE);
  /* More than was announced is refused. */
  g_assert_cmpint (send_piece (harness, container, 0, 1500, true, &next), ==, 0);
  for (guint64 off = next; off + 1500 < g_bytes_get_size (container); off = next)
    g_assert_cmpint (send_piece (harness, container, off, 1500, false, &next), ==, 0);
}

static int
erase_slot (struct harness *harness, unsigned slot)
{
  struct bpg_cbor_writer writer = harness_begin (harness);
  struct bpg_erase_request erase = { true, slot };

  bpg_erase_request_encode (&erase, &writer);
  return harness_request (harness, BPG_SMP_WRITE, BPG_GROUP_IMAGE, BPG_IMAGE_ERASE, &writer);
}

/* What was erased is not resumed. */
static void
test_upload_after_erase (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GBytes) container = make_long_container (harness);

  harness_bind (harness, "left");
  g_assert_cmpint (harness_upload (harness, 1, container), ==, 0);
  g_assert_cmpint (erase_slot (harness, 2), ==, 0);
  g_assert_cmpint (harness_upload (harness, 1, container), ==, 0);

  g_assert_cmpint (harness_ask (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_UNBIND), ==, 0);
  simlimb_press (&harness->arm);
  harness_bind (harness, "left");
  g_assert_cmpint (harness_install (harness, container), ==, 0);
}

/* An upload that has begun does not write the slot that meanwhile became the
 * candidate, runs on trial, was confirmed or fallen back to. */
static void
test_upload_spares_slot (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GBytes) first = harness_make_model (harness, 1);
  g_autoptr (GBytes) second = harness_make_model (harness, 2);
  g_autoptr (GBytes) first_signed = harness_sign (harness, first, NULL);
  g_autoptr (GBytes) second_signed = harness_sign (harness, second, NULL);
  g_autoptr (GBytes) other = make_long_container (harness);
  guint64 next = 0;

  harness_bind (harness, "left");
  g_assert_cmpint (harness_install (harness, first_signed), ==, 0);
  g_assert_cmpint (harness_install (harness, second_signed), ==, 0);

  for (unsigned way = 0; way < 4; way++)
    {
      g_assert_cmpint (send_piece (harness, other, 0, 0, true, &next), ==, 0);
      if (way == 0)
        g_assert_cmpint (harness_fall_back (harness), ==, 0);
      else
        g_assert_cmpint (harness_set_state (harness, second_signed, FALSE), ==, 0);
      if (way >= 2)
        g_assert_cmpint (harness_trial (harness, 60), ==, 0);
      if (way == 3)
        g_assert_cmpint (harness_confirm (harness), ==, 0);
      g_assert_cmpint (send_piece (harness, other, 0, 1000, false, &next), ==, BPG_ARM_ERROR_WRONG_STATE);
      assert_model (harness, way >= 2 ? second : first);
      if (way == 2)
        g_assert_cmpint (harness_fall_back (harness), ==, 0);
    }
  harness_power_on (harness);
  assert_model (harness, second);
  g_assert_cmpint (harness_fall_back (harness), ==, 0);
  assert_model (harness, first);
}

static void
test_usage (void)
{
  g_autoptr (Harness) harness = harness_new ();
  struct bpg_cbor_writer writer;
  struct bpg_usage_request ask = { 0 };
  struct bpg_usage_reply reply;
  struct bpg_usage_confirm_request confirm;
  struct bpg_usage_confirm_reply confirmed;
  struct bpg_cbor_item rec;
  struct bpg_cbor_reader reader;
  struct bpg_usage_record record;

  harness_run (harness, 61000);
  writer = harness_begin (harness);
  bpg_usage_request_encode (&ask, &writer);
  g_assert_cmpint (harness_request (harness, BPG_SMP_READ, BPG_GROUP_ARM, BPG_ARM_USAGE, &writer), ==, 0);
  g_assert_true (bpg_usage_reply_decode (harness->reply, harness->reply_length, &reply, &rec));
  g_assert_cmpuint (reply.first, ==, 0);
  g_assert_cmpuint (reply.next, ==, 2);
  bpg_cbor_reader_init (&reader, rec.bytes, rec.length);
  g_assert_true (bpg_usage_record_decode (bpg_usage_next_record (&reader), &record));
  g_assert_cmpuint (record.kind, ==, BPG_USAGE_START);
  g_assert_true (bpg_usage_record_decode (bpg_usage_next_record (&reader), &record));
  g_assert_cmpuint (record.kind, ==, BPG_USAGE_MINUTE);
  g_assert_cmpuint (record.a, ==, 80);
  g_assert_null (bpg_usage_next_record (&reader));

  confirm.upto = 1;
  writer = harness_begin (harness);
  bpg_usage_confirm_request_encode (&confirm, &writer);
  g_assert_cmpint (harness_request (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_USAGE_CONFIRM, &writer), ==, 0);
  g_assert_true (bpg_usage_confirm_reply_decode (harness->reply, harness->reply_length, &confirmed));
  g_assert_cmpuint (confirmed.cleared, ==, 1);

  /* What was never written is neither read nor confirmed. */
  confirm.upto = 1000;
  writer = harness_begin (harness);
  bpg_usage_confirm_request_encode (&confirm, &writer);
  g_assert_cmpint (harness_request (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_USAGE_CONFIRM, &writer), ==,
                   BPG_ARM_ERROR_INVALID);
  ask.from = 1000;
  writer = harness_begin (harness);
  bpg_usage_request_encode (&ask, &writer);
  g_assert_cmpint (harness_request (harness, BPG_SMP_READ, BPG_GROUP_ARM, BPG_ARM_USAGE, &writer), ==, 0);
  g_assert_true (bpg_usage_reply_decode (harness->reply, harness->reply_length, &reply, &rec));
  g_assert_cmpuint (reply.next, ==, 2);
  ask.from = 0;

  /* What is confirmed stays confirmed over a restart. */
  harness_power_on (harness);
  writer = harness_begin (harness);
  bpg_usage_request_encode (&ask, &writer);
  g_assert_cmpint (harness_request (harness, BPG_SMP_READ, BPG_GROUP_ARM, BPG_ARM_USAGE, &writer), ==, 0);
  g_assert_true (bpg_usage_reply_decode (harness->reply, harness->reply_length, &reply, &rec));
  g_assert_cmpuint (reply.first, ==, 1);
  g_assert_cmpuint (reply.next, ==, 3);
}

static void
test_datetime (void)
{
  g_autoptr (Harness) harness = harness_new ();
  struct bpg_cbor_writer writer = harness_begin (harness);
  struct bpg_datetime datetime = { bpg_text ("2024-02-29T12:34:56.500000+00:00") };
  struct bpg_datetime reply;

  g_assert_cmpint (harness_ask (harness, BPG_SMP_READ, BPG_GROUP_OS, BPG_OS_DATETIME), ==, BPG_SMP_ERROR_BAD_STATE);
  bpg_datetime_encode (&datetime, &writer);
  g_assert_cmpint (harness_request (harness, BPG_SMP_WRITE, BPG_GROUP_OS, BPG_OS_DATETIME, &writer), ==, 0);
  harness_run (harness, 2000);
  g_assert_cmpint (harness_ask (harness, BPG_SMP_READ, BPG_GROUP_OS, BPG_OS_DATETIME), ==, 0);
  g_assert_true (bpg_datetime_decode (harness->reply, harness->reply_length, &reply));
  g_assert_cmpint (strncmp (reply.datetime.bytes, "2024-02-29T12:34:58.", 20), ==, 0);
}

static void
test_unknown (void)
{
  g_autoptr (Harness) harness = harness_new ();
  static const uint8_t samples[16];
  struct bpg_cbor_writer writer;

  g_assert_cmpint (harness_ask (harness, BPG_SMP_READ, 7, 0), ==, BPG_SMP_ERROR_NOT_SUPPORTED);
  g_assert_cmpint (harness_ask (harness, BPG_SMP_READ, BPG_GROUP_ARM, 99), ==, BPG_ARM_ERROR_UNKNOWN);
  g_assert_cmpint (harness_ask (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_IDENTITY), ==, BPG_ARM_ERROR_UNKNOWN);
  g_assert_cmpint (harness_ask (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_BENCH), ==, BPG_ARM_ERROR_INVALID);
  writer = harness_begin (harness);
  bpg_bench_request_encode (&(struct bpg_bench_request){ .data = { samples, sizeof samples } }, &writer);
  g_assert_cmpint (harness_request (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_BENCH, &writer), ==,
                   BPG_ARM_ERROR_NOT_AUTHORISED);
  g_assert_cmpint (harness_ask (harness, BPG_SMP_WRITE, BPG_GROUP_OS, BPG_OS_ECHO), ==, BPG_SMP_ERROR_INVALID);
  g_assert_cmpint (harness_ask (harness, BPG_SMP_WRITE, BPG_GROUP_IMAGE, BPG_IMAGE_STATE), ==, BPG_SMP_ERROR_INVALID);
}

static void
test_erase (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GBytes) model = harness_make_model (harness, 1);
  g_autoptr (GBytes) other = harness_make_model (harness, 2);
  g_autoptr (GBytes) first = harness_sign (harness, model, NULL);
  g_autoptr (GBytes) second = harness_sign (harness, other, NULL);
  struct bpg_image_entry entries[4];
  size_t count;

  harness_bind (harness, "left");
  g_assert_cmpint (harness_install (harness, first), ==, 0);
  g_assert_cmpint (harness_upload (harness, 1, second), ==, 0);
  g_assert_cmpint (harness_ask (harness, BPG_SMP_READ, BPG_GROUP_IMAGE, BPG_IMAGE_STATE), ==, 0);
  g_assert_true (bpg_image_state_decode (harness->reply, harness->reply_length, entries, 4, &count));
  g_assert_cmpuint (count, ==, 3);
  for (unsigned slot = 2; slot < 5; slot++)
    {
      unsigned active = 2u + harness->arm.control.slots.active[BPG_IMAGE_MODEL];
      int expected = slot == 4 ? (int) BPG_SMP_ERROR_INVALID : slot == active ? (int) BPG_ARM_ERROR_WRONG_STATE : 0;

      g_assert_cmpint (erase_slot (harness, slot), ==, expected);
    }
  g_assert_cmpint (harness_ask (harness, BPG_SMP_READ, BPG_GROUP_IMAGE, BPG_IMAGE_STATE), ==, 0);
  g_assert_true (bpg_image_state_decode (harness->reply, harness->reply_length, entries, 4, &count));
  g_assert_cmpuint (count, ==, 2);
  assert_model (harness, model);
}

static int
reset (struct harness *harness)
{
  int error = harness_ask (harness, BPG_SMP_WRITE, BPG_GROUP_OS, BPG_OS_RESET);

  harness_run (harness, 10);
  return error;
}

static unsigned
firmware_slot (struct harness *harness)
{
  return harness->arm.control.slots.active[BPG_IMAGE_FIRMWARE];
}

/* Firmware: pending, one start on trial, confirmed or back. */
static void
test_firmware (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autofree uint8_t *program = g_malloc0 (20000);
  g_autoptr (GBytes) payload = g_bytes_new (program, 20000);
  g_autoptr (GBytes) first = harness_sign (harness, payload, &(struct container){ .major = 2 });
  g_autoptr (GBytes) second = harness_sign (harness, payload, &(struct container){ .major = 3 });
  g_autoptr (GBytes) older = harness_sign (harness, payload, &(struct container){ .major = 1 });
  gnutls_privkey_t other = harness_make_key ();
  g_autoptr (GBytes) foreign = harness_sign (harness, payload, &(struct container){ .key = other });
  struct bpg_bytes release = harness->arm.control.factory.release;

  gnutls_privkey_deinit (other);
  harness->arm.control.factory.release = (struct bpg_bytes){ NULL, 0 };
  g_assert_cmpint (harness_upload (harness, 0, first), ==, BPG_ARM_ERROR_NOT_AUTHORISED);
  harness->arm.control.factory.release = release;
  g_assert_cmpint (harness_upload (harness, 0, foreign), ==, BPG_ARM_ERROR_SIGNATURE);

  g_assert_cmpint (harness_upload (harness, 0, first), ==, 0);
  g_assert_cmpint (harness_set_state (harness, first, FALSE), ==, 0);
  g_assert_cmpuint (firmware_slot (harness), ==, BPG_BOOT_NO_SLOT);
  g_assert_cmpint (reset (harness), ==, 0);
  g_assert_cmpuint (firmware_slot (harness), <, 2);
  g_assert_cmpint (harness_confirm (harness), ==, 0);

  /* Not confirmed: the next start goes back, whatever its reason. */
  g_assert_cmpint (harness_upload (harness, 0, second), ==, 0);
  g_assert_cmpint (harness_set_state (harness, second, FALSE), ==, 0);
  harness_power_on (harness);
  g_assert_cmpuint (harness->arm.control.slots.slot[0][firmware_slot (harness)].version.major, ==, 3);
  harness_power_on (harness);
  g_assert_cmpuint (harness->arm.control.slots.slot[0][firmware_slot (harness)].version.major, ==, 2);

  /* There is no way round the trial, but a confirmation lasts. */
  g_assert_cmpint (harness_set_state (harness, second, TRUE), ==, BPG_ARM_ERROR_WRONG_STATE);
  g_assert_cmpint (harness_set_state (harness, second, FALSE), ==, 0);
  harness_power_on (harness);
  g_assert_cmpint (harness_confirm (harness), ==, 0);
  harness_power_on (harness);
  g_assert_cmpuint (harness->arm.control.slots.slot[0][firmware_slot (harness)].version.major, ==, 3);

  /* And not back to what is older. */
  g_assert_cmpint (harness_upload (harness, 0, older), ==, 0);
  g_assert_cmpint (harness_set_state (harness, older, FALSE), ==, BPG_ARM_ERROR_VERSION_OLD);
}

/* Another owner's models do not come alive under the next one. */
static void
test_unbind_forgets_models (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GBytes) model = harness_make_model (harness, 1);
  g_autoptr (GBytes) container = harness_sign (harness, model, NULL);

  harness_bind (harness, "left");
  g_assert_cmpint (harness_install (harness, container), ==, 0);
  assert_model (harness, model);
  g_assert_cmpint (harness_ask (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_UNBIND), ==, 0);
  simlimb_press (&harness->arm);
  assert_model (harness, NULL);
  harness_bind (harness, "left");
  assert_model (harness, NULL);
  harness_power_on (harness);
  assert_model (harness, NULL);
}

/* Erasing takes longer than the watchdog waits, a slot's sectors as much as
 * many requests at once. */
static void
test_erasing_feeds_watchdog (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autofree uint8_t *program = g_malloc0 (30000);
  g_autoptr (GBytes) payload = g_bytes_new (program, 30000);
  g_autoptr (GBytes) firmware = harness_sign (harness, payload, NULL);
  g_autoptr (GBytes) first = harness_make_model (harness, 1);
  g_autoptr (GBytes) second = harness_make_model (harness, 2);
  g_autoptr (GBytes) first_signed = harness_sign (harness, first, NULL);
  g_autoptr (GBytes) second_signed = harness_sign (harness, second, NULL);

  g_assert_cmpint (harness_upload (harness, 0, firmware), ==, 0);
  g_assert_cmpint (erase_slot (harness, 0), ==, 0);
  harness_run (harness, 300);
  g_assert_cmpuint (harness->arm.starts, ==, 1);

  harness_bind (harness, "left");
  g_assert_cmpint (harness_install (harness, first_signed), ==, 0);
  g_assert_cmpint (harness_install (harness, second_signed), ==, 0);
  for (unsigned i = 0; i < BPG_CONTROL_REQUESTS; i++)
    {
      struct bpg_cbor_writer writer = harness_begin (harness);
      struct bpg_fall_back_request fall_back = { 1 };

      bpg_fall_back_request_encode (&fall_back, &writer);
      harness_send (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_FALL_BACK, &writer);
    }
  harness_run (harness, 300);
  g_assert_cmpuint (harness->arm.starts, ==, 1);
  assert_model (harness, second);
}

/* Nobody is bound to an arm that cannot forget its models; the arm says so. */
static void
test_bind_with_worn_flash (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GBytes) model = harness_make_model (harness, 1);
  g_autoptr (GBytes) container = harness_sign (harness, model, NULL);

  harness_bind (harness, "left");
  g_assert_cmpint (harness_install (harness, container), ==, 0);
  harness->arm.flash.worn = 1u << BPG_FLASH_MODEL_A;
  g_assert_cmpint (harness_ask (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_UNBIND), ==, 0);
  simlimb_press (&harness->arm);
  assert_state (harness, "unbound//");
  assert_model (harness, NULL);
  g_assert_cmpuint (harness_event (harness, BPG_EVENT_FAULT)->a, ==, BPG_FAULT_FLASH);
  harness_bind (harness, "left");
  assert_state (harness, "binding//");
  harness->arm.flash.worn = 0;
  simlimb_press (&harness->arm);
  assert_state (harness, "bound/P-0001/left");
  assert_model (harness, NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/arm/challenge", test_challenge);
  g_test_add_func ("/arm/binding", test_binding);
  g_test_add_func ("/arm/trial-and-confirm", test_trial_and_confirm);
  g_test_add_func ("/arm/reset-starts-trial", test_reset_starts_trial);
  g_test_add_func ("/arm/reset-on-low-battery", test_reset_on_low_battery);
  g_test_add_func ("/arm/reset-with-worn-flash", test_reset_with_worn_flash);
  g_test_add_func ("/arm/refused-models", test_refused_models);
  g_test_add_func ("/arm/resume", test_resume);
  g_test_add_func ("/arm/upload-after-erase", test_upload_after_erase);
  g_test_add_func ("/arm/upload-spares-slot", test_upload_spares_slot);
  g_test_add_func ("/arm/usage", test_usage);
  g_test_add_func ("/arm/datetime", test_datetime);
  g_test_add_func ("/arm/unknown", test_unknown);
  g_test_add_func ("/arm/erase", test_erase);
  g_test_add_func ("/arm/firmware", test_firmware);
  g_test_add_func ("/arm/unbind-forgets-models", test_unbind_forgets_models);
  g_test_add_func ("/arm/erasing-feeds-watchdog", test_erasing_feeds_watchdog);
  g_test_add_func ("/arm/bind-with-worn-flash", test_bind_with_worn_flash);
  return g_test_run ();
}
