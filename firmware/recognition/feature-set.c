/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "feature-set.h"

#include "fixed.h"

struct amplitude
{
  int32_t mean[BPG_CHANNELS_MAX];       /* counts, Q4 */
  uint32_t deviation[BPG_CHANNELS_MAX]; /* sum of absolute deviations, Q4 */
  uint32_t crossings[BPG_CHANNELS_MAX];
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

/* matrix = 2 covariance / total - I in Q28 */
static void
normalise (const struct bpg_window *window,
           uint64_t                 floor,
           uint64_t                 total,
           bpg_matrix               matrix)
{
  const int64_t *product = window->products;
  uint32_t reciprocal;
  int down = 0, up = 0;

  while ((total >> down) >= (uint64_t) 1 << 31)
    down++;
  while ((total << up) < (uint64_t) 1 << 30)
    up++;
  /* 2^47 / total, 17 bits: total counts from 2^30 to 2^31 here */
  reciprocal = UINT32_MAX / (uint32_t) ((down > 0 ? total >> down : total << up) >> 15);

  for (unsigned i = 0; i < window->channels; i++)
    {
      for (unsigned j = i; j < window->channels; j++)
        {
          int64_t value = covariance (window, i, j, *product++) + (i == j ? (int64_t) floor : 0);

          value = down > 0 ? value >> down : value * ((int64_t) 1 << up);
          value = (value * reciprocal) >> 18;
          matrix[i][j] = (int32_t) value - (i == j ? 1 << BPG_SPECTRAL_Q : 0);
          matrix[j][i] = matrix[i][j];
        }
    }
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
      for (unsigned j = i; j < window->channels; j++)
        *features++ = (scratch->matrix[i][j] >> (BPG_SPECTRAL_RESULT_Q - BPG_LOG2_Q)) + (i == j ? scale : 0);
    }
  return features;
}

BPG_INLINE void
measure_sample (struct amplitude *amplitude,
                const int16_t    *sample,
                const int16_t    *last,
                unsigned          channels,
                int32_t           least_step)
{
  for (unsigned i = 0; i < channels; i++)
    {
      int32_t now = sample[i] * 16 - amplitude->mean[i];
      int32_t before = last[i] * 16 - amplitude->mean[i];
      int32_t step = sample[i] - last[i];

      amplitude->deviation[i] += (uint32_t) (now < 0 ? -now : now);
      amplitude->crossings[i] += (uint32_t) (((now < 0) & (before > 0)) | ((now > 0) & (before < 0))) &
                                 (uint32_t) ((step < 0 ? -step : step) >= least_step);
    }
}

static void
measure_amplitude (const struct bpg_window *window,
                   struct amplitude        *amplitude)
{
  const int16_t *last = bpg_window_at (window, 0);

  for (unsigned i = 0; i < window->channels; i++)
    {
      amplitude->mean[i] = window->sums[i] * 16 / window->length;
      amplitude->deviation[i] = 0;
      amplitude->crossings[i] = 0;
    }
  for (unsigned age = 0; age < window->length; age++)
    {
      const int16_t *sample = bpg_window_at (window, age);

      if (window->channels == BPG_USUAL_CHANNELS)
        measure_sample (amplitude, sample, last, BPG_USUAL_CHANNELS, (int32_t) window->least_step);
      else
        measure_sample (amplitude, sample, last, window->channels, (int32_t) window->least_step);
      last = sample;
    }
}

static uint32_t
mean_strength (const struct bpg_window *window,
               const struct amplitude  *amplitude)
{
  uint32_t sum = 0, electrodes = 0;

  for (unsigned i = 0; i < window->channels; i++)
    {
      if ((window->excluded >> i & 1u) == 0)
        {
          sum += amplitude->deviation[i] / window->length;
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
  struct amplitude amplitude;
  uint32_t length = window->length;
  uint32_t floor = (uint32_t) (((uint64_t) parameters->amplitude_floor * length) >> 4);
  uint32_t step_floor = floor >> 4;

  bpg_window_settle (window);
  features = logarithm_features (window, parameters, scratch, features);
  measure_amplitude (window, &amplitude);
  for (unsigned i = 0; i < window->channels; i++)
    *features++ = bpg_log2_q10 ((uint64_t) amplitude.deviation[i] + floor);
  for (unsigned i = 0; i < window->channels; i++)
    *features++ = bpg_log2_q10 (((uint64_t) window->paths[i] + step_floor) * 16);
  for (unsigned i = 0; i < window->channels; i++)
    *features++ = (int32_t) ((amplitude.crossings[i] << BPG_LOG2_Q) / length);
  for (unsigned i = 0; i < window->channels; i++)
    *features++ = (int32_t) (((uint32_t) window->turns[i] << BPG_LOG2_Q) / length);
  *strength = mean_strength (window, &amplitude);
}
