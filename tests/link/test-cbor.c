/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <cbor.h>
#include <glib.h>
#include <string.h>

#include "link/cbor.h"

/* What our writer makes must be what libcbor reads, and the other way. */
static void
test_against_libcbor (void)
{
  static const uint64_t numbers[] = { 0, 1, 23, 24, 255, 256, 65535, 65536, 4294967295u, 4294967296u, UINT64_MAX };
  uint8_t ours[512];
  struct bpg_cbor_writer writer;
  struct cbor_load_result result;
  cbor_item_t *item;
  unsigned char *theirs = NULL;
  size_t theirs_size;
  size_t theirs_length;
  struct bpg_cbor_item array;
  struct bpg_cbor_item member;
  struct bpg_cbor_reader reader;

  bpg_cbor_writer_init (&writer, ours, sizeof ours);
  bpg_cbor_open_array (&writer);
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    bpg_cbor_write_uint (&writer, numbers[i]);
  bpg_cbor_write_int (&writer, -1);
  bpg_cbor_write_int (&writer, INT64_MIN);
  bpg_cbor_write_bool (&writer, true);
  bpg_cbor_write_null (&writer);
  bpg_cbor_write_key (&writer, "electrode");
  bpg_cbor_write_bytes (&writer, numbers[0] == 0 ? ours : NULL, 30);
  bpg_cbor_close (&writer);
  g_assert_false (writer.overflow);

  item = cbor_load (ours, writer.length, &result);
  g_assert_cmpint (result.error.code, ==, CBOR_ERR_NONE);
  g_assert_cmpuint (result.read, ==, writer.length);
  g_assert_cmpuint (cbor_array_size (item), ==, G_N_ELEMENTS (numbers) + 6);
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    g_assert_cmpuint (cbor_get_int (cbor_move (cbor_array_get (item, i))), ==, numbers[i]);

  theirs_length = cbor_serialize_alloc (item, &theirs, &theirs_size);
  bpg_cbor_reader_init (&reader, theirs, theirs_length);
  g_assert_true (bpg_cbor_read (&reader, &array));
  g_assert_true (bpg_cbor_at_end (&reader));
  bpg_cbor_reader_init (&reader, array.bytes, array.length);
  for (gsize i = 0; i < G_N_ELEMENTS (numbers); i++)
    {
      g_assert_true (bpg_cbor_read (&reader, &member));
      g_assert_cmpint (member.type, ==, BPG_CBOR_UINT);
      g_assert_cmpuint (member.value, ==, numbers[i]);
    }
  g_assert_true (bpg_cbor_read (&reader, &member));
  g_assert_cmpint (member.type, ==, BPG_CBOR_NEGATIVE);
  g_assert_cmpuint (member.value, ==, 0);
  g_assert_true (bpg_cbor_read (&reader, &member));
  g_assert_cmpuint (member.value, ==, INT64_MAX);
  g_assert_true (bpg_cbor_read (&reader, &member));
  g_assert_cmpint (member.type, ==, BPG_CBOR_BOOL);
  g_assert_true (bpg_cbor_read (&reader, &member));
  g_assert_cmpint (member.type, ==, BPG_CBOR_NULL);
  g_assert_true (bpg_cbor_read (&reader, &member));
  g_assert_cmpmem (member.bytes, member.length, "electrode", 9);
  g_assert_true (bpg_cbor_read (&reader, &member));
  g_assert_cmpmem (member.bytes, member.length, ours, 30);
  g_assert_true (bpg_cbor_at_end (&reader));

  free (theirs);
  cbor_decref (&item);
}

/* Whatever bytes both accept, they must cut at the same place; what we accept
 * libcbor must accept too. */
static void
test_random_against_libcbor (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (4711);
  unsigned accepted = 0;

  for (unsigned round = 0; round < 200000; round++)
    {
      static const uint8_t heads[] = { 0x00, 0x17, 0x18, 0x19, 0x1B, 0x20, 0x38, 0x41, 0x45, 0x58, 0x61, 0x63,
                                       0x80, 0x81, 0x83, 0x9F, 0xA0, 0xA1, 0xBF, 0xF4, 0xF5, 0xF6, 0xFF, 0xC0,
                                       0x5F, 0x7F, 0xF9, 0x9B, 0xBB };
      uint8_t bytes[24];
      gsize length = (gsize) g_rand_int_range (rand, 1, sizeof bytes);
      struct bpg_cbor_reader reader;
      struct bpg_cbor_item item;
      struct cbor_load_result result;
      cbor_item_t *theirs;

      for (gsize i = 0; i < length; i++)
        bytes[i] = g_rand_boolean (rand) ? heads[g_rand_int_range (rand, 0, G_N_ELEMENTS (heads))]
                                         : (uint8_t) g_rand_int_range (rand, 0, 6);
      /* libcbor allocates by the counts of the input: keep those out. */
      for (gsize i = 0; i < length; i++)
        if ((bytes[i] & 0x1F) == 27 && bytes[i] >= 0x80 && bytes[i] < 0xC0)
          bytes[i] = 0x81;

      bpg_cbor_reader_init (&reader, bytes, length);
      if (!bpg_cbor_read (&reader, &item))
        {
          g_assert_cmpuint (reader.offset, ==, 0);
          continue;
        }
      accepted++;
      theirs = cbor_load (bytes, length, &result);
      g_assert_cmpint (result.error.code, ==, CBOR_ERR_NONE);
      g_assert_cmpuint (result.read, ==, reader.offset);
      cbor_decref (&theirs);
    }
  g_assert_cmpuint (accepted, >, 1000);
}

static void
test_refused (void)
{
  static const struct
  {
    const char *what;
    uint8_t bytes[12];
    size_t length;
  } cases[] = {
    { "nothing", { 0 }, 0 },
    { "truncated number", { 0x19, 0x01 }, 2 },
    { "truncated text", { 0x63, 'a', 'b' }, 3 },
    { "text of 2^63", { 0x7B, 0x80, 0, 0, 0, 0, 0, 0, 0 }, 9 },
    { "array of 2^64 - 1", { 0x9B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF }, 9 },
    { "map without value", { 0xA1, 0x01 }, 2 },
    { "odd indefinite map", { 0xBF, 0x01, 0xFF }, 3 },
    { "array without break", { 0x9F, 0x01 }, 2 },
    { "lone break", { 0xFF }, 1 },
    { "text that is not UTF-8", { 0x62, 0xC3, 0x28 }, 3 },
    { "overlong text", { 0x62, 0xC0, 0x80 }, 3 },
    { "surrogate in text", { 0x63, 0xED, 0xA0, 0x80 }, 4 },
    { "text cut in a character", { 0x61, 0xC3 }, 2 },
    { "chunked text", { 0x7F, 0x61, 'a', 0xFF }, 4 },
    { "tag", { 0xC0, 0x60 }, 2 },
    { "half float", { 0xF9, 0x3C, 0x00 }, 3 },
    { "undefined", { 0xF7 }, 1 },
    { "reserved length", { 0x1C }, 1 },
    { "too deep", { 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x00 }, 10 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      struct bpg_cbor_reader reader;
      struct bpg_cbor_item item;

      bpg_cbor_reader_init (&reader, cases[i].bytes, cases[i].length);
      if (bpg_cbor_read (&reader, &item))
        g_error ("%s was accepted", cases[i].what);
      g_assert_cmpuint (reader.offset, ==, 0);
    }
}

static void
test_find (void)
{
  static const uint8_t map_bytes[] = { 0xA3, 0x63, 'o', 'f', 'f', 0x18, 0x64, 0x63, 'o',
                                       'f', 'f', 0x01, 0x62, 'l', 'e', 0x81, 0x02 };
  struct bpg_cbor_item map;
  struct bpg_cbor_item item;

  g_assert_true (bpg_cbor_read_map (map_bytes, sizeof map_bytes, &map));
  g_assert_true (bpg_cbor_find (&map, "off", &item));
  g_assert_cmpuint (item.value, ==, 100);
  g_assert_true (bpg_cbor_find (&map, "le", &item));
  g_assert_cmpint (item.type, ==, BPG_CBOR_ARRAY);
  g_assert_cmpuint (item.value, ==, 1);
  g_assert_cmpuint (item.length, ==, 1);
  g_assert_false (bpg_cbor_find (&map, "len", &item));
  g_assert_false (bpg_cbor_read_map (map_bytes, sizeof map_bytes - 1, &map));
  g_assert_true (bpg_cbor_read_map (NULL, 0, &map));
  g_assert_false (bpg_cbor_find (&map, "off", &item));
}

static void
test_overflow (void)
{
  for (gsize capacity = 0; capacity < 12; capacity++)
    {
      g_autofree uint8_t *bytes = g_malloc (capacity + 1);
      struct bpg_cbor_writer writer;

      bytes[capacity] = 0xAA;
      bpg_cbor_writer_init (&writer, bytes, capacity);
      bpg_cbor_open_map (&writer);
      bpg_cbor_write_key (&writer, "r");
      bpg_cbor_write_uint (&writer, 100000);
      bpg_cbor_write_bool (&writer, false);
      bpg_cbor_write_null (&writer);
      bpg_cbor_close (&writer);
      g_assert_cmpint (writer.overflow, ==, capacity < 11);
      g_assert_cmpuint (writer.length, <=, capacity);
      g_assert_cmpuint (bytes[capacity], ==, 0xAA);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/link/cbor/against-libcbor", test_against_libcbor);
  g_test_add_func ("/link/cbor/random-against-libcbor", test_random_against_libcbor);
  g_test_add_func ("/link/cbor/refused", test_refused);
  g_test_add_func ("/link/cbor/find", test_find);
  g_test_add_func ("/link/cbor/overflow", test_overflow);
  return g_test_run ();
}
