/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

/* Reading JSON of whoever: nothing here trusts a type, a length or a number. Errors are Corrupt and name the member. */

/* Deepest nesting that is followed. */
#define BPG_JSON_MAX_DEPTH 32u

/**
 * bpg_json_parse_object:
 * @parser: owns what is returned
 *
 * Returns: (transfer none): the object that @text is.
 */
JsonObject *bpg_json_parse_object (JsonParser *parser, const char *text, gsize length, GError **error);

/**
 * bpg_json_get_uint:
 *
 * A required whole number from @minimum to @maximum.
 */
gboolean bpg_json_get_uint (JsonObject *object, const char *key, guint64 minimum, guint64 maximum, guint64 *value,
                            GError **error);

/**
 * bpg_json_get_double:
 *
 * A required finite number.
 */
gboolean bpg_json_get_double (JsonObject *object, const char *key, double *value, GError **error);

/**
 * bpg_json_get_text:
 * @value: replaced (and the old one freed) when the member is there, left as it is when not
 *
 * A text of at most @limit bytes.
 */
gboolean bpg_json_get_text (JsonObject *object, const char *key, gsize limit, char **value, GError **error);

/**
 * bpg_json_get_label:
 *
 * bpg_json_get_text() that takes a whole number for its digits: recordings have sessions that are numbers.
 */
gboolean bpg_json_get_label (JsonObject *object, const char *key, gsize limit, char **value, GError **error);

/**
 * bpg_json_get_array:
 * @value: (transfer none): %NULL when the member is not there
 *
 * An array of at most @limit elements.
 */
gboolean bpg_json_get_array (JsonObject *object, const char *key, guint limit, JsonArray **value, GError **error);

/**
 * bpg_json_get_element:
 *
 * Returns: (transfer none): element @i, which must be an object.
 */
JsonObject *bpg_json_get_element (JsonArray *array, guint i, GError **error);
