/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpm.h"

#include <string.h>

#define MOVEMENT_LENGTH 32u
#define FEATURE_LENGTH 6u
#define EVIDENCE_MAX (1u << 14)
#define QUIET_MAX 256u
#define FULL_SUM 131071u /* of a direction's absolute weights: keeps 16384 x sum inside 31 bits */

static bool
text_is_terminated (const uint8_t *text,
                    size_t         length)
{
  return text[length - 1] == 0;
}

static void
decode_features (const uint8_t                 *bytes,
                 struct bpg_feature_parameters *feature)
{
  feature->variance_floor = bpg_load_u64 (bytes + 68);
  feature->amplitude_floor = bpg_load_u32 (bytes + 76);
  feature->least_step = bpg_load_u32 (bytes + 80);
  for (size_t i = 0; i < BPG_BPM_POLYNOMIAL; i++)
    feature->polynomial[i] = bpg_load_i32 (bytes + 84 + 4 * i);
}

static void
decode_decision (const uint8_t                  *bytes,
                 struct bpg_decision_parameters *decision)
{
  decision->reject_score = bpg_load_u32 (bytes + 132);
  decision->confidence_scale = bpg_load_u16 (bytes + 136);
  decision->reject_confidence = bpg_load_u16 (bytes + 138);
  decision->reject_new = bpg_load_u16 (bytes + 140);
  decision->margin_rest = bpg_load_u16 (bytes + 142);
  decision->margin_movement = bpg_load_u16 (bytes + 144);
  decision->speed_rise = bpg_load_u16 (bytes + 146);
  decision->speed_fall = bpg_load_u16 (bytes + 148);
  decision->strength_new = bpg_load_u16 (bytes + 150);
  decision->rest_strength = bpg_load_u32 (bytes + 152);
}

static void
decode_filter (const uint8_t                *bytes,
               struct bpg_filter_parameters *filter)
{
  filter->change = bpg_load_u32 (bytes + 384);
  filter->begin = bpg_load_u32 (bytes + 388);
  filter->rest = bpg_load_u32 (bytes + 392);
  filter->scale = bpg_load_u16 (bytes + 396);
  filter->quiet = bpg_load_u16 (bytes + 412);
  filter->quiet_strength = bpg_load_u32 (bytes + 416);
}

static void
decode_follow (const uint8_t                *bytes,
               struct bpg_follow_parameters *follow)
{
  follow->rate = bpg_load_u16 (bytes + 398);
  follow->common = bpg_load_u16 (bytes + 400);
  follow->rest = bpg_load_u16 (bytes + 402);
  follow->bound = bpg_load_u16 (bytes + 404);
  follow->confidence = bpg_load_u16 (bytes + 406);
  follow->forget = bpg_load_u16 (bytes + 408);
  follow->usual_new = bpg_load_u16 (bytes + 410);
  follow->unknown_new = bpg_load_u16 (bytes + 414);
}

static void
decode_interference (const uint8_t                      *bytes,
                     struct bpg_interference_parameters *interference)
{
  interference->lag = bytes[420];
  for (unsigned i = 0; i < BPG_INTERFERENCES; i++)
    {
      interference->turn[i] = bpg_load_i16 (bytes + 422 + 2 * i);
      interference->limit[i] = bpg_load_u16 (bytes + 428 + 2 * i);
    }
  interference->share_new = bpg_load_u16 (bytes + 434);
}

static void
decode_header (const uint8_t  *bytes,
               struct bpg_bpm *model)
{
  model->digest = bytes + 12;
  model->rate = bpg_load_u32 (bytes + 44);
  model->scale_nano = bpg_load_u64 (bytes + 48);
  model->unit = bytes[56];
  model->channels = bytes[57];
  model->movements = bytes[58];
  model->dimensions = bytes[59];
  model->window = bpg_load_u16 (bytes + 60);
  model->hop = bpg_load_u16 (bytes + 62);
  model->excluded = bpg_load_u16 (bytes + 64);
  model->shapes = (bpg_load_u16 (bytes + 66) & BPG_BPM_FLAG_SHAPES) != 0;
  decode_features (bytes, &model->feature);
  decode_decision (bytes, &model->decision);
  decode_filter (bytes, &model->filter);
  decode_follow (bytes, &model->follow);
  decode_interference (bytes, &model->interference);
  model->drift_threshold = bpg_load_u32 (bytes + 156);
  model->drift_typical = bpg_load_u32 (bytes + 160);
  model->drift_doubt = bpg_load_u32 (bytes + 164);
  model->created_us = bpg_load_u64 (bytes + 168);
  model->trainer_version = bpg_load_u32 (bytes + 176);
  model->parent = bytes + 180;
  model->subject = (const char *) bytes + 212;
  model->repetitions = bpg_load_u16 (bytes + 244);
  model->windows = bpg_load_u32 (bytes + 248);
  model->notes = (const char *) bytes + 252;
  model->training_length = bpg_load_u32 (bytes + 380);
}

static int
check_signal (const struct bpg_bpm *model)
{
  if (model->rate < BPG_RATE_MIN || model->rate > BPG_RATE_MAX)
    return BPG_BPM_ERANGE;
  if (model->scale_nano == 0 || model->unit < BPG_UNIT_MICROVOLT || model->unit > BPG_UNIT_VOLT_AFTER_GAIN)
    return BPG_BPM_ERANGE;
  if (model->channels < BPG_CHANNELS_MIN || model->channels > BPG_CHANNELS_MAX)
    return BPG_BPM_ERANGE;
  if (model->movements < BPG_MOVEMENTS_MIN || model->movements > BPG_MOVEMENTS_MAX)
    return BPG_BPM_ERANGE;
  if (model->dimensions < 1 || model->dimensions > BPG_DIMENSIONS_MAX)
    return BPG_BPM_ERANGE;
  if (model->window < BPG_WINDOW_MIN || model->window > BPG_WINDOW_MAX)
    return BPG_BPM_ERANGE;
  if (model->hop < 1 || model->hop > BPG_WINDOW_MAX)
    return BPG_BPM_ERANGE;
  if ((model->excluded >> model->channels) != 0)
    return BPG_BPM_ERANGE;
  if ((uint32_t) model->window * model->channels > BPG_RING_SAMPLES)
    return BPG_BPM_ETOOBIG;
  return 0;
}

static int
check_parameters (const struct bpg_bpm *model)
{
  const struct bpg_decision_parameters *decision = &model->decision;

  if ((bpg_load_u16 (model->bytes + 66) & ~(BPG_BPM_FLAG_SHAPES | BPG_BPM_FLAG_MAPS)) != 0)
    return BPG_BPM_ERANGE;
  if (model->feature.variance_floor > (uint64_t) 1 << 38 || model->feature.amplitude_floor > 1u << 23 ||
      model->feature.least_step > 1u << 16)
    return BPG_BPM_ERANGE;
  for (size_t i = 0; i < BPG_BPM_POLYNOMIAL; i++)
    {
      if (model->feature.polynomial[i] > 8 << 24 || model->feature.polynomial[i] < -(8 << 24))
        return BPG_BPM_ERANGE;
    }
  if (decision->confidence_scale == 0 || decision->confidence_scale > 1u << 12 ||
      decision->reject_score > 1u << 24 || decision->reject_confidence > 1000 || decision->reject_new > 32767 ||
      decision->margin_rest == 0 || decision->margin_movement == 0 || decision->speed_rise > 1000 ||
      decision->speed_fall > 1000 || decision->strength_new > 32767)
    return BPG_BPM_ERANGE;
  if (!text_is_terminated (model->bytes + 212, BPG_BPM_SUBJECT_LENGTH) ||
      !text_is_terminated (model->bytes + 252, BPG_BPM_NOTES_LENGTH))
    return BPG_BPM_ERANGE;
  return 0;
}

/* No movement may give away more than all it has: the filter's probabilities stay within 0 and 1. */
static int
check_filter (const struct bpg_bpm *model)
{
  const struct bpg_filter_parameters *filter = &model->filter;
  uint64_t movements = model->movements, change = filter->change * movements;

  if (filter->scale == 0 || filter->scale > EVIDENCE_MAX || filter->quiet > QUIET_MAX || filter->change == 0)
    return BPG_BPM_ERANGE;
  if (change + filter->begin * (movements - 1) > BPG_BPM_CERTAIN || change + filter->rest > BPG_BPM_CERTAIN)
    return BPG_BPM_ERANGE;
  return 0;
}

static int
check_follow (const struct bpg_bpm *model)
{
  const struct bpg_follow_parameters *follow = &model->follow;

  if (follow->rate > 1u << 13 || follow->common > 32768 || follow->rest > 32768 || follow->bound > 16383 ||
      follow->confidence > 1000 || follow->usual_new > 32767 || follow->unknown_new > 32767)
    return BPG_BPM_ERANGE;
  if (follow->rate != 0 && follow->unknown_new == 0)
    return BPG_BPM_ERANGE;
  if (model->bytes[421] != 0 || bpg_load_u32 (model->bytes + 436) != 0 || model->interference.share_new > 32767)
    return BPG_BPM_ERANGE;
  return 0;
}

static int
place_sections (struct bpg_bpm *model)
{
  size_t movements = model->movements, dimensions = model->dimensions, features = model->features;
  const uint8_t *at = model->bytes + BPG_BPM_HEADER_LENGTH;

  model->movement_table = at;
  at += movements * MOVEMENT_LENGTH;
  model->feature_table = at;
  at += features * FEATURE_LENGTH;
  model->direction_shifts = at;
  at += dimensions * 2;
  model->directions = at;
  at += dimensions * features * 2;
  model->centres = at;
  at += movements * dimensions * 2;
  model->offsets = at;
  at += movements * 4;
  model->shape_table = NULL;
  if (model->shapes)
    {
      model->shape_table = at;
      at += movements * dimensions * (dimensions + 1);
    }
  model->map_table = NULL;
  if ((bpg_load_u16 (model->bytes + 66) & BPG_BPM_FLAG_MAPS) != 0)
    {
      model->map_table = at;
      at += model->channels * BPG_BPM_MAP_LENGTH (dimensions);
    }
  model->training = at;

  /* the largest possible sum is under BPG_BPM_LENGTH_MAX, so none of it can wrap */
  if ((size_t) (at - model->bytes) + model->training_length != model->length)
    return BPG_BPM_ELAYOUT;
  return 0;
}

static int
check_movements (struct bpg_bpm *model)
{
  bool rest = false;

  for (unsigned i = 0; i < model->movements; i++)
    {
      const uint8_t *entry = model->movement_table + i * MOVEMENT_LENGTH;

      if (entry[1] != 0 || !text_is_terminated (entry + 8, BPG_BPM_NAME_LENGTH) || entry[8] == 0)
        return BPG_BPM_ERANGE;
      if (bpg_load_u32 (entry + 4) > 1u << 20)
        return BPG_BPM_ERANGE;
      for (unsigned other = 0; other < i; other++)
        {
          if (bpg_bpm_gesture (model, other) == entry[0])
            return BPG_BPM_ERANGE;
        }
      if (entry[0] == 0)
        {
          model->rest = (uint8_t) i;
          rest = true;
        }
    }
  if (!rest)
    model->rest = UINT8_MAX;
  return 0;
}

static int
check_directions (const struct bpg_bpm *model)
{
  for (unsigned i = 0; i < model->dimensions; i++)
    {
      const uint8_t *direction = model->directions + (size_t) i * model->features * 2;
      uint32_t sum = 0;

      if (bpg_load_u16 (model->direction_shifts + 2 * i) > 31)
        return BPG_BPM_ERANGE;
      for (unsigned j = 0; j < model->features; j++)
        {
          int32_t weight = bpg_load_i16 (direction + 2 * j);

          sum += (uint32_t) (weight < 0 ? -weight : weight);
        }
      if (sum > FULL_SUM)
        return BPG_BPM_ERANGE;
    }
  for (unsigned i = 0; i < model->movements; i++)
    {
      int32_t offset = bpg_load_i32 (model->offsets + 4 * i);

      if (offset < -(1 << 20) || offset > 1 << 20)
        return BPG_BPM_ERANGE;
    }
  for (unsigned i = 0; i < model->features; i++)
    {
      int32_t centre = bpg_load_i32 (model->feature_table + i * FEATURE_LENGTH);

      if (centre < -(1 << 20) || centre > 1 << 20)
        return BPG_BPM_ERANGE;
    }
  return 0;
}

static int
check_maps (const struct bpg_bpm *model)
{
  for (unsigned i = 0; model->map_table != NULL && i < model->channels; i++)
    {
      if (bpg_load_u16 (model->map_table + i * BPG_BPM_MAP_LENGTH (model->dimensions)) > 14)
        return BPG_BPM_ERANGE;
    }
  return 0;
}

int
bpg_bpm_parse (const uint8_t  *bytes,
               size_t          length,
               struct bpg_bpm *model)
{
  uint8_t digest[BPG_BPM_DIGEST_LENGTH];
  int error;

  if (((uintptr_t) bytes & 1u) != 0)
    return BPG_BPM_EALIGNMENT;
  if (length < BPG_BPM_HEADER_LENGTH)
    return length >= 4 && memcmp (bytes, "BPM1", 4) != 0 ? BPG_BPM_EMAGIC : BPG_BPM_ETRUNCATED;
  if (memcmp (bytes, "BPM1", 4) != 0)
    return BPG_BPM_EMAGIC;
  if (bpg_load_u16 (bytes + 4) != BPG_BPM_SCHEMA || bpg_load_u16 (bytes + 6) != BPG_BPM_HEADER_LENGTH)
    return BPG_BPM_ESCHEMA;
  if (bpg_load_u32 (bytes + 8) > length)
    return BPG_BPM_ETRUNCATED;
  if (bpg_load_u32 (bytes + 8) != length || length > BPG_BPM_LENGTH_MAX)
    return BPG_BPM_ELAYOUT;

  bpg_bpm_digest (bytes + BPG_BPM_HASHED_FROM, length - BPG_BPM_HASHED_FROM, digest);
  if (memcmp (digest, bytes + 12, sizeof digest) != 0)
    return BPG_BPM_EHASH;

  memset (model, 0, sizeof *model);
  model->bytes = bytes;
  model->length = length;
  decode_header (bytes, model);
  model->features = (uint16_t) BPG_FEATURE_COUNT (model->channels);

  if ((error = check_signal (model)) != 0 || (error = check_parameters (model)) != 0 ||
      (error = check_filter (model)) != 0 || (error = check_follow (model)) != 0)
    return error;
  if (model->training_length > length)
    return BPG_BPM_ELAYOUT;
  if ((error = place_sections (model)) != 0 || (error = check_movements (model)) != 0 ||
      (error = check_maps (model)) != 0)
    return error;
  return check_directions (model);
}

const char *
bpg_bpm_strerror (int error)
{
  switch (error)
    {
    case 0:
      return "The model is sound.";
    case BPG_BPM_ETRUNCATED:
      return "The model is cut short: fetch or train it again.";
    case BPG_BPM_EMAGIC:
      return "This is not a model (.bpm): name the file that training wrote.";
    case BPG_BPM_ESCHEMA:
      return "The model's schema is not known here: update the older of the two, or train again.";
    case BPG_BPM_EHASH:
      return "The model's contents do not match their hash: fetch or train it again.";
    case BPG_BPM_ERANGE:
      return "A number in the model is outside its bounds: train it again.";
    case BPG_BPM_ELAYOUT:
      return "The model's parts do not add up to its length: train it again.";
    case BPG_BPM_ETOOBIG:
      return "The model's window does not fit the arm's memory: train with a shorter window.";
    case BPG_BPM_EALIGNMENT:
      return "The model begins at an odd address: load it at an even one.";
    default:
      return "The model is refused for an unknown reason.";
    }
}

uint8_t
bpg_bpm_gesture (const struct bpg_bpm *model,
                 unsigned              index)
{
  return model->movement_table[index * MOVEMENT_LENGTH];
}

const char *
bpg_bpm_name (const struct bpg_bpm *model,
              unsigned              index)
{
  return (const char *) model->movement_table + index * MOVEMENT_LENGTH + 8;
}

uint32_t
bpg_bpm_full_strength (const struct bpg_bpm *model,
                       unsigned              index)
{
  return bpg_load_u32 (model->movement_table + index * MOVEMENT_LENGTH + 4);
}

uint16_t
bpg_bpm_repetitions (const struct bpg_bpm *model,
                     unsigned              index)
{
  return bpg_load_u16 (model->movement_table + index * MOVEMENT_LENGTH + 2);
}
