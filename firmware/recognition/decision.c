/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "decision.h"

#include <string.h>

#define FULL_SPEED 1000u
#define FAR_OFF 4u /* times the limit of smoothed scores */

void
bpg_decider_init (struct bpg_decider   *decider,
                  const struct bpg_bpm *model)
{
  memset (decider, 0, sizeof *decider);
  decider->current = model->rest < model->movements ? model->rest : BPG_MOVEMENTS_MAX;
  for (unsigned i = 0; i < BPG_INTERFERENCES; i++)
    decider->left[i] = 32767;
}

/* Scores are smoothed, since single windows of a movement lie far off, and each counts at most three times the
 * limit, so that one is not held against those after it.  What is much farther off is no movement at once. */
static bool
is_unknown (struct bpg_decider   *decider,
            const struct bpg_bpm *model,
            uint32_t              score)
{
  uint32_t limit = model->decision.reject_score;
  int32_t gap = (int32_t) (score < 3 * limit ? score : 3 * limit) - (int32_t) decider->score;

  decider->score = (uint32_t) ((int32_t) decider->score + (int32_t) (((int64_t) gap * model->decision.reject_new) >> 15));
  return decider->score > limit || score > FAR_OFF * limit;
}

static bool
is_drowned (struct bpg_decider   *decider,
          const struct bpg_bpm *model,
          const uint16_t        left[BPG_INTERFERENCES])
{
  bool drowned = false;

  for (unsigned i = 0; i < BPG_INTERFERENCES; i++)
    {
      int32_t gap = left[i] - decider->left[i];

      decider->left[i] = (uint16_t) (decider->left[i] + ((gap * model->interference.share_new) >> 15));
      drowned |= decider->left[i] < model->interference.limit[i];
    }
  return drowned;
}

static void
choose (struct bpg_decider      *decider,
        const struct bpg_bpm    *model,
        const struct bpg_filter *filter,
        unsigned                 best)
{
  uint32_t margin = best == model->rest ? model->decision.margin_rest : model->decision.margin_movement;

  if (decider->current >= model->movements || decider->current == model->rest ||
      filter->probability[best] > (uint64_t) filter->probability[decider->current] * margin)
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

/* Gesture code for the hand: a movement in force is kept through an unsure decision; only a new one must be
 * sure. */
static uint8_t
movement_of (const struct bpg_decider *decider,
             const struct bpg_bpm     *model,
             bool                      known,
             bool                      sure)
{
  uint8_t movement = 0;

  if (decider->current < model->movements && known)
    movement = bpg_bpm_gesture (model, decider->current);
  return sure || movement == decider->last ? movement : 0;
}

void
bpg_decider_step (struct bpg_decider              *decider,
                  const struct bpg_bpm            *model,
                  const struct bpg_classification *classification,
                  const struct bpg_filter         *filter,
                  unsigned                         best,
                  const uint16_t                   left[BPG_INTERFERENCES],
                  bool                             usable,
                  uint32_t                         strength,
                  struct bpg_decision             *decision)
{
  bool unknown = is_unknown (decider, model, classification->score) || !usable;
  bool drowned = is_drowned (decider, model, left);
  bool sure, changed;
  uint8_t movement;

  choose (decider, model, filter, best);
  sure = bpg_filter_confidence (filter, decider->current) >= model->decision.reject_confidence;
  smooth_strength (decider, model, strength);
  movement = movement_of (decider, model, !unknown && !drowned, sure);
  changed = movement != decider->last;
  decider->last = movement;

  decision->raw = bpg_bpm_gesture (model, best);
  decision->movement = movement;
  decision->flags = (uint8_t) ((sure ? 0u : BPG_DECISION_UNSURE) | (unknown ? BPG_DECISION_UNKNOWN : 0u) |
                               (drowned ? BPG_DECISION_DROWNED : 0u) |
                               (changed ? BPG_DECISION_CHANGED : 0u));
  decision->confidence = classification->confidence;
  decision->distance = bpg_distance (classification->squares[best]);
  if (movement == 0)
    decider->ramp = 0;
  decision->speed = (uint16_t) (movement == 0 ? 0 : ramped_speed (decider, model, changed));
}
