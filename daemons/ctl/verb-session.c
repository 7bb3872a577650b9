/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-guided.h"
#include "bpg-movement.h"
#include "bpg-wait.h"

#include <string.h>

static char *movements_option;
static char *purpose_option;
static char *note_option;
static char *recording_option;
static char *refused_option;
static int repetitions_option;
static int attempts_option;
static double hold_option;
static double rest_option;
static double prepare_option = -1.0;
static gboolean train_option;
static gboolean recalibrate_option;

static char *
format_name (GVariant *value)
{
  return bpg_ctl_get_name (g_variant_get_string (value, NULL));
}

static const BpgField result_fields[] = {
  {"recording", N_("Recording"), format_name},
  {"accepted", N_("Accepted"), NULL},
  {"refused", N_("Refused"), NULL},
  {NULL},
};

static const BpgField training_fields[] = {
  {"model", N_("Model"), format_name},
  {"accuracy", N_("Accuracy"), bpg_format_fraction},
  {"verdict", N_("Verdict"), NULL},
  {"seconds", N_("Time"), bpg_format_seconds},
  {NULL},
};

/* A movement may be typed as the unique beginning of its name. */
static const char *
find_movement (const char *typed, GError **error)
{
  guint n_movements;
  const BpgMovement *all = bpg_movement_get_all (&n_movements);
  const char *found = NULL;

  if (bpg_movement_from_name (typed) != NULL)
    return typed;
  for (guint i = 1; i < n_movements; i++) {
    if (*typed == '\0' || !g_str_has_prefix (all[i].name, typed))
      continue;
    if (found != NULL) {
      g_set_error (error, BPG_CTL_ERROR, BPG_CTL_ERROR_AMBIGUOUS, _("'%s' may be %s or %s"), typed, found, all[i].name);
      return NULL;
    }
    found = all[i].name;
  }
  if (found == NULL) {
    g_autoptr (GString) names = g_string_new (NULL);

    for (guint i = 1; i < n_movements; i++)
      g_string_append_printf (names, "%s%s", i > 1 ? ", " : "", all[i].name);
    bpg_ctl_usage (error, _("There is no movement '%s'; there are %s"), typed, names->str);
  }
  return found;
}

static gboolean
add_movements (GVariantDict *options, const char *const *typed, GError **error)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_STRING_ARRAY);
  for (guint i = 0; typed[i] != NULL; i++) {
    const char *name = find_movement (typed[i], error);

    if (name == NULL) {
      g_variant_builder_clear (&builder);
      return FALSE;
    }
    g_variant_builder_add (&builder, "s", name);
  }
  g_variant_dict_insert_value (options, "movements", g_variant_builder_end (&builder));
  return TRUE;
}

static gboolean
check_numbers (GError **error)
{
  if (repetitions_option < 0 || repetitions_option > 20)
    return bpg_ctl_usage (error, _("--repetitions is 1 to 20"));
  if (hold_option < 0.0 || hold_option > 30.0 || rest_option < 0.0 || rest_option > 30.0 || prepare_option > 10.0)
    return bpg_ctl_usage (error, _("--hold and --rest are 0.5 to 30 seconds, --prepare 0 to 10"));
  if (refused_option != NULL && strcmp (refused_option, "redo") != 0 && strcmp (refused_option, "skip") != 0 &&
      strcmp (refused_option, "abort") != 0)
    return bpg_ctl_usage (error, _("--when-refused is redo, skip or abort"));
  return TRUE;
}

static gboolean
fill_options (BpgCtl *ctl, GVariantDict *options, GError **error)
{
  if (!check_numbers (error))
    return FALSE;
  if (repetitions_option > 0)
    g_variant_dict_insert (options, "repetitions", "u", (guint32) repetitions_option);
  if (attempts_option > 0)
    g_variant_dict_insert (options, "attempts", "u", (guint32) attempts_option);
  if (hold_option > 0.0)
    g_variant_dict_insert (options, "hold", "d", hold_option);
  if (rest_option > 0.0)
    g_variant_dict_insert (options, "rest", "d", rest_option);
  if (prepare_option >= 0.0)
    g_variant_dict_insert (options, "prepare", "d", prepare_option);
  if (note_option != NULL)
    g_variant_dict_insert (options, "note", "s", note_option);
  if (purpose_option != NULL || recalibrate_option)
    g_variant_dict_insert (options, "purpose", "s", recalibrate_option ? "recalibration" : purpose_option);
  if (recording_option != NULL) {
    g_autoptr (BpgObject) recording = bpg_ctl_find (ctl, BPG_THING_RECORDING, recording_option, error);

    if (recording == NULL)
      return FALSE;
    g_variant_dict_insert (options, "recording", "o", recording->path);
  }
  return TRUE;
}

static void
print_end (BpgCtl *ctl, GVariant *result, const BpgField *fields)
{
  if (ctl->output->mode == BPG_OUTPUT_HUMAN) {
    bpg_output_row (ctl->output, fields, result);
  } else {
    GVariantDict line;

    g_variant_dict_init (&line, result);
    g_variant_dict_insert (&line, "event", "s", "end");
    g_variant_dict_insert (&line, "ok", "b", TRUE);
    bpg_output_line (ctl->output, g_variant_dict_end (&line));
  }
}

static gboolean
train (BpgCtl *ctl, const char *recording, GError **error)
{
  g_autoptr (GVariant) result =
    bpg_ctl_run_job (ctl, BPG_PATH_TRAINING, "Training1.Train",
                     g_variant_new ("(@aoa{sv})", g_variant_new_objv (&recording, 1), NULL), _("Training"), TRUE, error);

  if (result == NULL)
    return FALSE;
  print_end (ctl, result, training_fields);
  return TRUE;
}

static gboolean
run_guided (BpgCtl *ctl, const char *typed, const char *const *movements, gboolean train_after, GError **error)
{
  g_autoptr (BpgObject) prosthesis = bpg_ctl_find (ctl, BPG_THING_PROSTHESIS, typed, error);
  g_autoptr (GVariant) result = NULL;
  g_auto (GVariantDict) options = G_VARIANT_DICT_INIT (NULL);
  const char *recording = NULL;

  if (prosthesis == NULL || (movements != NULL && movements[0] != NULL && !add_movements (&options, movements, error)) ||
      !fill_options (ctl, &options, error))
    return FALSE;
  result = bpg_ctl_run_session (ctl, prosthesis->path, g_variant_dict_end (&options), refused_option, error);
  if (result == NULL)
    return FALSE;
  print_end (ctl, result, result_fields);
  if (!g_variant_lookup (result, "recording", "&o", &recording))
    return TRUE;
  if (train_after)
    return train (ctl, recording, error);
  return TRUE;
}

static gboolean
run_session (BpgCtl *ctl, GError **error)
{
  g_auto (GStrv) movements = movements_option != NULL ? g_strsplit (movements_option, ",", -1) : NULL;

  return run_guided (ctl, ctl->n_arguments > 0 ? ctl->arguments[0] : NULL, (const char *const *) movements, train_option,
                     error);
}

/* The first name may be an arm; a movement's name never is one. */
static gboolean
run_record (BpgCtl *ctl, GError **error)
{
  g_autoptr (GError) local = NULL;
  gboolean named = ctl->n_arguments > 0 && find_movement (ctl->arguments[0], &local) == NULL &&
                   !g_error_matches (local, BPG_CTL_ERROR, BPG_CTL_ERROR_AMBIGUOUS);

  if (repetitions_option == 0)
    repetitions_option = 1;
  return run_guided (ctl, named ? ctl->arguments[0] : NULL,
                     (const char *const *) ctl->arguments + (named ? 1 : 0), FALSE, error);
}

#define COMMON_OPTIONS                                                                                                 \
  {"repetitions", 'n', 0, G_OPTION_ARG_INT, &repetitions_option, N_("How often each movement, 1 to 20"), N_("N")},      \
    {"hold", 0, 0, G_OPTION_ARG_DOUBLE, &hold_option, N_("Seconds of contraction, 0.5 to 30 (3)"), N_("SECONDS")},      \
    {"rest", 0, 0, G_OPTION_ARG_DOUBLE, &rest_option, N_("Seconds between, 0.5 to 30 (2)"), N_("SECONDS")},             \
    {"prepare", 0, 0, G_OPTION_ARG_DOUBLE, &prepare_option, N_("Seconds of announcement, 0 to 10 (1)"), N_("SECONDS")}, \
    {"attempts", 0, 0, G_OPTION_ARG_INT, &attempts_option, N_("How often a refused repetition is asked again (3)"),     \
     N_("N")},                                                                                                         \
    {"when-refused", 0, 0, G_OPTION_ARG_STRING, &refused_option,                                                       \
     N_("And then: redo, skip or abort (ask on a terminal, else abort)"), N_("WORD")},                                 \
    {"continue", 0, 0, G_OPTION_ARG_STRING, &recording_option, N_("Go on with that interrupted recording"),            \
     N_("RECORDING")},                                                                                                 \
    {"note", 0, 0, G_OPTION_ARG_STRING, &note_option, N_("A remark"), N_("TEXT")}

static const GOptionEntry session_options[] = {
  {"movements", 'm', 0, G_OPTION_ARG_STRING, &movements_option, N_("Which, separated by commas (the first seven)"),
   N_("MOVEMENT,…")},
  COMMON_OPTIONS,
  {"purpose", 0, 0, G_OPTION_ARG_STRING, &purpose_option, N_("training or recalibration"), N_("WORD")},
  {"train", 0, 0, G_OPTION_ARG_NONE, &train_option, N_("Train a model on it afterwards"), NULL},
  {NULL},
};

static const GOptionEntry record_options[] = {
  COMMON_OPTIONS,
  {"recalibration", 0, 0, G_OPTION_ARG_NONE, &recalibrate_option, N_("Mark it as made to repair a drifted model"), NULL},
  {NULL},
};

const BpgVerb bpg_verb_session = {
  .name = "session",
  .arguments = N_("[PROSTHESIS]"),
  .summary = N_("Run a guided session: prompts, recording, verdicts"),
  .details = N_("Each repetition is judged at once; a refused one is asked again. Keys: p pauses and goes on, r repeats,\n"
                "s skips, f finishes and keeps what was accepted, a aborts. Ctrl-C pauses, once more aborts. What was\n"
                "accepted is kept in any case. With --json, a line for each prompt and verdict.\n\n"
                "Examples:\n  bionicctl session\n"
                "  bionicctl session BP-0001 --movements hand_open,hand_close,pronation --repetitions 4 --train"),
  .maximum = 1,
  .options = session_options,
  .run = run_session,
};

const BpgVerb bpg_verb_record = {
  .name = "record",
  .arguments = N_("[PROSTHESIS] [MOVEMENT…]"),
  .summary = N_("Record single movements, without training afterwards"),
  .details = N_("The same guided session as 'session', for the movements named and one repetition of each unless told\n"
                "otherwise: to complete a recording, to recalibrate, or to keep signals for later. Nothing is trained.\n\n"
                "Examples:\n  bionicctl record BP-0001 hand_close pronation\n  bionicctl record --recalibration"),
  .maximum = 16,
  .options = record_options,
  .run = run_record,
};
