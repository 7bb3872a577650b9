/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-output.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#define ERROR_PREFIX "org.bionicpro.Error."

static double
get_number (GVariant *value)
{
  switch (g_variant_classify (value)) {
  case G_VARIANT_CLASS_BYTE:
    return g_variant_get_byte (value);
  case G_VARIANT_CLASS_INT32:
    return g_variant_get_int32 (value);
  case G_VARIANT_CLASS_UINT32:
    return g_variant_get_uint32 (value);
  case G_VARIANT_CLASS_INT64:
    return (double) g_variant_get_int64 (value);
  case G_VARIANT_CLASS_UINT64:
    return (double) g_variant_get_uint64 (value);
  case G_VARIANT_CLASS_DOUBLE:
    return g_variant_get_double (value);
  default:
    return 0.0;
  }
}

char *
bpg_format_time (GVariant *value)
{
  gint64 microseconds = (gint64) get_number (value);
  g_autoptr (GDateTime) time = NULL;

  if (microseconds == 0)
    return g_strdup ("");
  time = g_date_time_new_from_unix_local (microseconds / G_USEC_PER_SEC);
  return time != NULL ? g_date_time_format (time, "%F %T") : g_strdup ("?");
}

char *
bpg_format_interval (GVariant *value)
{
  return g_strdup_printf ("%.1f s", get_number (value) / G_USEC_PER_SEC);
}

char *
bpg_format_yes_no (GVariant *value)
{
  return g_strdup (g_variant_get_boolean (value) ? _ ("yes") : _ ("no"));
}

char *
bpg_format_percent (GVariant *value)
{
  return g_strdup_printf ("%.0f %%", get_number (value));
}

char *
bpg_format_fraction (GVariant *value)
{
  return g_strdup_printf ("%.1f %%", 100.0 * get_number (value));
}

char *
bpg_format_millivolt (GVariant *value)
{
  return g_strdup_printf ("%.2f V", get_number (value) / 1000.0);
}

char *
bpg_format_celsius (GVariant *value)
{
  return g_strdup_printf ("%.1f °C", get_number (value));
}

char *
bpg_format_hertz (GVariant *value)
{
  return g_strdup_printf ("%.0f Hz", get_number (value));
}

char *
bpg_format_seconds (GVariant *value)
{
  double seconds = get_number (value);

  if (seconds == 0.0)
    return g_strdup ("");
  return g_strdup_printf (seconds < 10.0 ? "%.2f s" : "%.0f s", seconds);
}

char *
bpg_format_bytes (GVariant *value)
{
  return g_format_size_full ((guint64) get_number (value), G_FORMAT_SIZE_IEC_UNITS);
}

char *
bpg_format_hash (GVariant *value)
{
  return g_strndup (g_variant_get_string (value, NULL), 16);
}

char *
bpg_format_mask (GVariant *value)
{
  guint mask = (guint) get_number (value);
  GString *text = g_string_new (NULL);

  for (guint bit = 0; bit < 32; bit++) {
    if (mask & (1u << bit))
      g_string_append_printf (text, "%s%u", text->len > 0 ? ", " : "", bit + 1);
  }
  return g_string_free (text, FALSE);
}

char *
bpg_format_error (GVariant *value)
{
  const char *name = g_variant_get_string (value, NULL);

  return g_strdup (g_str_has_prefix (name, ERROR_PREFIX) ? name + strlen (ERROR_PREFIX) : name);
}

/* What comes from the bus may hold anything; a terminal must not be steered by it. */
static char *
make_printable (const char *text)
{
  GString *out = g_string_new (NULL);

  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);

    if (g_unichar_iscntrl (c))
      g_string_append_c (out, ' ');
    else
      g_string_append_unichar (out, c);
  }
  return g_string_free (out, FALSE);
}

static char *
format_container (GVariant *value)
{
  GString *text = g_string_new (NULL);

  for (gsize i = 0; i < g_variant_n_children (value); i++) {
    g_autoptr (GVariant) child = g_variant_get_child_value (value, i);
    g_autofree char *shown = bpg_format_any (child);

    if (text->len > 0)
      g_string_append (text, ", ");
    g_string_append (text, shown);
  }
  return g_string_free (text, FALSE);
}

char *
bpg_format_any (GVariant *value)
{
  switch (g_variant_classify (value)) {
  case G_VARIANT_CLASS_STRING:
  case G_VARIANT_CLASS_OBJECT_PATH:
  case G_VARIANT_CLASS_SIGNATURE:
    return make_printable (g_variant_get_string (value, NULL));
  case G_VARIANT_CLASS_BOOLEAN:
    return g_strdup (g_variant_get_boolean (value) ? "yes" : "no");
  case G_VARIANT_CLASS_BYTE:
    return g_strdup_printf ("%u", g_variant_get_byte (value));
  case G_VARIANT_CLASS_DOUBLE:
    return g_strdup_printf ("%.6g", g_variant_get_double (value));
  case G_VARIANT_CLASS_VARIANT: {
    g_autoptr (GVariant) inner = g_variant_get_variant (value);

    return bpg_format_any (inner);
  }
  case G_VARIANT_CLASS_DICT_ENTRY: {
    g_autoptr (GVariant) key = g_variant_get_child_value (value, 0);
    g_autoptr (GVariant) inner = g_variant_get_child_value (value, 1);
    g_autofree char *name = bpg_format_any (key);
    g_autofree char *shown = bpg_format_any (inner);

    return g_strdup_printf ("%s %s", name, shown);
  }
  case G_VARIANT_CLASS_ARRAY:
  case G_VARIANT_CLASS_TUPLE:
  case G_VARIANT_CLASS_MAYBE:
    return format_container (value);
  default:
    return g_variant_print (value, FALSE);
  }
}
