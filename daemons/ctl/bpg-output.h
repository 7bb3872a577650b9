/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/* One table of fields prints rows for people, for shells and as JSON, so that the three cannot drift apart. */

typedef enum {
  BPG_OUTPUT_HUMAN,
  BPG_OUTPUT_KEY_VALUE,
  BPG_OUTPUT_JSON,
} BpgOutputMode;

typedef struct {
  BpgOutputMode mode;
} BpgOutput;

/**
 * BpgFormat:
 *
 * Returns: (transfer full): a value as people read it.
 */
typedef char *(*BpgFormat) (GVariant *value);

/**
 * BpgField:
 * @key: name in JSON and in key-value lines; the key of the row
 * @label: (nullable): heading for people, translatable; without one only machines see it
 * @format: (nullable): how people read it; default as it is
 * @property: (nullable): "Interface1.Property" it is read from
 *
 * A table of fields ends with a row without key. A row of data is an a{sv} with these keys; what is missing is empty.
 */
typedef struct {
  const char *key;
  const char *label;
  BpgFormat format;
  const char *property;
} BpgField;

/**
 * bpg_output_row:
 *
 * One thing, a field a line.
 */
void bpg_output_row (BpgOutput *self, const BpgField *fields, GVariant *row);

/**
 * bpg_output_table:
 * @rows: (element-type GVariant)
 * @empty: sentence for people when there is no row
 *
 * Many things, one a line.
 */
void bpg_output_table (BpgOutput *self, const BpgField *fields, GPtrArray *rows, const char *empty);

/**
 * bpg_output_document:
 * @dictionary: a{sv}; floating is consumed
 *
 * A document whose shape no table tells: an object in JSON, nested keys joined by dots otherwise.
 */
void bpg_output_document (BpgOutput *self, GVariant *dictionary);

/**
 * bpg_output_line:
 * @dictionary: a{sv}; floating is consumed
 *
 * One event of a stream: one line of JSON, or of key=value pairs.
 */
void bpg_output_line (BpgOutput *self, GVariant *dictionary);

/**
 * bpg_output_to_json:
 *
 * Returns: (transfer full): @value as JSON; numbers that are not finite become null.
 */
char *bpg_output_to_json (GVariant *value, gboolean pretty);

/**
 * bpg_output_translate:
 *
 * Returns: @text in the person's language; the empty text stays empty, which gettext takes for something else.
 */
const char *bpg_output_translate (const char *text);

/* Formats. */
char *bpg_format_time (GVariant *value);      /* t, µs of the real clock */
char *bpg_format_yes_no (GVariant *value);    /* b */
char *bpg_format_percent (GVariant *value);   /* u */
char *bpg_format_fraction (GVariant *value);  /* d, 0 to 1 -> % */
char *bpg_format_millivolt (GVariant *value); /* u */
char *bpg_format_celsius (GVariant *value);   /* d */
char *bpg_format_hertz (GVariant *value);     /* u */
char *bpg_format_seconds (GVariant *value);   /* u or d */
char *bpg_format_bytes (GVariant *value);     /* u or t */
char *bpg_format_hash (GVariant *value);      /* s, the first 16 digits */
char *bpg_format_mask (GVariant *value);      /* u -> electrodes from 1 */
char *bpg_format_error (GVariant *value);     /* s, without the prefix */
char *bpg_format_any (GVariant *value);       /* the same in every language, for machines */
char *bpg_format_interval (GVariant *value);  /* t, µs -> s */
