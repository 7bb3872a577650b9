/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-options.h"

#include "bpg-error.h"

#include <math.h>
#include <string.h>

static gboolean
check_bounds (const BpgOption *option, double value, const char *what, GError **error)
{
  if (option->minimum == 0 && option->maximum == 0)
    return TRUE;
  if (isfinite (value) && value >= option->minimum && value <= option->maximum)
    return TRUE;

  g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "Option '%s': %s must be from %g to %g", option->key, what,
               option->minimum, option->maximum);
  return FALSE;
}

static gboolean
take_number (const BpgOption *option, GVariant *value, GError **error)
{
  switch (option->type[0]) {
  case 'y':
    if (!check_bounds (option, g_variant_get_byte (value), "the value", error))
      return FALSE;
    *(guint8 *) option->target = g_variant_get_byte (value);
    return TRUE;
  case 'i':
    if (!check_bounds (option, g_variant_get_int32 (value), "the value", error))
      return FALSE;
    *(gint32 *) option->target = g_variant_get_int32 (value);
    return TRUE;
  case 'u':
    if (!check_bounds (option, g_variant_get_uint32 (value), "the value", error))
      return FALSE;
    *(guint32 *) option->target = g_variant_get_uint32 (value);
    return TRUE;
  case 't':
    if (!check_bounds (option, (double) g_variant_get_uint64 (value), "the value", error))
      return FALSE;
    *(guint64 *) option->target = g_variant_get_uint64 (value);
    return TRUE;
  case 'd':
    if (!isfinite (g_variant_get_double (value))) {
      g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "Option '%s' must be a finite number", option->key);
      return FALSE;
    }
    if (!check_bounds (option, g_variant_get_double (value), "the value", error))
      return FALSE;
    *(double *) option->target = g_variant_get_double (value);
    return TRUE;
  default:
    *(gboolean *) option->target = g_variant_get_boolean (value);
    return TRUE;
  }
}

static gboolean
take_string (const BpgOption *option, GVariant *value, GError **error)
{
  char **target = option->target;

  if (!check_bounds (option, (double) g_variant_get_size (value) - 1, "the length in bytes", error))
    return FALSE;
  g_free (*target);
  *target = g_variant_dup_string (value, NULL);
  return TRUE;
}

static gboolean
take_array (const BpgOption *option, GVariant *value, GError **error)
{
  if (!check_bounds (option, (double) g_variant_n_children (value), "the number of entries", error))
    return FALSE;

  if (g_str_equal (option->type, "as") || g_str_equal (option->type, "ao")) {
    GStrv *target = option->target;

    g_strfreev (*target);
    *target = option->type[1] == 's' ? g_variant_dup_strv (value, NULL) : g_variant_dup_objv (value, NULL);
  } else {
    GVariant **target = option->target;

    g_clear_pointer (target, g_variant_unref);
    *target = g_variant_ref (value);
  }
  return TRUE;
}

static gboolean
take_value (const BpgOption *option, GVariant *value, GError **error)
{
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE (option->type))) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT, "Option '%s' must be of D-Bus type '%s', not '%s'",
                 option->key, option->type, g_variant_get_type_string (value));
    return FALSE;
  }
  if (strlen (option->type) == 1 && strchr ("byiutd", option->type[0]) != NULL)
    return take_number (option, value, error);
  if (g_str_equal (option->type, "s") || g_str_equal (option->type, "o"))
    return take_string (option, value, error);
  if (option->type[0] == 'a')
    return take_array (option, value, error);

  g_clear_pointer ((GVariant **) option->target, g_variant_unref);
  *(GVariant **) option->target = g_variant_ref (value);
  return TRUE;
}

gboolean
bpg_options_parse (GVariant *options, const BpgOption *table, GError **error)
{
  GVariantIter iter;
  const char *key;
  GVariant *value;

  g_return_val_if_fail (g_variant_is_of_type (options, G_VARIANT_TYPE_VARDICT), FALSE);

  g_variant_iter_init (&iter, options);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &value)) {
    g_autoptr (GVariant) owned = value;
    const BpgOption *option = table;

    while (option->key != NULL && !g_str_equal (option->key, key))
      option++;
    if (option->key == NULL) {
      g_set_error (error, BPG_ERROR, BPG_ERROR_UNKNOWN_OPTION, "Unknown option '%.64s'", key);
      return FALSE;
    }
    if (!take_value (option, owned, error))
      return FALSE;
  }
  return TRUE;
}

gboolean
bpg_options_none (GVariant *options, GError **error)
{
  static const BpgOption none[] = {{NULL}};

  return bpg_options_parse (options, none, error);
}
