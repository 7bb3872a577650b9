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

TRY (echo_request)
TRY (datetime)
TRY (params_reply)
TRY (info_request)
TRY (image_write_request)
TRY (upload_request)
TRY (upload_reply)
TRY (identity)
TRY (challenge_request)
TRY (challenge_reply)
TRY (bind_request)
TRY (unbind_request)
TRY (state_reply)
TRY (parameters)
TRY (stream_request)
TRY (trial_request)
TRY (usage_request)
TRY (usage_confirm_request)
TRY (identify_request)
TRY (fall_back_request)
TRY (erase_request)
TRY (status)
TRY (echo_reply)
TRY (info_reply)
TRY (rc_reply)
TRY (usage_confirm_reply)
TRY (bench_request)
TRY (bench_reply)
TRY (image_entry)
TRY (slot_info)

static void (*const tries[]) (const uint8_t *, size_t) = {
  try_echo_request,      try_datetime,       try_params_reply,  try_info_request,    try_image_write_request,
  try_upload_request,    try_upload_reply,   try_identity,      try_challenge_request, try_challenge_reply,
  try_bind_request,      try_unbind_request, try_state_reply,   try_parameters,      try_stream_request,
  try_trial_request,     try_usage_request,  try_usage_confirm_request, try_identify_request,
  try_fall_back_request, try_erase_request,  try_status,        try_echo_reply,      try_info_reply,
  try_rc_reply,          try_usage_confirm_reply, try_bench_request, try_bench_reply, try_image_entry,
  try_slot_info,
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
