/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "classifier.h"

#include "feature-set.h"
#include "fixed.h"

#define FEATURE_LENGTH 6u
#define STANDARD_MAX 16384 /* 8 in Q11 */
#define BEHIND_MAX (1u << 17) /* 512 squared standard deviations in Q8 */
#define PLACE_MAX 16383 /* 64 standard deviations in Q8 */
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

      place[i] = bpg_clamp_i32 (sum >> bpg_load_u16 (model->direction_shifts + 2 * i), -PLACE_MAX, PLACE_MAX);
    }
}

/* Everything that is computed with an electrode counts as average. */
static void
forget_electrode (const struct bpg_bpm *model,
                  unsigned              lost,
                  int32_t              *features)
{
  uint16_t indices[BPG_CHANNELS_MAX + BPG_FEATURE_KINDS];

  bpg_features_of (model->channels, lost, indices);
  for (unsigned i = 0; i < model->channels + BPG_FEATURE_KINDS; i++)
    features[indices[i]] = 0;
}

/* place + (map - I) place + what is added.  A map's entries are under 2^7, places under 2^14: sums of 31 fit. */
static void
complete_place (const struct bpg_bpm *model,
                unsigned              lost,
                int32_t              *place)
{
  unsigned dimensions = model->dimensions;
  const uint8_t *map = model->map_table + lost * BPG_BPM_MAP_LENGTH (dimensions);
  const int8_t *entry = (const int8_t *) map + 2 + 2 * dimensions;
  unsigned shift = bpg_load_u16 (map);
  int32_t more[BPG_DIMENSIONS_MAX];

  for (unsigned i = 0; i < dimensions; i++)
    {
      int32_t sum = 0;

      for (unsigned j = 0; j < dimensions; j++)
        sum += *entry++ * place[j];
      more[i] = (sum >> shift) + bpg_load_even_i16 (map + 2 + 2 * i);
    }
  for (unsigned i = 0; i < dimensions; i++)
    place[i] = bpg_clamp_i32 (place[i] + more[i], -PLACE_MAX, PLACE_MAX);
}

static uint32_t
square_q8 (int32_t value)
{
  value = bpg_clamp_i32 (value, -32767, 32767);
  return (uint32_t) (value * value) >> 8;
}

int32_t
bpg_centre (const struct bpg_bpm   *model,
            const struct bpg_shift *shift,
            unsigned                movement,
            unsigned                direction)
{
  size_t at = (size_t) movement * model->dimensions + direction;
  int32_t centre = bpg_load_even_i16 (model->centres + 2 * at);

  return shift == NULL ? centre : centre + ((shift->common[direction] + shift->own[at]) >> 8);
}

static uint32_t
plain_distance (unsigned       dimensions,
                const int32_t *away)
{
  uint32_t sum = 0;

  for (unsigned i = 0; i < dimensions; i++)
    sum += square_q8 (away[i]);
  return sum;
}

static uint32_t
shaped_distance (unsigned       dimensions,
                 const uint8_t *shape,
                 const int32_t *away)
{
  uint32_t sum = 0;

  for (unsigned i = 0; i < dimensions; i++)
    {
      int32_t row = 0;

      /* each term is under 2^30 before its shift; 31 of them after it under 2^28 */
      for (unsigned j = i; j < dimensions; j++, shape += 2)
        row += bpg_load_even_i16 (shape) * away[j] >> 7;
      sum += square_q8 (row >> 4);
    }
  return sum;
}

static uint32_t
distance_to (const struct bpg_bpm   *model,
             const struct bpg_shift *shift,
             unsigned                movement,
             const int32_t          *place)
{
  unsigned dimensions = model->dimensions;
  int32_t away[BPG_DIMENSIONS_MAX];

  for (unsigned i = 0; i < dimensions; i++)
    away[i] = bpg_clamp_i32 (place[i] - bpg_centre (model, shift, movement, i), -AWAY_MAX, AWAY_MAX);
  if (!model->shapes)
    return plain_distance (dimensions, away);
  return shaped_distance (dimensions, model->shape_table + (size_t) movement * dimensions * (dimensions + 1u), away);
}

static void
weigh (const struct bpg_bpm      *model,
       const int32_t             *scores,
       int32_t                    least,
       struct bpg_classification *classification)
{
  uint32_t sum = 0;

  for (unsigned i = 0; i < model->movements; i++)
    {
      uint32_t behind = (uint32_t) (scores[i] - least);

      classification->behind[i] = behind < BEHIND_MAX ? behind : BEHIND_MAX;
      sum += bpg_exp2_minus_q15 ((classification->behind[i] * model->decision.confidence_scale) >> 8);
    }
  classification->confidence = (uint16_t) ((1000u * 32768u + sum / 2) / sum);
}

int32_t
bpg_distance (uint32_t square)
{
  return (int32_t) bpg_sqrt_u32 (square < 1u << 24 ? square << 8 : UINT32_MAX);
}

void
bpg_classify (const struct bpg_bpm      *model,
              int32_t                   *features,
              const struct bpg_shift    *shift,
              unsigned                   lost,
              struct bpg_classification *classification)
{
  int32_t scores[BPG_MOVEMENTS_MAX], least = INT32_MAX;

  for (unsigned i = 0; i < model->features; i++)
    features[i] = bpg_standardise (model, i, features[i]);
  if (lost < model->channels && model->map_table != NULL)
    forget_electrode (model, lost, features);
  project (model, features, classification->place);
  if (lost < model->channels && model->map_table != NULL)
    complete_place (model, lost, classification->place);

  classification->nearest = 0;
  for (unsigned i = 0; i < model->movements; i++)
    {
      classification->squares[i] = distance_to (model, shift, i, classification->place);
      scores[i] = (int32_t) classification->squares[i] + bpg_load_i32 (model->offsets + 4 * i);
      if (scores[i] < least)
        {
          least = scores[i];
          classification->nearest = (uint8_t) i;
        }
    }
  classification->score = least > 0 ? (uint32_t) least : 0;
  weigh (model, scores, least, classification);
}
