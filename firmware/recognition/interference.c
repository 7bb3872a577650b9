/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "interference.h"

#define LEAST_TRIPLES 4u
#define MOST_TRIPLES 20u /* lags: a tenth of a second is enough */

/* Of one electrode about its mean, with @drop bits dropped of each value; sums are over the triples
 * a = x(n) + x(n - 2 l), b = x(n - l). */
struct sums
{
  int32_t mean;
  unsigned drop;
  int64_t energy; /* of all samples, nothing dropped */
  uint32_t both;  /* of a^2 */
  int32_t cross;  /* of a b */
};

/* Drops as many bits as keep the energy, and so each value's square and what is summed of them, under 2^28: a^2 is at
 * most twice the sum of its two squares, twice for two of them. */
static struct sums
measure_energy (const struct bpg_window *window,
                unsigned                 electrode)
{
  struct sums sums = { .mean = window->sums[electrode] / window->length };
  int64_t twice = 2 * (int64_t) window->sums[electrode] - (int64_t) sums.mean * window->length;

  sums.energy = window->products[bpg_pair_index (window->channels, electrode, electrode)] - sums.mean * twice;
  while (sums.energy >> (2 * sums.drop) >= 1 << 28)
    sums.drop++;
  return sums;
}

static const int16_t *
next_row (const struct bpg_window *window,
          const int16_t           *at,
          const int16_t           *end)
{
  at += window->channels;
  return at < end ? at : at - (size_t) window->length * window->channels;
}

static void
sum_triples (const struct bpg_window *window,
             unsigned                 electrode,
             unsigned                 lag,
             unsigned                 triples,
             struct sums             *sums)
{
  unsigned first = window->length - triples - 2 * lag;
  const int16_t *before = bpg_window_at (window, first) + electrode;
  const int16_t *middle = bpg_window_at (window, first + lag) + electrode;
  const int16_t *now = bpg_window_at (window, first + 2 * lag) + electrode;
  const int16_t *end = bpg_window_row (window, window->length);
  int32_t twice = 2 * sums->mean;

  for (unsigned left = triples; left > 0; left--)
    {
      int32_t ends = (*now + *before - twice) >> sums->drop;

      sums->both += (uint32_t) (ends * ends);
      sums->cross += ends * ((*middle - sums->mean) >> sums->drop);
      before = next_row (window, before, end);
      middle = next_row (window, middle, end);
      now = next_row (window, now, end);
    }
}

/* @over / @under in Q15, at most 1; 1 when there is nothing. */
static uint16_t
share (int64_t over,
       int64_t under)
{
  unsigned down = 0;

  if (under <= 0 || over >= under)
    return (uint16_t) BPG_INTERFERENCE_NONE;
  while (under >> down >= 1 << 16)
    down++;
  return (uint16_t) (((uint32_t) (over >> down) << 15) / (uint32_t) (under >> down));
}

void
bpg_interference_left (const struct bpg_window                  *window,
                       const struct bpg_interference_parameters *parameters,
                       uint16_t                                  left[BPG_INTERFERENCES])
{
  int64_t over[BPG_INTERFERENCES] = { 0 }, under[BPG_INTERFERENCES] = { 0 };
  unsigned span = 2u * parameters->lag, most = MOST_TRIPLES * parameters->lag;
  unsigned triples = window->length >= span + LEAST_TRIPLES ? window->length - span : 0;

  if (triples > most)
    triples = most;
  for (unsigned i = 0; triples > 0 && i < window->channels; i++)
    {
      struct sums sums = measure_energy (window, i);
      /* of as many samples as there are triples, on average */
      int64_t part = sums.energy * triples / window->length;

      sum_triples (window, i, parameters->lag, triples, &sums);
      for (unsigned f = 0; f < BPG_INTERFERENCES; f++)
        {
          int64_t turn = parameters->turn[f], square = (((turn * turn) >> 14) * part) >> 14;
          /* (a - t b)^2 = a^2 - 2 t a b + t^2 b^2 */
          int64_t rest = (sums.both - ((2 * turn * sums.cross) >> 14)) * ((int64_t) 1 << (2 * sums.drop)) + square;

          over[f] += rest > 0 ? rest : 0;
          under[f] += 2 * part + square;
        }
    }
  for (unsigned f = 0; f < BPG_INTERFERENCES; f++)
    left[f] = share (over[f], under[f]);
}
