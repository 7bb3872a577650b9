/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <json-glib/json-glib.h>
#include <stdio.h>

#include "lab.h"
#include "training/lib/bpg-emg-recording.h"
#include "training/lib/bpg-model.h"

static const char summary[] = "Tells what a model is: signal, movements, parameters, where it comes from.";

static char *
hex (const guint8 *bytes)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < BPG_BPM_DIGEST_LENGTH; i++)
    g_string_append_printf (text, "%02x", bytes[i]);
  return g_string_free (text, FALSE);
}

static void
add_text (JsonBuilder *builder,
          const char  *name,
          const char  *value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, value);
}

static void
add_number (JsonBuilder *builder,
            const char  *name,
            gint64       value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, value);
}

static void
add_signal (JsonBuilder          *builder,
            const struct bpg_bpm *bpm)
{
  add_number (builder, "rate_hz", bpm->rate);
  add_number (builder, "channels", bpm->channels);
  json_builder_set_member_name (builder, "lsb");
  json_builder_add_double_value (builder, (double) bpm->scale_nano * 1e-9);
  add_text (builder, "unit", bpg_unit_name (bpm->unit));
  add_number (builder, "window_samples", bpm->window);
  add_number (builder, "hop_samples", bpm->hop);
  json_builder_set_member_name (builder, "window_ms");
  json_builder_add_double_value (builder, 1000.0 * bpm->window / bpm->rate);
  json_builder_set_member_name (builder, "hop_ms");
  json_builder_add_double_value (builder, 1000.0 * bpm->hop / bpm->rate);
  add_number (builder, "excluded_electrodes", bpm->excluded);
  add_number (builder, "features", bpm->features);
  add_number (builder, "directions", bpm->dimensions);
}

static void
add_origin (JsonBuilder *builder,
            BpgModel    *model)
{
  const struct bpg_bpm *bpm = bpg_model_get_bpm (model);
  g_autofree char *parent = hex (bpm->parent);

  add_text (builder, "sha256", bpg_model_get_hash (model));
  add_number (builder, "length", (gint64) bpm->length);
  add_number (builder, "schema", BPG_BPM_SCHEMA);
  add_number (builder, "created_us", (gint64) bpm->created_us);
  add_number (builder, "trainer_version", bpm->trainer_version);
  add_text (builder, "parent", parent);
  add_text (builder, "subject", bpm->subject);
  add_text (builder, "notes", bpm->notes);
  add_number (builder, "repetitions", bpm->repetitions);
  add_number (builder, "windows", bpm->windows);
  json_builder_set_member_name (builder, "drift_typical");
  json_builder_add_double_value (builder, bpm->drift_typical / 256.0);
  json_builder_set_member_name (builder, "drift_threshold");
  json_builder_add_double_value (builder, bpm->drift_threshold / 256.0);
}

static JsonNode *
describe (BpgModel *model)
{
  const struct bpg_bpm *bpm = bpg_model_get_bpm (model);
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  add_origin (builder, model);
  add_signal (builder, bpm);
  json_builder_set_member_name (builder, "movements");
  json_builder_begin_array (builder);
  for (unsigned i = 0; i < bpm->movements; i++)
    {
      json_builder_begin_object (builder);
      add_number (builder, "gesture", bpg_bpm_gesture (bpm, i));
      add_text (builder, "name", bpg_bpm_name (bpm, i));
      add_number (builder, "repetitions", bpg_bpm_repetitions (bpm, i));
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  return json_builder_get_root (builder);
}

/* The same fields for people: one a line, so the two cannot drift apart. */
static void
print_fields (JsonObject *object)
{
  g_autoptr (GList) members = json_object_get_members (object);

  for (GList *at = members; at != NULL; at = at->next)
    {
      JsonNode *node = json_object_get_member (object, at->data);
      g_autofree char *text = NULL;

      if (JSON_NODE_HOLDS_ARRAY (node))
        continue;
      text = json_to_string (node, FALSE);
      printf ("%-20s %s\n", (const char *) at->data, text);
    }
}

static void
print_movements (const struct bpg_bpm *bpm)
{
  puts ("movements");
  for (unsigned i = 0; i < bpm->movements; i++)
    printf ("  %3u %-23s %u repetitions\n", bpg_bpm_gesture (bpm, i), bpg_bpm_name (bpm, i), bpg_bpm_repetitions (bpm, i));
}

int
bpg_lab_info (int    argc,
              char **argv)
{
  gboolean as_json = FALSE;
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgModel) model = NULL;
  g_autoptr (JsonNode) node = NULL;
  const GOptionEntry entries[] = {
    { "json", 0, 0, G_OPTION_ARG_NONE, &as_json, "One JSON object", NULL },
    G_OPTION_ENTRY_NULL,
  };
  int result = bpg_lab_parse ("M.bpm", summary, entries, &argc, &argv);

  if (result >= 0)
    return result;
  if (argc != 2)
    return bpg_lab_usage ("info", "name one model");
  model = bpg_model_read (argv[1], &error);
  if (model == NULL)
    return bpg_lab_fail ("info", error);
  node = describe (model);
  if (as_json)
    {
      g_autofree char *text = json_to_string (node, FALSE);

      puts (text);
      return BPG_LAB_OK;
    }
  print_fields (json_node_get_object (node));
  print_movements (bpg_model_get_bpm (model));
  return BPG_LAB_OK;
}
