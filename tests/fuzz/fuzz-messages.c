/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The payload of a packet, read as every message there is. What can be read is written and read again. */
#include <glib.h>
#include <string.h>

#include "link/messages.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define TRY(name)                                                                                                     \
  static void try_##name (const uint8_t *data, size_t size)                                                           \
  {                                                                                                                   \
    struct bpg_##name first, second;                                                                                  \
    struct bpg_cbor_writer writer;                                                                                    \
    uint8_t bytes[BPG_SMP_PACKET_MAX * 4];                                                                            \
                                                                                                                      \
    if (!bpg_##name##_decode (data, size, &first))                                                                    \
      return;                                                                                                         \
    bpg_cbor_writer_init (&writer, bytes, sizeof bytes);                                                              \
    bpg_##name##_encode (&first, &writer);                                                                            \
    if (!writer.overflow)                                                                                             \
      g_assert_true (bpg_##name##_decode (bytes, writer.length, &second));                                            \
  }

BPG_MESSAGES (TRY)
TRY (erase_request)
TRY (status)

#define NAME(name) try_##name,

static void (*const tries[]) (const uint8_t *, size_t) = {
  BPG_MESSAGES (NAME) try_erase_request, try_status,
};

static void
try_lists (const uint8_t *data, size_t size)
{
  struct bpg_image_entry entries[4];
  struct bpg_usage_reply reply;
  struct bpg_cbor_item rec;
  size_t n_entries;

  bpg_image_state_decode (data, size, entries, G_N_ELEMENTS (entries), &n_entries);
  if (bpg_usage_reply_decode (data, size, &reply, &rec)) {
    struct bpg_cbor_reader reader;
    const uint8_t *record;
    uint8_t copy[BPG_USAGE_RECORD_SIZE];

    bpg_cbor_reader_init (&reader, rec.bytes, rec.length);
    while ((record = bpg_usage_next_record (&reader)) != NULL)
      memcpy (copy, record, sizeof copy);
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  uint16_t group, rc;

  if (size > BPG_SMP_PACKET_MAX)
    return 0;
  for (size_t i = 0; i < G_N_ELEMENTS (tries); i++)
    tries[i](data, size);
  try_lists (data, size);
  bpg_error_decode (data, size, BPG_GROUP_ARM, &group, &rc);
  return 0;
}
