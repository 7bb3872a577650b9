/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "classifier.h"

#include "fixed.h"

#define FEATURE_LENGTH 6u
#define STANDARD_MAX 16384 /* 8 in Q11 */
#define BEHIND_MAX 65535u
#define AWAY_MAX 32767 /* 128 standard deviations in Q8 */

int32_t
bpg_standardise (const struct bpg_bpm *model,
                 unsigned              index,
                 int32_t               feature)
{
  const uint8_t *entry = model->feature_table + index * FEATURE_LENGTH;
  int32_t away = bpg_clamp_i32 (feature - bpg_load_i32 (entry), -32767, 32767);

  return bpg_clamp_i32 (away * bpg_load_u16 (entry + 4) >> 8, -STANDARD_MAX, STANDARD_MAX);
}

/* |sum| <= 131071 * 16384 < 2^31, whatever is summed first: checked when the model was parsed. */
static int32_t
weighted_sum (const uint8_t *weight,
              const int32_t *features,
              unsigned       count)
{
  int32_t sum = 0;
  unsigned i = 0;

  for (; i + 4 <= count; i += 4)
    sum += bpg_load_even_i16 (weight + 2 * i) * features[i] + bpg_load_even_i16 (weight + 2 * i + 2) * features[i + 1] +
           bpg_load_even_i16 (weight + 2 * i + 4) * features[i + 2] +
           bpg_load_even_i16 (weight + 2 * i + 6) * features[i + 3];
  for (; i < count; i++)
    sum += bpg_load_even_i16 (weight + 2 * i) * features[i];
  return sum;
}

static void
project (const struct bpg_bpm *model,
         const int32_t        *features,
         int32_t              *place)
{
  const uint8_t *weight = model->directions;

  for (unsigned i = 0; i < model->dimensions; i++, weight += 2 * (size_t) model->features)
    {
      int32_t sum = weighted_sum (weight, features, model->features);

      place[i] = bpg_clamp_i32 (sum >> bpg_load_u16 (model->direction_shifts + 2 * i), -16383, 16383);
    }
}

static uint32_t
square_q8 (int32_t value)
{
  value = bpg_clamp_i32 (value, -32767, 32767);
  return (uint32_t) (value * value) >> 8;
}

static uint32_t
plain_distance (const struct bpg_bpm *model,
                unsigned              movement,
                const int32_t        *place)
{
  const uint8_t *centre = model->centres + (size_t) movement * model->dimensions * 2;
  uint32_t sum = 0;

  for (unsigned i = 0; i < model->dimensions; i++)
    sum += square_q8 (place[i] - bpg_load_even_i16 (centre + 2 * i));
  return sum;
}

static uint32_t
shaped_distance (const struct bpg_bpm *model,
                 unsigned              movement,
                 const int32_t        *place)
{
  const uint8_t *centre = model->centres + (size_t) movement * model->dimensions * 2;
  const uint8_t *shape = model->shape_table + (size_t) movement * model->dimensions * (model->dimensions + 1u);
  int32_t away[BPG_DIMENSIONS_MAX];
  uint32_t sum = 0;

  for (unsigned i = 0; i < model->dimensions; i++)
    away[i] = bpg_clamp_i32 (place[i] - bpg_load_even_i16 (centre + 2 * i), -AWAY_MAX, AWAY_MAX);
  for (unsigned i = 0; i < model->dimensions; i++)
    {
      int32_t row = 0;

      /* each term is under 2^30 before its shift; 31 of them after it under 2^28 */
      for (unsigned j = i; j < model->dimensions; j++, shape += 2)
        row += bpg_load_even_i16 (shape) * away[j] >> 7;
      sum += square_q8 (row >> 4);
    }
  return sum;
}

static void
weigh (const struct bpg_bpm      *model,
       const int32_t             *scores,
       struct bpg_classification *classification)
{
  uint32_t sum = 0;

  for (unsigned i = 0; i < model->movements; i++)
    {
      uint32_t more = (uint32_t) (scores[i] - scores[classification->nearest]);
      uint32_t behind;

      more = more < 1u << 15 ? more : 1u << 15;
      behind = (more * model->decision.confidence_scale) >> 8;
      classification->behind[i] = behind < BEHIND_MAX ? behind : BEHIND_MAX;
      sum += bpg_exp2_minus_q15 (classification->behind[i]);
    }
  classification->confidence = (uint16_t) ((1000u * 32768u + sum / 2) / sum);
}

void
bpg_classify (const struct bpg_bpm      *model,
              int32_t                   *features,
              struct bpg_classification *classification)
{
  int32_t place[BPG_DIMENSIONS_MAX];
  int32_t scores[BPG_MOVEMENTS_MAX];
  uint32_t squares[BPG_MOVEMENTS_MAX];

  for (unsigned i = 0; i < model->features; i++)
    features[i] = bpg_standardise (model, i, features[i]);
  project (model, features, place);

  classification->nearest = 0;
  for (unsigned i = 0; i < model->movements; i++)
    {
      squares[i] = model->shapes ? shaped_distance (model, i, place) : plain_distance (model, i, place);
      scores[i] = (int32_t) squares[i] + bpg_load_i32 (model->offsets + 4 * i);
      if (scores[i] < scores[classification->nearest])
        classification->nearest = (uint8_t) i;
    }
  classification->square = squares[classification->nearest];
  classification->distance = (int32_t) bpg_sqrt_u32 (classification->square < 1u << 24
                                                         ? classification->square << 8
                                                         : UINT32_MAX);
  weigh (model, scores, classification);
}
