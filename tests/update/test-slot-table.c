/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The arm's list of slots: what is read out of it, and what is refused. */
#include "bpg-error.h"
#include "bpg-slot-table.h"

#include <string.h>

static const guint8 hash[32] = {0xab, 0x01};

static gboolean
parse (BpgSlotTable *table, const struct bpg_image_entry *entries, size_t n_entries, GError **error)
{
  guint8 bytes[2000];
  struct bpg_cbor_writer writer;
  BpgSmpReply reply = {0};

  bpg_cbor_writer_init (&writer, bytes, sizeof bytes);
  bpg_image_state_encode (entries, n_entries, &writer);
  g_assert_false (writer.overflow);
  reply.payload = bytes;
  reply.length = writer.length;
  return bpg_slot_table_parse (table, &reply, error);
}

static void
test_states (void)
{
  const struct bpg_image_entry entries[] = {
    {.image = 0, .slot = 0, .version = {"1.2.3", 5}, .active = true, .confirmed = true},
    {.image = 1, .slot = 0, .version = {"26.11.20", 8}, .hash = {hash, 32}, .active = true, .bootable = true},
    {.image = 1, .slot = 1, .version = {"26.11.19", 8}, .hash = {hash + 0, 32}, .confirmed = true, .bootable = true},
  };
  BpgSlotTable table;
  g_autoptr (GError) error = NULL;

  g_assert_true (parse (&table, entries, 3, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (table.n_entries, ==, 3);
  g_assert_cmpstr (table.entries[1].hash, ==, "ab01000000000000000000000000000000000000000000000000000000000000");
  g_assert_cmpstr (table.entries[0].hash, ==, "");
  g_assert_cmpstr (table.entries[0].version, ==, "1.2.3");
  g_assert_true (bpg_slot_table_get_active (&table, BPG_IMAGE_MODEL) == &table.entries[1]);
  g_assert_true (bpg_slot_table_get_trial (&table, BPG_IMAGE_MODEL) == &table.entries[1]);
  g_assert_true (bpg_slot_table_get_confirmed (&table, BPG_IMAGE_MODEL) == &table.entries[2]);
  g_assert_null (bpg_slot_table_get_pending (&table, BPG_IMAGE_MODEL));
  g_assert_true (bpg_slot_table_find (&table, BPG_IMAGE_MODEL, table.entries[1].hash) == &table.entries[1]);
  g_assert_null (bpg_slot_table_find (&table, BPG_IMAGE_MODEL, "ab"));
  g_assert_cmpstr (bpg_slot_entry_get_name (&table.entries[1]), ==, "A");
  g_assert_cmpstr (bpg_slot_entry_get_name (&table.entries[2]), ==, "B");

  g_assert_true (parse (&table, NULL, 0, NULL));
  g_assert_null (bpg_slot_table_get_active (&table, BPG_IMAGE_MODEL));
}

static void
test_refused (void)
{
  static const char long_version[] = "a version that no arm of ours would ever tell anybody";
  const struct bpg_image_entry bad[] = {
    {.image = 2, .version = {"1", 1}},
    {.image = 1, .slot = 2, .version = {"1", 1}},
    {.image = 1, .version = {"1", 1}, .hash = {hash, 31}},
    {.image = 1, .version = {long_version, sizeof long_version - 1}},
  };
  struct bpg_image_entry many[BPG_SLOT_TABLE_MAX + 1];
  BpgSlotTable table;

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_false (parse (&table, &bad[i], 1, &error));
    g_assert_error (error, BPG_ERROR, BPG_ERROR_CORRUPT);
  }
  memset (many, 0, sizeof many);
  for (guint i = 0; i < G_N_ELEMENTS (many); i++)
    many[i].version = bpg_text ("1");
  g_assert_false (parse (&table, many, G_N_ELEMENTS (many), NULL));
}

/* Whatever comes, it ends. */
static void
test_garbage (void)
{
  g_autoptr (GRand) random = g_rand_new_with_seed (3);

  for (guint round = 0; round < 20000; round++) {
    guint8 bytes[64];
    BpgSmpReply reply = {.payload = bytes, .length = (gsize) g_rand_int_range (random, 0, sizeof bytes + 1)};
    BpgSlotTable table;

    for (gsize i = 0; i < reply.length; i++)
      bytes[i] = (guint8) g_rand_int (random);
    if (bpg_slot_table_parse (&table, &reply, NULL))
      g_assert_cmpuint (table.n_entries, <=, BPG_SLOT_TABLE_MAX);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/slot-table/states", test_states);
  g_test_add_func ("/slot-table/refused", test_refused);
  g_test_add_func ("/slot-table/garbage", test_garbage);
  return g_test_run ();
}
