/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Random numbers that are the same for the same seed on every machine. */

#include <stdint.h>

struct sim_random
{
  uint64_t state;
};

/* Starts the sequence that @seed stands for. */
void sim_random_init (struct sim_random *random, uint64_t seed);

/* 64 bits (splitmix64; Steele, Lea and Flood, OOPSLA 2014). */
uint64_t sim_random_next (struct sim_random *random);

/* 0 <= x < 1. */
double sim_random_uniform (struct sim_random *random);

/* Normal, mean 0, variance 1 (sum of twelve uniforms: the tails end at 6). */
double sim_random_normal (struct sim_random *random);
