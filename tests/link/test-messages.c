/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <math.h>
#include <string.h>

#include "link/messages.h"

static uint8_t buffer[BPG_SMP_PACKET_MAX];

static struct bpg_cbor_writer
begin (void)
{
  struct bpg_cbor_writer writer;

  bpg_packet_begin (&writer, buffer, sizeof buffer);
  return writer;
}

static void
test_identity (void)
{
  static const uint8_t key[91] = { 0x30, 0x59 };
  struct bpg_identity identity = {
    .id = bpg_text ("BP-0001"), .fp = bpg_text ("00ff"), .key = { key, sizeof key },
    .hw = bpg_text ("simlimb-1"), .side = bpg_text (""), .state = bpg_text ("unbound"),
    .fw = bpg_text ("1.0.0"), .schema = 1, .patient = bpg_text (""),
  };
  struct bpg_identity back;
  struct bpg_cbor_writer writer = begin ();

  bpg_identity_encode (&identity, &writer);
  g_assert_false (writer.overflow);
  g_assert_true (bpg_identity_decode (writer.bytes, writer.length, &back));
  g_assert_true (bpg_text_is (&back.id, "BP-0001"));
  g_assert_cmpmem (back.key.bytes, back.key.length, key, sizeof key);
  g_assert_null (back.cert.bytes);
  g_assert_true (bpg_text_is (&back.side, ""));
  g_assert_cmpuint (back.schema, ==, 1);

  for (gsize cut = 1; cut < writer.length; cut++)
    g_assert_false (bpg_identity_decode (writer.bytes, cut, &back));
}

/* The bytes MCUmgr's documentation gives for an upload's first request. */
static void
test_upload_keys (void)
{
  static const uint8_t request[] = {
    0xA5, 0x65, 'i', 'm', 'a', 'g', 'e', 0x01, 0x63, 'l', 'e', 'n', 0x19, 0x10, 0x00, 0x63, 'o',
    'f', 'f', 0x00, 0x63, 's', 'h', 'a', 0x42, 0xAB, 0xCD, 0x64, 'd', 'a', 't', 'a', 0x43, 1, 2, 3,
  };
  struct bpg_upload_request upload;
  struct bpg_upload_reply reply = { .off = 3 };
  struct bpg_upload_reply reply_back;
  struct bpg_cbor_writer writer = begin ();

  g_assert_true (bpg_upload_request_decode (request, sizeof request, &upload));
  g_assert_cmpuint (upload.image, ==, 1);
  g_assert_cmpuint (upload.len, ==, 4096);
  g_assert_cmpuint (upload.off, ==, 0);
  g_assert_cmpuint (upload.sha.length, ==, 2);
  g_assert_cmpuint (upload.data.length, ==, 3);
  g_assert_false (upload.upgrade);

  bpg_upload_reply_encode (&reply, &writer);
  g_assert_true (bpg_upload_reply_decode (writer.bytes, writer.length, &reply_back));
  g_assert_cmpuint (reply_back.off, ==, 3);
  g_assert_cmpuint (reply_back.rc, ==, 0);
}

static void
test_wrong_types (void)
{
  static const uint8_t text_for_off[] = { 0xA1, 0x63, 'o', 'f', 'f', 0x61, '1' };
  static const uint8_t negative_off[] = { 0xA1, 0x63, 'o', 'f', 'f', 0x20 };
  static const uint8_t null_hash[] = { 0xA1, 0x64, 'h', 'a', 's', 'h', 0xF6 };
  struct bpg_upload_request upload;
  struct bpg_image_write_request state;

  g_assert_false (bpg_upload_request_decode (text_for_off, sizeof text_for_off, &upload));
  g_assert_false (bpg_upload_request_decode (negative_off, sizeof negative_off, &upload));
  g_assert_false (bpg_upload_request_decode (NULL, 0, &upload));
  g_assert_true (bpg_image_write_request_decode (null_hash, sizeof null_hash, &state));
  g_assert_null (state.hash.bytes);
}

static void
test_status (void)
{
  struct bpg_status status = { .bat = 80, .mv = 7400, .temp = -55, .worn = true, .dead = 5,
                               .dec = 1234567890123, .boot = bpg_text ("power-on") };
  struct bpg_status back;
  struct bpg_cbor_writer writer = begin ();

  for (unsigned i = 0; i < BPG_LATENCY_BUCKETS; i++)
    status.lat[i] = i * 1000;
  bpg_status_encode (&status, &writer);
  g_assert_true (bpg_status_decode (writer.bytes, writer.length, &back));
  g_assert_cmpint (back.temp, ==, -55);
  g_assert_cmpuint (back.dec, ==, 1234567890123);
  g_assert_cmpuint (back.lat[31], ==, 31000);
  g_assert_true (bpg_text_is (&back.boot, "power-on"));
}

static void
test_image_state (void)
{
  static const uint8_t hash[32] = { 7 };
  struct bpg_image_entry entries[3] = {
    { .image = 0, .slot = 0, .version = bpg_text ("1.0.0"), .bootable = true, .active = true },
    { .image = 1, .slot = 0, .version = bpg_text ("1.2.3"), .hash = { hash, 32 }, .confirmed = true },
    { .image = 1, .slot = 1, .version = bpg_text ("1.2.4"), .hash = { hash, 32 }, .pending = true },
  };
  struct bpg_image_entry back[2];
  struct bpg_cbor_writer writer = begin ();
  size_t count;

  bpg_image_state_encode (entries, 3, &writer);
  g_assert_true (bpg_image_state_decode (writer.bytes, writer.length, back, 2, &count));
  g_assert_cmpuint (count, ==, 3);
  g_assert_cmpuint (back[1].image, ==, 1);
  g_assert_true (back[1].confirmed);
  g_assert_false (back[1].pending);
  g_assert_true (bpg_text_is (&back[1].version, "1.2.3"));
}

static void
test_image_write (void)
{
  static const uint8_t hash[32] = { 7 };
  struct bpg_image_write_request request = { .hash = { hash, 32 }, .downgrade = true };
  struct bpg_image_write_request back;
  struct bpg_cbor_writer writer = begin ();

  bpg_image_write_request_encode (&request, &writer);
  g_assert_true (bpg_image_write_request_decode (writer.bytes, writer.length, &back));
  g_assert_true (back.downgrade);
  g_assert_false (back.confirm);
  g_assert_cmpmem (back.hash.bytes, back.hash.length, hash, 32);
  /* What MCUmgr's own clients say has no such key. */
  request.downgrade = false;
  writer = begin ();
  bpg_image_write_request_encode (&request, &writer);
  g_assert_cmpuint (writer.length, ==, 1 + 5 + 2 + 32 + 1);
  g_assert_true (bpg_image_write_request_decode (writer.bytes, writer.length, &back));
  g_assert_false (back.downgrade);
}

static void
test_usage (void)
{
  uint8_t records[3 * BPG_USAGE_RECORD_SIZE];
  struct bpg_usage_reply reply = { .first = 10, .next = 13, .lost = 2 };
  struct bpg_usage_reply back;
  struct bpg_cbor_item rec;
  struct bpg_cbor_reader reader;
  struct bpg_cbor_writer writer = begin ();

  for (gsize i = 0; i < sizeof records; i++)
    records[i] = (uint8_t) i;
  bpg_usage_reply_encode (&reply, records, 3, &writer);
  g_assert_true (bpg_usage_reply_decode (writer.bytes, writer.length, &back, &rec));
  g_assert_cmpuint (back.next, ==, 13);
  bpg_cbor_reader_init (&reader, rec.bytes, rec.length);
  for (unsigned i = 0; i < 3; i++)
    g_assert_cmpuint (bpg_usage_next_record (&reader)[0], ==, i * BPG_USAGE_RECORD_SIZE);
  g_assert_null (bpg_usage_next_record (&reader));
}

static void
test_errors (void)
{
  struct bpg_cbor_writer writer = begin ();
  static const uint8_t huge[] = { 0xA1, 0x62, 'r', 'c', 0x1A, 0, 1, 0, 0 };
  uint16_t group;
  uint16_t rc;

  bpg_error_encode (1, BPG_GROUP_ARM, BPG_ARM_ERROR_SIGNATURE, &writer);
  g_assert_true (bpg_error_decode (writer.bytes, writer.length, 1, &group, &rc));
  g_assert_cmpuint (group, ==, 64);
  g_assert_cmpuint (rc, ==, 7);
  writer = begin ();
  bpg_error_encode (0, BPG_GROUP_OS, BPG_SMP_ERROR_NOT_SUPPORTED, &writer);
  g_assert_true (bpg_error_decode (writer.bytes, writer.length, 0, &group, &rc));
  g_assert_cmpuint (group, ==, 0);
  g_assert_cmpuint (rc, ==, 8);
  g_assert_true (bpg_error_decode (NULL, 0, 5, &group, &rc));
  g_assert_cmpuint (rc, ==, 0);
  g_assert_true (bpg_error_decode (huge, sizeof huge, 5, &group, &rc));
  g_assert_cmpuint (rc, ==, UINT16_MAX);
  g_assert_cmpstr (bpg_arm_strerror (7), ==, "signature invalid");
  g_assert_cmpstr (bpg_arm_strerror (99), ==, "unknown error");
}

static void
test_latency_buckets (void)
{
  for (unsigned i = 0; i < BPG_LATENCY_BUCKETS; i++)
    {
      double bound = pow (2, i / 2.0);

      g_assert_cmpfloat (fabs (bpg_latency_bucket_floor (i) - bound), <=, 1.0);
      /* Below 4 us neighbouring buckets share their lower bound. */
      if (i >= 4)
        g_assert_cmpuint (bpg_latency_bucket (bpg_latency_bucket_floor (i)), ==, i);
    }
  g_assert_cmpuint (bpg_latency_bucket (0), ==, 0);
  g_assert_cmpuint (bpg_latency_bucket (UINT32_MAX), ==, 31);
}

static void
test_packet (void)
{
  struct bpg_cbor_writer writer = begin ();
  struct bpg_smp_header header = bpg_request_header (BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_TRIAL, 200);
  struct bpg_smp_header back;
  struct bpg_trial_request request = { .seconds = 600 };
  size_t length;

  bpg_trial_request_encode (&request, &writer);
  length = bpg_packet_finish (&writer, &header);
  g_assert_true (bpg_smp_header_decode (buffer, length, &back));
  g_assert_cmpuint (back.op, ==, BPG_SMP_WRITE);
  g_assert_cmpuint (back.version, ==, 1);
  g_assert_cmpuint (back.group, ==, 64);
  g_assert_cmpuint (back.sequence, ==, 200);
  g_assert_cmpuint (back.length, ==, length - 8);
  g_assert_false (bpg_smp_header_decode (buffer, length - 1, &back));
  g_assert_false (bpg_smp_header_decode (buffer, 7, &back));

  bpg_packet_begin (&writer, buffer, 12);
  bpg_trial_request_encode (&request, &writer);
  g_assert_cmpuint (bpg_packet_finish (&writer, &header), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/link/messages/identity", test_identity);
  g_test_add_func ("/link/messages/upload-keys", test_upload_keys);
  g_test_add_func ("/link/messages/wrong-types", test_wrong_types);
  g_test_add_func ("/link/messages/status", test_status);
  g_test_add_func ("/link/messages/image-state", test_image_state);
  g_test_add_func ("/link/messages/image-write", test_image_write);
  g_test_add_func ("/link/messages/usage", test_usage);
  g_test_add_func ("/link/messages/errors", test_errors);
  g_test_add_func ("/link/messages/latency-buckets", test_latency_buckets);
  g_test_add_func ("/link/messages/packet", test_packet);
  return g_test_run ();
}
