/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "feature-set.h"

#include "fixed.h"

/* Where samples are of a level, and the sum of those above: of up to 32 positions of one electrode. */
struct sides
{
  uint32_t above; /* a bit a position */
  uint32_t below;
  int32_t sum;
};

static int64_t
covariance (const struct bpg_window *window,
            unsigned                 i,
            unsigned                 j,
            int64_t                  product)
{
  return product * window->length - (int64_t) window->sums[i] * window->sums[j];
}

/* trace of the covariance matrix x length^2, the floor on each variance included */
static uint64_t
total_variance (const struct bpg_window *window,
                uint64_t                 floor)
{
  uint64_t total = 0;
  const int64_t *product = window->products;

  for (unsigned i = 0; i < window->channels; i++)
    {
      total += (uint64_t) covariance (window, i, i, *product) + floor;
      product += window->channels - i;
    }
  return total | 1;
}

/* How covariances become entries of the matrix: times 2^@shift, times @factor / 2^32. */
struct scale
{
  int shift;
  int32_t factor;
};

/*
 * Shifted, the total is between 2^30 and 2^31: its upper bits are 2^15 to 2^16, what they divide has 17 bits at
 * most, and the factor, 2^61 / total, is below 2^31.
 */
static struct scale
scale_of (uint64_t total)
{
  struct scale scale = { .shift = 30 - (int) bpg_leading_bit (total) };
  uint32_t scaled = (uint32_t) (scale.shift < 0 ? total >> -scale.shift : total << scale.shift);

  scale.factor = (int32_t) (UINT32_MAX / (scaled >> 15) << 14);
  return scale;
}

/*
 * Shifted like the total, every covariance fits 32 bits: a variance is at most the total, and, sums being exact,
 * one of two electrodes at most half the sum of their variances.  The total is below 2^55 (16 electrodes, each
 * at most 2^50 of 1024 samples of 16 bits, and 2^50 of the floor that a model may have).
 */
BPG_INLINE int32_t
scaled (int64_t             value,
        const struct scale *scale,
        bool                down)
{
  uint32_t upper = (uint32_t) ((uint64_t) value >> 32), lower = (uint32_t) value;
  uint32_t shift = (uint32_t) scale->shift;

  /* down by less than 32 */
  if (down)
    lower = upper << (shift & 31u) | lower >> (-shift & 31u);
  else
    lower <<= shift;
  return bpg_mul_high ((int32_t) lower, scale->factor);
}

/* matrix = 2 covariance / total - I in Q28 */
BPG_INLINE void
normalise_with (const struct bpg_window *window,
                uint64_t                 floor,
                const struct scale      *scale,
                bool                     down,
                bpg_matrix               matrix)
{
  const unsigned channels = window->channels;
  const int64_t *product = window->products;

  for (unsigned i = 0; i < channels; i++)
    {
      int64_t variance = covariance (window, i, i, *product++) + (int64_t) floor;

      matrix[i][i] = scaled (variance, scale, down) - (1 << BPG_SPECTRAL_Q);
      for (unsigned j = i + 1; j < channels; j++)
        {
          matrix[i][j] = scaled (covariance (window, i, j, *product++), scale, down);
          matrix[j][i] = matrix[i][j];
        }
    }
}

static void
normalise (const struct bpg_window *window,
           uint64_t                 floor,
           uint64_t                 total,
           bpg_matrix               matrix)
{
  const struct scale scale = scale_of (total);

  if (scale.shift < 0)
    normalise_with (window, floor, &scale, true, matrix);
  else
    normalise_with (window, floor, &scale, false, matrix);
}

static int32_t *
logarithm_features (const struct bpg_window             *window,
                    const struct bpg_feature_parameters *parameters,
                    struct bpg_feature_scratch          *scratch,
                    int32_t                             *features)
{
  uint64_t floor = (parameters->variance_floor * ((uint32_t) window->length * window->length)) >> 8;
  uint64_t total = total_variance (window, floor);
  int32_t scale = bpg_log2_q10 (total);

  normalise (window, floor, total, scratch->matrix);
  bpg_spectral_function (window->channels, scratch->matrix, parameters->polynomial, &scratch->spectral,
                         scratch->matrix);
  for (unsigned i = 0; i < window->channels; i++)
    {
      *features++ = (scratch->matrix[i][i] >> (BPG_SPECTRAL_RESULT_Q - BPG_LOG2_Q)) + scale;
      for (unsigned j = i + 1; j < window->channels; j++)
        *features++ = scratch->matrix[i][j] >> (BPG_SPECTRAL_RESULT_Q - BPG_LOG2_Q);
    }
  return features;
}

BPG_INLINE void
take_side (struct sides *sides,
           int32_t       sample,
           int32_t       level,
           bool          both)
{
  uint32_t above = sample > level;

  sides->above = sides->above << 1 | above;
  sides->sum += (int32_t) above * sample;
  if (both)
    sides->below = sides->below << 1 | (sample < level);
}

/* From the last position, @end being one behind it, to the first, which so gets the lowest bit. */
BPG_INLINE struct sides
take_sides (const int16_t *end,
            unsigned       count,
            unsigned       channels,
            int32_t        level,
            bool           both)
{
  struct sides sides = { 0 };

  for (; count >= 4; count -= 4)
    {
      take_side (&sides, end[-1 * (int) channels], level, both);
      take_side (&sides, end[-2 * (int) channels], level, both);
      take_side (&sides, end[-3 * (int) channels], level, both);
      take_side (&sides, end[-4 * (int) channels], level, both);
      end -= 4 * channels;
    }
  for (; count > 0; count--)
    {
      end -= channels;
      take_side (&sides, *end, level, both);
    }
  if (!both)
    sides.below = ~sides.above;
  return sides;
}

/*
 * A sample x is above the mean m (in Q4) when x > floor (m / 16), and below it otherwise, unless m is
 * whole and x equal to it.  The sum of |16 x - m| follows from number and sum of those above.
 */
BPG_INLINE void
measure_electrode (const struct bpg_window *window,
                   unsigned                 channel,
                   unsigned                 channels,
                   uint32_t                *deviation,
                   uint32_t                *crossings)
{
  const int16_t *start = bpg_window_row (window, 0) + channel;
  const uint32_t *large = window->large + channel * window->words;
  const int32_t mean = window->sums[channel] * 16 / window->length, level = mean >> 4;
  const bool whole = (mean & 15) == 0;
  uint32_t above = 0, changes = 0, sum = 0;
  int32_t last = start[(window->length - 1u) * channels];
  uint32_t above_before = last > level, below_before = last * 16 < mean;

  for (unsigned at = 0; at < window->length; at += 32)
    {
      unsigned count = window->length - at < 32 ? window->length - at : 32;
      const int16_t *end = start + (at + count) * channels;
      struct sides sides = whole ? take_sides (end, count, channels, level, true)
                                 : take_sides (end, count, channels, level, false);

      above += bpg_count_bits (sides.above);
      sum += (uint32_t) sides.sum;
      above_before |= sides.above << 1;
      below_before |= sides.below << 1;
      changes += bpg_count_bits (((sides.above & below_before) | (sides.below & above_before)) & *large++);
      above_before = sides.above >> 31;
      below_before = sides.below >> 31;
    }
  *deviation = 32 * sum - 16 * (uint32_t) window->sums[channel] + (uint32_t) mean * (window->length - 2 * above);
  *crossings = changes;
}

BPG_INLINE void
measure_electrodes (const struct bpg_window *window,
                    unsigned                 channels,
                    uint32_t                *deviations,
                    uint32_t                *crossings)
{
  for (unsigned i = 0; i < channels; i++)
    measure_electrode (window, i, channels, &deviations[i], &crossings[i]);
}

static void
measure (const struct bpg_window *window,
         uint32_t                *deviations,
         uint32_t                *crossings)
{
  if (window->channels == BPG_USUAL_CHANNELS)
    measure_electrodes (window, BPG_USUAL_CHANNELS, deviations, crossings);
  else
    measure_electrodes (window, window->channels, deviations, crossings);
}

static uint32_t
mean_strength (const struct bpg_window *window,
               const uint32_t          *deviations)
{
  uint32_t sum = 0, electrodes = 0;

  for (unsigned i = 0; i < window->channels; i++)
    {
      if ((window->excluded >> i & 1u) == 0)
        {
          sum += deviations[i] / window->length;
          electrodes++;
        }
    }
  return electrodes != 0 ? sum / electrodes : 0;
}

void
bpg_features (struct bpg_window                   *window,
              const struct bpg_feature_parameters *parameters,
              struct bpg_feature_scratch          *scratch,
              int32_t                             *features,
              uint32_t                            *strength)
{
  uint32_t deviations[BPG_CHANNELS_MAX], crossings[BPG_CHANNELS_MAX];
  uint32_t length = window->length;
  uint32_t floor = (uint32_t) (((uint64_t) parameters->amplitude_floor * length) >> 4);
  uint32_t step_floor = floor >> 4;

  bpg_window_settle (window);
  features = logarithm_features (window, parameters, scratch, features);
  measure (window, deviations, crossings);
  for (unsigned i = 0; i < window->channels; i++)
    *features++ = bpg_log2_q10 ((uint64_t) deviations[i] + floor);
  for (unsigned i = 0; i < window->channels; i++)
    *features++ = bpg_log2_q10 (((uint64_t) window->paths[i] + step_floor) * 16);
  for (unsigned i = 0; i < window->channels; i++)
    *features++ = (int32_t) ((crossings[i] << BPG_LOG2_Q) / length);
  for (unsigned i = 0; i < window->channels; i++)
    *features++ = (int32_t) (((uint32_t) window->turns[i] << BPG_LOG2_Q) / length);
  *strength = mean_strength (window, deviations);
}

void
bpg_features_of (unsigned channels,
                 unsigned electrode,
                 uint16_t indices[BPG_CHANNELS_MAX + BPG_FEATURE_KINDS])
{
  for (unsigned i = 0; i < channels; i++)
    *indices++ = (uint16_t) (i < electrode ? bpg_pair_index (channels, i, electrode)
                                           : bpg_pair_index (channels, electrode, i));
  for (unsigned kind = 0; kind < BPG_FEATURE_KINDS; kind++)
    *indices++ = (uint16_t) (channels * (channels + 1u) / 2u + kind * channels + electrode);
}
