/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sim-random.h"

void
sim_random_init (struct sim_random *random, uint64_t seed)
{
  random->state = seed;
}

uint64_t
sim_random_next (struct sim_random *random)
{
  uint64_t mixed = random->state += 0x9E3779B97F4A7C15u;

  mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9u;
  mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EBu;
  return mixed ^ mixed >> 31;
}

double
sim_random_uniform (struct sim_random *random)
{
  return (double) (sim_random_next (random) >> 11) * 0x1p-53;
}

double
sim_random_normal (struct sim_random *random)
{
  double sum = -6;

  /* Four numbers of 16 bits from each draw. */
  for (unsigned i = 0; i < 3; i++)
    {
      uint64_t bits = sim_random_next (random);

      for (unsigned k = 0; k < 4; k++, bits >>= 16)
        sum += ((double) (bits & 0xFFFF) + 0.5) / 65536;
    }
  return sum;
}
