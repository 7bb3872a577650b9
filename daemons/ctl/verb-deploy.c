/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-table.h"
#include "bpg-wait.h"

static int trial_option;
static gboolean no_trial_option;
static gboolean override_option;
static gboolean no_wait_option;

static const BpgField fields[] = {
  {"model", N_("Model"), bpg_format_hash},
  {"slot", N_("Slot"), NULL},
  {"hash", N_("Container"), bpg_format_hash},
  {"bytes", N_("Written"), bpg_format_bytes},
  {"seconds", N_("Time"), bpg_format_seconds},
  {NULL},
};

/* One name is the model, for the only arm; two are the arm and the model. */
static gboolean
run (BpgCtl *ctl, GError **error)
{
  gboolean both = ctl->n_arguments == 2;
  g_autoptr (BpgObject) prosthesis =
    bpg_ctl_find (ctl, BPG_THING_PROSTHESIS, both ? ctl->arguments[0] : NULL, error);
  g_autoptr (BpgObject) model = NULL;
  g_autoptr (GVariant) result = NULL;
  g_auto (GVariantDict) options = G_VARIANT_DICT_INIT (NULL);

  if (prosthesis == NULL)
    return FALSE;
  if (trial_option != 0 && (trial_option < 10 || trial_option > 86400))
    return bpg_ctl_usage (error, _("--trial-seconds is 10 to 86400"));
  model = bpg_ctl_find (ctl, BPG_THING_MODEL, ctl->arguments[both ? 1 : 0], error);
  if (model == NULL)
    return FALSE;
  if (trial_option > 0)
    g_variant_dict_insert (&options, "trial_seconds", "u", (guint32) trial_option);
  if (no_trial_option)
    g_variant_dict_insert (&options, "trial", "b", FALSE);
  if (override_option)
    g_variant_dict_insert (&options, "override", "b", TRUE);
  result = bpg_ctl_run_job (ctl, BPG_PATH_UPDATE, "Update1.Install",
                            g_variant_new ("(oo@a{sv})", prosthesis->path, model->path, g_variant_dict_end (&options)),
                            _("Deploying"), !no_wait_option, error);
  if (result == NULL)
    return FALSE;
  if (ctl->output->mode != BPG_OUTPUT_HUMAN || no_wait_option) {
    bpg_output_document (ctl->output, result);
    return TRUE;
  }
  bpg_output_row (ctl->output, fields, result);
  bpg_ctl_note (ctl, no_trial_option ? _("Written. 'bionicctl trial' tries it.")
                                     : _("On trial now. 'bionicctl confirm' keeps it, else the arm goes back by itself."));
  return TRUE;
}

static const GOptionEntry options[] = {
  {"trial-seconds", 0, 0, G_OPTION_ARG_INT, &trial_option, N_("Length of the trial, 10 to 86400 (600)"), N_("SECONDS")},
  {"no-trial", 0, 0, G_OPTION_ARG_NONE, &no_trial_option, N_("Write it, and do not start the trial yet"), NULL},
  {"override", 0, 0, G_OPTION_ARG_NONE, &override_option, N_("Also a model that was refused; needs a right"), NULL},
  {"no-wait", 0, 0, G_OPTION_ARG_NONE, &no_wait_option, N_("Start the job and return"), NULL},
  {NULL},
};

const BpgVerb bpg_verb_deploy = {
  .name = "deploy",
  .arguments = N_("[PROSTHESIS] MODEL"),
  .summary = N_("Sign a model, write it onto an arm, and try it"),
  .details = N_("Whatever happens meanwhile, the arm keeps a model that works: it decides with the old one until the\n"
                "new one was checked, and goes back to it unless the trial is confirmed.\n\n"
                "Examples:\n  bionicctl deploy 1c2d\n  bionicctl deploy BP-0001 1c2d --trial-seconds 1800"),
  .minimum = 1,
  .maximum = 2,
  .options = options,
  .run = run,
};
