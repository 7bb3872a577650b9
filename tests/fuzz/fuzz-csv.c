/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables: the first byte says whether they are signals, or decisions as CSV or JSON. */
#include "bpg-decisions.h"
#include "bpg-recording-file.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
read_signals (const char *text, gsize length)
{
  const BpgCsvScale scale = {0};
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = g_bytes_new_static (text, length);
  g_autoptr (BpgEmgRecording) first = bpg_csv_read (bytes, &scale, &error);
  g_autoptr (BpgEmgRecording) second = NULL;
  g_autoptr (GBytes) again = NULL;

  g_assert_true ((first == NULL) == (error != NULL));
  if (first == NULL)
    return;
  again = bpg_csv_write (first);
  second = bpg_csv_read (again, &scale, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (bpg_emg_recording_get_n_samples (second), ==, bpg_emg_recording_get_n_samples (first));
  g_assert_cmpmem (bpg_emg_recording_get_sample (first, 0),
                   bpg_emg_recording_get_n_samples (first) * bpg_emg_recording_get_channels (first) * 2,
                   bpg_emg_recording_get_sample (second, 0),
                   bpg_emg_recording_get_n_samples (second) * bpg_emg_recording_get_channels (second) * 2);
}

static void
read_decisions (const char *text, gboolean json)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) names = NULL;
  g_autoptr (GArray) rows = bpg_decisions_parse (text, json, &names, &error);

  g_assert_true ((rows == NULL) == (error != NULL));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = NULL;

  if (size == 0)
    return 0;
  text = g_strndup ((const char *) data + 1, size - 1);
  if (data[0] % 3 == 0)
    read_signals ((const char *) data + 1, size - 1);
  else
    read_decisions (text, data[0] % 3 == 1);
  return 0;
}
