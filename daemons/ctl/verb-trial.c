/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-find.h"
#include "bpg-wait.h"

static int seconds_option;
static gboolean no_wait_option;

/* What trial, confirm and rollback share: one arm, one method, one job. */
static gboolean
run_method (BpgCtl *ctl, const char *method, GVariantDict *options, const char *title, const char *done, GError **error)
{
  g_autoptr (BpgObject) prosthesis =
    bpg_ctl_find (ctl, BPG_THING_PROSTHESIS, ctl->n_arguments > 0 ? ctl->arguments[0] : NULL, error);
  g_autoptr (GVariant) result = NULL;

  if (prosthesis == NULL)
    return FALSE;
  result = bpg_ctl_run_job (ctl, BPG_PATH_UPDATE, method,
                            g_variant_new ("(o@a{sv})", prosthesis->path, g_variant_dict_end (options)), title,
                            !no_wait_option, error);
  if (result == NULL)
    return FALSE;
  if (ctl->output->mode != BPG_OUTPUT_HUMAN || no_wait_option)
    bpg_output_document (ctl->output, result);
  else
    bpg_ctl_note (ctl, "%s", done);
  return TRUE;
}

static gboolean
run_trial (BpgCtl *ctl, GError **error)
{
  g_auto (GVariantDict) options = G_VARIANT_DICT_INIT (NULL);

  if (seconds_option < 0 || seconds_option > 86400)
    return bpg_ctl_usage (error, _("--seconds is 10 to 86400"));
  if (seconds_option > 0)
    g_variant_dict_insert (&options, "seconds", "u", (guint32) seconds_option);
  return run_method (ctl, "Update1.StartTrial", &options, _("Starting the trial"),
                     _("On trial now. 'bionicctl confirm' keeps it, else the arm goes back by itself."), error);
}

static gboolean
run_confirm (BpgCtl *ctl, GError **error)
{
  g_auto (GVariantDict) options = G_VARIANT_DICT_INIT (NULL);

  return run_method (ctl, "Update1.Confirm", &options, _("Confirming"), _("The model is confirmed."), error);
}

static gboolean
run_rollback (BpgCtl *ctl, GError **error)
{
  g_auto (GVariantDict) options = G_VARIANT_DICT_INIT (NULL);

  if (ctl->n_arguments > 1) {
    g_autoptr (GError) local = NULL;
    g_autoptr (BpgObject) model = bpg_ctl_find (ctl, BPG_THING_MODEL, ctl->arguments[1], &local);
    g_autofree char *hash = NULL;

    /* One that the registry no longer has may still be in the other slot. */
    if (model == NULL && !g_error_matches (local, BPG_ERROR, BPG_ERROR_NOT_FOUND)) {
      g_propagate_error (error, g_steal_pointer (&local));
      return FALSE;
    }
    hash = model != NULL ? bpg_object_get_string (model, "Model1.Hash") : g_strdup (ctl->arguments[1]);
    g_variant_dict_insert (&options, "model", "s", hash);
  }
  return run_method (ctl, "Update1.RollBack", &options, _("Rolling back"), _("The earlier model is back."), error);
}

static const GOptionEntry trial_options[] = {
  {"seconds", 0, 0, G_OPTION_ARG_INT, &seconds_option, N_("Length of the trial, 10 to 86400 (600)"), N_("SECONDS")},
  {"no-wait", 0, 0, G_OPTION_ARG_NONE, &no_wait_option, N_("Start the job and return"), NULL},
  {NULL},
};

static const GOptionEntry other_options[] = {
  {"no-wait", 0, 0, G_OPTION_ARG_NONE, &no_wait_option, N_("Start the job and return"), NULL},
  {NULL},
};

const BpgVerb bpg_verb_trial = {
  .name = "trial",
  .arguments = N_("[PROSTHESIS]"),
  .summary = N_("Try the model that was written"),
  .details = N_("Example:\n  bionicctl trial BP-0001 --seconds 900"),
  .maximum = 1,
  .options = trial_options,
  .run = run_trial,
};

const BpgVerb bpg_verb_confirm = {
  .name = "confirm",
  .arguments = N_("[PROSTHESIS]"),
  .summary = N_("Keep the model that is on trial"),
  .details = N_("Example:\n  bionicctl confirm BP-0001"),
  .maximum = 1,
  .options = other_options,
  .run = run_confirm,
};

const BpgVerb bpg_verb_rollback = {
  .name = "rollback",
  .arguments = N_("[PROSTHESIS [MODEL]]"),
  .summary = N_("Put an earlier model back, in one step"),
  .details = N_("Without a model the one before the present one.\n\n"
                "Examples:\n  bionicctl rollback\n  bionicctl rollback BP-0001 1c2d55aa"),
  .maximum = 2,
  .options = other_options,
  .run = run_rollback,
};
