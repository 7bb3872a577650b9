/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CBOR items, walked to the bottom; what is read is written again and must read the same. */
#include <glib.h>

#include "link/cbor.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static size_t
count_items (const uint8_t *bytes, size_t length, unsigned depth)
{
  struct bpg_cbor_reader reader;
  struct bpg_cbor_item item;
  size_t count = 0;

  g_assert_cmpuint (depth, <=, BPG_CBOR_MAX_DEPTH);
  bpg_cbor_reader_init (&reader, bytes, length);
  while (bpg_cbor_read (&reader, &item)) {
    g_assert_true (item.bytes >= bytes && item.bytes + item.length <= bytes + length);
    count++;
    if (item.type == BPG_CBOR_ARRAY || item.type == BPG_CBOR_MAP)
      count += count_items (item.bytes, item.length, depth + 1);
  }
  return count;
}

static void
write_again (const struct bpg_cbor_item *item)
{
  uint8_t bytes[4096];
  struct bpg_cbor_writer writer;
  struct bpg_cbor_reader reader;
  struct bpg_cbor_item back;

  bpg_cbor_writer_init (&writer, bytes, sizeof bytes);
  if (item->type == BPG_CBOR_UINT)
    bpg_cbor_write_uint (&writer, item->value);
  else if (item->type == BPG_CBOR_BYTES)
    bpg_cbor_write_bytes (&writer, item->bytes, item->length);
  else if (item->type == BPG_CBOR_TEXT)
    bpg_cbor_write_text (&writer, (const char *) item->bytes, item->length);
  else
    return;
  if (writer.overflow)
    return;
  bpg_cbor_reader_init (&reader, bytes, writer.length);
  g_assert_true (bpg_cbor_read (&reader, &back));
  g_assert_true (bpg_cbor_at_end (&reader));
  g_assert_cmpint (back.type, ==, item->type);
  g_assert_cmpuint (back.value, ==, item->value);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  struct bpg_cbor_reader reader;
  struct bpg_cbor_item item;

  bpg_cbor_reader_init (&reader, data, size);
  while (bpg_cbor_read (&reader, &item))
    write_again (&item);
  g_assert_cmpuint (count_items (data, size, 0), <=, size);
  if (bpg_cbor_read_map (data, size, &item)) {
    struct bpg_cbor_item value;

    bpg_cbor_find (&item, "off", &value);
  }
  return 0;
}
