/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "link/messages.h"

#include <string.h>

#define FIELD(structure, member, kind, is_required)                                               \
  { #member, BPG_FIELD_##kind, is_required, offsetof (struct bpg_##structure, member) }
#define REQUIRED(structure, member, kind) FIELD (structure, member, kind, true)
#define OPTIONAL(structure, member, kind) FIELD (structure, member, kind, false)

#define FORMAT(name, ...)                                                                         \
  static const struct bpg_field name##_fields[] = { __VA_ARGS__ };                                \
  const struct bpg_format bpg_##name##_format = {                                                 \
    name##_fields,                                                                                \
    sizeof name##_fields / sizeof name##_fields[0],                                               \
    sizeof (struct bpg_##name),                                                                   \
  };

FORMAT (echo_request, REQUIRED (echo_request, d, TEXT))
FORMAT (echo_reply, REQUIRED (echo_reply, r, TEXT))
FORMAT (datetime, REQUIRED (datetime, datetime, TEXT))
FORMAT (params_reply, REQUIRED (params_reply, buf_size, UINT),
        REQUIRED (params_reply, buf_count, UINT))
FORMAT (info_request, OPTIONAL (info_request, format, TEXT))
FORMAT (info_reply, REQUIRED (info_reply, output, TEXT))

FORMAT (image_write_request, OPTIONAL (image_write_request, hash, BYTES),
        OPTIONAL (image_write_request, confirm, BOOL),
        OPTIONAL (image_write_request, downgrade, BOOL))
FORMAT (image_entry, OPTIONAL (image_entry, image, UINT), REQUIRED (image_entry, slot, UINT),
        REQUIRED (image_entry, version, TEXT), OPTIONAL (image_entry, hash, BYTES),
        OPTIONAL (image_entry, bootable, BOOL), OPTIONAL (image_entry, pending, BOOL),
        OPTIONAL (image_entry, confirmed, BOOL), OPTIONAL (image_entry, active, BOOL),
        OPTIONAL (image_entry, permanent, BOOL))
FORMAT (upload_request, OPTIONAL (upload_request, image, UINT),
        OPTIONAL (upload_request, len, UINT), REQUIRED (upload_request, off, UINT),
        OPTIONAL (upload_request, sha, BYTES), OPTIONAL (upload_request, data, BYTES),
        OPTIONAL (upload_request, upgrade, BOOL))
FORMAT (upload_reply, OPTIONAL (upload_reply, rc, UINT), REQUIRED (upload_reply, off, UINT),
        OPTIONAL (upload_reply, match, BOOL))
FORMAT (slot_info, REQUIRED (slot_info, slot, UINT), REQUIRED (slot_info, size, UINT),
        REQUIRED (slot_info, upload_image_id, UINT))

FORMAT (identity, REQUIRED (identity, id, TEXT), REQUIRED (identity, fp, TEXT),
        REQUIRED (identity, key, BYTES), OPTIONAL (identity, cert, BYTES),
        REQUIRED (identity, hw, TEXT), REQUIRED (identity, side, TEXT),
        REQUIRED (identity, state, TEXT), REQUIRED (identity, fw, TEXT),
        REQUIRED (identity, schema, UINT), REQUIRED (identity, patient, TEXT))
FORMAT (challenge_request, REQUIRED (challenge_request, nonce, BYTES))
FORMAT (challenge_reply, REQUIRED (challenge_reply, sig, BYTES))
FORMAT (bind_request, REQUIRED (bind_request, patient, TEXT), REQUIRED (bind_request, side, TEXT),
        REQUIRED (bind_request, key, BYTES), REQUIRED (bind_request, timeout, UINT))
FORMAT (unbind_request, OPTIONAL (unbind_request, timeout, UINT))
FORMAT (state_reply, REQUIRED (state_reply, state, TEXT))
FORMAT (parameters, REQUIRED (parameters, fs, UINT), REQUIRED (parameters, ch, UINT),
        REQUIRED (parameters, lsb, UINT), REQUIRED (parameters, unit, TEXT),
        REQUIRED (parameters, hp, UINT), REQUIRED (parameters, notch, UINT),
        REQUIRED (parameters, model, BYTES))
FORMAT (stream_request, REQUIRED (stream_request, samples, BOOL),
        REQUIRED (stream_request, decisions, BOOL), OPTIONAL (stream_request, batch, UINT))
FORMAT (rc_reply, REQUIRED (rc_reply, rc, UINT))
FORMAT (status, REQUIRED (status, bat, UINT), REQUIRED (status, mv, UINT),
        REQUIRED (status, temp, INT), REQUIRED (status, worn, BOOL), REQUIRED (status, dead, UINT),
        REQUIRED (status, trial, UINT), REQUIRED (status, dec, UINT), REQUIRED (status, up, UINT),
        REQUIRED (status, wrongline, UINT), REQUIRED (status, dropped, UINT),
        REQUIRED (status, flash, UINT), REQUIRED (status, boot, TEXT))
FORMAT (trial_request, REQUIRED (trial_request, seconds, UINT))
FORMAT (usage_request, OPTIONAL (usage_request, from, UINT))
FORMAT (usage_reply, REQUIRED (usage_reply, first, UINT), REQUIRED (usage_reply, next, UINT),
        OPTIONAL (usage_reply, lost, UINT))
FORMAT (usage_confirm_request, REQUIRED (usage_confirm_request, upto, UINT))
FORMAT (usage_confirm_reply, REQUIRED (usage_confirm_reply, cleared, UINT))
FORMAT (identify_request, REQUIRED (identify_request, seconds, UINT))
FORMAT (fall_back_request, REQUIRED (fall_back_request, image, UINT))
FORMAT (bench_request, OPTIONAL (bench_request, sig, BYTES), OPTIONAL (bench_request, fs, UINT),
        OPTIONAL (bench_request, ch, UINT), OPTIONAL (bench_request, lsb, UINT),
        OPTIONAL (bench_request, unit, TEXT), OPTIONAL (bench_request, hp, UINT),
        OPTIONAL (bench_request, notch, UINT), OPTIONAL (bench_request, data, BYTES),
        OPTIONAL (bench_request, press, BOOL), OPTIONAL (bench_request, off, BOOL))
FORMAT (bench_reply, OPTIONAL (bench_reply, on, BOOL), OPTIONAL (bench_reply, room, UINT),
        OPTIONAL (bench_reply, nonce, BYTES))

static void
write_uint (const struct bpg_field *field, uint64_t value, struct bpg_cbor_writer *writer)
{
  if (value == 0 && !field->required)
    return;
  bpg_cbor_write_key (writer, field->key);
  if (field->type == BPG_FIELD_INT)
    bpg_cbor_write_int (writer, (int64_t) value);
  else
    bpg_cbor_write_uint (writer, value);
}

static void
write_bool (const struct bpg_field *field, bool value, struct bpg_cbor_writer *writer)
{
  if (!value && !field->required)
    return;
  bpg_cbor_write_key (writer, field->key);
  bpg_cbor_write_bool (writer, value);
}

static void
write_text (const struct bpg_field *field, const struct bpg_text *text,
            struct bpg_cbor_writer *writer)
{
  if (text->bytes == NULL && !field->required)
    return;
  bpg_cbor_write_key (writer, field->key);
  bpg_cbor_write_text (writer, text->bytes, text->length);
}

static void
write_bytes (const struct bpg_field *field, const struct bpg_bytes *bytes,
             struct bpg_cbor_writer *writer)
{
  if (bytes->bytes == NULL && !field->required)
    return;
  bpg_cbor_write_key (writer, field->key);
  bpg_cbor_write_bytes (writer, bytes->bytes, bytes->length);
}

static void
write_field (const struct bpg_field *field, const uint8_t *at, struct bpg_cbor_writer *writer)
{
  uint64_t number;
  bool flag;
  struct bpg_text text;
  struct bpg_bytes bytes;

  switch (field->type)
    {
    case BPG_FIELD_UINT:
    case BPG_FIELD_INT:
      memcpy (&number, at, sizeof number);
      write_uint (field, number, writer);
      break;
    case BPG_FIELD_BOOL:
      memcpy (&flag, at, sizeof flag);
      write_bool (field, flag, writer);
      break;
    case BPG_FIELD_TEXT:
      memcpy (&text, at, sizeof text);
      write_text (field, &text, writer);
      break;
    default:
      memcpy (&bytes, at, sizeof bytes);
      write_bytes (field, &bytes, writer);
      break;
    }
}

void
bpg_message_write (const struct bpg_format *format, const void *message,
                   struct bpg_cbor_writer *writer)
{
  for (size_t i = 0; i < format->n_fields; i++)
    write_field (&format->fields[i], (const uint8_t *) message + format->fields[i].offset, writer);
}

static bool
read_int (const struct bpg_cbor_item *item, int64_t *number)
{
  if (item->value > INT64_MAX)
    return false;
  if (item->type == BPG_CBOR_UINT)
    *number = (int64_t) item->value;
  else if (item->type == BPG_CBOR_NEGATIVE)
    *number = -1 - (int64_t) item->value;
  else
    return false;
  return true;
}

static bool
has_nul (const struct bpg_cbor_item *item)
{
  for (size_t i = 0; i < item->length; i++)
    {
      if (item->bytes[i] == 0)
        return true;
    }
  return false;
}

static bool
read_field (const struct bpg_field *field, const struct bpg_cbor_item *item, uint8_t *at)
{
  struct bpg_text text = { (const char *) item->bytes, item->length };
  struct bpg_bytes bytes = { item->bytes, item->length };
  bool flag = item->value != 0;
  int64_t number;

  switch (field->type)
    {
    case BPG_FIELD_UINT:
      memcpy (at, &item->value, sizeof item->value);
      return item->type == BPG_CBOR_UINT;
    case BPG_FIELD_INT:
      if (!read_int (item, &number))
        return false;
      memcpy (at, &number, sizeof number);
      return true;
    case BPG_FIELD_BOOL:
      memcpy (at, &flag, sizeof flag);
      return item->type == BPG_CBOR_BOOL;
    case BPG_FIELD_TEXT:
      memcpy (at, &text, sizeof text);
      /* Texts become terminated strings sooner or later. */
      return item->type == BPG_CBOR_TEXT && !has_nul (item);
    default:
      memcpy (at, &bytes, sizeof bytes);
      return item->type == BPG_CBOR_BYTES;
    }
}

bool
bpg_message_read (const struct bpg_format *format, const struct bpg_cbor_item *map, void *message)
{
  struct bpg_cbor_item item;

  memset (message, 0, format->size);
  for (size_t i = 0; i < format->n_fields; i++)
    {
      const struct bpg_field *field = &format->fields[i];

      if (!bpg_cbor_find (map, field->key, &item))
        {
          if (field->required)
            return false;
          continue;
        }
      /* MCUmgr clients send null for what they leave open. */
      if (item.type == BPG_CBOR_NULL && !field->required)
        continue;
      if (!read_field (field, &item, (uint8_t *) message + field->offset))
        return false;
    }
  return true;
}

void
bpg_erase_request_encode (const struct bpg_erase_request *request, struct bpg_cbor_writer *writer)
{
  bpg_cbor_open_map (writer);
  if (request->has_slot)
    {
      bpg_cbor_write_key (writer, "slot");
      bpg_cbor_write_uint (writer, request->slot);
    }
  bpg_cbor_close (writer);
}

bool
bpg_erase_request_decode (const uint8_t *payload, size_t length, struct bpg_erase_request *request)
{
  struct bpg_cbor_item map;
  struct bpg_cbor_item slot;

  if (!bpg_cbor_read_map (payload, length, &map))
    return false;
  request->has_slot = bpg_cbor_find (&map, "slot", &slot);
  request->slot = request->has_slot ? slot.value : 1;
  return !request->has_slot || slot.type == BPG_CBOR_UINT;
}

void
bpg_status_encode (const struct bpg_status *status, struct bpg_cbor_writer *writer)
{
  bpg_cbor_open_map (writer);
  bpg_message_write (&bpg_status_format, status, writer);
  bpg_cbor_write_key (writer, "lat");
  bpg_cbor_open_array (writer);
  for (unsigned i = 0; i < BPG_LATENCY_BUCKETS; i++)
    bpg_cbor_write_uint (writer, status->lat[i]);
  bpg_cbor_close (writer);
  bpg_cbor_close (writer);
}

static bool
read_latencies (const struct bpg_cbor_item *map, struct bpg_status *status)
{
  struct bpg_cbor_reader reader;
  struct bpg_cbor_item item;

  if (!bpg_cbor_find (map, "lat", &item) || item.type != BPG_CBOR_ARRAY)
    return false;
  bpg_cbor_reader_init (&reader, item.bytes, item.length);
  for (unsigned i = 0; i < BPG_LATENCY_BUCKETS; i++)
    {
      if (!bpg_cbor_read (&reader, &item) || item.type != BPG_CBOR_UINT)
        return false;
      status->lat[i] = item.value;
    }
  return bpg_cbor_at_end (&reader);
}

bool
bpg_status_decode (const uint8_t *payload, size_t length, struct bpg_status *status)
{
  struct bpg_cbor_item map;

  return bpg_cbor_read_map (payload, length, &map)
         && bpg_message_read (&bpg_status_format, &map, status) && read_latencies (&map, status);
}

void
bpg_image_state_encode (const struct bpg_image_entry *entries, size_t n_entries,
                        struct bpg_cbor_writer *writer)
{
  bpg_cbor_open_map (writer);
  bpg_cbor_write_key (writer, "images");
  bpg_cbor_open_array (writer);
  for (size_t i = 0; i < n_entries; i++)
    {
      bpg_cbor_open_map (writer);
      bpg_message_write (&bpg_image_entry_format, &entries[i], writer);
      bpg_cbor_close (writer);
    }
  bpg_cbor_close (writer);
  bpg_cbor_write_key (writer, "splitStatus");
  bpg_cbor_write_uint (writer, 0);
  bpg_cbor_close (writer);
}

bool
bpg_image_state_decode (const uint8_t *payload, size_t length, struct bpg_image_entry *entries,
                        size_t capacity, size_t *n_entries)
{
  struct bpg_cbor_reader reader;
  struct bpg_cbor_item map;
  struct bpg_cbor_item item;
  struct bpg_image_entry beyond;

  *n_entries = 0;
  if (!bpg_cbor_read_map (payload, length, &map) || !bpg_cbor_find (&map, "images", &item)
      || item.type != BPG_CBOR_ARRAY)
    return false;

  bpg_cbor_reader_init (&reader, item.bytes, item.length);
  while (!bpg_cbor_at_end (&reader))
    {
      struct bpg_image_entry *entry = *n_entries < capacity ? &entries[*n_entries] : &beyond;

      if (!bpg_cbor_read (&reader, &item) || item.type != BPG_CBOR_MAP
          || !bpg_message_read (&bpg_image_entry_format, &item, entry))
        return false;
      ++*n_entries;
    }
  return true;
}

void
bpg_slot_info_encode_all (const struct bpg_slot_info *slots, size_t n_images,
                          struct bpg_cbor_writer *writer)
{
  bpg_cbor_open_map (writer);
  bpg_cbor_write_key (writer, "images");
  bpg_cbor_open_array (writer);
  for (size_t image = 0; image < n_images; image++)
    {
      bpg_cbor_open_map (writer);
      bpg_cbor_write_key (writer, "image");
      bpg_cbor_write_uint (writer, image);
      bpg_cbor_write_key (writer, "slots");
      bpg_cbor_open_array (writer);
      for (size_t slot = 0; slot < 2; slot++)
        bpg_slot_info_encode (&slots[image * 2 + slot], writer);
      bpg_cbor_close (writer);
      bpg_cbor_write_key (writer, "max_image_size");
      bpg_cbor_write_uint (writer, slots[image * 2].size);
      bpg_cbor_close (writer);
    }
  bpg_cbor_close (writer);
  bpg_cbor_close (writer);
}

void
bpg_usage_reply_encode (const struct bpg_usage_reply *reply, const uint8_t *records,
                        size_t n_records, struct bpg_cbor_writer *writer)
{
  bpg_cbor_open_map (writer);
  bpg_message_write (&bpg_usage_reply_format, reply, writer);
  bpg_cbor_write_key (writer, "rec");
  bpg_cbor_open_array (writer);
  for (size_t i = 0; i < n_records; i++)
    bpg_cbor_write_bytes (writer, records + i * BPG_USAGE_RECORD_SIZE, BPG_USAGE_RECORD_SIZE);
  bpg_cbor_close (writer);
  bpg_cbor_close (writer);
}

bool
bpg_usage_reply_decode (const uint8_t *payload, size_t length, struct bpg_usage_reply *reply,
                        struct bpg_cbor_item *rec)
{
  struct bpg_cbor_item map;

  return bpg_cbor_read_map (payload, length, &map)
         && bpg_message_read (&bpg_usage_reply_format, &map, reply)
         && bpg_cbor_find (&map, "rec", rec) && rec->type == BPG_CBOR_ARRAY;
}

const uint8_t *
bpg_usage_next_record (struct bpg_cbor_reader *reader)
{
  struct bpg_cbor_item item;

  if (!bpg_cbor_read (reader, &item) || item.type != BPG_CBOR_BYTES
      || item.length != BPG_USAGE_RECORD_SIZE)
    return NULL;
  return item.bytes;
}

void
bpg_error_encode (uint8_t version, uint16_t group, uint16_t rc, struct bpg_cbor_writer *writer)
{
  bool nested = version > 0;

  bpg_cbor_open_map (writer);
  if (nested)
    {
      bpg_cbor_write_key (writer, "err");
      bpg_cbor_open_map (writer);
      bpg_cbor_write_key (writer, "group");
      bpg_cbor_write_uint (writer, group);
    }
  bpg_cbor_write_key (writer, "rc");
  bpg_cbor_write_uint (writer, rc);
  if (nested)
    bpg_cbor_close (writer);
  bpg_cbor_close (writer);
}

/* An error code beyond 16 bits is an error still. */
static uint16_t
clamp_u16 (uint64_t value)
{
  return value > UINT16_MAX ? UINT16_MAX : (uint16_t) value;
}

bool
bpg_error_decode (const uint8_t *payload, size_t length, uint16_t own_group, uint16_t *group,
                  uint16_t *rc)
{
  struct bpg_cbor_item map;
  struct bpg_cbor_item err;
  struct bpg_cbor_item item;

  *group = own_group;
  *rc = 0;
  if (!bpg_cbor_read_map (payload, length, &map))
    return false;

  if (bpg_cbor_find (&map, "err", &err))
    {
      if (err.type != BPG_CBOR_MAP || !bpg_cbor_find (&err, "rc", &item)
          || item.type != BPG_CBOR_UINT)
        return false;
      *rc = clamp_u16 (item.value);
      if (bpg_cbor_find (&err, "group", &item) && item.type == BPG_CBOR_UINT)
        *group = clamp_u16 (item.value);
      return true;
    }
  if (bpg_cbor_find (&map, "rc", &item) && item.type == BPG_CBOR_UINT)
    *rc = clamp_u16 (item.value);
  return true;
}

const char *
bpg_arm_strerror (unsigned rc)
{
  static const char *const names[] = {
    "no error",     "unknown error",   "invalid argument",  "wrong state",
    "busy",         "battery too low", "not bound",         "signature invalid",
    "incompatible", "no space",        "version too old",   "corrupt",
    "limit exceeded", "not authorised",
  };

  return rc < sizeof names / sizeof names[0] ? names[rc] : "unknown error";
}

uint32_t
bpg_latency_bucket_floor (unsigned bucket)
{
  /* Odd buckets begin at the power of two below times sqrt(2), in Q15. */
  uint64_t power = (uint64_t) 1 << (bucket / 2);

  return (uint32_t) (bucket % 2 == 0 ? power : (power * 46341 + 32767) >> 15);
}

unsigned
bpg_latency_bucket (uint32_t microseconds)
{
  unsigned bucket = 0;

  while (bucket + 1 < BPG_LATENCY_BUCKETS && bpg_latency_bucket_floor (bucket + 1) <= microseconds)
    bucket++;
  return bucket;
}

void
bpg_packet_begin (struct bpg_cbor_writer *writer, uint8_t *packet, size_t capacity)
{
  if (capacity < BPG_SMP_HEADER_SIZE)
    {
      bpg_cbor_writer_init (writer, packet, 0);
      writer->overflow = true;
      return;
    }
  if (capacity > BPG_SMP_PACKET_MAX)
    capacity = BPG_SMP_PACKET_MAX;
  bpg_cbor_writer_init (writer, packet + BPG_SMP_HEADER_SIZE, capacity - BPG_SMP_HEADER_SIZE);
}

size_t
bpg_packet_finish (struct bpg_cbor_writer *writer, const struct bpg_smp_header *header)
{
  struct bpg_smp_header complete = *header;

  if (writer->overflow)
    return 0;
  complete.length = (uint16_t) writer->length;
  bpg_smp_header_encode (&complete, writer->bytes - BPG_SMP_HEADER_SIZE);
  return BPG_SMP_HEADER_SIZE + writer->length;
}

struct bpg_smp_header
bpg_request_header (enum bpg_smp_op op, uint16_t group, uint8_t command, uint8_t sequence)
{
  return (struct bpg_smp_header){
    .op = (uint8_t) op,
    .version = 1,
    .group = group,
    .sequence = sequence,
    .command = command,
  };
}

struct bpg_text
bpg_text (const char *text)
{
  struct bpg_text view = { text, 0 };

  while (text[view.length] != 0)
    view.length++;
  return view;
}

bool
bpg_text_is (const struct bpg_text *text, const char *other)
{
  struct bpg_text view = bpg_text (other);

  return text->length == view.length
         && (view.length == 0 || memcmp (text->bytes, other, view.length) == 0);
}
