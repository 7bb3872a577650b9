/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-decisions.h"
#include "bpg-plot-signals.h"
#include "bpg-recording-file.h"

#include "training/lib/bpg-training-error.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  char *folder;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->folder = g_dir_make_tmp ("bionicpro-XXXXXX", NULL);
  g_assert_nonnull (fixture->folder);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GDir) folder = g_dir_open (fixture->folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (folder)) != NULL) {
    g_autofree char *path = g_build_filename (fixture->folder, name, NULL);

    g_remove (path);
  }
  g_rmdir (fixture->folder);
  g_free (fixture->folder);
}

static char *
in_folder (Fixture *fixture, const char *name)
{
  return g_build_filename (fixture->folder, name, NULL);
}

/* Every value there is occurs when there are samples enough; 7919 is prime to 65536. */
static BpgEmgRecording *
make_recording (guint rate, guint channels, gsize n_samples, guint64 scale_nano, enum bpg_bpm_unit unit)
{
  gint16 *samples = g_new (gint16, n_samples * channels);
  GArray *segments = g_array_new (FALSE, TRUE, sizeof (BpgSegment));
  GArray *gaps = g_array_new (FALSE, TRUE, sizeof (BpgGap));
  BpgSegment segment = {.start = n_samples / 3, .count = n_samples / 2, .gesture = 7, .repetition = 2};
  BpgGap gap = {.start = 5, .count = 3};

  g_array_set_clear_func (segments, (GDestroyNotify) bpg_segment_clear);
  for (gsize i = 0; i < n_samples * channels; i++)
    samples[i] = (gint16) (guint16) (i * 7919u);
  segment.name = g_strdup ("hand_close");
  segment.verdict = g_strdup ("accepted");
  g_array_append_val (segments, segment);
  g_array_append_val (gaps, gap);
  return bpg_emg_recording_new (rate, channels, scale_nano, unit,
                                g_bytes_new_take (samples, n_samples * channels * sizeof (gint16)), segments, gaps);
}

static void
assert_same (BpgEmgRecording *a, BpgEmgRecording *b)
{
  gsize n_samples = bpg_emg_recording_get_n_samples (a);
  guint channels = bpg_emg_recording_get_channels (a);

  g_assert_cmpuint (bpg_emg_recording_get_rate (a), ==, bpg_emg_recording_get_rate (b));
  g_assert_cmpuint (channels, ==, bpg_emg_recording_get_channels (b));
  g_assert_cmpuint (n_samples, ==, bpg_emg_recording_get_n_samples (b));
  g_assert_cmpuint (bpg_emg_recording_get_scale_nano (a), ==, bpg_emg_recording_get_scale_nano (b));
  g_assert_cmpint (bpg_emg_recording_get_unit (a), ==, bpg_emg_recording_get_unit (b));
  g_assert_cmpmem (bpg_emg_recording_get_sample (a, 0), n_samples * channels * 2, bpg_emg_recording_get_sample (b, 0),
                   n_samples * channels * 2);
  g_assert_cmpuint (bpg_emg_recording_get_n_segments (a), ==, bpg_emg_recording_get_n_segments (b));
  for (guint i = 0; i < bpg_emg_recording_get_n_segments (a); i++) {
    const BpgSegment *first = bpg_emg_recording_get_segment (a, i), *second = bpg_emg_recording_get_segment (b, i);

    g_assert_cmpuint (first->start, ==, second->start);
    g_assert_cmpuint (first->count, ==, second->count);
    g_assert_cmpuint (first->gesture, ==, second->gesture);
    g_assert_cmpuint (first->repetition, ==, second->repetition);
    g_assert_cmpstr (first->name, ==, second->name);
  }
}

static void
test_edf_returns (void)
{
  const BpgEdfInfo info = {.patient = "abc 123", .start = G_GINT64_CONSTANT (1700000000000000)};
  const struct {
    guint rate, channels;
    gsize n_samples;
    guint64 scale_nano;
    enum bpg_bpm_unit unit;
  } cases[] = {
    {200, 8, 9600, 50000, BPG_UNIT_MYO_FULL_SCALE},       {1000, 8, 12345, 250000000, BPG_UNIT_MICROVOLT},
    {2000, 16, 70001, 152588, BPG_UNIT_VOLT_AFTER_GAIN},  {333, 5, 1000, 1000000000, BPG_UNIT_MYO_COUNT},
    {1999, 16, 5000, 123456789, BPG_UNIT_MICROVOLT},      {200, 4, 1, 1, BPG_UNIT_MICROVOLT},
    {750, 7, 751, 7812500, BPG_UNIT_MYO_FULL_SCALE},      {2000, 4, 36000, 333333333333, BPG_UNIT_MICROVOLT},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GArray) rest = NULL;
    g_autoptr (BpgEmgRecording) before = make_recording (cases[i].rate, cases[i].channels, cases[i].n_samples,
                                                         cases[i].scale_nano, cases[i].unit);
    g_autoptr (GBytes) bytes = bpg_edf_write (before, &info, NULL, &error);
    g_autoptr (BpgEmgRecording) after = NULL;

    g_assert_no_error (error);
    after = bpg_edf_read (bytes, &rest, &error);
    g_assert_no_error (error);
    assert_same (before, after);
    g_assert_cmpstr (bpg_emg_recording_get_segment (after, 0)->verdict, ==, "accepted");
    g_assert_cmpuint (bpg_emg_recording_get_n_gaps (after), ==, 1);
    g_assert_cmpuint (rest->len, ==, 0);
  }
}

static void
test_edf_foreign_annotations (void)
{
  const BpgEdfInfo info = {0};
  g_autoptr (BpgEmgRecording) recording = make_recording (200, 4, 500, 1000000000, BPG_UNIT_MICROVOLT);
  g_autoptr (GArray) more = g_array_new (FALSE, TRUE, sizeof (BpgEdfAnnotation));
  g_autoptr (GArray) rest = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autoptr (BpgEmgRecording) after = NULL;
  BpgEdfAnnotation annotation = {1.25, -1.0, (char *) "Fäden \x14 and \x01 lines"};

  g_array_append_val (more, annotation);
  bytes = bpg_edf_write (recording, &info, more, NULL);
  after = bpg_edf_read (bytes, &rest, NULL);
  g_assert_nonnull (after);
  g_assert_cmpuint (rest->len, ==, 1);
  g_assert_cmpfloat (g_array_index (rest, BpgEdfAnnotation, 0).onset, ==, 1.25);
  g_assert_cmpstr (g_array_index (rest, BpgEdfAnnotation, 0).text, ==, "Fäden   and   lines");
}

/* Every truncation and many flipped bytes: an error or a recording, never a crash. */
static void
test_edf_hostile (void)
{
  const BpgEdfInfo info = {0};
  g_autoptr (BpgEmgRecording) recording = make_recording (200, 4, 450, 1000000000, BPG_UNIT_MICROVOLT);
  g_autoptr (GBytes) bytes = bpg_edf_write (recording, &info, NULL, NULL);
  gsize size;
  const guint8 *good = g_bytes_get_data (bytes, &size);
  g_autoptr (GRand) random = g_rand_new_with_seed (1);
  guint refused = 0;

  for (gsize length = 0; length < size; length += length < 2000 ? 1 : 97) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GBytes) cut = g_bytes_new (good, length);
    g_autoptr (BpgEmgRecording) read = bpg_edf_read (cut, NULL, &error);

    g_assert_null (read);
    g_assert_true (error->domain == BPG_TRAINING_ERROR);
  }
  for (guint round = 0; round < 4000; round++) {
    g_autofree guint8 *bad = g_memdup2 (good, size);
    g_autoptr (GError) error = NULL;
    g_autoptr (GBytes) changed = NULL;
    g_autoptr (BpgEmgRecording) read = NULL;

    for (guint i = 0; i < 3; i++)
      bad[g_rand_int_range (random, 0, round % 2 ? 1536 : (gint32) size)] = (guint8) g_rand_int (random);
    changed = g_bytes_new_take (g_steal_pointer (&bad), size);
    read = bpg_edf_read (changed, NULL, &error);
    g_assert_true ((read == NULL) == (error != NULL));
    refused += read == NULL;
  }
  g_assert_cmpuint (refused, >, 500);
}

static void
test_every_format_returns (Fixture *fixture, gconstpointer data)
{
  static const char *const names[] = {"a.json", "b.edf", "c.csv", "d.bpr", "e.json"};
  const BpgEdfInfo info = {0};
  g_autoptr (BpgRecordingFile) file = g_new0 (BpgRecordingFile, 1);
  g_autoptr (GError) error = NULL;

  file->recording = make_recording (1000, 6, 4321, 250000000, BPG_UNIT_MICROVOLT);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *path = in_folder (fixture, names[i]);
    g_autoptr (BpgRecordingFile) next = NULL;

    bpg_recording_file_save (file, path, "x", &info, NULL, 0600, &error);
    g_assert_no_error (error);
    next = bpg_recording_file_load (path, NULL, &error);
    g_assert_no_error (error);
    assert_same (file->recording, next->recording);
    bpg_recording_file_free (g_steal_pointer (&file));
    file = g_steal_pointer (&next);
  }
}

static void
assert_csv (const char *text, const BpgCsvScale *scale, int code)
{
  const BpgCsvScale nothing = {0};
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));
  g_autoptr (BpgEmgRecording) recording = bpg_csv_read (bytes, scale != NULL ? scale : &nothing, &error);

  if (code < 0) {
    g_assert_no_error (error);
    g_assert_nonnull (recording);
  } else {
    g_assert_error (error, BPG_TRAINING_ERROR, code);
    g_assert_null (recording);
  }
}

static void
test_csv_refusals (void)
{
  const BpgCsvScale rate = {.rate = 500};
  const BpgCsvScale wrong_unit = {.rate = 500, .unit = "furlong"};
  const BpgCsvScale coarse = {.rate = 500, .lsb = 1e-6};

  assert_csv ("a,b,c,d\n1,2,3,4\n2,3,4,5\n", &rate, -1);
  assert_csv ("time,a,b,c,d\n0,1,2,3,4\n0.002,2,3,4,5\n", NULL, -1);
  assert_csv ("a,b,c,d\n1,2,3,4\n", NULL, BPG_TRAINING_ERROR_INCOMPATIBLE);
  assert_csv ("a,b,c\n1,2,3\n", &rate, BPG_TRAINING_ERROR_INCOMPATIBLE);
  assert_csv ("a,b,c,d\n1,2,nan,4\n", &rate, BPG_TRAINING_ERROR_CORRUPT);
  assert_csv ("a,b,c,d\n1,2,,4\n", &rate, BPG_TRAINING_ERROR_CORRUPT);
  assert_csv ("a,b,c,d\n1,2,3\n", &rate, BPG_TRAINING_ERROR_CORRUPT);
  assert_csv ("a,b,c,d\n", &rate, BPG_TRAINING_ERROR_CORRUPT);
  assert_csv ("", &rate, BPG_TRAINING_ERROR_CORRUPT);
  assert_csv ("a,b,c,d\n1,2,3,4\n", &wrong_unit, BPG_TRAINING_ERROR_INCOMPATIBLE);
  assert_csv ("a,b,c,d\n1,2,3,4\n", &coarse, BPG_TRAINING_ERROR_INCOMPATIBLE);
}

static GArray *
load_decisions (Fixture *fixture, const char *name, const char *text, GError **error)
{
  g_autofree char *path = in_folder (fixture, name);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  return bpg_decisions_load (path, NULL, error);
}

static void
test_decisions (Fixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GArray) csv = load_decisions (
    fixture, "a.csv", "sample,movement,name,confidence,speed\n20,7,hand_close,900,450\n10,0,rest,1000,0\n", &error);
  g_autoptr (GArray) json = load_decisions (
    fixture, "a.json", "{\"decisions\": [{\"sample\": 10, \"movement\": 0, \"confidence\": 1}]}", NULL);
  g_autoptr (GArray) bad = NULL;

  g_assert_no_error (error);
  g_assert_cmpuint (csv->len, ==, 2);
  g_assert_cmpuint (g_array_index (csv, BpgDecisionRow, 0).sample, ==, 10);
  g_assert_cmpfloat (g_array_index (csv, BpgDecisionRow, 1).confidence, ==, 0.9);
  g_assert_cmpfloat (g_array_index (json, BpgDecisionRow, 0).confidence, ==, 1.0);
  g_assert_cmpfloat (g_array_index (json, BpgDecisionRow, 0).speed, ==, -1.0);
  bad = load_decisions (fixture, "b.csv", "x,y\n1,2\n", &error);
  g_assert_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_CORRUPT);
  g_clear_error (&error);
  bad = load_decisions (fixture, "c.csv", "sample,movement\n1,300\n", &error);
  g_assert_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_CORRUPT);
  g_clear_error (&error);
  bad = load_decisions (fixture, "d.json", "[{\"sample\": -1}]", &error);
  g_assert_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_CORRUPT);
}

static void
test_percentiles (void)
{
  double counts[32] = {0};

  counts[10] = 100; /* 32 to 45.25 µs */
  g_assert_cmpfloat_with_epsilon (bpg_latency_get_percentile (counts, 32, 0.5), 32.0 * 1.189207, 0.01);
  g_assert_cmpfloat_with_epsilon (bpg_latency_get_percentile (counts, 32, 1.0), 45.2548, 0.01);
  counts[20] = 100; /* 1024 µs */
  g_assert_cmpfloat_with_epsilon (bpg_latency_get_percentile (counts, 32, 0.5), 45.2548, 0.01);
  g_assert_cmpfloat_with_epsilon (bpg_latency_get_percentile (counts, 32, 0.99), 1024.0 * 1.404, 1.0);
}

static void
test_pictures_are_refused (Fixture *fixture, gconstpointer data)
{
  g_autoptr (BpgEmgRecording) recording = make_recording (200, 4, 500, 1000000000, BPG_UNIT_MICROVOLT);
  g_autofree char *nowhere = g_build_filename (fixture->folder, "missing", "x.png", NULL);
  g_autofree char *wrong = in_folder (fixture, "x.gif");
  g_autoptr (GError) error = NULL;
  BpgSignalsPlot plot = {.recording = recording, .title = "t"};
  double counts[32] = {0};

  g_assert_false (bpg_plot_signals (&plot, nowhere, &error));
  g_assert_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_FAILED);
  g_clear_error (&error);
  g_assert_false (bpg_plot_signals (&plot, wrong, &error));
  g_assert_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  plot.from = 100.0;
  g_assert_false (bpg_plot_signals (&plot, nowhere, &error));
  g_assert_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_NO_SAMPLES);
  g_clear_error (&error);
  g_assert_false (bpg_plot_latency (counts, 32, "t", nowhere, &error));
  g_assert_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_NO_SAMPLES);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ctl/edf/returns", test_edf_returns);
  g_test_add_func ("/ctl/edf/foreign-annotations", test_edf_foreign_annotations);
  g_test_add_func ("/ctl/edf/hostile", test_edf_hostile);
  g_test_add_func ("/ctl/csv/refusals", test_csv_refusals);
  g_test_add_func ("/ctl/plot/percentiles", test_percentiles);
  g_test_add ("/ctl/files/every-format-returns", Fixture, NULL, set_up, test_every_format_returns, tear_down);
  g_test_add ("/ctl/files/decisions", Fixture, NULL, set_up, test_decisions, tear_down);
  g_test_add ("/ctl/plot/refused", Fixture, NULL, set_up, test_pictures_are_refused, tear_down);
  return g_test_run ();
}
