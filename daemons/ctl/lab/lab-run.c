/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "lab.h"
#include "training/lib/bpg-recording-reader.h"
#include "training/lib/bpg-run.h"
#include "training/lib/bpg-training-set.h"

static const char summary[] =
    "Recognises a recording with the arm's own code.  Prints CSV: sample (index of the last one used),\n"
    "movement (gesture code), name, confidence (0…1), speed (0…1).";

struct run
{
  BpgModel *model;
  gboolean raw;
};

static void
print_decision (const struct bpg_decision *decision,
                gpointer                   user_data)
{
  const struct run *run = user_data;
  guint8 movement = run->raw ? decision->raw : decision->movement;

  printf ("%u,%u,%s,%u.%03u,%u.%03u\n", decision->sample, movement, bpg_movement_name (run->model, movement),
          decision->confidence / 1000u, decision->confidence % 1000u, decision->speed / 1000u, decision->speed % 1000u);
}

int
bpg_lab_run (int    argc,
             char **argv)
{
  g_autofree char *path = NULL;
  g_autoptr (BpgEmgRecording) recording = NULL;
  g_autoptr (BpgModel) model = NULL;
  g_autoptr (GError) error = NULL;
  struct run run = { 0 };
  const GOptionEntry entries[] = {
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &path, "The model", "M.bpm" },
    { "raw", 0, 0, G_OPTION_ARG_NONE, &run.raw, "Decisions before post-processing", NULL },
    G_OPTION_ENTRY_NULL,
  };
  int result = bpg_lab_parse ("REC.json", summary, entries, &argc, &argv);

  if (result >= 0)
    return result;
  if (path == NULL)
    return bpg_lab_usage ("run", "--model is missing");
  if (argc != 2)
    return bpg_lab_usage ("run", "name one recording");
  model = bpg_model_read (path, &error);
  if (model == NULL)
    return bpg_lab_fail ("run", error);
  recording = bpg_recording_read_file (argv[1], &error);
  if (recording == NULL)
    return bpg_lab_fail ("run", error);
  run.model = model;
  if (!bpg_check_compatible (recording, bpg_model_get_bpm (model), &error))
    return bpg_lab_fail ("run", error);
  puts ("sample,movement,name,confidence,speed");
  if (!bpg_run (model, recording, print_decision, &run, &error))
    return bpg_lab_fail ("run", error);
  return BPG_LAB_OK;
}
