/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A recording: the .bpr container, and the same bytes as a side-car with 64 samples beside it. */
#include "training/lib/bpg-recording-reader.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
look_at (BpgEmgRecording *recording)
{
  gsize n_samples = bpg_emg_recording_get_n_samples (recording);

  if (n_samples > 0) {
    bpg_emg_recording_get_sample (recording, n_samples - 1);
    bpg_emg_recording_is_lost (recording, n_samples - 1);
  }
  for (guint i = 0; i < bpg_emg_recording_get_n_segments (recording); i++) {
    const BpgSegment *segment = bpg_emg_recording_get_segment (recording, i);

    g_assert_cmpuint (segment->start, <=, n_samples);
    g_assert_cmpuint (segment->count, <=, n_samples - segment->start);
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const uint8_t silence[64 * 16 * 2];
  g_autoptr (GBytes) container = g_bytes_new (data, size);
  g_autoptr (GBytes) samples = g_bytes_new_static (silence, sizeof silence);
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgEmgRecording) whole = bpg_recording_read_bytes (container, &error);
  g_autoptr (BpgEmgRecording) parts = NULL;

  g_assert_true ((whole == NULL) == (error != NULL));
  g_clear_error (&error);
  if (whole != NULL)
    look_at (whole);
  parts = bpg_recording_read_parts ("fuzz", (const char *) data, size, samples, &error);
  g_assert_true ((parts == NULL) == (error != NULL));
  if (parts != NULL)
    look_at (parts);
  return 0;
}
