/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes the data of bpg-population.h from recordings of many people, for windows of 100 and of 200 ms.
 *
 * usage: make-population OUT [--trim-start-ms=N] [--trim-end-ms=N] [--leave-out=PERSON] REC.json…
 *
 * Options hold for the recordings after them.  A person is a data set's folder and a subject.  OUT
 * ending in .c becomes source, any other name the bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpg-population.h"
#include "bpg-recording-reader.h"

#define HOP_MS 50

static const guint window_lengths_ms[] = { 100, 200 };

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
  double *between;
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

/* Covariance of the means of one session's movements, without rest. */
static void
add_movements (struct sums         *sums,
               const BpgStatistics *one)
{
  guint features = sums->features, movements = 0;
  g_autofree double *mean = g_new0 (double, features);

  for (guint m = 0; m < one->movements->len; m++)
    movements += g_array_index (one->movements, BpgTrainingMovement, m).gesture != 0;
  for (guint pass = 0; pass < 2; pass++)
    {
      for (guint m = 0; m < one->movements->len; m++)
        {
          const double *row = one->means + (gsize) m * features;

          if (g_array_index (one->movements, BpgTrainingMovement, m).gesture == 0)
            continue;
          for (guint f = 0; f < features; f++)
            {
              if (pass == 0)
                mean[f] += row[f] / movements;
              for (guint g = 0; pass == 1 && g < features; g++)
                sums->between[(gsize) f * features + g] += (row[f] - mean[f]) * (row[g] - mean[g]) / movements;
            }
        }
    }
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
            add_matrix (sums->active, shape, share / MAX (movements - 1, 1), features);
        }
    }
  add_movements (sums, g_ptr_array_index (statistics, 0));
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
  double *matrices[] = { sums->within, sums->rest, sums->active, sums->session, sums->between };
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

static gboolean
write_out (const char *path,
           GByteArray *out)
{
  g_autoptr (GBytes) bytes = g_byte_array_free_to_bytes (out);
  gsize length;
  const char *data = g_bytes_get_data (bytes, &length);

  return g_str_has_suffix (path, ".c") ? write_source (path, bytes)
                                       : g_file_set_contents (path, data, (gssize) length, NULL);
}

/* Reads what the command line names; sessions of people to leave out are not among them. */
static GPtrArray *
read_sessions (int    argc,
               char **argv)
{
  GPtrArray *sessions = g_ptr_array_new ();
  g_autoptr (GPtrArray) left_out = g_ptr_array_new ();
  guint head = 0, tail = 0;

  for (int i = 2; i < argc; i++)
    {
      g_autoptr (GError) error = NULL;
      BpgSelection selection = { 0 };
      BpgFraming framing = { 0 };

      if (sscanf (argv[i], "--trim-start-ms=%u", &head) == 1 || sscanf (argv[i], "--trim-end-ms=%u", &tail) == 1)
        continue;
      if (g_str_has_prefix (argv[i], "--leave-out="))
        {
          g_ptr_array_add (left_out, argv[i] + strlen ("--leave-out="));
          continue;
        }
      selection.recording = bpg_recording_read_file (argv[i], &error);
      if (selection.recording == NULL)
        g_error ("%s", error->message);
      framing.trim_start_ms = head;
      framing.trim_end_ms = tail;
      g_array_append_val (find_session (sessions, selection.recording, argv[i], &framing)->selections, selection);
    }
  for (guint i = sessions->len; i > 0; i--)
    {
      struct session *session = g_ptr_array_index (sessions, i - 1);

      if (g_ptr_array_find_with_equal_func (left_out, session->person, g_str_equal, NULL))
        g_ptr_array_remove_index (sessions, i - 1);
    }
  return sessions;
}

static void
cut_into_windows (GPtrArray *sessions,
                  guint      window_ms)
{
  for (guint i = 0; i < sessions->len; i++)
    {
      struct session *session = g_ptr_array_index (sessions, i);
      guint rate = bpg_emg_recording_get_rate (g_array_index (session->selections, BpgSelection, 0).recording);
      g_autoptr (GError) error = NULL;

      g_clear_pointer (&session->set, bpg_training_set_free);
      session->framing.window = window_ms * rate / 1000;
      session->framing.hop = HOP_MS * rate / 1000;
      session->set = bpg_training_set_new ((const BpgSelection *) session->selections->data, session->selections->len,
                                           &session->framing, NULL, &error);
      if (session->set == NULL)
        g_error ("%s", error->message);
    }
}

static void
add_population (GByteArray *out,
                GPtrArray  *sessions,
                guint       window_ms)
{
  struct sums sums = { 0 };
  BpgPopulation people = { 0 };
  const BpgTrainingSet *first;
  gsize square;

  cut_into_windows (sessions, window_ms);
  first = ((struct session *) g_ptr_array_index (sessions, 0))->set;
  square = (gsize) first->features * first->features;
  sums.features = first->features;
  sums.channels = first->channels;
  /* one scale for all, so that it can be taken out again; +-16 octaves about the first session fit */
  bpg_scaling_from_set (first, &sums.scaling);
  for (guint f = 0; f < sums.features; f++)
    sums.scaling.scale[f] = 256;
  people.within = sums.within = g_new0 (double, square);
  people.rest = sums.rest = g_new0 (double, square);
  people.active = sums.active = g_new0 (double, square);
  people.session = sums.session = g_new0 (double, square);
  people.between = sums.between = g_new0 (double, square);
  people.window_ms = window_ms;
  people.channels = sums.channels;
  people.features = sums.features;
  add_people (&sums, sessions);
  finish (&sums);
  bpg_population_encode (&people, out);
  printf ("windows of %u ms: %u people, %u of them more than once\n", window_ms, sums.people, sums.people_again);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GPtrArray) sessions = NULL;
  GByteArray *out = NULL;

  if (argc > 2)
    sessions = read_sessions (argc, argv);
  if (sessions == NULL || sessions->len == 0)
    {
      fputs ("usage: make-population OUT [OPTION…] REC.json…\n", stderr);
      return EXIT_FAILURE;
    }
  out = g_byte_array_new ();
  for (guint i = 0; i < G_N_ELEMENTS (window_lengths_ms); i++)
    add_population (out, sessions, window_lengths_ms[i]);
  return write_out (argv[1], out) ? EXIT_SUCCESS : EXIT_FAILURE;
}
