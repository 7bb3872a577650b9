/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-decisions.h"
#include "bpg-open.h"
#include "bpg-verdicts.h"

#include "bpg-movement.h"

#include <string.h>

static char *out_option;
static char *decisions_option;
static char *verdicts_option;

static GArray *
new_annotations (void)
{
  GArray *annotations = g_array_new (FALSE, TRUE, sizeof (BpgEdfAnnotation));

  g_array_set_clear_func (annotations, (GDestroyNotify) bpg_edf_annotation_clear);
  return annotations;
}

static void
add_run (GArray *annotations, double from, double to, guint movement, GPtrArray *names)
{
  const char *told = names->pdata[movement];
  BpgEdfAnnotation annotation = {from, to - from, NULL};

  annotation.text =
    g_strdup_printf ("decision %s", told != NULL ? told : bpg_movement_get_name ((guint8) movement));
  g_array_append_val (annotations, annotation);
}

/* One annotation for as long as the arm keeps to a decision. */
static gboolean
annotate_decisions (GArray *annotations, const char *path, guint rate, GError **error)
{
  g_autoptr (GPtrArray) names = NULL;
  GError *local = NULL;
  g_autoptr (GArray) rows = bpg_decisions_load (path, &names, &local);
  guint begin = 0;

  if (rows == NULL)
    return bpg_ctl_take_training_error (error, local);
  for (guint i = 1; i <= rows->len && rows->len > 0; i++) {
    const BpgDecisionRow *first = &g_array_index (rows, BpgDecisionRow, begin);
    const BpgDecisionRow *row = i < rows->len ? first + (i - begin) : NULL;

    if (row != NULL && row->movement == first->movement)
      continue;
    add_run (annotations, (double) first->sample / rate,
             (double) (row != NULL ? row->sample : g_array_index (rows, BpgDecisionRow, i - 1).sample) / rate,
             first->movement, names);
    begin = i;
  }
  return TRUE;
}

static gboolean
annotate (BpgOpened *opened, GArray *annotations, GError **error)
{
  BpgEmgRecording *recording = opened->file->recording;
  GError *local = NULL;
  g_autoptr (GArray) verdicts = verdicts_option != NULL ? bpg_verdicts_load (verdicts_option, &local)
                                                        : bpg_verdicts_from_recording (opened->file);

  if (local != NULL)
    return bpg_ctl_take_training_error (error, local);
  if (verdicts != NULL)
    bpg_verdicts_annotate (verdicts, recording, annotations);
  for (guint i = 0; opened->file->annotations != NULL && i < opened->file->annotations->len; i++) {
    BpgEdfAnnotation annotation = g_array_index (opened->file->annotations, BpgEdfAnnotation, i);

    annotation.text = g_strdup (annotation.text);
    g_array_append_val (annotations, annotation);
  }
  if (opened->generated) {
    BpgEdfAnnotation annotation = {0.0, -1.0, g_strdup ("generated signals, not measured ones")};

    g_array_append_val (annotations, annotation);
  }
  return decisions_option == NULL ||
         annotate_decisions (annotations, decisions_option, bpg_emg_recording_get_rate (recording), error);
}

static gboolean
run (BpgCtl *ctl, GError **error)
{
  g_autoptr (BpgOpened) opened = NULL;
  g_autoptr (GArray) annotations = new_annotations ();
  GError *local = NULL;
  GVariantDict document;

  if (out_option == NULL)
    return bpg_ctl_usage (error, _("Say where to with --out FILE.edf, FILE.csv, FILE.bpr or FOLDER"));
  if (decisions_option != NULL && !g_str_has_suffix (out_option, ".edf"))
    return bpg_ctl_usage (error, _("Only an EDF+ file has room for --decisions"));
  opened = bpg_ctl_open (ctl, ctl->arguments[0], error);
  if (opened == NULL || !annotate (opened, annotations, error))
    return FALSE;
  if (!bpg_recording_file_save (opened->file, out_option, opened->stem, &opened->info, annotations, 0600, &local))
    return bpg_ctl_take_training_error (error, local);
  g_variant_dict_init (&document, NULL);
  g_variant_dict_insert (&document, "ok", "b", TRUE);
  g_variant_dict_insert (&document, "file", "s", out_option);
  g_variant_dict_insert (&document, "samples", "t",
                         (guint64) bpg_emg_recording_get_n_samples (opened->file->recording));
  g_variant_dict_insert (&document, "channels", "u", bpg_emg_recording_get_channels (opened->file->recording));
  g_variant_dict_insert (&document, "annotations", "u",
                         annotations->len + bpg_emg_recording_get_n_segments (opened->file->recording));
  if (ctl->output->mode == BPG_OUTPUT_HUMAN) {
    bpg_ctl_note (ctl, _("Written to %s"), out_option);
    g_variant_dict_clear (&document);
  } else {
    bpg_output_document (ctl->output, g_variant_dict_end (&document));
  }
  return TRUE;
}

static const GOptionEntry options[] = {
  {"out", 'o', 0, G_OPTION_ARG_FILENAME, &out_option, N_("Where to: FILE.edf, .csv, .bpr, .json, or a folder"),
   N_("FILE")},
  {"decisions", 0, 0, G_OPTION_ARG_FILENAME, &decisions_option, N_("The arm's decisions, as annotations"), N_("CSV")},
  {"verdicts", 0, 0, G_OPTION_ARG_FILENAME, &verdicts_option, N_("Verdicts, as annotations"), N_("JSON")},
  {NULL},
};

const BpgVerb bpg_verb_export = {
  .name = "export",
  .arguments = N_("RECORDING --out FILE"),
  .summary = N_("Write a recording to a file: EDF+, CSV, emgpack or .bpr"),
  .details = N_("RECORDING is an identifier, its unique beginning, or a file. An EDF+ file holds prompts, verdicts and\n"
                "decisions as annotations.\n\n"
                "Examples:\n  bionicctl export 3fa9 --out session.edf\n"
                "  bionicctl export 3fa9 --out session.edf --decisions arm.csv\n  bionicctl export 3fa9 --out recordings/"),
  .minimum = 1,
  .maximum = 1,
  .options = options,
  .run = run,
};
