/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-find.h"

static int seconds_option = 5;

static gboolean
run (BpgCtl *ctl, GError **error)
{
  g_autoptr (BpgObject) prosthesis = NULL;
  g_autoptr (GVariant) reply = NULL;

  if (seconds_option < 1 || seconds_option > 60)
    return bpg_ctl_usage (error, _("--seconds is 1 to 60"));
  prosthesis = bpg_ctl_find (ctl, BPG_THING_PROSTHESIS, ctl->n_arguments > 0 ? ctl->arguments[0] : NULL, error);
  if (prosthesis == NULL)
    return FALSE;
  reply = bpg_ctl_call (ctl, prosthesis->path, "Prosthesis1.Identify",
                        g_variant_new ("(ua{sv})", (guint32) seconds_option, NULL), "()", error);
  return reply != NULL;
}

static const GOptionEntry options[] = {
  {"seconds", 0, 0, G_OPTION_ARG_INT, &seconds_option, N_("For so long, 1 to 60 (5)"), N_("SECONDS")},
  {NULL},
};

const BpgVerb bpg_verb_identify = {
  .name = "identify",
  .arguments = N_("[PROSTHESIS]"),
  .summary = N_("Make an arm show itself, by lamp and vibration"),
  .details = N_("Example:\n  bionicctl identify BP-0001 --seconds 10"),
  .maximum = 1,
  .options = options,
  .run = run,
};
