/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-find.h"
#include "bpg-wait.h"

#include <string.h>

static gboolean all_option;
static gboolean follow_option;

static char *
format_name (GVariant *value)
{
  return bpg_ctl_get_name (g_variant_get_string (value, NULL));
}

static char *
format_progress (GVariant *value)
{
  double progress = g_variant_get_double (value);

  return progress < 0.0 ? g_strdup ("") : g_strdup_printf ("%.0f %%", 100.0 * progress);
}

static const BpgField fields[] = {
  {"job", N_("JOB")},
  {"kind", N_("KIND"), NULL, "Job1.Kind"},
  {"subject", N_("OF"), format_name, "Job1.Subject"},
  {"state", N_("STATE"), NULL, "Job1.State"},
  {"phase", N_("PHASE"), NULL, "Job1.Phase"},
  {"progress", N_("DONE"), format_progress, "Job1.Progress"},
  {"started", N_("STARTED"), bpg_format_time, "Job1.Started"},
  {"ended", NULL, NULL, "Job1.Ended"},
  {"success", NULL, NULL, "Job1.Success"},
  {"error", N_("ERROR"), bpg_format_error, "Job1.Error"},
  {"message", N_("MESSAGE"), NULL, "Job1.Message"},
  {"error_message", NULL, NULL, "Job1.ErrorMessage"},
  {"result", NULL, NULL, "Job1.Result"},
  {"path"},
  {NULL},
};

static void
add_jobs (GPtrArray *rows, GPtrArray *objects, const char *daemon)
{
  for (guint i = 0; objects != NULL && i < objects->len; i++) {
    BpgObject *object = objects->pdata[i];
    g_autofree char *state = bpg_object_get_string (object, "Job1.State");
    g_autofree char *number = bpg_ctl_get_name (object->path);
    g_autoptr (GVariant) row = NULL;
    GVariantDict dict;

    if (!all_option && strcmp (state, "running") != 0)
      continue;
    row = bpg_object_to_row (object, fields);
    g_variant_dict_init (&dict, row);
    g_variant_dict_insert_value (&dict, "job", g_variant_new_printf ("%s/%s", daemon, number));
    g_ptr_array_add (rows, g_variant_ref_sink (g_variant_dict_end (&dict)));
  }
}

static GPtrArray *
load_rows (BpgCtl *ctl, GError **error)
{
  GPtrArray *rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);

  for (guint i = 0; i < bpg_n_daemons; i++) {
    g_autoptr (GError) local = NULL;
    g_autoptr (GPtrArray) objects = bpg_ctl_load (ctl, bpg_daemons[i].word, "Job1", &local);

    if (local != NULL && !g_error_matches (local, BPG_CTL_ERROR, BPG_CTL_ERROR_NO_SERVICE)) {
      g_ptr_array_unref (rows);
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
    add_jobs (rows, objects, bpg_daemons[i].word);
  }
  return rows;
}

/* Waits for one job, or for all that run now, one after the other. */
static gboolean
follow (BpgCtl *ctl, GPtrArray *rows, GError **error)
{
  for (guint i = 0; i < rows->len; i++) {
    const char *path, *kind;
    g_autoptr (GVariant) result = NULL;

    g_variant_lookup (rows->pdata[i], "path", "&o", &path);
    g_variant_lookup (rows->pdata[i], "kind", "&s", &kind);
    result = bpg_ctl_wait (ctl, path, kind, error);
    if (result == NULL)
      return FALSE;
    if (ctl->output->mode != BPG_OUTPUT_HUMAN)
      bpg_output_line (ctl->output, result);
    else
      bpg_ctl_note (ctl, _("%s has ended well"), kind);
  }
  return TRUE;
}

static gboolean
run_jobs (BpgCtl *ctl, GError **error)
{
  g_autoptr (GPtrArray) rows = NULL;

  if (ctl->n_arguments > 0) {
    g_autoptr (BpgObject) job = bpg_ctl_find (ctl, BPG_THING_JOB, ctl->arguments[0], error);
    g_autofree char *kind = NULL;

    if (job == NULL)
      return FALSE;
    all_option = TRUE;
    rows = g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
    g_ptr_array_add (rows, bpg_object_to_row (job, fields));
  } else {
    rows = load_rows (ctl, error);
  }
  if (rows == NULL)
    return FALSE;
  if (follow_option)
    return follow (ctl, rows, error);
  bpg_output_table (ctl->output, fields, rows, all_option ? _("There is no job.") : _("No job is running."));
  return TRUE;
}

static gboolean
run_cancel (BpgCtl *ctl, GError **error)
{
  g_autoptr (BpgObject) job = bpg_ctl_find (ctl, BPG_THING_JOB, ctl->arguments[0], error);
  g_autoptr (GVariant) reply = NULL;

  if (job == NULL)
    return FALSE;
  reply = bpg_ctl_call (ctl, job->path, "Job1.Cancel", g_variant_new ("(a{sv})", NULL), "()", error);
  return reply != NULL;
}

static const GOptionEntry options[] = {
  {"all", 'a', 0, G_OPTION_ARG_NONE, &all_option, N_("Also those that have ended"), NULL},
  {"follow", 'f', 0, G_OPTION_ARG_NONE, &follow_option, N_("Wait until they have ended; the status tells how"), NULL},
  {NULL},
};

const BpgVerb bpg_verb_jobs = {
  .name = "jobs",
  .arguments = N_("[JOB]"),
  .summary = N_("List the jobs, or wait for them"),
  .details = N_("A job is called by its service and number, for example training/3.\n\n"
                "Examples:\n  bionicctl jobs --all\n  bionicctl jobs training/3 --follow"),
  .maximum = 1,
  .options = options,
  .run = run_jobs,
};

const BpgVerb bpg_verb_cancel = {
  .name = "cancel",
  .arguments = N_("JOB"),
  .summary = N_("Ask a job to stop"),
  .details = N_("One that is past the point of no return ends as it would have.\n\nExample:\n  bionicctl cancel update/2"),
  .minimum = 1,
  .maximum = 1,
  .run = run_cancel,
};
