/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes the data of bpg-population.h from recordings of many people.
 *
 * usage: make-population OUT [--trim-start-ms=N] [--trim-end-ms=N] [--window-ms=N] [--hop-ms=N] [--leave-out=PERSON] REC.json…
 *
 * Options hold for the recordings after them.  A person is a data set's folder and a subject.  OUT
 * ending in .c becomes source, any other name the bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpg-population.h"
#include "bpg-recording-reader.h"

struct session
{
  char *person;
  char *name;
  BpgFraming framing;
  GArray *selections;
  BpgTrainingSet *set;
};

struct sums
{
  BpgScaling scaling;
  guint features;
  guint channels;
  double *within;
  double *rest;
  double *active;
  double *session;
  guint people;
  guint people_again;
};

static struct session *
find_session (GPtrArray       *sessions,
              BpgEmgRecording *recording,
              const char      *path,
              const BpgFraming *framing)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *data_set = g_path_get_basename (folder);
  g_autofree char *person = g_strconcat (data_set, "/", bpg_emg_recording_get_subject (recording), NULL);
  struct session *session;

  for (guint i = 0; i < sessions->len; i++)
    {
      session = g_ptr_array_index (sessions, i);
      if (g_str_equal (session->person, person) &&
          g_str_equal (session->name, bpg_emg_recording_get_session (recording)))
        return session;
    }
  session = g_new0 (struct session, 1);
  session->person = g_steal_pointer (&person);
  session->name = g_strdup (bpg_emg_recording_get_session (recording));
  session->framing = *framing;
  session->selections = g_array_new (FALSE, TRUE, sizeof (BpgSelection));
  g_ptr_array_add (sessions, session);
  return session;
}

static void
add_matrix (double       *sum,
            const double *matrix,
            double        weight,
            guint         features)
{
  for (gsize i = 0; i < (gsize) features * features; i++)
    sum[i] += weight * matrix[i];
}

/* Covariance of movements' means over the sessions of one person. */
static void
add_between (struct sums  *sums,
             GPtrArray    *statistics)
{
  const BpgStatistics *first = g_ptr_array_index (statistics, 0);
  guint features = sums->features, movements = first->movements->len;
  g_autofree double *mean = g_new (double, features);

  for (guint m = 0; m < movements; m++)
    {
      memset (mean, 0, features * sizeof *mean);
      for (guint s = 0; s < statistics->len; s++)
        {
          const BpgStatistics *one = g_ptr_array_index (statistics, s);

          for (guint f = 0; f < features; f++)
            mean[f] += one->means[(gsize) m * features + f] / statistics->len;
        }
      for (guint s = 0; s < statistics->len; s++)
        {
          const double *row = ((const BpgStatistics *) g_ptr_array_index (statistics, s))->means + (gsize) m * features;
          double weight = 1.0 / movements / (statistics->len - 1);

          for (guint f = 0; f < features; f++)
            {
              for (guint g = 0; g < features; g++)
                sums->session[(gsize) f * features + g] += weight * (row[f] - mean[f]) * (row[g] - mean[g]);
            }
        }
    }
  sums->people_again++;
}

static void
add_person (struct sums *sums,
            GPtrArray   *statistics)
{
  guint features = sums->features;

  for (guint s = 0; s < statistics->len; s++)
    {
      const BpgStatistics *one = g_ptr_array_index (statistics, s);
      double share = 1.0 / statistics->len;
      guint movements = one->movements->len;

      add_matrix (sums->within, one->covariance, share, features);
      for (guint m = 0; m < movements; m++)
        {
          const double *shape = one->shapes + (gsize) m * features * features;

          if (g_array_index (one->movements, BpgTrainingMovement, m).gesture == 0)
            add_matrix (sums->rest, shape, share, features);
          else
            add_matrix (sums->active, shape, share / (movements - 1), features);
        }
    }
  sums->people++;
  if (statistics->len > 1)
    add_between (sums, statistics);
}

static void
add_people (struct sums *sums,
            GPtrArray   *sessions)
{
  for (guint i = 0; i < sessions->len;)
    {
      const char *person = ((struct session *) g_ptr_array_index (sessions, i))->person;
      g_autoptr (GPtrArray) statistics = g_ptr_array_new_with_free_func ((GDestroyNotify) bpg_statistics_free);

      for (; i < sessions->len && g_str_equal (((struct session *) g_ptr_array_index (sessions, i))->person, person); i++)
        g_ptr_array_add (statistics, bpg_statistics_from_set (((struct session *) g_ptr_array_index (sessions, i))->set,
                                                              &sums->scaling));
      add_person (sums, statistics);
    }
}

static void
finish (struct sums *sums)
{
  double *matrices[] = { sums->within, sums->rest, sums->active, sums->session };
  double unit = 2048.0 * 256 / sums->scaling.scale[0];

  for (guint i = 0; i < G_N_ELEMENTS (matrices); i++)
    {
      guint n = matrices[i] == sums->session ? MAX (sums->people_again, 1) : sums->people;

      for (gsize k = 0; k < (gsize) sums->features * sums->features; k++)
        matrices[i][k] *= unit * unit / n;
    }
}

static gboolean
write_source (const char *path,
              GBytes     *bytes)
{
  g_autoptr (GString) text = g_string_new ("/* SPDX-License-Identifier: LGPL-2.1-or-later */\n"
                                           "/* Made by make-population; see docs/recognition.md. */\n"
                                           "#include \"bpg-population.h\"\n\n"
                                           "const guint8 bpg_population_data[] = {");
  gsize length;
  const guint8 *data = g_bytes_get_data (bytes, &length);

  for (gsize i = 0; i < length; i++)
    g_string_append_printf (text, "%s%u,", i % 24 == 0 ? "\n  " : "", data[i]);
  g_string_append (text, "\n};\n\nconst gsize bpg_population_data_length = sizeof bpg_population_data;\n");
  return g_file_set_contents (path, text->str, (gssize) text->len, NULL);
}

static int
write_out (const char        *path,
           const struct sums *sums)
{
  BpgPopulation people = { sums->channels, sums->features, sums->within, sums->rest, sums->active, sums->session };
  g_autoptr (GBytes) bytes = bpg_population_encode (&people);
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);
  gboolean written = g_str_has_suffix (path, ".c") ? write_source (path, bytes)
                                                   : g_file_set_contents (path, data, (gssize) length, NULL);

  printf ("%u people, %u of them more than once\n", sums->people, sums->people_again);
  return written ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GPtrArray) sessions = g_ptr_array_new ();
  g_autoptr (GPtrArray) left_out = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  guint window_ms = 200, hop_ms = 50, head = 0, tail = 0;
  struct sums sums = { 0 };

  for (int i = 2; i < argc; i++)
    {
      g_autoptr (BpgEmgRecording) recording = NULL;
      BpgSelection selection = { 0 };
      struct session *session;
      BpgFraming framing = { 0 };

      if (sscanf (argv[i], "--trim-start-ms=%u", &head) == 1 || sscanf (argv[i], "--trim-end-ms=%u", &tail) == 1 ||
          sscanf (argv[i], "--window-ms=%u", &window_ms) == 1 || sscanf (argv[i], "--hop-ms=%u", &hop_ms) == 1)
        continue;
      if (g_str_has_prefix (argv[i], "--leave-out="))
        {
          g_ptr_array_add (left_out, argv[i] + strlen ("--leave-out="));
          continue;
        }
      recording = bpg_recording_read_file (argv[i], &error);
      if (recording == NULL)
        g_error ("%s", error->message);
      framing.window = window_ms * bpg_emg_recording_get_rate (recording) / 1000;
      framing.hop = hop_ms * bpg_emg_recording_get_rate (recording) / 1000;
      framing.trim_start_ms = head;
      framing.trim_end_ms = tail;
      session = find_session (sessions, recording, argv[i], &framing);
      selection.recording = g_steal_pointer (&recording);
      g_array_append_val (session->selections, selection);
    }
  for (guint i = 0; i < sessions->len; i++)
    {
      struct session *session = g_ptr_array_index (sessions, i);

      if (g_ptr_array_find_with_equal_func (left_out, session->person, g_str_equal, NULL))
        {
          g_ptr_array_remove_index (sessions, i--);
          continue;
        }
      session->set = bpg_training_set_new ((const BpgSelection *) session->selections->data, session->selections->len,
                                           &session->framing, NULL, &error);
      if (session->set == NULL)
        g_error ("%s", error->message);
    }
  if (argc < 3 || sessions->len == 0)
    {
      fputs ("usage: make-population OUT [OPTION…] REC.json…\n", stderr);
      return EXIT_FAILURE;
    }
  sums.features = ((struct session *) g_ptr_array_index (sessions, 0))->set->features;
  sums.channels = ((struct session *) g_ptr_array_index (sessions, 0))->set->channels;
  /* one scale for all, so that it can be taken out again; +-16 octaves about the first session fit */
  bpg_scaling_from_set (((struct session *) g_ptr_array_index (sessions, 0))->set, &sums.scaling);
  for (guint f = 0; f < sums.features; f++)
    sums.scaling.scale[f] = 256;
  sums.within = g_new0 (double, (gsize) sums.features * sums.features);
  sums.rest = g_new0 (double, (gsize) sums.features * sums.features);
  sums.active = g_new0 (double, (gsize) sums.features * sums.features);
  sums.session = g_new0 (double, (gsize) sums.features * sums.features);
  add_people (&sums, sessions);
  finish (&sums);
  return write_out (argv[1], &sums);
}
