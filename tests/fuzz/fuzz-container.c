/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A recording (.bpr) of whoever: what ImportRecording takes. */
#include "bpg-container.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GBytes) container = g_bytes_new_static (data, size);
  g_autoptr (GPtrArray) repetitions = NULL;
  g_autoptr (GPtrArray) samples = NULL;
  g_autoptr (BpgRecordingInfo) info = bpg_container_parse (container, &repetitions, &samples, NULL);

  if (info == NULL)
    return 0;
  g_assert (repetitions->len == samples->len && repetitions->len > 0);
  for (guint i = 0; i < samples->len; i++) {
    const BpgRepetition *repetition = g_ptr_array_index (repetitions, i);

    g_assert (g_bytes_get_size (g_ptr_array_index (samples, i)) == repetition->count * info->channels * 2);
    g_assert (repetition->movement != NULL);
    bpg_repetition_count_lost (repetition);
  }
  return 0;
}
