/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "decision.h"

#include <string.h>

#define FULL_SPEED 1000u

void
bpg_decider_init (struct bpg_decider   *decider,
                  const struct bpg_bpm *model)
{
  memset (decider, 0, sizeof *decider);
  decider->current = model->rest < model->movements ? model->rest : BPG_MOVEMENTS_MAX;
}

static void
gather_evidence (struct bpg_decider              *decider,
                 const struct bpg_bpm            *model,
                 const struct bpg_classification *classification,
                 bool                             unknown)
{
  for (unsigned i = 0; i < model->movements; i++)
    {
      uint32_t behind = classification->behind[i];

      /* what is like no movement speaks for rest, and against all others alike */
      if (unknown)
        behind = i == model->rest ? 0 : model->decision.evidence_limit;
      if (behind > model->decision.evidence_limit)
        behind = model->decision.evidence_limit;
      decider->against[i] = ((decider->against[i] * model->decision.evidence_keep) >> 15) + behind;
    }
}

static void
choose (struct bpg_decider   *decider,
        const struct bpg_bpm *model)
{
  unsigned best = 0;

  for (unsigned i = 1; i < model->movements; i++)
    {
      if (decider->against[i] < decider->against[best])
        best = i;
    }
  if (decider->current >= model->movements ||
      decider->against[decider->current] > decider->against[best] + model->decision.evidence_margin)
    decider->current = (uint8_t) best;
}

static uint32_t
speed_wanted (const struct bpg_decider *decider,
              const struct bpg_bpm     *model)
{
  uint32_t rest = model->decision.rest_strength;
  uint32_t full = bpg_bpm_full_strength (model, decider->current);
  uint32_t above;

  if (decider->strength <= rest)
    return 0;
  if (full <= rest || decider->strength >= full)
    return FULL_SPEED;
  /* strengths of a model are at most 2^20: the product stays inside 32 bits */
  above = decider->strength - rest;
  return above * FULL_SPEED / (full - rest);
}

static uint32_t
ramped_speed (struct bpg_decider   *decider,
              const struct bpg_bpm *model,
              bool                  changed)
{
  uint32_t wanted = speed_wanted (decider, model);

  if (changed)
    decider->ramp = 0;
  if (wanted > decider->ramp)
    {
      decider->ramp += model->decision.speed_rise;
      return decider->ramp = decider->ramp < wanted ? decider->ramp : wanted;
    }
  if (decider->ramp - wanted > model->decision.speed_fall)
    return decider->ramp -= model->decision.speed_fall;
  return decider->ramp = wanted;
}

static void
smooth_strength (struct bpg_decider   *decider,
                 const struct bpg_bpm *model,
                 uint32_t              strength)
{
  int32_t gap = (int32_t) strength - (int32_t) decider->strength;

  decider->strength = (uint32_t) ((int32_t) decider->strength +
                                  (int32_t) (((int64_t) gap * model->decision.strength_new) >> 15));
}

void
bpg_decider_step (struct bpg_decider              *decider,
                  const struct bpg_bpm            *model,
                  const struct bpg_classification *classification,
                  uint32_t                         strength,
                  struct bpg_decision             *decision)
{
  bool unknown = classification->square > model->decision.reject_distance;
  bool unsure = classification->confidence < model->decision.reject_confidence;
  uint8_t movement = 0;
  bool changed;

  gather_evidence (decider, model, classification, unknown);
  choose (decider, model);
  smooth_strength (decider, model, strength);

  /* a movement in force is kept through an unsure decision; only a new one must be sure */
  if (decider->current < model->movements && !unknown)
    movement = bpg_bpm_gesture (model, decider->current);
  if (unsure && movement != decider->last)
    movement = 0;
  changed = movement != decider->last;
  decider->last = movement;

  decision->raw = bpg_bpm_gesture (model, classification->nearest);
  decision->movement = movement;
  decision->flags = (uint8_t) ((unsure ? BPG_DECISION_UNSURE : 0u) | (unknown ? BPG_DECISION_UNKNOWN : 0u) |
                               (changed ? BPG_DECISION_CHANGED : 0u));
  decision->confidence = classification->confidence;
  decision->distance = classification->distance;
  if (movement == 0)
    decider->ramp = 0;
  decision->speed = (uint16_t) (movement == 0 ? 0 : ramped_speed (decider, model, changed));
}
