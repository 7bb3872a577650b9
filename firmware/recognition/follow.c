/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "follow.h"

#include <string.h>

#include "fixed.h"

#define USUAL 256u                /* what is expected of a window like those of training, Q8 */
#define USUAL_MAX (16u * USUAL)   /* of one window: an outlier counts no more */
#define FASTEST (4u * USUAL)      /* gain grows with the usual distance, between these */
#define SLOWEST (USUAL * 3u / 10u)
#define MANY 13107                /* share of windows, Q15 */
#define FORGET_EVERY 64u          /* so that rounding does not keep small shifts for ever */

void
bpg_follower_init (struct bpg_follower *follower)
{
  memset (follower, 0, sizeof *follower);
  follower->usual = USUAL << 8;
  follower->unknown = 32767; /* whoever has just put the socket on may have put it on another way */
}

/* Shortens a shift to the length @bound (Q8). */
static void
hold (int32_t *shift,
      unsigned dimensions,
      uint32_t bound)
{
  uint64_t square = 0;
  unsigned down = 0;
  int32_t factor;

  for (unsigned i = 0; i < dimensions; i++)
    square += (uint64_t) ((int64_t) (shift[i] >> 8) * (shift[i] >> 8));
  if (square <= (uint64_t) bound * bound)
    return;
  while (square >> (2 * down) > UINT32_MAX)
    down++;
  /* rounded down, so that the ball is never left; bounds are under 2^14 */
  factor = (int32_t) ((bound << 15) / (bpg_sqrt_u32 ((uint32_t) (square >> (2 * down))) + 1u) >> down);
  for (unsigned i = 0; i < dimensions; i++)
    shift[i] = (int32_t) (((int64_t) shift[i] * factor) >> 15);
}

static void
forget (struct bpg_follower  *follower,
        const struct bpg_bpm *model)
{
  int32_t share = model->follow.forget;
  unsigned count = model->movements * model->dimensions;

  for (unsigned i = 0; i < model->dimensions; i++)
    follower->shift.common[i] -= (int32_t) (((int64_t) follower->shift.common[i] * share) >> 16);
  for (unsigned i = 0; i < count; i++)
    follower->shift.own[i] -= (int32_t) (((int64_t) follower->shift.own[i] * share) >> 16);
}

/* Gain for a window, Q16: at most 2^13 x 4. */
static int32_t
gain_of (struct bpg_follower  *follower,
         const struct bpg_bpm *model,
         uint32_t              square,
         unsigned              movement)
{
  uint32_t now = square / model->dimensions;
  int32_t gap;
  uint32_t gain;

  gap = (int32_t) (now < USUAL_MAX ? now : USUAL_MAX) - (int32_t) (follower->usual >> 8);
  follower->usual = (uint32_t) ((int32_t) follower->usual + ((gap * model->follow.usual_new) >> 7));
  gain = follower->usual >> 8;
  gain = gain < SLOWEST ? SLOWEST : gain > FASTEST ? FASTEST : gain;
  gain = (gain * model->follow.rate) >> 8;
  return (int32_t) (movement == model->rest ? (gain * model->follow.rest) >> 15 : gain);
}

static void
count_unknown (struct bpg_follower  *follower,
               const struct bpg_bpm *model,
               bool                  unknown)
{
  int32_t gap = (unknown ? 32767 : 0) - follower->unknown;

  follower->unknown = (uint16_t) (follower->unknown + ((gap * model->follow.unknown_new) >> 15));
}

void
bpg_follower_step (struct bpg_follower             *follower,
                   const struct bpg_bpm            *model,
                   const struct bpg_classification *classification,
                   unsigned                         movement,
                   unsigned                         confidence,
                   bool                             unknown)
{
  unsigned dimensions = model->dimensions;
  int32_t *own = follower->shift.own + (size_t) movement * dimensions;
  int32_t gain;

  if (model->follow.rate == 0)
    return;
  if (++follower->forgetting >= FORGET_EVERY)
    {
      follower->forgetting = 0;
      forget (follower, model);
    }
  count_unknown (follower, model, unknown);
  if (confidence < model->follow.confidence || (unknown && follower->unknown < MANY))
    return;
  gain = gain_of (follower, model, classification->squares[movement], movement);
  for (unsigned i = 0; i < dimensions; i++)
    {
      int32_t away = classification->place[i] - bpg_centre (model, &follower->shift, movement, i);
      /* Q8 x Q16, back to Q16: under 2^17 x 2^15 */
      int32_t step = (int32_t) (((int64_t) away * gain) >> 8);
      int32_t common = (int32_t) (((int64_t) step * model->follow.common) >> 15);

      follower->shift.common[i] += common;
      own[i] += step - common;
    }
  hold (follower->shift.common, dimensions, model->follow.bound);
  hold (own, dimensions, model->follow.bound);
}
