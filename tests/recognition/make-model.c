/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes a model trained on a made-up person and another day's samples of that person.
 *
 * usage: make-model CHANNELS RATE MODEL.bpm SAMPLES */
#include <stdlib.h>

#include "../training-lib/generate.h"
#include "training/lib/bpg-trainer.h"

int
main (int    argc,
      char **argv)
{
  GeneratedSignal signal = { .movements = 7, .repetitions = 3, .segment_ms = 1000, .amplitude = 3000, .seed = 21 };
  BpgTrainOptions options = { .window_ms = 150, .hop_ms = 10, .created_us = 1 };
  g_autoptr (BpgEmgRecording) recording = NULL;
  g_autoptr (BpgEmgRecording) other = NULL;
  g_autoptr (BpgModel) model = NULL;
  g_autoptr (GError) error = NULL;
  BpgSelection selection = { 0 };

  g_assert_cmpint (argc, ==, 5);
  signal.channels = (guint) atoi (argv[1]);
  signal.rate = (guint) atoi (argv[2]);
  recording = generate_recording (&signal);
  selection.recording = recording;
  model = bpg_train (&selection, 1, NULL, &options, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (bpg_model_write (model, argv[3], &error));
  signal.seed = 22;
  signal.shift = 1;
  other = generate_recording (&signal);
  return g_file_set_contents (argv[4], (const char *) bpg_emg_recording_get_sample (other, 0),
                              (gssize) (bpg_emg_recording_get_n_samples (other) * signal.channels * 2), NULL)
             ? EXIT_SUCCESS
             : EXIT_FAILURE;
}
