/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "bpg-feature-batch-private.h"
#include "bpg-kernel-level.h"
#include "recognition/fixed.h"
#include "recognition/spectral.h"

/* Steps and turns; the first sample has neither, the second no turn. */
KERNEL_PART void
measure_steps (const BpgFeatureBatch *self,
               const gint16 *restrict samples,
               guint16 *restrict      steps,
               gint16 *restrict       large,
               gint16 *restrict       turns,
               gsize                  numbers)
{
  gint32 least = (gint32) self->parameters->least_step;
  guint width = self->width;

  for (gsize e = width; e < numbers; e++)
    {
      gint32 step = samples[e] - samples[e - width];

      step = step < 0 ? -step : step;
      steps[e] = (guint16) step;
      large[e] = step >= least ? -1 : 0;
    }
  for (gsize e = 2 * width; e < numbers; e++)
    {
      gint16 now = samples[e], last = samples[e - width], before = samples[e - 2 * width];
      gint16 trough = (last < before) & (now > last), peak = (last > before) & (now < last);

      turns[e] = (gint16) ((trough | peak) & (large[e] | large[e - width]));
    }
}

/* What of it is in use. */
KERNEL_PART void
copy_running (struct running       *to,
              const struct running *from,
              guint                 width)
{
  for (guint i = 0; i < width * width; i++)
    to->products[i] = from->products[i];
  for (guint c = 0; c < width; c++)
    {
      to->sums[c] = from->sums[c];
      to->paths[c] = from->paths[c];
      to->turns[c] = from->turns[c];
    }
}

/* Of each sample in [from, to) with itself. */
KERNEL_PART void
add_products (const gint16 *samples,
              guint         width,
              gsize         from,
              gsize         to,
              double       *products)
{
  Doubles sums[BPG_CHANNELS_MAX * BPG_CHANNELS_MAX / IN_VECTOR];
  guint vectors = width / IN_VECTOR;

  for (guint i = 0; i < width * vectors; i++)
    sums[i] = ((const Doubles *) products)[i];
  for (gsize t = from; t < to; t++)
    {
      union
      {
        double number[BPG_CHANNELS_MAX];
        Doubles vector[BPG_CHANNELS_MAX / IN_VECTOR];
      } factors;

      for (guint c = 0; c < width; c++)
        factors.number[c] = samples[t * width + c];
      for (guint i = 0; i < width; i++)
        {
          for (guint v = 0; v < vectors; v++)
            sums[i * vectors + v] += factors.number[i] * factors.vector[v];
        }
    }
  for (guint i = 0; i < width * vectors; i++)
    ((Doubles *) products)[i] = sums[i];
}

/* Adds samples [from, to). */
KERNEL_PART void
advance (struct running        *running,
         const BpgFeatureBatch *self,
         guint                  width,
         gsize                  from,
         gsize                  to)
{
  add_products (self->samples, width, from, to, running->products);
  for (gsize t = from; t < to; t++)
    {
      for (guint c = 0; c < width; c++)
        {
          running->sums[c] += (guint32) self->samples[t * width + c];
          running->paths[c] += self->steps[t * width + c];
          running->turns[c] += (guint32) self->turns[t * width + c];
        }
    }
}

/* As integers are divided: a quotient of whole numbers below 2^53, cut off. */
KERNEL_PART gint32
divide (gint32 number,
        guint  divisor)
{
  return (gint32) ((double) number / divisor);
}

/* A window's sums: up to its end less up to its start, without the steps and turns that began before it. */
KERNEL_PART void
take_difference (const BpgFeatureBatch *self,
                 const struct running  *start,
                 const struct running  *end,
                 guint                  width,
                 gsize                  first,
                 struct window         *window)
{
  gsize at = first * width;

  for (guint i = 0; i < width * width; i++)
    window->products[i] = end->products[i] - start->products[i];
  for (guint c = 0; c < width; c++)
    {
      gint32 sum = (gint32) (end->sums[c] - start->sums[c]);

      window->sums[c] = sum;
      window->paths[c] = (gint32) (end->paths[c] - start->paths[c] - self->steps[at + c]);
      window->turns[c] = (gint32) (end->turns[c] - start->turns[c]) - self->turns[at + c] -
                         self->turns[at + width + c];
      window->means[c] = divide (sum * 16, self->window);
    }
}

/* Goes through the samples once, noting the sums where windows start, taking them where windows end. */
KERNEL_PART void
sum_windows (BpgFeatureBatch *self,
             guint            width,
             guint            count)
{
  struct running running = { 0 };
  gsize t = 0;

  for (guint started = 0, ended = 0; ended < count;)
    {
      gsize start = (gsize) started * self->hop, end = (gsize) ended * self->hop + self->window;
      gsize until = started < count && start < end ? start : end;

      advance (&running, self, width, t, until);
      t = until;
      if (started < count && t == start)
        copy_running (&self->starts[started++], &running, width);
      if (t == end)
        {
          take_difference (self, &self->starts[ended], &running, width, (gsize) ended * self->hop, &self->windows[ended]);
          ended++;
        }
    }
}

/* The window's mean as a block of numbers is compared with it, electrode after electrode, and what is counted. */
struct amplitude
{
  gint32 means[BLOCK];
  gint16 above[BLOCK]; /* greater than that is above the mean */
  gint16 below[BLOCK]; /* less than that is below it */
  gint32 deviations[BLOCK];
  gint16 crossings[BLOCK];
};

/* Whether a large step leads from one side of the mean to the other. */
KERNEL_PART gint16
crosses (const struct amplitude *amplitude,
         gint16                  now,
         gint16                  last,
         gint16                  large,
         guint                   k)
{
  gint16 rising = (now > amplitude->above[k]) & (last < amplitude->below[k]);
  gint16 falling = (now < amplitude->below[k]) & (last > amplitude->above[k]);

  return (rising | falling) & large;
}

/* @last: the numbers one sample earlier. */
KERNEL_PART void
measure_block (struct amplitude      *amplitude,
               const gint16 *restrict block,
               const gint16 *restrict last,
               const gint16 *restrict large,
               guint                  count)
{
  for (guint k = 0; k < count; k++)
    amplitude->crossings[k] = (gint16) (amplitude->crossings[k] + crosses (amplitude, block[k], last[k], large[k], k));
  for (guint k = 0; k < count; k++)
    {
      gint32 away = block[k] * 16 - amplitude->means[k];

      amplitude->deviations[k] += away < 0 ? -away : away;
    }
}

KERNEL_PART void
measure_amplitude (const BpgFeatureBatch *self,
                   struct window         *window,
                   guint                  width,
                   gsize                  first)
{
  const gint16 *samples = self->samples + first * width, *large = self->large + first * width;
  gsize numbers = (gsize) self->window * width, e = 0;
  struct amplitude amplitude;

  for (guint k = 0; k < BLOCK; k++)
    {
      gint32 mean = window->means[k % width];

      amplitude.means[k] = mean;
      amplitude.above[k] = (gint16) (mean >> 4);
      amplitude.below[k] = (gint16) ((mean + 15) >> 4);
      amplitude.deviations[k] = 0;
      amplitude.crossings[k] = 0;
    }
  for (; e + BLOCK <= numbers; e += BLOCK)
    measure_block (&amplitude, samples + e, samples + e - width, large + e, BLOCK);
  for (; e < numbers; e += width)
    measure_block (&amplitude, samples + e, samples + e - width, large + e, width);

  for (guint c = 0; c < width; c++)
    {
      /* the step to the first sample is not the window's */
      window->crossings[c] = -crosses (&amplitude, samples[c], samples[c - (gssize) width], large[c], c);
      window->deviations[c] = 0;
      for (guint k = c; k < BLOCK; k += width)
        {
          window->deviations[c] += amplitude.deviations[k];
          window->crossings[c] += amplitude.crossings[k];
        }
    }
}

/* Covariance x window^2: exact as long as it is below 2^53, and it is below 2^52. */
KERNEL_PART gint64
covariance (const BpgFeatureBatch *self,
            const struct window   *window,
            guint                  width,
            guint                  i,
            guint                  j)
{
  return (gint64) (window->products[i * width + j] * self->window - window->sums[i] * window->sums[j]);
}

/* 2 covariance / trace - I of a window into its lane, as feature-set.c normalises it; entries i <= j. */
KERNEL_PART void
normalise (BpgFeatureBatch     *self,
           const struct window *window,
           guint                channels,
           guint                width,
           guint                lane)
{
  guint64 total = 0;
  gint64 factor;
  int down, up;

  for (guint i = 0; i < channels; i++)
    total += (guint64) (covariance (self, window, width, i, i) + self->floors[i * width + i]);
  total |= 1;
  /* the leading one to bit 30 */
  down = MAX (33 - __builtin_clzll (total), 0);
  up = MAX (__builtin_clzll (total) - 33, 0);
  factor = (gint64) (G_MAXUINT32 / (guint32) ((total >> down << up) >> 15)) << up;
  self->scales[lane] = bpg_log2_q10 (total);

  for (guint i = 0; i < channels; i++)
    {
      const gint64 *floor = self->floors + i * width, *one = self->identity + i * width;
      gint64 row[BPG_CHANNELS_MAX];

      for (guint j = 0; j < width; j++)
        row[j] = ((((covariance (self, window, width, i, j) + floor[j]) >> down) * factor) >> 18) - one[j];
      for (guint j = i; j < channels; j++)
        self->matrix[i * channels + j].lane[lane] = row[j];
    }
}

/* bpg_log2_q10(), from a double's exponent and the head of its fraction, which has room for the whole number. */
KERNEL_PART gint32
log2_q10 (const gint32 *table,
          gint32        number)
{
  union
  {
    double number;
    guint64 bits;
  } real = { .number = MAX (number, 1) };
  gint32 position = (gint32) (real.bits >> 52) - 1023;
  gint32 entry = table[(real.bits >> 46) & (LOG2_ENTRIES - 1)];
  gint32 rest = (gint32) (real.bits >> 36) & 1023;

  return position * (1 << BPG_LOG2_Q) + (entry >> 5) + (((entry & 31) * rest) >> 10);
}

/* The features behind the logarithm of the covariance; nothing in them reaches 2^31. */
KERNEL_PART void
write_amplitudes (const BpgFeatureBatch *self,
                  const struct window   *window,
                  guint                  channels,
                  guint                  width,
                  gint32                *row)
{
  gint32 floor = (gint32) (((guint64) self->parameters->amplitude_floor * self->window) >> 4);
  gint32 features[4][BPG_CHANNELS_MAX];

  for (guint c = 0; c < width; c++)
    features[0][c] = log2_q10 (self->log2_table, window->deviations[c] + floor);
  for (guint c = 0; c < width; c++)
    features[1][c] = log2_q10 (self->log2_table, (window->paths[c] + (floor >> 4)) * 16);
  for (guint c = 0; c < width; c++)
    {
      features[2][c] = divide (window->crossings[c] << BPG_LOG2_Q, self->window);
      features[3][c] = divide (window->turns[c] << BPG_LOG2_Q, self->window);
    }
  for (guint kind = 0; kind < 4; kind++)
    {
      for (guint c = 0; c < channels; c++)
        row[kind * channels + c] = features[kind][c];
    }
}

/* Over the electrodes in use. */
KERNEL_PART guint32
mean_strength (const BpgFeatureBatch *self,
               const struct window   *window,
               guint                  width)
{
  gint32 sum = 0;

  /* what is excluded, or not there, deviates by nothing */
  for (guint c = 0; c < width; c++)
    sum += divide (window->deviations[c], self->window);
  return self->in_use != 0 ? (guint32) sum / self->in_use : 0;
}

/* Entries i <= j of the lanes' logarithms, log2 of the trace back on the diagonal. */
KERNEL_PART void
write_logarithms (const BpgFeatureBatch *self,
                  guint                  channels,
                  guint                  count,
                  gint32                *rows)
{
  guint features = BPG_FEATURE_COUNT (channels), at = 0;

  for (guint i = 0; i < channels; i++)
    {
      for (guint j = i; j < channels; j++, at++)
        {
          const gint64 *entry = self->logarithm[i * channels + j].lane;

          for (guint lane = 0; lane < count; lane++)
            rows[(gsize) lane * features + at] = (gint32) (entry[lane] >> (BPG_SPECTRAL_RESULT_Q - BPG_LOG2_Q)) +
                                                 (i == j ? self->scales[lane] : 0);
        }
    }
}

/* @channels and @width are told so that the compiler knows those that are usual. */
KERNEL_PART void
compute (BpgFeatureBatch *self,
         guint            channels,
         guint            width,
         guint            count,
         gint32          *rows,
         guint32         *strengths)
{
  guint features = BPG_FEATURE_COUNT (channels), pairs = features - 4 * channels, lanes;

  measure_steps (self, self->samples, self->steps, self->large, self->turns,
                 (gsize) ((count - 1) * self->hop + self->window) * width);
  sum_windows (self, width, count);
  for (guint first = 0; first < count; first += lanes)
    {
      lanes = MIN (count - first, BPG_LANES);
      for (guint lane = 0; lane < lanes; lane++)
        {
          struct window *window = &self->windows[first + lane];

          measure_amplitude (self, window, width, (gsize) (first + lane) * self->hop);
          normalise (self, window, channels, width, lane);
          write_amplitudes (self, window, channels, width, rows + (gsize) (first + lane) * features + pairs);
          strengths[first + lane] = mean_strength (self, window, width);
        }
      KERNEL (bpg_evaluate_spectral) (channels, self->matrix, self->parameters->polynomial, self->work,
                                      self->logarithm);
      write_logarithms (self, channels, lanes, rows + (gsize) first * features);
    }
}

void
KERNEL (bpg_compute_features) (BpgFeatureBatch *self,
                               guint            count,
                               gint32          *rows,
                               guint32         *strengths)
{
  if (self->channels == BPG_USUAL_CHANNELS)
    compute (self, BPG_USUAL_CHANNELS, NARROW, count, rows, strengths);
  else if (self->width == NARROW)
    compute (self, self->channels, NARROW, count, rows, strengths);
  else
    compute (self, self->channels, BPG_CHANNELS_MAX, count, rows, strengths);
}
