/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A bounded subset of CBOR (RFC 8949), as SMP needs it: unsigned and negative
 * integers, byte and text strings of definite length, arrays and maps of
 * definite or indefinite length, false, true and null. Tags, floats, chunked
 * strings and text that is not UTF-8 are refused. There is no heap: the writer fills a buffer of
 * the caller's, the reader hands out views into the caller's bytes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Deepest nesting of arrays and maps that a reader follows. */
#define BPG_CBOR_MAX_DEPTH 8

/* A piece of the caller's bytes; bytes is NULL where there is none. */
struct bpg_bytes
{
  const uint8_t *bytes;
  size_t length;
};

/* UTF-8 text, not terminated; bytes is NULL where there is none. */
struct bpg_text
{
  const char *bytes;
  size_t length;
};

enum bpg_cbor_type
{
  BPG_CBOR_UINT,
  BPG_CBOR_NEGATIVE, /* the number is -1 - value */
  BPG_CBOR_BYTES,
  BPG_CBOR_TEXT,
  BPG_CBOR_ARRAY,
  BPG_CBOR_MAP,
  BPG_CBOR_BOOL, /* value is 0 or 1 */
  BPG_CBOR_NULL,
};

/* One item. Of an array or a map, bytes/length are the encoded members
 * (without the head and without the break). */
struct bpg_cbor_item
{
  enum bpg_cbor_type type;
  uint64_t value;
  const uint8_t *bytes;
  size_t length;
};

struct bpg_cbor_reader
{
  const uint8_t *bytes;
  size_t length;
  size_t offset;
};

struct bpg_cbor_writer
{
  uint8_t *bytes;
  size_t capacity;
  size_t length;
  bool overflow; /* something did not fit; length stays within capacity */
};

/* Starts writing into @bytes of @capacity. */
void bpg_cbor_writer_init (struct bpg_cbor_writer *writer, uint8_t *bytes, size_t capacity);

/* Each appends one item; what does not fit is left out and sets overflow. */
void bpg_cbor_write_uint (struct bpg_cbor_writer *writer, uint64_t value);
void bpg_cbor_write_int (struct bpg_cbor_writer *writer, int64_t value);
void bpg_cbor_write_bytes (struct bpg_cbor_writer *writer, const uint8_t *bytes, size_t length);
void bpg_cbor_write_text (struct bpg_cbor_writer *writer, const char *bytes, size_t length);
void bpg_cbor_write_bool (struct bpg_cbor_writer *writer, bool value);
void bpg_cbor_write_null (struct bpg_cbor_writer *writer);

/* Appends a text that ends in 0: a key. */
void bpg_cbor_write_key (struct bpg_cbor_writer *writer, const char *key);

/* Opens a map or an array of indefinite length; bpg_cbor_close ends it. */
void bpg_cbor_open_map (struct bpg_cbor_writer *writer);
void bpg_cbor_open_array (struct bpg_cbor_writer *writer);
void bpg_cbor_close (struct bpg_cbor_writer *writer);

/* Starts reading @length bytes. */
void bpg_cbor_reader_init (struct bpg_cbor_reader *reader, const uint8_t *bytes, size_t length);

/*
 * Reads the next item whole, with all its members, and steps behind it.
 * Returns false at the end, and on anything truncated, refused or nested
 * deeper than BPG_CBOR_MAX_DEPTH; the reader then stays where it was.
 */
bool bpg_cbor_read (struct bpg_cbor_reader *reader, struct bpg_cbor_item *item);

/* True when all bytes have been read. */
bool bpg_cbor_at_end (const struct bpg_cbor_reader *reader);

/*
 * Reads @bytes as exactly one map with nothing behind it. An empty payload
 * counts as an empty map, as SMP clients send it for "no arguments".
 * Returns false when it is anything else.
 */
bool bpg_cbor_read_map (const uint8_t *bytes, size_t length, struct bpg_cbor_item *map);

/*
 * Looks up @key (terminated text) among the members of @map; the first of
 * equal keys counts. Returns false when it is not there.
 */
bool bpg_cbor_find (const struct bpg_cbor_item *map, const char *key, struct bpg_cbor_item *value);
