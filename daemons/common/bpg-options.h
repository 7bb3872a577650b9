/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/**
 * BpgOption:
 * @key: name, as documented in dbus/
 * @type: D-Bus type string, for example "u"
 * @target: where the value goes: gboolean* for "b", guint8* for "y", gint32* for "i", guint32* for "u", guint64* for
 *   "t", double* for "d", char** for "s" and "o" (newly allocated, the old one freed), GStrv* for "as" and "ao",
 *   GVariant** for anything else (a new reference)
 * @minimum: @maximum: bounds of numbers, of the byte length of strings, of the count of arrays; both 0: unbounded
 *
 * One row of the table of options a method understands; the table ends with a row without key.
 */
typedef struct {
  const char *key;
  const char *type;
  gpointer target;
  double minimum;
  double maximum;
} BpgOption;

/**
 * bpg_options_parse:
 * @options: the method's a{sv}
 *
 * Fills the targets of the keys that are there; the others keep what they were initialised with.
 *
 * Returns: %FALSE with UnknownOption (naming the key) or InvalidArgument (naming key, type and bounds). Targets filled
 *   before the error stay filled, the caller frees them as always.
 */
gboolean bpg_options_parse (GVariant *options, const BpgOption *table, GError **error);

/**
 * bpg_options_none:
 *
 * For methods that define no key yet: refuses whatever is there.
 */
gboolean bpg_options_none (GVariant *options, GError **error);
