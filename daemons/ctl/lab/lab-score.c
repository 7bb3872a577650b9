/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <json-glib/json-glib.h>
#include <stdio.h>

#include "lab-selection.h"
#include "lab.h"
#include "training/lib/bpg-score.h"

static const char summary[] =
    "Scores a model on recordings whose movements are known, per person: errors before and after\n"
    "post-processing, confusion matrix, reaction from muscle onset to the first lasting right decision,\n"
    "decision changes a minute, share of wrong movement weighted by speed, drift from what it was trained on.";

static double
percent (double part,
         double whole)
{
  return whole > 0 ? 100 * part / whole : 0;
}

static void
add_double (JsonBuilder *builder,
            const char  *name,
            double       value)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_double_value (builder, value);
}

static void
add_confusion (JsonBuilder    *builder,
               const BpgScore *score)
{
  guint n = score->movements->len;

  json_builder_set_member_name (builder, "movements");
  json_builder_begin_array (builder);
  for (guint i = 0; i < n; i++)
    json_builder_add_string_value (builder, g_array_index (score->movements, BpgTrainingMovement, i).name);
  json_builder_end_array (builder);
  json_builder_set_member_name (builder, "confusion");
  json_builder_begin_array (builder);
  for (guint i = 0; i < n; i++)
    {
      json_builder_begin_array (builder);
      for (guint j = 0; j < n; j++)
        json_builder_add_int_value (builder, score->confusion[i * n + j]);
      json_builder_end_array (builder);
    }
  json_builder_end_array (builder);
}

static JsonNode *
describe (const BpgScore *score,
          BpgModel       *model)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  BpgDrift drift;

  bpg_score_drift (score, model, &drift);
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "subject");
  json_builder_add_string_value (builder, score->subject);
  json_builder_set_member_name (builder, "decisions");
  json_builder_add_int_value (builder, score->decisions);
  add_double (builder, "error_active_percent", percent (score->active_wrong, score->active));
  add_double (builder, "error_total_percent", percent (score->wrong, score->decisions));
  add_double (builder, "raw_error_active_percent", percent (score->raw_active_wrong, score->active));
  add_double (builder, "raw_error_total_percent", percent (score->raw_wrong, score->decisions));
  add_double (builder, "accuracy_percent", score->decisions > 0 ? 100 - percent (score->wrong, score->decisions) : 0);
  add_double (builder, "reaction_median_ms", bpg_score_reaction (score, 50));
  add_double (builder, "reaction_p95_ms", bpg_score_reaction (score, 95));
  add_double (builder, "never_right_within_1s", score->never_right);
  add_double (builder, "onset_not_found", score->no_onset);
  add_double (builder, "changes_per_min", score->seconds > 0 ? 60 * score->changes / score->seconds : 0);
  add_double (builder, "wrong_share_percent", percent (score->wrong_speed, score->speed));
  add_double (builder, "drift", drift.figure);
  add_double (builder, "drift_threshold", drift.threshold);
  add_confusion (builder, score);
  json_builder_end_object (builder);
  return json_builder_get_root (builder);
}

static void
print_table (const BpgScore *score,
             BpgModel       *model)
{
  guint n = score->movements->len;
  BpgDrift drift;

  bpg_score_drift (score, model, &drift);
  printf ("%-12s error %.2f %% (while moving %.2f %%), before post-processing %.2f %% (%.2f %%)\n", score->subject,
          percent (score->wrong, score->decisions), percent (score->active_wrong, score->active),
          percent (score->raw_wrong, score->decisions), percent (score->raw_active_wrong, score->active));
  printf ("%-12s reaction %.0f ms (p95 %.0f ms, %u of %u prompts never right), %.1f changes a minute, "
          "%.2f %% of the movement wrong\n",
          "", bpg_score_reaction (score, 50), bpg_score_reaction (score, 95), score->never_right,
          score->reactions->len + score->never_right,
          score->seconds > 0 ? 60 * score->changes / score->seconds : 0.0, percent (score->wrong_speed, score->speed));
  printf ("%-12s drift %.2f, threshold %.2f%s\n", "", drift.figure, drift.threshold,
          drift.drifted ? ": the model no longer fits" : "");
  for (guint i = 0; i < n; i++)
    {
      printf ("  %-23s", g_array_index (score->movements, BpgTrainingMovement, i).name);
      for (guint j = 0; j < n; j++)
        printf (" %6u", score->confusion[i * n + j]);
      putchar ('\n');
    }
}

static BpgScore *
score_of_subject (GPtrArray  *scores,
                  BpgModel   *model,
                  const char *subject)
{
  for (guint i = 0; i < scores->len; i++)
    {
      BpgScore *score = g_ptr_array_index (scores, i);

      if (g_strcmp0 (score->subject, subject) == 0)
        return score;
    }
  g_ptr_array_add (scores, bpg_score_new (model, subject));
  return g_ptr_array_index (scores, scores->len - 1);
}

static void
print_scores (GPtrArray *scores,
              BpgModel  *model,
              gboolean   as_json)
{
  g_autoptr (JsonArray) array = json_array_new ();
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_ARRAY);
  g_autofree char *text = NULL;

  for (guint i = 0; i < scores->len; i++)
    {
      if (as_json)
        json_array_add_element (array, describe (g_ptr_array_index (scores, i), model));
      else
        print_table (g_ptr_array_index (scores, i), model);
    }
  if (!as_json)
    return;
  json_node_set_array (root, array);
  text = json_to_string (root, FALSE);
  puts (text);
}

int
bpg_lab_score (int    argc,
               char **argv)
{
  g_autofree char *path = NULL;
  gboolean as_json = FALSE;
  int trim_start_ms = 0, trim_end_ms = 0, result;
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgModel) model = NULL;
  g_autoptr (GArray) selections = NULL;
  g_autoptr (GPtrArray) scores = g_ptr_array_new_with_free_func ((GDestroyNotify) bpg_score_free);
  const GOptionEntry entries[] = {
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &path, "The model", "M.bpm" },
    { "trim-start-ms", 0, 0, G_OPTION_ARG_INT, &trim_start_ms, "Not scored at each segment's start", "N" },
    { "trim-end-ms", 0, 0, G_OPTION_ARG_INT, &trim_end_ms, "Not scored at each segment's end", "N" },
    { "json", 0, 0, G_OPTION_ARG_NONE, &as_json, "One JSON list, an object per person", NULL },
    G_OPTION_ENTRY_NULL,
  };

  result = bpg_lab_parse ("REC.json[:reps=1,2]…", summary, entries, &argc, &argv);
  if (result >= 0)
    return result;
  if (path == NULL)
    return bpg_lab_usage ("score", "--model is missing");
  if (argc < 2)
    return bpg_lab_usage ("score", "no recording is named");
  if (trim_start_ms < 0 || trim_end_ms < 0)
    return bpg_lab_usage ("score", "milliseconds cannot be negative");
  model = bpg_model_read (path, &error);
  if (model == NULL)
    return bpg_lab_fail ("score", error);
  selections = bpg_lab_parse_selections (argv + 1, (guint) argc - 1, &error);
  if (selections == NULL)
    return bpg_lab_fail ("score", error);
  for (guint i = 0; i < selections->len; i++)
    {
      const BpgSelection *selection = &g_array_index (selections, BpgSelection, i);
      BpgScore *score = score_of_subject (scores, model, bpg_emg_recording_get_subject (selection->recording));

      if (!bpg_score_add (score, model, selection, (guint) trim_start_ms, (guint) trim_end_ms, &error))
        return bpg_lab_fail ("score", error);
    }
  print_scores (scores, model, as_json);
  return BPG_LAB_OK;
}
