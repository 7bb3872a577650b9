/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-table.h"

#include <string.h>

static gboolean
run (BpgCtl *ctl, GError **error)
{
  const char *typed = ctl->n_arguments > 0 ? ctl->arguments[0] : "prostheses";

  for (guint i = 0; i < BPG_N_TABLES; i++) {
    const BpgTable *table = bpg_table_get (i);

    if (g_str_has_prefix (table->words[0], typed) || strcmp (table->words[1], typed) == 0)
      return bpg_table_list (ctl, i, error);
  }
  return bpg_ctl_usage (error, _("'%s' cannot be listed; prostheses, patients, recordings, models and sessions can"),
                        typed);
}

const BpgVerb bpg_verb_list = {
  .name = "list",
  .arguments = N_("[KIND]"),
  .summary = N_("List what there is: prostheses, or another kind"),
  .details = N_("KIND is prostheses (the default), patients, recordings, models or sessions.\n\n"
                "Examples:\n  bionicctl list\n  bionicctl list recordings --json"),
  .maximum = 1,
  .run = run,
};
