/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "lab-selection.h"
#include "lab.h"
#include "training/lib/bpg-population.h"
#include "training/lib/bpg-trainer.h"
#include "training/lib/bpg-training-error.h"

static const char summary[] =
    "Trains a model on the named repetitions of recordings; with --from, adapts that model instead of\n"
    "forgetting it.";

typedef struct
{
  char *out;
  char *from;
  char *notes;
  char *population;
  gboolean strict;
  int window_ms;
  int hop_ms;
  int trim_start_ms;
  int trim_end_ms;
} LabTrainArguments;

static void
clear_arguments (LabTrainArguments *self)
{
  g_free (self->out);
  g_free (self->from);
  g_free (self->notes);
  g_free (self->population);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LabTrainArguments, clear_arguments)

static void
tell_electrodes (const char *what,
                 guint16     mask)
{
  for (guint i = 0; i < 16; i++)
    {
      if ((mask >> i & 1) != 0)
        fprintf (stderr, "lab train: electrode %u %s\n", i + 1, what);
    }
}

/* To measure on people that the built-in population knows, it is replaced by one without them. */
static gboolean
use_population (const char *path,
                GError    **error)
{
  g_autofree char *contents = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (BpgPopulation) population = NULL;
  const guint8 *at;
  gsize length;

  if (!g_file_get_contents (path, &contents, &length, error))
    return FALSE;
  bytes = g_bytes_new_take (g_steal_pointer (&contents), length);
  at = g_bytes_get_data (bytes, NULL);
  population = bpg_population_decode (&at, &length);
  if (population == NULL)
    {
      g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_CORRUPT,
                   "%s does not hold a population; make it with make-population", path);
      return FALSE;
    }
  bpg_population_replace (bytes);
  return TRUE;
}

static int
train (const LabTrainArguments *given,
       char                   **words,
       guint                    n_words)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgModel) from = NULL;
  g_autoptr (BpgModel) model = NULL;
  g_autoptr (GArray) selections = NULL;
  BpgTrainReport report = { 0 };
  BpgTrainOptions options = {
    .window_ms = (guint) given->window_ms,
    .hop_ms = (guint) given->hop_ms,
    .trim_start_ms = (guint) given->trim_start_ms,
    .trim_end_ms = (guint) given->trim_end_ms,
    .notes = given->notes,
    .accept_swapped = !given->strict,
  };

  if (given->population != NULL && !use_population (given->population, &error))
    return bpg_lab_fail ("train", error);
  selections = bpg_lab_parse_selections (words, n_words, &error);
  if (selections == NULL)
    return bpg_lab_fail ("train", error);
  if (given->from != NULL)
    {
      from = bpg_model_read (given->from, &error);
      if (from == NULL)
        return bpg_lab_fail ("train", error);
    }
  model = bpg_train ((const BpgSelection *) selections->data, selections->len, from, &options, &report, &error);
  if (model == NULL || !bpg_model_write (model, given->out, &error))
    return bpg_lab_fail ("train", error);

  if (report.turned != 0)
    fprintf (stderr, "lab train: the band was found turned by %d electrodes\n", report.turned);
  if (report.swapped)
    fprintf (stderr,
             "lab train: gestures %u and %u look swapped since the earlier model; today's labels were believed "
             "(--strict refuses)\n",
             report.swapped_gestures[0], report.swapped_gestures[1]);
  tell_electrodes ("is constant: trained without it; check its contact", report.excluded);
  tell_electrodes ("is often at the end of its range: lower its gain", report.clipped);
  return BPG_LAB_OK;
}

int
bpg_lab_train (int    argc,
               char **argv)
{
  g_auto (LabTrainArguments) arguments = { 0 };
  const GOptionEntry entries[] = {
    { "out", 'o', 0, G_OPTION_ARG_FILENAME, &arguments.out, "Where the model goes", "M.bpm" },
    { "from", 0, 0, G_OPTION_ARG_FILENAME, &arguments.from, "Adapt this model", "OLD.bpm" },
    { "window-ms", 0, 0, G_OPTION_ARG_INT, &arguments.window_ms, "Length of a window", "N" },
    { "hop-ms", 0, 0, G_OPTION_ARG_INT, &arguments.hop_ms, "Between decisions", "N" },
    { "trim-start-ms", 0, 0, G_OPTION_ARG_INT, &arguments.trim_start_ms, "Left out at each segment's start", "N" },
    { "trim-end-ms", 0, 0, G_OPTION_ARG_INT, &arguments.trim_end_ms, "Left out at each segment's end", "N" },
    { "strict", 0, 0, G_OPTION_ARG_NONE, &arguments.strict, "Refuse movements that look swapped", NULL },
    { "population", 0, 0, G_OPTION_ARG_FILENAME, &arguments.population, "People to begin from, not the built-in ones",
      "FILE" },
    { "notes", 0, 0, G_OPTION_ARG_STRING, &arguments.notes, "Kept in the model", "TEXT" },
    G_OPTION_ENTRY_NULL,
  };
  int result = bpg_lab_parse ("REC.json[:reps=1,2]…", summary, entries, &argc, &argv);

  if (result >= 0)
    return result;
  if (arguments.out == NULL)
    return bpg_lab_usage ("train", "--out is missing");
  if (argc < 2)
    return bpg_lab_usage ("train", "no recording is named");
  if (arguments.window_ms < 0 || arguments.hop_ms < 0 || arguments.trim_start_ms < 0 || arguments.trim_end_ms < 0)
    return bpg_lab_usage ("train", "milliseconds cannot be negative");
  return train (&arguments, argv + 1, (guint) argc - 1);
}
