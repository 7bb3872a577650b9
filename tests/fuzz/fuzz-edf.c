/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EDF+ files; a recording that is read is written again and must read the same. */
#include "training/lib/bpg-edf.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
compare (BpgEmgRecording *a, BpgEmgRecording *b)
{
  gsize n_samples = bpg_emg_recording_get_n_samples (a);
  guint channels = bpg_emg_recording_get_channels (a);

  g_assert_cmpuint (bpg_emg_recording_get_rate (b), ==, bpg_emg_recording_get_rate (a));
  g_assert_cmpuint (bpg_emg_recording_get_channels (b), ==, channels);
  g_assert_cmpuint (bpg_emg_recording_get_n_samples (b), ==, n_samples);
  g_assert_cmpmem (bpg_emg_recording_get_sample (a, 0), n_samples * channels * 2, bpg_emg_recording_get_sample (b, 0),
                   n_samples * channels * 2);
  g_assert_cmpuint (bpg_emg_recording_get_n_segments (b), ==, bpg_emg_recording_get_n_segments (a));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const BpgEdfInfo info = {0};
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) file = g_bytes_new_static (data, size);
  g_autoptr (GArray) rest = NULL;
  g_autoptr (BpgEmgRecording) first = bpg_edf_read (file, &rest, &error);
  g_autoptr (BpgEmgRecording) second = NULL;
  g_autoptr (GBytes) again = NULL;

  g_assert_true ((first == NULL) == (error != NULL));
  if (first == NULL)
    return 0;
  again = bpg_edf_write (first, &info, rest, NULL);
  if (again == NULL)
    return 0;
  second = bpg_edf_read (again, NULL, &error);
  g_assert_no_error (error);
  compare (first, second);
  return 0;
}
