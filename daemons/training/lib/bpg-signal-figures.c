/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-signal-figures.h"

#include <math.h>

/* Rounding to whole counts makes noise of 1/sqrt(12) counts, whatever the electrode does. */
#define LEAST_RMS 0.3
#define LEAST_CLIPPING_SPAN 64
#define MAINS_BLOCK_SECONDS 0.4
#define MAINS_HARMONICS 3

typedef struct {
  const gint16 *samples;
  const BpgSpan *gaps;
  guint n_gaps;
} Source;

static gint16
sample_at (const BpgSignalFigures *self, const Source *source, gsize index, guint channel)
{
  return source->samples[index * self->channels + channel];
}

static gboolean
reaches_into_gap (const Source *source, gsize start, gsize count)
{
  for (guint i = 0; i < source->n_gaps; i++) {
    if (start < source->gaps[i].start + source->gaps[i].count && source->gaps[i].start < start + count)
      return TRUE;
  }
  return FALSE;
}

static void
find_means (const BpgSignalFigures *self, const Source *source, gsize start, gsize length, double *means)
{
  for (guint c = 0; c < self->channels; c++)
    means[c] = 0;
  for (gsize i = start; i < start + length; i++) {
    for (guint c = 0; c < self->channels; c++)
      means[c] += sample_at (self, source, i, c);
  }
  for (guint c = 0; c < self->channels; c++)
    means[c] /= (double) length;
}

/* Upper triangle of the covariance matrix of one frame, row by row. */
static void
find_covariance (const BpgSignalFigures *self, const Source *source, gsize start, gsize length, const double *means,
                 double covariance[BPG_PAIRS_MAX])
{
  guint n_pairs = self->channels * (self->channels + 1) / 2;

  for (guint p = 0; p < n_pairs; p++)
    covariance[p] = 0;
  for (gsize i = start; i < start + length; i++) {
    double about[BPG_CHANNELS_MAX];
    guint p = 0;

    for (guint c = 0; c < self->channels; c++)
      about[c] = sample_at (self, source, i, c) - means[c];
    for (guint a = 0; a < self->channels; a++) {
      for (guint b = a; b < self->channels; b++)
        covariance[p++] += about[a] * about[b];
    }
  }
  for (guint p = 0; p < n_pairs; p++)
    covariance[p] /= (double) length;
}

static void
fill_frame (BpgSignalFigures *self, guint frame, const double *covariance)
{
  double *levels = self->levels + (gsize) frame * self->channels;
  double *shapes = self->shapes + (gsize) frame * self->n_shapes;
  guint p = 0, s = self->channels;

  for (guint a = 0; a < self->channels; a++) {
    levels[a] = sqrt (MAX (covariance[p], LEAST_RMS * LEAST_RMS));
    shapes[a] = log2 (levels[a]);
    p += self->channels - a;
  }
  p = 0;
  for (guint a = 0; a < self->channels; a++) {
    p++; /* the diagonal */
    for (guint b = a + 1; b < self->channels; b++) {
      double correlation = covariance[p++] / (levels[a] * levels[b]);

      shapes[s++] = atanh (CLAMP (correlation, -0.95, 0.95));
    }
  }
}

/* How far the baseline moves, from all frames. */
static void
summarise_levels (BpgSignalFigures *self, const double *frame_means)
{
  for (guint c = 0; c < self->channels; c++) {
    double power = 0, sum = 0, farthest = 0;

    for (guint f = 0; f < self->n_frames; f++) {
      double level = bpg_signal_figures_level (self, f, c);

      power += level * level;
      sum += frame_means[(gsize) f * self->channels + c];
    }
    for (guint f = 0; f < self->n_frames; f++)
      farthest = MAX (farthest, fabs (frame_means[(gsize) f * self->channels + c] - sum / self->n_frames));
    self->electrodes[c].rms = sqrt (power / self->n_frames);
    self->electrodes[c].wander = farthest / self->electrodes[c].rms;
  }
}

static void
measure_frames (BpgSignalFigures *self, const Source *source)
{
  gsize length = MAX (self->rate / 10, 8), hop = MAX (length / 2, 1);
  gsize most = self->count >= length ? (self->count - length) / hop + 1 : 0;
  g_autofree double *frame_means = g_new (double, most * self->channels + 1);

  self->levels = g_new (double, most * self->channels + 1);
  self->shapes = g_new (double, most * self->n_shapes + 1);
  self->frame_start = g_new (gsize, most + 1);
  for (gsize i = 0; i < most; i++) {
    double covariance[BPG_PAIRS_MAX];
    double *means = frame_means + (gsize) self->n_frames * self->channels;

    if (reaches_into_gap (source, i * hop, length))
      continue;
    find_means (self, source, i * hop, length, means);
    find_covariance (self, source, i * hop, length, means, covariance);
    fill_frame (self, self->n_frames, covariance);
    self->frame_start[self->n_frames++] = i * hop;
  }
  if (self->n_frames > 0)
    summarise_levels (self, frame_means);
}

/* A sine and a cosine under a Hann window, whose sidelobes keep strong neighbours out, scaled so that the sum of the
 * squares of a block's products with both is the power of a sinusoid of that frequency in it. */
static double *
make_probe (gsize length, double cycles_per_sample)
{
  double *probe = g_new (double, 2 * length);

  for (gsize i = 0; i < length; i++) {
    double window = 1 - cos (2 * G_PI * ((double) i + 0.5) / (double) length);
    double phase = 2 * G_PI * cycles_per_sample * (double) i;

    probe[2 * i] = G_SQRT2 / (double) length * window * cos (phase);
    probe[2 * i + 1] = G_SQRT2 / (double) length * window * sin (phase);
  }
  return probe;
}

static double
probe_power (const double *probe, const double *block, gsize length)
{
  double re = 0, im = 0;

  for (gsize i = 0; i < length; i++) {
    re += probe[2 * i] * block[i];
    im += probe[2 * i + 1] * block[i];
  }
  return re * re + im * im;
}

/* Adds the power of the block at the probes' frequencies, and all of it, to the sums. */
static void
add_block (const BpgSignalFigures *self, const Source *source, guint channel, gsize start, gsize length, GPtrArray *probes,
           double *at_mains, double *all)
{
  g_autofree double *block = g_new (double, length);
  double mean = 0, power = 0;

  for (gsize i = 0; i < length; i++)
    mean += (block[i] = sample_at (self, source, start + i, channel)) / (double) length;
  for (gsize i = 0; i < length; i++) {
    block[i] -= mean;
    power += block[i] * block[i] / (double) length;
  }
  *all += MAX (power, LEAST_RMS * LEAST_RMS);
  for (guint h = 0; h < probes->len; h++)
    *at_mains += probe_power (probes->pdata[h], block, length);
}

static void
measure_mains (BpgSignalFigures *self, const Source *source, double frequency)
{
  gsize length = MIN ((gsize) (MAINS_BLOCK_SECONDS * self->rate), self->count);
  g_autoptr (GPtrArray) probes = g_ptr_array_new_with_free_func (g_free);

  if (length < 16)
    return;
  for (guint h = 1; h <= MAINS_HARMONICS && h * frequency < 0.49 * self->rate; h++)
    g_ptr_array_add (probes, make_probe (length, h * frequency / self->rate));
  for (guint c = 0; c < self->channels; c++) {
    double at_mains = 0, all = 0;

    for (gsize start = 0; start + length <= self->count; start += length) {
      if (!reaches_into_gap (source, start, length))
        add_block (self, source, c, start, length, probes, &at_mains, &all);
    }
    if (all > 0)
      self->electrodes[c].mains = MAX (self->electrodes[c].mains, CLAMP (at_mains / all, 0, 1));
  }
}

static void
measure_values (BpgSignalFigures *self, const Source *source, guint channel)
{
  gsize run = 0, longest = 1, at_end = 0;
  gint16 low = G_MAXINT16, high = G_MININT16;

  for (gsize i = 0; i < self->count; i++) {
    gint16 value = sample_at (self, source, i, channel);
    gboolean lost = reaches_into_gap (source, i, 1);

    if (lost) {
      run = 0;
      continue;
    }
    run = i > 0 && run > 0 && value == sample_at (self, source, i - 1, channel) ? run + 1 : 1;
    longest = MAX (longest, run);
    low = MIN (low, value);
    high = MAX (high, value);
  }
  for (gsize i = 0; i < self->count; i++) {
    gint16 value = sample_at (self, source, i, channel);

    at_end += (value == low || value == high) && !reaches_into_gap (source, i, 1);
  }
  self->electrodes[channel].still = (double) longest / self->rate;
  if (self->count > self->lost && high - low >= LEAST_CLIPPING_SPAN)
    self->electrodes[channel].clipped = (double) at_end / (double) (self->count - self->lost);
}

BpgSignalFigures *
bpg_signal_figures_new (guint rate, guint channels, const gint16 *samples, gsize count, const BpgSpan *gaps,
                        guint n_gaps)
{
  g_autoptr (BpgSignalFigures) self = g_new0 (BpgSignalFigures, 1);
  Source source = {samples, gaps, n_gaps};

  g_return_val_if_fail (rate > 0 && channels > 0 && channels <= BPG_CHANNELS_MAX, NULL);

  self->rate = rate;
  self->channels = channels;
  self->count = count;
  self->n_shapes = channels + channels * (channels - 1) / 2;
  for (guint i = 0; i < n_gaps; i++)
    self->lost += gaps[i].count;
  measure_frames (self, &source);
  for (guint c = 0; c < channels; c++)
    measure_values (self, &source, c);
  measure_mains (self, &source, 50);
  measure_mains (self, &source, 60);
  return g_steal_pointer (&self);
}

void
bpg_signal_figures_free (BpgSignalFigures *self)
{
  g_free (self->levels);
  g_free (self->shapes);
  g_free (self->frame_start);
  g_free (self);
}
