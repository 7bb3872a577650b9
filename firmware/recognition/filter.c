/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "filter.h"

#include <string.h>

#include "fixed.h"

void
bpg_filter_init (struct bpg_filter    *filter,
                 const struct bpg_bpm *model)
{
  memset (filter, 0, sizeof *filter);
  for (unsigned i = 0; i < model->movements; i++)
    filter->probability[i] = BPG_BPM_CERTAIN / model->movements;
}

static uint32_t
part (uint32_t probability,
      uint32_t chance)
{
  return (uint32_t) (((uint64_t) probability * chance) >> 30);
}

/* Every movement gives @change to each of all movements; rest and the others exchange more than that.  The
 * parser holds the chances to what a movement has to give (bpm.c), and what comes in adds up to what goes. */
static uint32_t
predicted (const struct bpg_filter *filter,
           const struct bpg_bpm    *model,
           unsigned                 movement)
{
  const struct bpg_filter_parameters *chance = &model->filter;
  uint32_t own = filter->probability[movement], rest;
  uint32_t expected = part (own, BPG_BPM_CERTAIN - chance->change * model->movements) + chance->change;

  if (model->rest >= model->movements)
    return expected;
  rest = filter->probability[model->rest];
  if (movement != model->rest)
    return expected + part (rest, chance->begin) - part (own, chance->rest);
  return expected + part (BPG_BPM_CERTAIN - rest, chance->rest) - part (rest, chance->begin * (model->movements - 1u));
}

/* Scales @weights, at most 2^31 together, to a sum of 1 but for the rounding of a reciprocal of 17 bits. */
static void
normalise (uint32_t *weights,
           uint32_t  total,
           unsigned  count)
{
  unsigned up = 0;
  uint32_t reciprocal;

  while (total << up < 1u << 30)
    up++;
  reciprocal = UINT32_MAX / (total << up >> 15);
  for (unsigned i = 0; i < count; i++)
    {
      uint32_t scaled = (uint32_t) (((uint64_t) (weights[i] << up) * reciprocal) >> 17);

      weights[i] = scaled < BPG_BPM_CERTAIN ? scaled : BPG_BPM_CERTAIN;
    }
}

/* Squared distance by which a quiet window's nearest movement, not rest, is too near. */
static uint32_t
handicap (const struct bpg_bpm            *model,
          const struct bpg_classification *classification)
{
  uint32_t quiet = (uint32_t) model->filter.quiet << 8, behind = classification->behind[model->rest];

  return behind < quiet ? quiet - behind : 0;
}

unsigned
bpg_filter_step (struct bpg_filter               *filter,
                 const struct bpg_bpm            *model,
                 const struct bpg_classification *classification,
                 bool                             quiet)
{
  uint32_t weights[BPG_MOVEMENTS_MAX], total = 0, less = 0, more = 0;
  unsigned best = 0;

  if (quiet && model->rest < model->movements)
    {
      more = handicap (model, classification);
      less = ((uint32_t) model->filter.quiet << 8) - more;
    }
  for (unsigned i = 0; i < model->movements; i++)
    {
      uint32_t behind = classification->behind[i];
      /* at most 2^17 + 2^16, x 2^14 */
      uint32_t bits = ((i == model->rest ? behind - less : behind + more) * model->filter.scale) >> 12;

      weights[i] = (uint32_t) (((uint64_t) predicted (filter, model, i) * bpg_exp2_minus_q15 (bits)) >> 15);
      total += weights[i];
    }
  /* the nearest movement's evidence is 1, and what is predicted of it at least the chance of a change */
  normalise (weights, total, model->movements);
  for (unsigned i = 0; i < model->movements; i++)
    {
      filter->probability[i] = weights[i];
      if (weights[i] > weights[best])
        best = i;
    }
  return best;
}

unsigned
bpg_filter_confidence (const struct bpg_filter *filter,
                       unsigned                 movement)
{
  return (unsigned) (((uint64_t) filter->probability[movement] * 1000u + BPG_BPM_CERTAIN / 2) >> 30);
}
