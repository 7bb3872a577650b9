/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "window.h"

#include "fixed.h"

#include <string.h>

#define TILE 4u /* electrodes whose products are summed at a time: as many as fit into registers */

void
bpg_window_init (struct bpg_window *window,
                 uint16_t           length,
                 uint16_t           channels,
                 uint16_t           excluded,
                 uint32_t           least_step)
{
  unsigned most = BPG_WINDOW_WAITING_VALUES / channels;

  memset (window, 0, sizeof *window);
  window->length = length;
  window->channels = channels;
  window->excluded = excluded;
  window->most_waiting = most < BPG_WINDOW_WAITING_MAX ? most : BPG_WINDOW_WAITING_MAX;
  window->words = (uint16_t) ((length + 31u) / 32u);
  window->least_step = least_step;
}

void
bpg_window_clear (struct bpg_window *window)
{
  bpg_window_init (window, window->length, window->channels, window->excluded, window->least_step);
}

bool
bpg_window_is_full (const struct bpg_window *window)
{
  return window->filled == window->length;
}

static uint32_t
magnitude (int32_t value)
{
  return (uint32_t) (value < 0 ? -value : value);
}

/* What some of an electrode's samples have to do with its sums. */
struct change
{
  int32_t sum;
  uint64_t squares; /* their sum */
  uint32_t path;
  uint32_t turns;
  uint32_t small; /* a bit a sample: the step is below the least one */
};

/*
 * @count samples from @sample on, and as many steps and turns, those that end at @step_to and behind it.
 * Without branches: on noise they are guessed wrong every other time.  The product of two steps is below
 * 2^32 in size, so its upper half is negative exactly when they point in opposite directions.
 */
BPG_INLINE struct change
walk (const int16_t *sample,
      const int16_t *step_to,
      unsigned       count,
      unsigned       channels,
      uint32_t       least_step,
      bool           marked)
{
  struct change change = { 0 };
  int32_t last = step_to[-(int) channels], before = last - step_to[-2 * (int) channels];
  uint32_t small_before = magnitude (before) < least_step;

  for (unsigned t = 0; t < count; t++, sample += channels, step_to += channels)
    {
      int32_t now = *sample, step = *step_to - last;
      uint32_t square = (uint32_t) (now * now), size = magnitude (step), small = size < least_step;
      uint32_t opposite = (uint32_t) bpg_mul_high (before, step) >> 31;

      change.sum += now;
      change.squares += square;
      change.path += size;
      change.turns += (small_before & small) < opposite;
      if (marked)
        change.small |= small << t;
      last = *step_to;
      before = step;
      small_before = small;
    }
  return change;
}

/* Where the bits of the samples that came go, the same for each electrode: which of a word's are theirs. */
struct place
{
  unsigned word;
  unsigned shift;
  uint32_t mask, mask_behind; /* of that word and of the one behind it */
};

static struct place
place_of (unsigned position,
          unsigned count)
{
  uint32_t mask = UINT32_MAX >> (32u - count);
  struct place place = { .word = position / 32u, .shift = position % 32u };

  place.mask = mask << place.shift;
  place.mask_behind = mask >> 1 >> (31u - place.shift);
  return place;
}

BPG_INLINE void
put_bits (uint32_t           *words,
          const struct place *place,
          uint32_t            bits)
{
  uint32_t *word = words + place->word;

  word[0] = (word[0] & ~place->mask) | (bits << place->shift & place->mask);
  if (place->mask_behind != 0)
    word[1] = (word[1] & ~place->mask_behind) | (bits >> 1 >> (31u - place->shift) & place->mask_behind);
}

/* Returns the sums of squares of what came and of what left, or'ed: none is larger than all of these bits. */
BPG_INLINE uint64_t
settle_electrode (struct bpg_window  *window,
                  unsigned            channel,
                  const int16_t      *came,
                  unsigned            count,
                  unsigned            channels,
                  const struct place *place,
                  int64_t            *product)
{
  const int16_t *left = window->left + channel, *end = left + count * channels;
  uint32_t *words = window->large + channel * window->words;
  struct change in = walk (came, came, count, channels, window->least_step, true);
  struct change out = walk (left, left + 2 * channels, count, channels, window->least_step, false);

  /* turns leave with the first of their samples and steps with theirs: the walk ends a step further on */
  out.path += magnitude (left[channels] - left[0]) - magnitude (end[channels] - end[0]);
  window->sums[channel] += in.sum - out.sum;
  window->paths[channel] += in.path - out.path;
  window->turns[channel] = (uint16_t) (window->turns[channel] + in.turns - out.turns);
  *product += (int64_t) (in.squares - out.squares);
  put_bits (words, place, ~in.small);
  words[window->position / 32u] &= ~(1u << window->position % 32u);
  return in.squares | out.squares;
}

/*
 * Products of different electrodes, of what came less what left: of @size electrodes from @row on with as many
 * from @column on.  Only for what settle_electrodes() says fits.
 */
BPG_INLINE void
settle_tile (struct bpg_window *window,
             const int16_t     *came,
             unsigned           count,
             unsigned           channels,
             unsigned           row,
             unsigned           column,
             unsigned           size)
{
  const int16_t *left = window->left;
  int32_t sums[TILE][TILE] = { 0 };

  for (unsigned t = 0; t < count; t++, came += channels, left += channels)
    {
      for (unsigned i = 0; i < size; i++)
        {
          for (unsigned j = row == column ? i + 1u : 0u; j < size; j++)
            sums[i][j] += came[row + i] * came[column + j];
        }
      for (unsigned i = 0; i < size; i++)
        {
          for (unsigned j = row == column ? i + 1u : 0u; j < size; j++)
            sums[i][j] -= left[row + i] * left[column + j];
        }
    }
  for (unsigned i = 0; i < size; i++)
    {
      int64_t *product = window->products + bpg_pair_index (channels, row + i, column);

      for (unsigned j = row == column ? i + 1u : 0u; j < size; j++)
        product[j] += sums[i][j];
    }
}

/*
 * The same of one pair, however large.  A product of two samples is within -2^30 + 2^15 and 2^30, so one less
 * another one fits 32 bits.
 */
static void
settle_pair (struct bpg_window *window,
             const int16_t     *came,
             unsigned           count,
             unsigned           i,
             unsigned           j)
{
  const int16_t *left = window->left;
  int64_t sum = 0;

  for (unsigned t = 0; t < count; t++, came += window->channels, left += window->channels)
    sum += came[i] * came[j] - left[i] * left[j];
  window->products[bpg_pair_index (window->channels, i, j)] += sum;
}

static void
settle_pairs (struct bpg_window *window,
              const int16_t     *came,
              unsigned           count,
              unsigned           least_column)
{
  for (unsigned i = 0; i < window->channels; i++)
    {
      for (unsigned j = i + 1u > least_column ? i + 1u : least_column; j < window->channels; j++)
        settle_pair (window, came, count, i, j);
    }
}

BPG_INLINE void
settle_tiles (struct bpg_window *window,
              const int16_t     *came,
              unsigned           count,
              unsigned           channels)
{
  for (unsigned row = 0; row + TILE <= channels; row += TILE)
    {
      settle_tile (window, came, count, channels, row, row, TILE);
      for (unsigned column = row + TILE; column + TILE <= channels; column += TILE)
        settle_tile (window, came, count, channels, row, column, TILE);
    }
}

/*
 * Returns whether sums of products fit 32 bits: with E an electrode's sum of squares, a sum of |x_i x_j| is
 * at most (E_i + E_j) / 2, so when every E of what came and every E of what left is below 2^30, no sum of
 * some products of what came less some of what left reaches 2^31.
 */
BPG_INLINE bool
settle_electrodes (struct bpg_window *window,
                   unsigned           position,
                   unsigned           count,
                   unsigned           channels)
{
  const int16_t *came = window->ring + (position + 2u) * channels;
  const struct place place = place_of (position, count);
  uint64_t squares = 0;
  int64_t *product = window->products;

  for (unsigned i = 0; i < channels; product += channels - i, i++)
    squares |= settle_electrode (window, i, came + i, count, channels, &place, product);
  return squares < 1u << 30;
}

BPG_INLINE void
copy (int16_t       *to,
      const int16_t *from,
      unsigned       channels)
{
  for (unsigned i = 0; i < channels; i++)
    to[i] = from[i];
}

BPG_INLINE void
settle (struct bpg_window *window,
        unsigned           channels)
{
  const unsigned count = window->waiting;
  const unsigned position = (window->position != 0 ? window->position : window->length) - count;
  const int16_t *came = window->ring + (position + 2u) * channels;
  int16_t *behind = window->left + count * channels;
  bool fits;

  copy (behind, bpg_window_at (window, 0), channels);
  copy (behind + channels, bpg_window_at (window, 1), channels);
  fits = settle_electrodes (window, position, count, channels);
  if (fits)
    settle_tiles (window, came, count, channels);
  if (!fits || channels % TILE != 0)
    settle_pairs (window, came, count, fits ? channels / TILE * TILE : 0);
  if (window->position == 0)
    copy (window->ring, bpg_window_row (window, window->length - 2u), 2u * channels);
  window->waiting = 0;
}

void
bpg_window_settle (struct bpg_window *window)
{
  if (window->waiting == 0)
    return;
  if (window->channels == BPG_USUAL_CHANNELS)
    settle (window, BPG_USUAL_CHANNELS);
  else
    settle (window, window->channels);
}

BPG_INLINE void
replace (int16_t       *slot,
         int16_t       *left,
         const int16_t *sample,
         unsigned       excluded,
         unsigned       channels)
{
  copy (left, slot, channels);
  for (unsigned i = 0; i < channels; i++)
    slot[i] = (excluded >> i & 1u) != 0 ? 0 : sample[i];
}

void
bpg_window_push (struct bpg_window *window,
                 const int16_t     *sample)
{
  const unsigned channels = window->channels;
  int16_t *slot = window->ring + (window->position + 2u) * channels;
  int16_t *left = window->left + window->waiting * channels;

  if (channels == BPG_USUAL_CHANNELS && window->excluded == 0)
    replace (slot, left, sample, 0, BPG_USUAL_CHANNELS);
  else
    replace (slot, left, sample, window->excluded, channels);
  if (window->filled < window->length)
    window->filled++;
  window->position = window->position + 1u < window->length ? window->position + 1u : 0u;
  if (++window->waiting == window->most_waiting || window->position == 0)
    bpg_window_settle (window);
}
