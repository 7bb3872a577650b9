/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BPG_RECOGNITION_FIXED_H
#define BPG_RECOGNITION_FIXED_H

/*
 * Fixed-point arithmetic of the recogniser.  "Qn" is an integer that stands for value * 2^n.
 * Right shifts of negative numbers are arithmetic on every compiler this is built with; a build
 * on one that differs stops at the assertion below rather than deciding differently.
 */

#include <stdint.h>

_Static_assert ((-3 >> 1) == -2, "arithmetic right shift expected");

/*
 * Inner loops over electrodes are written once, inlined, and called with a constant count for the
 * usual eight, so that the compiler can unroll and vectorise them; any other count takes the same
 * code with a variable.
 */
#define BPG_INLINE static inline __attribute__ ((always_inline))
#define BPG_USUAL_CHANNELS 8u

#define BPG_LOG2_Q 10 /* bits of fraction of every logarithm */

/**
 * bpg_log2_q10: binary logarithm.
 * @value: any number; 0 is taken as 1.
 * Returns log2 (@value) in Q10, at most 0.001 off: position of the leading bit, and the rest
 * from a 64-entry table, interpolated linearly.
 */
int32_t bpg_log2_q10 (uint64_t value);

/**
 * bpg_exp2_minus_q15: 2^(-@exponent).
 * @exponent: Q8, not negative.
 * Returns the power in Q15, 32768 for 0; 0 from an exponent of 16 on.
 */
uint32_t bpg_exp2_minus_q15 (uint32_t exponent);

/** bpg_sqrt_u32: floor of the square root. */
uint32_t bpg_sqrt_u32 (uint32_t value);

/** bpg_mul_high: the upper half of a signed 32 x 32 bit product; one instruction on RV32M. */
static inline int32_t
bpg_mul_high (int32_t a,
              int32_t b)
{
  return (int32_t) (((int64_t) a * b) >> 32);
}

/** bpg_leading_bit: position of the highest bit set in @value, which is not 0. */
static inline uint32_t
bpg_leading_bit (uint64_t value)
{
  uint32_t upper = (uint32_t) (value >> 32);

  return upper != 0 ? 63u - (uint32_t) __builtin_clz (upper) : 31u - (uint32_t) __builtin_clz ((uint32_t) value);
}

/** bpg_count_bits: how many bits of @word are set. */
static inline uint32_t
bpg_count_bits (uint32_t word)
{
  word -= word >> 1 & 0x55555555u;
  word = (word & 0x33333333u) + (word >> 2 & 0x33333333u);
  word = (word + (word >> 4)) & 0x0f0f0f0fu;
  return word * 0x01010101u >> 24;
}

/** bpg_clamp_i32: @value held within [@low, @high]. */
static inline int32_t
bpg_clamp_i32 (int32_t value,
               int32_t low,
               int32_t high)
{
  return value < low ? low : value > high ? high : value;
}

#endif
