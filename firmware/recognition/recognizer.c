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
  bpg_filter_init (&recognizer->filter, model);
  bpg_follower_init (&recognizer->follower);
  bpg_decider_init (&recognizer->decider, model);
  recognizer->until = model->window;
}

/* Muscle and amplifier noise always move the last digit: a tenth of a second without is a stuck electrode (the
 * longest seen of a good one, at rest with 8 bits, is 65 ms).  It is trusted again half a second after it last
 * was stuck. */
static void
watch_electrodes (struct bpg_recognizer *recognizer,
                  const int16_t         *sample)
{
  uint16_t patience = (uint16_t) (recognizer->model.rate / 10), recovery = (uint16_t) (recognizer->model.rate / 2);

  for (unsigned i = 0; i < recognizer->model.channels; i++)
    {
      uint16_t bit = (uint16_t) (1u << i);

      if (sample[i] != recognizer->last[i])
        recognizer->unmoved[i] = 0;
      else if (recognizer->unmoved[i] < patience)
        recognizer->unmoved[i]++;

      if (recognizer->unmoved[i] >= patience)
        {
          recognizer->dead |= bit;
          recognizer->recovery[i] = recovery;
        }
      else if (recognizer->recovery[i] > 0 && --recognizer->recovery[i] == 0)
        recognizer->dead &= (uint16_t) ~bit;
      recognizer->last[i] = sample[i];
    }
}

/* The one electrode that is lost and can be done without, or BPG_NO_ELECTRODE; whether there are others. */
static unsigned
lost_electrode (const struct bpg_recognizer *recognizer,
                bool                        *usable)
{
  unsigned dead = recognizer->dead & ~(unsigned) recognizer->model.excluded, lost = 0;

  *usable = dead == 0;
  if (dead == 0)
    return BPG_NO_ELECTRODE;
  while ((dead >> lost & 1u) == 0)
    lost++;
  *usable = dead >> lost == 1u && recognizer->model.map_table != NULL;
  return *usable ? lost : BPG_NO_ELECTRODE;
}

uint16_t
bpg_recognizer_does_without (const struct bpg_recognizer *recognizer)
{
  bool usable;
  unsigned lost = lost_electrode (recognizer, &usable);

  return (uint16_t) (recognizer->model.excluded | (lost != BPG_NO_ELECTRODE ? 1u << lost : 0u));
}

static void
decide (struct bpg_recognizer *recognizer,
        struct bpg_decision   *decision)
{
  const struct bpg_bpm *model = &recognizer->model;
  struct bpg_classification classification;
  uint16_t left[BPG_INTERFERENCES] = { BPG_INTERFERENCE_NONE, BPG_INTERFERENCE_NONE, BPG_INTERFERENCE_NONE };
  unsigned lost, best;
  uint32_t strength;
  bool usable;

  lost = lost_electrode (recognizer, &usable);
  bpg_features (&recognizer->window, &model->feature, &recognizer->scratch, recognizer->features, &strength);
  bpg_classify (model, recognizer->features, &recognizer->follower.shift, lost, &classification);
  best = bpg_filter_step (&recognizer->filter, model, &classification, strength <= model->filter.quiet_strength);
  if (model->interference.lag != 0)
    bpg_interference_left (&recognizer->window, &model->interference, left);
  bpg_decider_step (&recognizer->decider, model, &classification, &recognizer->filter, best, left, usable, strength,
                    decision);
  /* hum, or a signal that is not there, teaches nothing about where it has gone */
  if (usable && (decision->flags & BPG_DECISION_DROWNED) == 0)
    bpg_follower_step (&recognizer->follower, model, &classification, best,
                       bpg_filter_confidence (&recognizer->filter, best),
                       (decision->flags & BPG_DECISION_UNKNOWN) != 0);
}

bool
bpg_recognizer_push (struct bpg_recognizer *recognizer,
                     const int16_t         *sample,
                     struct bpg_decision   *decision)
{
  bpg_window_push (&recognizer->window, sample);
  watch_electrodes (recognizer, sample);
  recognizer->samples++;
  if (--recognizer->until != 0)
    return false;
  recognizer->until = recognizer->model.hop;

  memset (decision, 0, sizeof *decision);
  decide (recognizer, decision);
  decision->sample = recognizer->samples - 1;
  decision->dead_electrodes = recognizer->dead;
  if (recognizer->dead != 0)
    decision->flags |= BPG_DECISION_ELECTRODE;
  return true;
}
