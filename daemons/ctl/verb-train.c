/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-table.h"
#include "bpg-wait.h"

#include <stdlib.h>
#include <string.h>

static char **recordings_option;
static char *from_option;
static char *compare_option;
static char *repetitions_option;
static char *note_option;
static int window_option;
static int hop_option;
static gboolean no_holdout_option;
static gboolean no_wait_option;

static char *
format_model (GVariant *value)
{
  return bpg_ctl_get_name (g_variant_get_string (value, NULL));
}

static const BpgField result_fields[] = {
  {"model", N_("Model"), format_model},
  {"accuracy", N_("Accuracy"), bpg_format_fraction},
  {"accuracy_low", N_("at least"), bpg_format_fraction},
  {"accuracy_high", N_("at most"), bpg_format_fraction},
  {"windows", N_("Decisions judged"), NULL},
  {"compared_accuracy", N_("The other's accuracy"), bpg_format_fraction},
  {"verdict", N_("Verdict"), NULL},
  {"distance", N_("Drift"), NULL},
  {"threshold", N_("Drift limit"), NULL},
  {"movements", N_("Movements"), NULL},
  {"seconds", N_("Time"), bpg_format_seconds},
  {NULL},
};

static GVariant *
parse_repetitions (const char *text, GError **error)
{
  g_auto (GStrv) words = g_strsplit (text, ",", -1);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("au"));
  for (guint i = 0; words[i] != NULL; i++) {
    guint64 number;

    if (!g_ascii_string_to_unsigned (words[i], 10, 1, 65535, &number, NULL)) {
      g_variant_builder_clear (&builder);
      bpg_ctl_usage (error, _("--repetitions is a list of numbers, for example 1,2"));
      return NULL;
    }
    g_variant_builder_add (&builder, "u", (guint32) number);
  }
  return g_variant_builder_end (&builder);
}

static gboolean
add_model (BpgCtl *ctl, GVariantDict *options, const char *key, const char *typed, GError **error)
{
  g_autoptr (BpgObject) model = NULL;

  if (typed == NULL)
    return TRUE;
  if (strcmp (typed, "none") == 0) {
    g_variant_dict_insert (options, key, "o", "/");
    return TRUE;
  }
  model = bpg_ctl_find (ctl, BPG_THING_MODEL, typed, error);
  if (model == NULL)
    return FALSE;
  g_variant_dict_insert (options, key, "o", model->path);
  return TRUE;
}

static gboolean
fill_options (BpgCtl *ctl, GVariantDict *options, GError **error)
{
  GVariant *repetitions;

  if (repetitions_option != NULL) {
    repetitions = parse_repetitions (repetitions_option, error);
    if (repetitions == NULL)
      return FALSE;
    g_variant_dict_insert_value (options, "repetitions", repetitions);
  }
  if (window_option < 0 || hop_option < 0)
    return bpg_ctl_usage (error, _("--window-ms and --hop-ms are positive"));
  if (window_option > 0)
    g_variant_dict_insert (options, "window_ms", "u", (guint32) window_option);
  if (hop_option > 0)
    g_variant_dict_insert (options, "hop_ms", "u", (guint32) hop_option);
  if (no_holdout_option)
    g_variant_dict_insert (options, "holdout", "b", FALSE);
  if (note_option != NULL)
    g_variant_dict_insert (options, "note", "s", note_option);
  return add_model (ctl, options, "from", from_option, error) &&
         add_model (ctl, options, "compare", compare_option, error);
}

/* Recordings may be named as arguments or, separated by commas, with --recordings. */
static GVariant *
find_recordings (BpgCtl *ctl, char **more, GError **error)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_auto (GStrv) names = NULL;

  for (guint i = 0; more != NULL && more[i] != NULL; i++)
    g_strv_builder_add (builder, more[i]);
  for (guint i = 0; recordings_option != NULL && recordings_option[i] != NULL; i++) {
    g_auto (GStrv) words = g_strsplit (recordings_option[i], ",", -1);

    g_strv_builder_addv (builder, (const char **) words);
  }
  names = g_strv_builder_end (builder);
  if (names[0] == NULL) {
    bpg_ctl_usage (error, _("Say which recordings"));
    return NULL;
  }
  return bpg_ctl_find_all (ctl, BPG_THING_RECORDING, (const char *const *) names, error);
}

static void
print_result (BpgCtl *ctl, GVariant *result)
{
  if (ctl->output->mode == BPG_OUTPUT_HUMAN && !no_wait_option)
    bpg_output_row (ctl->output, result_fields, result);
  else
    bpg_output_document (ctl->output, result);
}

static gboolean
conclude (BpgCtl *ctl, GVariant *result)
{
  if (result != NULL) {
    print_result (ctl, result);
    return TRUE;
  }
  /* A model that is worse still has its figures, and they are why it was refused. */
  if (ctl->result != NULL && ctl->output->mode == BPG_OUTPUT_HUMAN)
    bpg_output_row (ctl->output, result_fields, ctl->result);
  return FALSE;
}

static gboolean
run_train (BpgCtl *ctl, GError **error)
{
  g_autoptr (GVariant) recordings = find_recordings (ctl, ctl->arguments, error);
  g_autoptr (GVariant) result = NULL;
  g_auto (GVariantDict) options = G_VARIANT_DICT_INIT (NULL);

  if (recordings == NULL || !fill_options (ctl, &options, error))
    return FALSE;
  result = bpg_ctl_run_job (ctl, BPG_PATH_TRAINING, "Training1.Train",
                            g_variant_new ("(@ao@a{sv})", recordings, g_variant_dict_end (&options)), _("Training"),
                            !no_wait_option, error);
  return conclude (ctl, result);
}

static gboolean
run_evaluate (BpgCtl *ctl, GError **error)
{
  g_autoptr (BpgObject) model = bpg_ctl_find (ctl, BPG_THING_MODEL, ctl->arguments[0], error);
  g_autoptr (GVariant) recordings = NULL;
  g_autoptr (GVariant) result = NULL;
  g_auto (GVariantDict) options = G_VARIANT_DICT_INIT (NULL);

  if (model == NULL)
    return FALSE;
  recordings = find_recordings (ctl, ctl->arguments + 1, error);
  if (recordings == NULL || !fill_options (ctl, &options, error))
    return FALSE;
  result = bpg_ctl_run_job (ctl, BPG_PATH_TRAINING, "Training1.Evaluate",
                            g_variant_new ("(o@ao@a{sv})", model->path, recordings, g_variant_dict_end (&options)),
                            _("Evaluating"), !no_wait_option, error);
  return conclude (ctl, result);
}

static const GOptionEntry train_options[] = {
  {"recordings", 'r', 0, G_OPTION_ARG_STRING_ARRAY, &recordings_option, N_("Recordings, separated by commas"),
   N_("RECORDING,…")},
  {"from", 'f', 0, G_OPTION_ARG_STRING, &from_option, N_("Adapt this model instead of starting anew"), N_("MODEL")},
  {"compare", 0, 0, G_OPTION_ARG_STRING, &compare_option, N_("Model to beat, or none (the one on the arm)"), N_("MODEL")},
  {"repetitions", 0, 0, G_OPTION_ARG_STRING, &repetitions_option, N_("Use only these"), N_("N,…")},
  {"window-ms", 0, 0, G_OPTION_ARG_INT, &window_option, N_("Length of a window"), N_("MS")},
  {"hop-ms", 0, 0, G_OPTION_ARG_INT, &hop_option, N_("Time between decisions"), N_("MS")},
  {"no-holdout", 0, 0, G_OPTION_ARG_NONE, &no_holdout_option, N_("Keep no repetition out for the evaluation"), NULL},
  {"note", 0, 0, G_OPTION_ARG_STRING, &note_option, N_("A remark"), N_("TEXT")},
  {"no-wait", 0, 0, G_OPTION_ARG_NONE, &no_wait_option, N_("Start the job and return"), NULL},
  {NULL},
};

static const GOptionEntry evaluate_options[] = {
  {"recordings", 'r', 0, G_OPTION_ARG_STRING_ARRAY, &recordings_option, N_("Recordings, separated by commas"),
   N_("RECORDING,…")},
  {"repetitions", 0, 0, G_OPTION_ARG_STRING, &repetitions_option, N_("Use only these"), N_("N,…")},
  {"no-wait", 0, 0, G_OPTION_ARG_NONE, &no_wait_option, N_("Start the job and return"), NULL},
  {NULL},
};

const BpgVerb bpg_verb_train = {
  .name = "train",
  .arguments = N_("RECORDING…"),
  .summary = N_("Train a model on recordings, or adapt one"),
  .details = N_("The model is evaluated on repetitions it never saw. One that is worse than the model it is to replace is\n"
                "kept, but refused: exit status 6, with the figures.\n\n"
                "Examples:\n  bionicctl train 3fa9\n  bionicctl train --recordings 3fa9,77b0 --from 1c2d --note 'new socket'"),
  .maximum = 64,
  .options = train_options,
  .run = run_train,
};

const BpgVerb bpg_verb_evaluate = {
  .name = "evaluate",
  .arguments = N_("MODEL RECORDING…"),
  .summary = N_("Run a model over recordings, with the arm's own code"),
  .details = N_("Example:\n  bionicctl evaluate 1c2d 3fa9 --json > matrix.json"),
  .minimum = 1,
  .maximum = 65,
  .options = evaluate_options,
  .run = run_evaluate,
};
