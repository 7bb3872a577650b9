/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "link/cbor.h"

#include <string.h>

enum
{
  MAJOR_UINT = 0,
  MAJOR_NEGATIVE = 1,
  MAJOR_BYTES = 2,
  MAJOR_TEXT = 3,
  MAJOR_ARRAY = 4,
  MAJOR_MAP = 5,
  MAJOR_SIMPLE = 7,
};

#define INDEFINITE 31
#define BREAK 0xFF
#define SIMPLE_FALSE 20
#define SIMPLE_TRUE 21
#define SIMPLE_NULL 22

void
bpg_cbor_writer_init (struct bpg_cbor_writer *writer, uint8_t *bytes, size_t capacity)
{
  writer->bytes = bytes;
  writer->capacity = capacity;
  writer->length = 0;
  writer->overflow = false;
}

static void
append (struct bpg_cbor_writer *writer, const void *bytes, size_t length)
{
  if (writer->overflow || length > writer->capacity - writer->length)
    {
      writer->overflow = true;
      return;
    }
  if (length > 0)
    memcpy (writer->bytes + writer->length, bytes, length);
  writer->length += length;
}

static void
append_byte (struct bpg_cbor_writer *writer, uint8_t byte)
{
  append (writer, &byte, 1);
}

/* The shortest head of a major type with its argument (RFC 8949, 3). */
static void
append_head (struct bpg_cbor_writer *writer, unsigned major, uint64_t value)
{
  uint8_t head[9];
  unsigned size;
  unsigned info;

  if (value < 24)
    size = 0, info = (unsigned) value;
  else if (value <= UINT8_MAX)
    size = 1, info = 24;
  else if (value <= UINT16_MAX)
    size = 2, info = 25;
  else if (value <= UINT32_MAX)
    size = 4, info = 26;
  else
    size = 8, info = 27;

  head[0] = (uint8_t) (major << 5 | info);
  for (unsigned i = 0; i < size; i++)
    head[1 + i] = (uint8_t) (value >> (8 * (size - 1 - i)));
  append (writer, head, 1 + size);
}

void
bpg_cbor_write_uint (struct bpg_cbor_writer *writer, uint64_t value)
{
  append_head (writer, MAJOR_UINT, value);
}

void
bpg_cbor_write_int (struct bpg_cbor_writer *writer, int64_t value)
{
  if (value < 0)
    append_head (writer, MAJOR_NEGATIVE, ~(uint64_t) value);
  else
    append_head (writer, MAJOR_UINT, (uint64_t) value);
}

/* A string goes in whole or not at all, so that what is there stays CBOR. */
static void
append_string (struct bpg_cbor_writer *writer, unsigned major, const void *bytes, size_t length)
{
  size_t before = writer->length;

  append_head (writer, major, length);
  append (writer, bytes, length);
  if (writer->overflow)
    writer->length = before;
}

void
bpg_cbor_write_bytes (struct bpg_cbor_writer *writer, const uint8_t *bytes, size_t length)
{
  append_string (writer, MAJOR_BYTES, bytes, length);
}

void
bpg_cbor_write_text (struct bpg_cbor_writer *writer, const char *bytes, size_t length)
{
  append_string (writer, MAJOR_TEXT, bytes, length);
}

void
bpg_cbor_write_key (struct bpg_cbor_writer *writer, const char *key)
{
  size_t length = 0;

  while (key[length] != 0)
    length++;
  bpg_cbor_write_text (writer, key, length);
}

void
bpg_cbor_write_bool (struct bpg_cbor_writer *writer, bool value)
{
  append_byte (writer, MAJOR_SIMPLE << 5 | (value ? SIMPLE_TRUE : SIMPLE_FALSE));
}

void
bpg_cbor_write_null (struct bpg_cbor_writer *writer)
{
  append_byte (writer, MAJOR_SIMPLE << 5 | SIMPLE_NULL);
}

void
bpg_cbor_open_map (struct bpg_cbor_writer *writer)
{
  append_byte (writer, MAJOR_MAP << 5 | INDEFINITE);
}

void
bpg_cbor_open_array (struct bpg_cbor_writer *writer)
{
  append_byte (writer, MAJOR_ARRAY << 5 | INDEFINITE);
}

void
bpg_cbor_close (struct bpg_cbor_writer *writer)
{
  append_byte (writer, BREAK);
}

void
bpg_cbor_reader_init (struct bpg_cbor_reader *reader, const uint8_t *bytes, size_t length)
{
  reader->bytes = bytes;
  reader->length = length;
  reader->offset = 0;
}

bool
bpg_cbor_at_end (const struct bpg_cbor_reader *reader)
{
  return reader->offset == reader->length;
}

struct head
{
  unsigned major;
  bool indefinite;
  uint64_t value;
};

static bool
read_head (struct bpg_cbor_reader *reader, struct head *head)
{
  uint8_t first;
  unsigned info;
  unsigned size;

  if (reader->offset >= reader->length)
    return false;
  first = reader->bytes[reader->offset++];
  head->major = first >> 5;
  head->indefinite = false;
  info = first & 0x1F;

  if (info < 24)
    {
      head->value = info;
      return true;
    }
  if (info == INDEFINITE)
    {
      head->value = 0;
      head->indefinite = true;
      return head->major == MAJOR_ARRAY || head->major == MAJOR_MAP;
    }
  /* One- to eight-byte simple values would be floats or unassigned. */
  if (info > 27 || head->major == MAJOR_SIMPLE)
    return false;

  size = 1u << (info - 24);
  if (size > reader->length - reader->offset)
    return false;
  head->value = 0;
  for (unsigned i = 0; i < size; i++)
    head->value = head->value << 8 | reader->bytes[reader->offset++];
  return true;
}

static bool
skip_string (struct bpg_cbor_reader *reader, uint64_t length)
{
  if (length > reader->length - reader->offset)
    return false;
  reader->offset += (size_t) length;
  return true;
}

/* Bytes of the UTF-8 character that @bytes begin with (RFC 3629: shortest
 * form, no surrogates), 0 when they begin with none. */
static size_t
character_length (const uint8_t *bytes, size_t length)
{
  uint8_t first = bytes[0];
  uint8_t least = 0x80;
  uint8_t most = 0xBF;
  size_t size;

  if (first < 0x80)
    return 1;
  if (first < 0xC2 || first > 0xF4)
    return 0;
  size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (size > length)
    return 0;
  if (first == 0xE0)
    least = 0xA0;
  else if (first == 0xED)
    most = 0x9F;
  else if (first == 0xF0)
    least = 0x90;
  else if (first == 0xF4)
    most = 0x8F;
  if (bytes[1] < least || bytes[1] > most)
    return 0;
  for (size_t i = 2; i < size; i++)
    {
      if (bytes[i] < 0x80 || bytes[i] > 0xBF)
        return 0;
    }
  return size;
}

static bool
is_utf8 (const uint8_t *bytes, size_t length)
{
  while (length > 0)
    {
      size_t size = character_length (bytes, length);

      if (size == 0)
        return false;
      bytes += size;
      length -= size;
    }
  return true;
}

static bool
at_break (const struct bpg_cbor_reader *reader)
{
  return reader->offset < reader->length && reader->bytes[reader->offset] == BREAK;
}

static bool skip_item (struct bpg_cbor_reader *reader, unsigned depth, struct head *head);

/* Steps over the members of an array or a map; the end is where a break, if
 * there is one, begins. */
static bool
skip_members (struct bpg_cbor_reader *reader, const struct head *head, unsigned depth)
{
  unsigned per_member = head->major == MAJOR_MAP ? 2 : 1;
  struct head member;

  if (depth >= BPG_CBOR_MAX_DEPTH)
    return false;
  /* A member takes at least a byte: a count beyond that is a lie. */
  if (head->value > reader->length - reader->offset)
    return false;

  for (uint64_t i = 0; head->indefinite ? !at_break (reader) : i < head->value; i++)
    {
      for (unsigned part = 0; part < per_member; part++)
        {
          if (!skip_item (reader, depth + 1, &member))
            return false;
        }
    }
  return true;
}

static bool
skip_item (struct bpg_cbor_reader *reader, unsigned depth, struct head *head)
{
  if (!read_head (reader, head))
    return false;

  switch (head->major)
    {
    case MAJOR_UINT:
    case MAJOR_NEGATIVE:
      return true;
    case MAJOR_BYTES:
      return skip_string (reader, head->value);
    case MAJOR_TEXT:
      return skip_string (reader, head->value)
             && is_utf8 (reader->bytes + reader->offset - head->value, (size_t) head->value);
    case MAJOR_ARRAY:
    case MAJOR_MAP:
      if (!skip_members (reader, head, depth))
        return false;
      if (head->indefinite)
        reader->offset++;
      return true;
    case MAJOR_SIMPLE:
      return head->value >= SIMPLE_FALSE && head->value <= SIMPLE_NULL;
    default:
      return false;
    }
}

static enum bpg_cbor_type
item_type (const struct head *head)
{
  switch (head->major)
    {
    case MAJOR_UINT:
      return BPG_CBOR_UINT;
    case MAJOR_NEGATIVE:
      return BPG_CBOR_NEGATIVE;
    case MAJOR_BYTES:
      return BPG_CBOR_BYTES;
    case MAJOR_TEXT:
      return BPG_CBOR_TEXT;
    case MAJOR_ARRAY:
      return BPG_CBOR_ARRAY;
    case MAJOR_MAP:
      return BPG_CBOR_MAP;
    default:
      return head->value == SIMPLE_NULL ? BPG_CBOR_NULL : BPG_CBOR_BOOL;
    }
}

bool
bpg_cbor_read (struct bpg_cbor_reader *reader, struct bpg_cbor_item *item)
{
  struct bpg_cbor_reader ahead = *reader;
  struct bpg_cbor_reader inside = *reader;
  struct head head;

  if (!skip_item (&ahead, 0, &head) || !read_head (&inside, &head))
    return false;

  item->type = item_type (&head);
  item->value = head.major == MAJOR_SIMPLE ? head.value == SIMPLE_TRUE : head.value;
  item->bytes = reader->bytes + inside.offset;
  item->length = ahead.offset - inside.offset - (head.indefinite ? 1 : 0);
  reader->offset = ahead.offset;
  return true;
}

bool
bpg_cbor_read_map (const uint8_t *bytes, size_t length, struct bpg_cbor_item *map)
{
  struct bpg_cbor_reader reader;

  if (length == 0)
    {
      *map = (struct bpg_cbor_item){ .type = BPG_CBOR_MAP, .bytes = bytes };
      return true;
    }
  bpg_cbor_reader_init (&reader, bytes, length);
  return bpg_cbor_read (&reader, map) && map->type == BPG_CBOR_MAP && bpg_cbor_at_end (&reader);
}

bool
bpg_cbor_find (const struct bpg_cbor_item *map, const char *key, struct bpg_cbor_item *value)
{
  struct bpg_cbor_reader reader;
  struct bpg_cbor_item name;
  size_t key_length = 0;

  while (key[key_length] != 0)
    key_length++;

  bpg_cbor_reader_init (&reader, map->bytes, map->length);
  while (!bpg_cbor_at_end (&reader))
    {
      if (!bpg_cbor_read (&reader, &name) || !bpg_cbor_read (&reader, value))
        return false;
      if (name.type == BPG_CBOR_TEXT && name.length == key_length
          && memcmp (name.bytes, key, key_length) == 0)
        return true;
    }
  return false;
}
