/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "training/lib/bpg-training-error.h"

static const struct
{
  const char *name;
  int (*run) (int argc, char **argv);
  const char *summary;
} verbs[] = {
  { "train", bpg_lab_train, "train a model on recordings, or adapt one" },
  { "run", bpg_lab_run, "recognise a recording; CSV on stdout" },
  { "info", bpg_lab_info, "what a model is" },
  { "score", bpg_lab_score, "how well a model serves each person" },
  { "convert", bpg_lab_convert, "a recording to and from EDF+, CSV and emgpack" },
};

static void
print_help (FILE *out)
{
  fputs ("Usage: bionicctl lab VERB [OPTION…] [FILE…]\n\nVerbs:\n", out);
  for (guint i = 0; i < G_N_ELEMENTS (verbs); i++)
    fprintf (out, "  %-8s %s\n", verbs[i].name, verbs[i].summary);
  fputs ("\n“bionicctl lab VERB --help” tells a verb's options.\n"
         "Exit codes: 0 done, 1 failed, 2 the command line is wrong.\n",
         out);
}

int
bpg_lab_fail (const char   *verb,
              const GError *error)
{
  const char *name = error->domain == BPG_TRAINING_ERROR ? bpg_training_error_name (error->code) : "Failed";

  fprintf (stderr, "lab %s: %s: %s\n", verb, name, error->message);
  return BPG_LAB_FAILED;
}

int
bpg_lab_usage (const char *verb,
               const char *format,
               ...)
{
  va_list args;

  fprintf (stderr, "lab %s: ", verb);
  va_start (args, format);
  vfprintf (stderr, format, args);
  va_end (args);
  fprintf (stderr, "\nTry “bionicctl lab %s --help”.\n", verb);
  return BPG_LAB_USAGE;
}

int
bpg_lab_parse (const char         *parameters,
               const char         *summary,
               const GOptionEntry *entries,
               int                *argc,
               char             ***argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new (parameters);
  g_autoptr (GError) error = NULL;
  g_autofree char *verb = g_strdup ((*argv)[0]);
  gboolean help = FALSE;
  const GOptionEntry help_entry[] = { { "help", 'h', 0, G_OPTION_ARG_NONE, &help, "Show this help", NULL },
                                      G_OPTION_ENTRY_NULL };

  g_option_context_set_help_enabled (context, FALSE);
  g_option_context_set_summary (context, summary);
  g_option_context_add_main_entries (context, entries, NULL);
  g_option_context_add_main_entries (context, help_entry, NULL);
  if (!g_option_context_parse (context, argc, argv, &error))
    return bpg_lab_usage (verb, "%s", error->message);
  if (help)
    {
      g_autofree char *text = g_option_context_get_help (context, TRUE, NULL);

      fputs (text, stdout);
      return BPG_LAB_OK;
    }
  return -1;
}

/* What was printed must have arrived, or the verb has not done what it was asked. */
static int
finish (const char *verb,
        int         status)
{
  if ((fflush (stdout) == 0 && !ferror (stdout)) || status != BPG_LAB_OK)
    return status;
  fprintf (stderr, "lab %s: %s\n", verb, g_strerror (errno));
  return BPG_LAB_FAILED;
}

int
bpg_ctl_lab (int    argc,
             char **argv)
{
  if (argc < 2)
    {
      print_help (stderr);
      return BPG_LAB_USAGE;
    }
  if (strcmp (argv[1], "--help") == 0 || strcmp (argv[1], "-h") == 0 || strcmp (argv[1], "help") == 0)
    {
      print_help (stdout);
      return BPG_LAB_OK;
    }
  for (guint i = 0; i < G_N_ELEMENTS (verbs); i++)
    {
      if (strcmp (argv[1], verbs[i].name) == 0)
        return finish (verbs[i].name, verbs[i].run (argc - 1, argv + 1));
    }
  fprintf (stderr, "lab: no verb “%s”; try “bionicctl lab --help”\n", argv[1]);
  return BPG_LAB_USAGE;
}
