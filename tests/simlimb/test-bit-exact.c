/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The arm decides as the PC says it would: a model is trained on generated recordings, installed, and
 * the samples that came over the line are run through it again here. And the arm's decisions are right.
 */
#include <glib/gstdio.h>

#include "harness.h"
#include "training/lib/bpg-recording-reader.h"
#include "training/lib/bpg-run.h"
#include "training/lib/bpg-trainer.h"

#define RATE 500u
#define CHANNELS 8u

static BpgModel *
train (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgEmgRecording) recording = bpg_recording_read_file (path, &error);
  g_autoptr (GArray) repetitions = g_array_new (FALSE, FALSE, sizeof (guint));
  BpgSelection selection = { recording, repetitions };
  BpgTrainOptions options = { BPG_WINDOW_MS_DEFAULT, BPG_HOP_MS_DEFAULT, 200, 100, 0, NULL };
  BpgTrainReport report;
  BpgModel *model;

  g_assert_no_error (error);
  for (guint repetition = 1; repetition <= 3; repetition++)
    g_array_append_val (repetitions, repetition);
  model = bpg_train (&selection, 1, NULL, &options, &report, &error);
  g_assert_no_error (error);
  return model;
}

struct comparison
{
  const GArray *decisions; /* the arm's */
  guint32 offset;
  guint at;
};

static void
compare (const struct bpg_decision *decision, gpointer data)
{
  struct comparison *comparison = data;
  const struct bpg_decision_report *report;

  /* The last decisions may still have been on the way. */
  if (comparison->at == comparison->decisions->len)
    return;
  report = &g_array_index (comparison->decisions, struct bpg_decision_report, comparison->at++);
  g_assert_cmpuint (report->sample, ==, comparison->offset + decision->sample);
  g_assert_cmpuint (report->raw, ==, decision->raw);
  g_assert_cmpuint (report->movement, ==, decision->movement);
  g_assert_cmpuint (report->flags, ==, decision->flags);
  g_assert_cmpuint (report->confidence, ==, decision->confidence);
  g_assert_cmpuint (report->speed, ==, decision->speed);
  g_assert_cmpint (report->distance, ==, decision->distance);
}

static void
compare_decisions (struct harness *harness, BpgModel *model)
{
  const struct bpg_event *started = harness_event (harness, BPG_EVENT_MODEL_STARTED);
  guint32 skip = started->b - harness->first_sample;
  gsize length = (harness->samples->len - skip * CHANNELS) * sizeof (gint16);
  GArray *segments = g_array_new (FALSE, TRUE, sizeof (BpgSegment));
  g_autoptr (BpgEmgRecording) recording = bpg_emg_recording_new (
    RATE, CHANNELS, harness->arm.electrodes.port.lsb_nano, BPG_UNIT_MICROVOLT,
    g_bytes_new ((gint16 *) (void *) harness->samples->data + skip * CHANNELS, length), segments,
    g_array_new (FALSE, TRUE, sizeof (BpgGap)));
  struct comparison comparison = { harness->decisions, started->b, 0 };
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (harness->gaps, ==, 0);
  g_assert_true (bpg_run (model, recording, compare, &comparison, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (comparison.at, ==, harness->decisions->len);
  g_assert_cmpuint (comparison.at, >, 1000);
}

/* Share of raw decisions that were right where the recording is labelled, but for the first and the last
 * 200 ms. */
static double
score (struct harness *harness, const struct sim_piece *piece, guint64 first)
{
  guint right = 0;
  guint all = 0;

  for (guint i = 0; i < harness->decisions->len; i++)
    {
      const struct bpg_decision_report *report = &g_array_index (harness->decisions, struct bpg_decision_report, i);
      const struct sim_segment *segment;
      guint64 position = piece->start + report->sample - first;

      if (report->sample < first || position >= piece->start + piece->count)
        continue;
      segment = sim_recording_segment_at (piece->recording, position);
      if (segment == NULL || position < segment->start + RATE / 5 || position + RATE / 5 > segment->start + segment->count)
        continue;
      all++;
      right += report->movement == segment->gesture;
    }
  g_assert_cmpuint (all, >, 300);
  return (double) right / all;
}

/* Upper bound of the bucket that the given share of all decisions lies below. */
static guint
latency_us (struct harness *harness, double share)
{
  guint64 all = harness->arm.control.decisions;
  guint64 below = 0;
  unsigned bucket = 0;

  while (bucket + 1 < BPG_LATENCY_BUCKETS && (below += harness->arm.control.latency[bucket]) < share * all)
    bucket++;
  return bpg_latency_bucket_floor (bucket + 1);
}

static double
play (struct harness *harness, const char *path)
{
  struct sim_electrodes *electrodes = &harness->arm.electrodes;
  g_autoptr (GError) error = NULL;
  struct sim_piece piece = { 0 };
  guint64 first;

  piece.recording = sim_electrodes_load (electrodes, path, &error);
  g_assert_no_error (error);
  /* The repetition that training has not seen. */
  piece.start = piece.recording->samples * 3 / 4;
  piece.count = piece.recording->samples - piece.start;
  g_assert_true (sim_electrodes_play (electrodes, &piece, false, &first, &error));
  harness_run (harness, (guint) (piece.count * 1000 / RATE));
  return score (harness, &piece, first);
}

static void
stream (struct harness *harness)
{
  struct bpg_cbor_writer writer = harness_begin (harness);
  struct bpg_stream_request request = { true, true, 10 };

  bpg_stream_request_encode (&request, &writer);
  g_assert_cmpint (harness_request (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_STREAM, &writer), ==, 0);
}

static void
remove_recordings (const char *folder)
{
  for (const char *const *name = (const char *const[]){ "g1_d01.json", "g1_d01.bin", "g1_d02.json", "g1_d02.bin", NULL };
       *name != NULL; name++)
    {
      g_autofree char *path = g_build_filename (folder, *name, NULL);

      g_unlink (path);
    }
  g_rmdir (folder);
}

static void
test_bit_exact (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autofree char *folder = g_dir_make_tmp ("simlimb-XXXXXX", NULL);
  g_autofree char *same_day = g_build_filename (folder, "g1_d01.json", NULL);
  g_autofree char *other_day = g_build_filename (folder, "g1_d02.json", NULL);
  g_autoptr (BpgModel) model = NULL;
  g_autoptr (GBytes) container = NULL;
  g_autofree char *active = NULL;
  g_autoptr (GError) error = NULL;
  double first, later;

  g_assert_true (sim_generator_write_recordings (folder, 1, 2, RATE, CHANNELS, &error));
  g_clear_pointer (&harness->arm.electrodes.generator, sim_generator_free);
  sim_electrodes_set_generator (&harness->arm.electrodes, 1, RATE, CHANNELS);
  harness_power_on (harness);
  model = train (same_day);
  container = harness_sign (harness, bpg_model_get_bytes (model), NULL);

  harness_bind (harness, "left");
  stream (harness);
  g_assert_cmpint (harness_install (harness, container), ==, 0);
  active = harness_model (harness);
  g_assert_cmpstr (active, ==, bpg_model_get_hash (model));

  first = play (harness, same_day);
  later = play (harness, other_day);
  g_test_message ("generated signals: right on the day of training %.1f %%, on another day %.1f %%; model of %" G_GSIZE_FORMAT " bytes",
                  100 * first, 100 * later, g_bytes_get_size (bpg_model_get_bytes (model)));
  g_test_message ("decision latency on the arm: half below %u us, 99 %% below %u us", latency_us (harness, 0.5),
                  latency_us (harness, 0.99));
  compare_decisions (harness, model);
  g_assert_cmpfloat (first, >, 0.8);

  remove_recordings (folder);
}

/* Over the link in the electrodes' place as well. */
static void
test_bench (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autofree char *folder = g_dir_make_tmp ("simlimb-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "g1_d01.json", NULL);
  g_autoptr (BpgModel) model = NULL;
  g_autoptr (GBytes) container = NULL;
  g_autoptr (BpgEmgRecording) recording = NULL;
  g_autoptr (GError) error = NULL;
  guint samples;

  g_assert_true (sim_generator_write_recordings (folder, 1, 2, RATE, CHANNELS, &error));
  recording = bpg_recording_read_file (path, &error);
  g_assert_no_error (error);
  model = train (path);
  container = harness_sign (harness, bpg_model_get_bytes (model), NULL);
  harness_unlock_bench (harness, RATE, CHANNELS);
  harness_bind (harness, "left");
  stream (harness);
  g_assert_cmpint (harness_install (harness, container), ==, 0);
  samples = (guint) bpg_emg_recording_get_n_samples (recording) / 2;
  harness_play (harness, bpg_emg_recording_get_sample (recording, 0), samples, CHANNELS);
  harness_run (harness, 200);
  g_assert_cmpuint (harness->samples->len, ==, samples * CHANNELS);
  g_assert_cmpmem (harness->samples->data, harness->samples->len * sizeof (gint16),
                   bpg_emg_recording_get_sample (recording, 0), samples * CHANNELS * sizeof (gint16));
  compare_decisions (harness, model);
  remove_recordings (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/bit-exact", test_bit_exact);
  g_test_add_func ("/bit-exact/bench", test_bench);
  return g_test_run ();
}
