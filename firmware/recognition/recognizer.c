/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "recognizer.h"

#include <string.h>

void
bpg_recognizer_init (struct bpg_recognizer *recognizer,
                     const struct bpg_bpm  *model)
{
  memset (recognizer, 0, sizeof *recognizer);
  recognizer->model = *model;
  bpg_window_init (&recognizer->window, model->window, model->channels, model->excluded, model->feature.least_step);
  bpg_decider_init (&recognizer->decider, model);
  recognizer->until = model->window;
}

/* Muscle and amplifier noise always move the last digit: half a second without is a stuck electrode. */
static void
watch_electrodes (struct bpg_recognizer *recognizer,
                  const int16_t         *sample)
{
  uint16_t patience = (uint16_t) (recognizer->model.rate / 2);

  for (unsigned i = 0; i < recognizer->model.channels; i++)
    {
      if (sample[i] != recognizer->last[i])
        recognizer->unmoved[i] = 0;
      else if (recognizer->unmoved[i] < patience)
        recognizer->unmoved[i]++;

      if (recognizer->unmoved[i] >= patience)
        recognizer->dead |= (uint16_t) (1u << i);
      else
        recognizer->dead &= (uint16_t) ~(1u << i);
      recognizer->last[i] = sample[i];
    }
}

bool
bpg_recognizer_push (struct bpg_recognizer *recognizer,
                     const int16_t         *sample,
                     struct bpg_decision   *decision)
{
  struct bpg_classification classification;
  uint32_t strength;

  bpg_window_push (&recognizer->window, sample);
  watch_electrodes (recognizer, sample);
  recognizer->samples++;
  if (--recognizer->until != 0)
    return false;
  recognizer->until = recognizer->model.hop;

  bpg_features (&recognizer->window, &recognizer->model.feature, &recognizer->scratch, recognizer->features, &strength);
  bpg_classify (&recognizer->model, recognizer->features, &classification);
  memset (decision, 0, sizeof *decision);
  bpg_decider_step (&recognizer->decider, &recognizer->model, &classification, strength, decision);
  decision->sample = recognizer->samples - 1;
  decision->dead_electrodes = recognizer->dead;
  if (recognizer->dead != 0)
    decision->flags |= BPG_DECISION_ELECTRODE;
  return true;
}
