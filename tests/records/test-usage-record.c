/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records of the usage log, against the arm's own log. */
#include "bpg-usage-record.h"

#include "control/usage-log.h"
#include "link/checksum.h"
#include "link/little-endian.h"

#include <string.h>

/* As the arm lays a record out; what the arm's own decoder takes for it is checked beside. */
static void
encode (const struct bpg_usage_record *record, guint8 bytes[BPG_USAGE_RECORD_BYTES])
{
  struct bpg_usage_record back;

  bpg_put_u64 (bytes, record->time);
  bytes[8] = record->kind;
  bytes[9] = record->flags;
  bpg_put_u16 (bytes + 10, record->a);
  memcpy (bytes + 12, record->data, sizeof record->data);
  bpg_put_u32 (bytes + 28, bpg_crc32 (0, bytes, 28));
  g_assert_true (bpg_usage_record_decode (bytes, &back));
  g_assert_cmpmem (&back.data, sizeof back.data, record->data, sizeof record->data);
  g_assert_cmpuint (back.kind, ==, record->kind);
}

static GVariant *
describe (struct bpg_usage_record record)
{
  guint8 bytes[BPG_USAGE_RECORD_BYTES];

  encode (&record, bytes);
  return g_variant_ref_sink (bpg_usage_record_describe (42, bytes));
}

static const char *
get_text (GVariant *described, const char *key)
{
  const char *text = NULL;

  g_assert_true (g_variant_lookup (described, key, "&s", &text));
  return text;
}

static void
test_kinds (void)
{
  g_autoptr (GVariant) start = describe ((struct bpg_usage_record){.kind = BPG_USAGE_START, .a = 3, .data = {0xab}});
  g_autoptr (GVariant) minute = describe ((struct bpg_usage_record){
    .kind = BPG_USAGE_MINUTE, .a = 77, .time = 1700000000000000, .flags = BPG_USAGE_CLOCK_SET,
    .data = {0, 2, [7] = 5, [13] = 3, [14] = 1}});
  g_autoptr (GVariant) fault =
    describe ((struct bpg_usage_record){.kind = BPG_USAGE_FAULT, .a = 2, .data = {1, 0, 0, 0, 2}});
  g_autoptr (GVariant) binding = describe ((struct bpg_usage_record){.kind = BPG_USAGE_BINDING, .a = 1});
  g_autoptr (GVariant) model = describe (
    (struct bpg_usage_record){.kind = BPG_USAGE_MODEL, .a = 1 + 256 * BPG_USAGE_MODEL_REVERTED});
  g_autoptr (GVariant) latency =
    describe ((struct bpg_usage_record){.kind = BPG_USAGE_LATENCY, .a = 20, .data = {7, [12] = 9}});
  g_autoptr (GVariant) other = describe ((struct bpg_usage_record){.kind = 200, .a = 1});
  g_autoptr (GVariant) movements = g_variant_lookup_value (minute, "movements", G_VARIANT_TYPE ("a{su}"));
  g_autoptr (GVariant) decisions = g_variant_lookup_value (latency, "decisions", G_VARIANT_TYPE ("au"));
  guint32 number;
  guint64 time;
  gboolean flag;

  g_assert_cmpstr (get_text (start, "kind"), ==, "start");
  g_assert_cmpstr (get_text (start, "reason"), ==, "power-cut");
  g_assert_true (g_str_has_prefix (get_text (start, "model"), "ab00"));
  g_assert_true (g_variant_lookup (start, "time", "t", &time) && time == 0);

  g_assert_cmpstr (get_text (minute, "kind"), ==, "minute");
  g_assert_true (g_variant_lookup (minute, "time", "t", &time) && time == 1700000000000000);
  g_assert_true (g_variant_lookup (minute, "tick", "t", &time) && time == 1700000000000000);
  g_assert_true (g_variant_lookup (minute, "sequence", "t", &time) && time == 42);
  g_assert_true (g_variant_lookup (minute, "battery", "u", &number) && number == 77);
  g_assert_true (g_variant_lookup (minute, "faults", "u", &number) && number == 3);
  g_assert_true (g_variant_lookup (minute, "worn", "b", &flag) && flag);
  g_assert_cmpuint (g_variant_n_children (movements), ==, 2);
  g_assert_true (g_variant_lookup (movements, "hand_close", "u", &number) && number == 5);

  g_assert_cmpstr (get_text (fault, "fault"), ==, "over-current");
  g_assert_true (g_variant_lookup (fault, "b", "u", &number) && number == 2);
  g_assert_true (g_variant_lookup (binding, "bound", "b", &flag) && flag);
  g_assert_cmpstr (get_text (model, "what"), ==, "reverted");
  g_assert_cmpstr (get_text (model, "slot"), ==, "B");
  g_assert_true (g_variant_lookup (latency, "bucket", "u", &number) && number == 20);
  g_variant_get_child (decisions, 3, "u", &number);
  g_assert_cmpuint (number, ==, 9);
  g_assert_cmpstr (get_text (other, "kind"), ==, "other");
}

static void
test_damaged (void)
{
  guint8 bytes[BPG_USAGE_RECORD_BYTES];
  g_autoptr (GRand) random = g_rand_new_with_seed (5);

  encode (&(struct bpg_usage_record){.kind = BPG_USAGE_MINUTE}, bytes);
  for (guint i = 0; i < sizeof bytes; i++) {
    g_autoptr (GVariant) described = NULL;

    bytes[i] ^= 0x10;
    described = g_variant_ref_sink (bpg_usage_record_describe (1, bytes));
    g_assert_cmpstr (get_text (described, "kind"), ==, "damaged");
    bytes[i] ^= 0x10;
  }

  /* Whatever a record holds, with a right CRC: it is described. */
  for (guint round = 0; round < 20000; round++) {
    g_autoptr (GVariant) described = NULL;

    for (guint i = 0; i < 28; i++)
      bytes[i] = (guint8) g_rand_int (random);
    bytes[8] = (guint8) g_rand_int_range (random, 0, 9);
    bpg_put_u32 (bytes + 28, bpg_crc32 (0, bytes, 28));
    described = g_variant_ref_sink (bpg_usage_record_describe (round, bytes));
    g_assert_nonnull (get_text (described, "kind"));
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/usage-record/kinds", test_kinds);
  g_test_add_func ("/usage-record/damaged", test_damaged);
  return g_test_run ();
}
