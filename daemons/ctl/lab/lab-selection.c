/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab-selection.h"

#include <string.h>

#include "training/lib/bpg-recording-reader.h"
#include "training/lib/bpg-training-error.h"

#define MARK ":reps="

static void
clear_selection (BpgSelection *selection)
{
  g_clear_object (&selection->recording);
  g_clear_pointer (&selection->repetitions, g_array_unref);
}

static GArray *
parse_repetitions (const char *list,
                   GError    **error)
{
  g_autoptr (GArray) repetitions = g_array_new (FALSE, FALSE, sizeof (guint));
  g_auto (GStrv) words = g_strsplit (list, ",", -1);

  for (guint i = 0; words[i] != NULL; i++)
    {
      guint64 number;
      guint repetition;

      if (!g_ascii_string_to_unsigned (words[i], 10, 0, 65535, &number, NULL))
        {
          g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_INVALID_ARGUMENT,
                       "“%s” is not a repetition; write REC.json:reps=1,2", words[i]);
          return NULL;
        }
      repetition = (guint) number;
      g_array_append_val (repetitions, repetition);
    }
  return g_steal_pointer (&repetitions);
}

GArray *
bpg_lab_parse_selections (char   **words,
                          guint    n_words,
                          GError **error)
{
  g_autoptr (GArray) selections = g_array_new (FALSE, TRUE, sizeof (BpgSelection));

  g_array_set_clear_func (selections, (GDestroyNotify) clear_selection);
  for (guint i = 0; i < n_words; i++)
    {
      const char *mark = g_strrstr (words[i], MARK);
      g_autofree char *path = mark != NULL ? g_strndup (words[i], (gsize) (mark - words[i])) : g_strdup (words[i]);
      g_autoptr (GArray) repetitions = NULL;
      BpgSelection selection = { 0 };

      if (mark != NULL)
        {
          repetitions = parse_repetitions (mark + strlen (MARK), error);
          if (repetitions == NULL)
            return NULL;
        }
      selection.recording = bpg_recording_read_file (path, error);
      if (selection.recording == NULL)
        return NULL;
      selection.repetitions = g_steal_pointer (&repetitions);
      g_array_append_val (selections, selection);
    }
  return g_steal_pointer (&selections);
}
