/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <string.h>

#include "lab-virt.h"
#include "lab.h"
#include "training/lib/bpg-recording-reader.h"
#include "training/lib/bpg-run.h"

static const char summary[] =
    "Recognises a recording with the arm's own code.  Prints CSV: sample (index of the last one used),\n"
    "movement (gesture code), name, confidence (0…1), speed (0…1).\n"
    "With --on virt it is the RISC-V build that recognises, in QEMU.";

struct run
{
  BpgModel *model;
  gboolean raw;
  gboolean begun;
};

typedef struct
{
  char *model;
  char *on;
  gboolean raw;
  gboolean stats;
  gboolean json;
} LabRunArguments;

static void
clear_arguments (LabRunArguments *self)
{
  g_free (self->model);
  g_free (self->on);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LabRunArguments, clear_arguments)

/* Once it is known that there is something to print under it. */
static void
print_header (struct run *run)
{
  if (!run->begun)
    puts ("sample,movement,name,confidence,speed");
  run->begun = TRUE;
}

static void
print_decision (const struct bpg_decision *decision,
                gpointer                   user_data)
{
  struct run *run = user_data;
  guint8 movement = run->raw ? decision->raw : decision->movement;

  print_header (run);
  printf ("%u,%u,%s,%u.%03u,%u.%03u\n", decision->sample, movement, bpg_movement_name (run->model, movement),
          decision->confidence / 1000u, decision->confidence % 1000u, decision->speed / 1000u, decision->speed % 1000u);
}

static void
print_costs (const char         *what,
             const BpgVirtCosts *costs)
{
  fprintf (stderr, "  %-28s at most %u, mean %u, 99 of 100 at most %u\n", what, costs->most, costs->mean, costs->p99);
}

static void
print_json_costs (const char         *what,
                  const BpgVirtCosts *costs)
{
  fprintf (stderr, "\"%s\": {\"max\": %u, \"mean\": %u, \"p99\": %u}, ", what, costs->most, costs->mean, costs->p99);
}

/* On standard error, so that standard output is the same wherever it was recognised. */
static void
print_stats (const BpgVirtStats *stats,
             gboolean            json)
{
  if (json)
    {
      fprintf (stderr, "{\"decisions\": %u, ", stats->decisions);
      print_json_costs ("instructions", &stats->whole);
      print_json_costs ("instructions_after_last_sample", &stats->last);
      fprintf (stderr,
               "\"instructions_first\": %u, \"ram_bytes\": %u, \"state_bytes\": %u, \"stack_bytes\": %u, "
               "\"model_bytes\": %u, \"image_bytes\": %u}\n",
               stats->first, stats->state + stats->stack, stats->state, stats->stack, stats->model, stats->image);
      return;
    }
  fprintf (stderr, "%u decisions; instructions on rv32imc:\n", stats->decisions);
  print_costs ("a decision", &stats->whole);
  print_costs ("after its last sample", &stats->last);
  fprintf (stderr, "  %-28s %u\n", "up to the first decision", stats->first);
  fprintf (stderr, "  %-28s %u bytes: state %u, stack %u\n", "RAM", stats->state + stats->stack, stats->state,
           stats->stack);
  fprintf (stderr, "  %-28s %u bytes\n", "model", stats->model);
  fprintf (stderr, "  %-28s %u bytes, with what reads and writes\n", "program", stats->image);
}

static int
run_on (const LabRunArguments *given,
        const char            *path)
{
  g_autoptr (BpgEmgRecording) recording = NULL;
  g_autoptr (BpgModel) model = NULL;
  g_autoptr (GError) error = NULL;
  gboolean on_virt = g_strcmp0 (given->on, "virt") == 0;
  BpgVirtStats stats = { 0 };
  struct run run = { .raw = given->raw };
  gboolean done;

  model = bpg_model_read (given->model, &error);
  if (model == NULL)
    return bpg_lab_fail ("run", error);
  recording = bpg_recording_read_file (path, &error);
  if (recording == NULL)
    return bpg_lab_fail ("run", error);
  run.model = model;
  if (on_virt)
    done = bpg_virt_run (model, recording, given->stats ? &stats : NULL, print_decision, &run, &error);
  else
    done = bpg_run (model, recording, print_decision, &run, &error);
  if (!done)
    return bpg_lab_fail ("run", error);
  print_header (&run);
  if (given->stats)
    print_stats (&stats, given->json);
  return BPG_LAB_OK;
}

int
bpg_lab_run (int    argc,
             char **argv)
{
  g_auto (LabRunArguments) arguments = { 0 };
  const GOptionEntry entries[] = {
    { "model", 'm', 0, G_OPTION_ARG_FILENAME, &arguments.model, "The model", "M.bpm" },
    { "raw", 0, 0, G_OPTION_ARG_NONE, &arguments.raw, "Decisions before post-processing", NULL },
    { "on", 0, 0, G_OPTION_ARG_STRING, &arguments.on, "Where: host, this machine; virt, RISC-V in QEMU", "MACHINE" },
    { "stats", 0, 0, G_OPTION_ARG_NONE, &arguments.stats, "With --on virt: instructions and memory, on stderr", NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &arguments.json, "With --stats: as JSON", NULL },
    G_OPTION_ENTRY_NULL,
  };
  int result = bpg_lab_parse ("REC.json", summary, entries, &argc, &argv);

  if (result >= 0)
    return result;
  if (arguments.model == NULL)
    return bpg_lab_usage ("run", "--model is missing");
  if (argc != 2)
    return bpg_lab_usage ("run", "name one recording");
  if (arguments.on != NULL && strcmp (arguments.on, "host") != 0 && strcmp (arguments.on, "virt") != 0)
    return bpg_lab_usage ("run", "--on takes host or virt, not “%s”", arguments.on);
  if (arguments.stats && g_strcmp0 (arguments.on, "virt") != 0)
    return bpg_lab_usage ("run", "--stats counts on virt: say --on virt");
  if (arguments.json && !arguments.stats)
    return bpg_lab_usage ("run", "--json is for --stats");
  return run_on (&arguments, argv[1]);
}
