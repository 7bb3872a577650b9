/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-run.h"

#include "bpg-training-set.h"
#include "recognition/recognizer.h"

gboolean
bpg_run (BpgModel        *model,
         BpgEmgRecording *recording,
         BpgDecisionFunc  each,
         gpointer         user_data,
         GError         **error)
{
  g_autofree struct bpg_recognizer *recognizer = NULL;
  gsize n_samples = bpg_emg_recording_get_n_samples (recording);

  if (!bpg_check_compatible (recording, bpg_model_get_bpm (model), error))
    return FALSE;
  recognizer = g_new (struct bpg_recognizer, 1);
  bpg_recognizer_init (recognizer, bpg_model_get_bpm (model));
  for (gsize i = 0; i < n_samples; i++)
    {
      struct bpg_decision decision;

      if (bpg_recognizer_push (recognizer, bpg_emg_recording_get_sample (recording, i), &decision))
        each (&decision, user_data);
    }
  return TRUE;
}

const char *
bpg_movement_name (BpgModel *model,
                   guint8    gesture)
{
  int index = bpg_model_find (model, gesture);

  return index >= 0 ? bpg_bpm_name (bpg_model_get_bpm (model), (unsigned) index) : "rest";
}
