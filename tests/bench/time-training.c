/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the time of a training goes.
 *
 * usage: time-training RUNS REC.json…
 *
 * Windows of 200 ms every 50 ms.  Prints one JSON object: milliseconds of reading, and of the fastest of RUNS
 * runs from samples in memory to features and from features to a model. */
#include <stdio.h>
#include <stdlib.h>

#include "training/lib/bpg-recording-reader.h"
#include "training/lib/bpg-trainer.h"

static const BpgTrainOptions options = { .window_ms = 200, .hop_ms = 50 };

static double
milliseconds_since (gint64 begun)
{
  return (double) (g_get_monotonic_time () - begun) / 1000.0;
}

static GArray *
read_all (char **paths,
          guint  n_paths)
{
  GArray *selections = g_array_new (FALSE, TRUE, sizeof (BpgSelection));

  for (guint i = 0; i < n_paths; i++)
    {
      g_autoptr (GError) error = NULL;
      BpgSelection selection = { bpg_recording_read_file (paths[i], &error), NULL };

      if (selection.recording == NULL)
        g_error ("%s: %s", paths[i], error->message);
      g_array_append_val (selections, selection);
    }
  return selections;
}

int
main (int    argc,
      char **argv)
{
  int runs = argc > 2 ? atoi (argv[1]) : 0;
  g_autoptr (GArray) selections = NULL;
  double reading, features = G_MAXDOUBLE, classifier = G_MAXDOUBLE, total = G_MAXDOUBLE;
  guint windows = 0;
  gint64 begun;

  if (runs < 1)
    {
      fputs ("usage: time-training RUNS REC.json…\n", stderr);
      return EXIT_FAILURE;
    }
  begun = g_get_monotonic_time ();
  selections = read_all (argv + 2, (guint) argc - 2);
  reading = milliseconds_since (begun);
  for (int run = 0; run < runs; run++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (BpgTrainingSet) set = NULL;
      g_autoptr (BpgModel) model = NULL;
      double to_features, to_model;

      begun = g_get_monotonic_time ();
      set = bpg_train_features ((const BpgSelection *) selections->data, selections->len, NULL, &options, &error);
      if (set == NULL)
        g_error ("%s", error->message);
      to_features = milliseconds_since (begun);
      model = bpg_train_on_set (set, NULL, &options, NULL, &error);
      if (model == NULL)
        g_error ("%s", error->message);
      to_model = milliseconds_since (begun);
      windows = set->windows->len;
      if (to_model < total)
        {
          total = to_model;
          features = to_features;
          classifier = to_model - to_features;
        }
    }
  printf ("{\"windows\": %u, \"read_ms\": %.3f, \"features_ms\": %.3f, \"classifier_ms\": %.3f, \"train_ms\": %.3f}\n",
          windows, reading, features, classifier, total);
  for (guint i = 0; i < selections->len; i++)
    g_object_unref (g_array_index (selections, BpgSelection, i).recording);
  return EXIT_SUCCESS;
}
