/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-output.h"

#include <glib/gi18n-lib.h>
#include <json-glib/json-glib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* JSON has no infinity and no NaN; json-glib would print them all the same. */
static void
clear_infinite (JsonNode *node)
{
  if (JSON_NODE_HOLDS_ARRAY (node)) {
    JsonArray *array = json_node_get_array (node);

    for (guint i = 0; i < json_array_get_length (array); i++)
      clear_infinite (json_array_get_element (array, i));
  } else if (JSON_NODE_HOLDS_OBJECT (node)) {
    g_autoptr (GList) members = json_object_get_values (json_node_get_object (node));

    for (GList *link = members; link != NULL; link = link->next)
      clear_infinite (link->data);
  } else if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_DOUBLE &&
             !isfinite (json_node_get_double (node))) {
    json_node_init_null (node);
  }
}

char *
bpg_output_to_json (GVariant *value, gboolean pretty)
{
  g_autoptr (JsonNode) node = json_gvariant_serialize (value);

  clear_infinite (node);
  return json_to_string (node, pretty);
}

static char *
format_field (const BpgField *field, GVariant *row)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (row, field->key, NULL);

  if (value == NULL)
    return g_strdup ("");
  return field->format != NULL ? field->format (value) : bpg_format_any (value);
}

/* Terminal columns of a text; a row of it is one line whatever it holds. */
const char *
bpg_output_translate (const char *text)
{
  return *text != '\0' ? _(text) : text;
}

static int
get_width (const char *text)
{
  int width = 0;

  for (const char *p = text; *p != '\0'; p = g_utf8_next_char (p)) {
    gunichar c = g_utf8_get_char (p);

    width += g_unichar_iszerowidth (c) ? 0 : g_unichar_iswide (c) ? 2 : 1;
  }
  return width;
}

static void
print_padded (const char *text, int width, gboolean last)
{
  fputs (text, stdout);
  if (!last)
    printf ("%*s", MAX (width - get_width (text), 0) + 2, "");
}

static void
print_key_values (const char *prefix, GVariant *value)
{
  g_autofree char *text = NULL;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT) || g_variant_is_of_type (value, G_VARIANT_TYPE ("a{s*}"))) {
    GVariantIter iter;
    GVariant *entry;

    g_variant_iter_init (&iter, value);
    while ((entry = g_variant_iter_next_value (&iter)) != NULL) {
      g_autoptr (GVariant) owned = entry;
      g_autoptr (GVariant) key = g_variant_get_child_value (entry, 0);
      g_autoptr (GVariant) inner = g_variant_get_child_value (entry, 1);
      g_autoptr (GVariant) unboxed =
        g_variant_is_of_type (inner, G_VARIANT_TYPE_VARIANT) ? g_variant_get_variant (inner) : g_variant_ref (inner);
      g_autofree char *name = g_strconcat (prefix, *prefix != '\0' ? "." : "", g_variant_get_string (key, NULL), NULL);

      print_key_values (name, unboxed);
    }
    return;
  }
  if (g_variant_is_of_type (value, G_VARIANT_TYPE ("aa{sv}"))) {
    for (gsize i = 0; i < g_variant_n_children (value); i++) {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);
      g_autofree char *name = g_strdup_printf ("%s[%" G_GSIZE_FORMAT "]", prefix, i + 1);

      print_key_values (name, child);
    }
    return;
  }
  text = bpg_format_any (value);
  printf ("%s=%s\n", prefix, text);
}

/* The row with the table's keys only, in the table's order; what is missing is there as null in JSON. */
static JsonNode *
row_to_json (const BpgField *fields, GVariant *row)
{
  JsonObject *object = json_object_new ();
  JsonNode *node = json_node_new (JSON_NODE_OBJECT);

  for (const BpgField *field = fields; field->key != NULL; field++) {
    g_autoptr (GVariant) value = g_variant_lookup_value (row, field->key, NULL);

    json_object_set_member (object, field->key,
                            value != NULL ? json_gvariant_serialize (value) : json_node_new (JSON_NODE_NULL));
  }
  json_node_take_object (node, object);
  clear_infinite (node);
  return node;
}

static void
print_json (JsonNode *node)
{
  g_autofree char *text = json_to_string (node, TRUE);

  puts (text);
}

static void
print_row_keys (const BpgField *fields, GVariant *row, const char *prefix)
{
  for (const BpgField *field = fields; field->key != NULL; field++) {
    g_autoptr (GVariant) value = g_variant_lookup_value (row, field->key, NULL);
    g_autofree char *name = g_strconcat (prefix, field->key, NULL);

    if (value != NULL)
      print_key_values (name, value);
    else
      printf ("%s=\n", name);
  }
}

void
bpg_output_row (BpgOutput *self, const BpgField *fields, GVariant *row)
{
  int width = 0;

  if (self->mode == BPG_OUTPUT_JSON) {
    g_autoptr (JsonNode) node = row_to_json (fields, row);

    print_json (node);
    return;
  }
  if (self->mode == BPG_OUTPUT_KEY_VALUE) {
    print_row_keys (fields, row, "");
    return;
  }
  for (const BpgField *field = fields; field->key != NULL; field++) {
    if (field->label != NULL)
      width = MAX (width, get_width (bpg_output_translate (field->label)));
  }
  for (const BpgField *field = fields; field->key != NULL; field++) {
    g_autofree char *text = format_field (field, row);

    if (field->label == NULL || *text == '\0')
      continue;
    printf ("%*s%s  %s\n", width - get_width (bpg_output_translate (field->label)), "", bpg_output_translate (field->label), text);
  }
}

static void
print_human_table (const BpgField *fields, GPtrArray *rows)
{
  guint n_fields = 0;
  g_autofree int *widths = NULL;
  guint last = 0;

  while (fields[n_fields].key != NULL)
    n_fields++;
  widths = g_new0 (int, n_fields + 1);
  for (guint f = 0; f < n_fields; f++) {
    if (fields[f].label == NULL)
      continue;
    last = f;
    widths[f] = get_width (bpg_output_translate (fields[f].label));
    for (guint r = 0; r < rows->len; r++) {
      g_autofree char *text = format_field (&fields[f], rows->pdata[r]);

      widths[f] = MAX (widths[f], get_width (text));
    }
  }
  for (guint f = 0; f < n_fields; f++) {
    if (fields[f].label != NULL)
      print_padded (bpg_output_translate (fields[f].label), widths[f], f == last);
  }
  putchar ('\n');
  for (guint r = 0; r < rows->len; r++) {
    for (guint f = 0; f < n_fields; f++) {
      g_autofree char *text = NULL;

      if (fields[f].label == NULL)
        continue;
      text = format_field (&fields[f], rows->pdata[r]);
      print_padded (text, widths[f], f == last);
    }
    putchar ('\n');
  }
}

void
bpg_output_table (BpgOutput *self, const BpgField *fields, GPtrArray *rows, const char *empty)
{
  if (self->mode == BPG_OUTPUT_JSON) {
    g_autoptr (JsonNode) node = json_node_new (JSON_NODE_ARRAY);
    JsonArray *array = json_array_new ();

    for (guint r = 0; r < rows->len; r++)
      json_array_add_element (array, row_to_json (fields, rows->pdata[r]));
    json_node_take_array (node, array);
    print_json (node);
    return;
  }
  if (self->mode == BPG_OUTPUT_KEY_VALUE) {
    printf ("length=%u\n", rows->len);
    for (guint r = 0; r < rows->len; r++) {
      g_autofree char *prefix = g_strdup_printf ("[%u].", r + 1);

      print_row_keys (fields, rows->pdata[r], prefix);
    }
    return;
  }
  if (rows->len == 0)
    puts (empty);
  else
    print_human_table (fields, rows);
}

void
bpg_output_document (BpgOutput *self, GVariant *dictionary)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (dictionary);

  if (self->mode == BPG_OUTPUT_JSON) {
    g_autofree char *text = bpg_output_to_json (owned, TRUE);

    puts (text);
  } else {
    print_key_values ("", owned);
  }
}

void
bpg_output_line (BpgOutput *self, GVariant *dictionary)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (dictionary);
  g_autofree char *text = NULL;

  if (self->mode == BPG_OUTPUT_JSON) {
    text = bpg_output_to_json (owned, FALSE);
    puts (text);
  } else {
    GVariantIter iter;
    const char *key;
    GVariant *value;
    gboolean first = TRUE;

    g_variant_iter_init (&iter, owned);
    while (g_variant_iter_loop (&iter, "{&sv}", &key, &value)) {
      g_autofree char *shown = bpg_format_any (value);

      printf ("%s%s=%s", first ? "" : " ", key, shown);
      first = FALSE;
    }
    putchar ('\n');
  }
  fflush (stdout);
}
