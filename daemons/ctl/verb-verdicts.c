/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-open.h"
#include "bpg-table.h"
#include "bpg-verdicts.h"

#include <string.h>

static char *
format_accepted (GVariant *value)
{
  return g_strdup (g_variant_get_boolean (value) ? "✓" : "✗");
}

static const BpgField fields[] = {
  {"movement", N_("MOVEMENT")},
  {"repetition", N_("REPETITION")},
  {"attempt", N_("ATTEMPT")},
  {"accepted", N_("KEPT"), format_accepted},
  {"reasons", N_("REASONS")},
  {"electrodes", NULL},
  {"figures", NULL},
  {"advice", N_("ADVICE")},
  {NULL},
};

static GPtrArray *
rows_new (void)
{
  return g_ptr_array_new_with_free_func ((GDestroyNotify) g_variant_unref);
}

static void
add_verdicts (GPtrArray *rows, BpgObject *session)
{
  g_autoptr (GVariant) verdicts = bpg_object_lookup (session, "Session1.Verdicts", "aa{sv}");

  for (gsize i = 0; verdicts != NULL && i < g_variant_n_children (verdicts); i++)
    g_ptr_array_add (rows, g_variant_get_child_value (verdicts, i));
}

/* The sessions that filled a recording still know the refused attempts as well. */
static void
add_of_sessions (BpgCtl *ctl, GPtrArray *rows, const char *recording)
{
  g_autoptr (GPtrArray) sessions = bpg_ctl_load (ctl, "training", "Session1", NULL);

  for (guint i = 0; sessions != NULL && i < sessions->len; i++) {
    g_autofree char *filled = bpg_object_get_string (sessions->pdata[i], "Session1.Recording");

    if (strcmp (filled, recording) == 0)
      add_verdicts (rows, sessions->pdata[i]);
  }
}

static gboolean
add_of_file (BpgCtl *ctl, GPtrArray *rows, const char *typed, GError **error)
{
  g_autoptr (BpgOpened) opened = bpg_ctl_open (ctl, typed, error);
  g_autoptr (GArray) marks = NULL;

  if (opened == NULL)
    return FALSE;
  marks = bpg_verdicts_from_recording (opened->file);
  for (guint i = 0; marks != NULL && i < marks->len; i++) {
    const BpgVerdictMark *mark = &g_array_index (marks, BpgVerdictMark, i);
    GVariantDict row;

    g_variant_dict_init (&row, NULL);
    g_variant_dict_insert (&row, "movement", "s", mark->movement);
    g_variant_dict_insert (&row, "repetition", "u", mark->repetition);
    g_variant_dict_insert (&row, "attempt", "u", mark->attempt);
    g_variant_dict_insert (&row, "accepted", "b", mark->accepted);
    g_ptr_array_add (rows, g_variant_ref_sink (g_variant_dict_end (&row)));
  }
  return TRUE;
}

static gboolean
add_of_session (BpgCtl *ctl, GPtrArray *rows, const char *typed, GError **error)
{
  g_autoptr (BpgObject) session = bpg_ctl_find (ctl, BPG_THING_SESSION, typed, error);

  if (session == NULL)
    return FALSE;
  add_verdicts (rows, session);
  return TRUE;
}

static gboolean
collect (BpgCtl *ctl, GPtrArray *rows, const char *typed, GError **error)
{
  g_autoptr (BpgObject) recording = NULL;

  if (typed == NULL || strstr (typed, "/session/") != NULL || strlen (typed) < 4)
    return add_of_session (ctl, rows, typed, error);
  if (bpg_recording_file_is_known (typed))
    return add_of_file (ctl, rows, typed, error);
  recording = bpg_ctl_find (ctl, BPG_THING_RECORDING, typed, error);
  if (recording == NULL)
    return FALSE;
  add_of_sessions (ctl, rows, recording->path);
  return rows->len > 0 || add_of_file (ctl, rows, recording->path, error);
}

static gboolean
run (BpgCtl *ctl, GError **error)
{
  g_autoptr (GPtrArray) rows = rows_new ();

  if (!collect (ctl, rows, ctl->n_arguments > 0 ? ctl->arguments[0] : NULL, error))
    return FALSE;
  bpg_output_table (ctl->output, fields, rows, _("There is no verdict."));
  return TRUE;
}

const BpgVerb bpg_verb_verdicts = {
  .name = "verdicts",
  .arguments = N_("[RECORDING|SESSION]"),
  .summary = N_("Show how each repetition was judged"),
  .details = N_("A session is called by its number; without a name the only one is meant. The refused attempts are known\n"
                "for as long as trainingd keeps the session, the accepted ones with the recording.\n\n"
                "Examples:\n  bionicctl verdicts 3fa9\n  bionicctl verdicts 1 --json > verdicts.json"),
  .maximum = 1,
  .run = run,
};
