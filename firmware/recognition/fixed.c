/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fixed.h"

/* round (1024 * log2 (1 + i / 64)) */
static const uint16_t log2_table[65] = {
  0, 23, 45, 68, 90, 111, 132, 153, 174, 194, 214, 234,
  254, 273, 292, 311, 330, 348, 366, 384, 402, 419, 436, 454,
  470, 487, 504, 520, 536, 552, 568, 584, 599, 614, 629, 644,
  659, 674, 689, 703, 717, 731, 745, 759, 773, 787, 800, 813,
  827, 840, 853, 866, 879, 891, 904, 916, 929, 941, 953, 965,
  977, 989, 1001, 1012, 1024,
};

/* round (32768 * 2^(-i / 32)) */
static const uint16_t exp2_table[33] = {
  32768, 32066, 31379, 30706, 30048, 29405, 28774, 28158, 27554, 26964,
  26386, 25821, 25268, 24726, 24196, 23678, 23170, 22674, 22188, 21713,
  21247, 20792, 20347, 19911, 19484, 19066, 18658, 18258, 17867, 17484,
  17109, 16743, 16384,
};

int32_t
bpg_log2_q10 (uint64_t value)
{
  uint32_t position = bpg_leading_bit (value | (value == 0)), word, index, rest;
  int32_t low, high;

  /* the leading one and the 31 bits below it */
  if (position >= 32)
    word = (uint32_t) (value >> 32) << (63 - position) | (uint32_t) value >> 1 >> (position - 32);
  else
    word = (uint32_t) value << (31 - position);

  index = word >> 25 & 63u;
  rest = word >> 15 & 0x3ffu;
  low = log2_table[index];
  high = log2_table[index + 1];
  return (int32_t) (position << BPG_LOG2_Q) + low + (((high - low) * (int32_t) rest) >> 10);
}

uint32_t
bpg_exp2_minus_q15 (uint32_t exponent)
{
  uint32_t whole = exponent >> 8;
  uint32_t index = (exponent >> 3) & 31u;
  uint32_t rest = exponent & 7u;
  uint32_t power;

  if (whole >= 16)
    return 0;
  power = exp2_table[index] - (((uint32_t) (exp2_table[index] - exp2_table[index + 1]) * rest) >> 3);
  return power >> whole;
}

uint32_t
bpg_sqrt_u32 (uint32_t value)
{
  uint32_t root = 0;

  for (uint32_t bit = 1u << 30; bit != 0; bit >>= 2)
    {
      if (value >= root + bit)
        {
          value -= root + bit;
          root = (root >> 1) + bit;
        }
      else
        {
          root >>= 1;
        }
    }
  return root;
}
