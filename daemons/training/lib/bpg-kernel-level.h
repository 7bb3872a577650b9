/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#include "bpg-kernels.h"

/*
 * For the files compiled for each generation of processors: vectors as wide as the generation's registers (the
 * compiler takes wider ones to pieces, and badly), and names of its own.
 */
#if defined(__AVX512F__)
#define VECTOR 64
#elif defined(__AVX2__)
#define VECTOR 32
#else
#define VECTOR 16
#endif

typedef double Doubles __attribute__ ((vector_size (VECTOR), may_alias));
typedef gint64 Longs __attribute__ ((vector_size (VECTOR), may_alias));
typedef guint32 Words __attribute__ ((vector_size (VECTOR), may_alias));

#define IN_VECTOR (VECTOR / 8) /* numbers of 64 bits */

/* Inlined where sizes are constants. */
#define KERNEL_PART static inline __attribute__ ((always_inline))

/* Products of numbers of 32 bits in lanes of 64.  AVX2 has them, but not those of 64 bits that are written here,
 * and the compiler does not see that they would do. */
KERNEL_PART Longs
multiply_words (Longs left,
                Longs right)
{
#if VECTOR == 32
  return (Longs) _mm256_mul_epi32 ((__m256i) left, (__m256i) right);
#else
  return left * right;
#endif
}

#define KERNEL_JOIN(name, level) name##_##level
#define KERNEL_AT(name, level) KERNEL_JOIN (name, level)
#define KERNEL(name) KERNEL_AT (name, BPG_KERNEL_LEVEL)

extern const BpgKernels KERNEL (bpg_kernels);

void KERNEL (bpg_compute_features) (BpgFeatureBatch *self, guint count, gint32 *rows, guint32 *strengths);
void KERNEL (bpg_evaluate_spectral) (guint        size,
                                     BpgLanes    *matrix,
                                     const gint32 coefficients[12],
                                     BpgLanes    *work,
                                     BpgLanes    *result);
void KERNEL (bpg_add_squares) (const double *rows, guint n, guint stride, guint size, double *out);
void KERNEL (bpg_multiply_symmetric) (const double *left,
                                      guint         rows,
                                      const double *symmetric,
                                      guint         size,
                                      double       *out);
void KERNEL (bpg_solve_lower) (const double *lower, guint size, double *vector);
void KERNEL (bpg_add_moments) (const gint32 *rows, guint n, guint features, gint64 *sums, double *squares);
void KERNEL (bpg_standardise_rows) (const BpgScaling *scaling,
                                    const gint32     *rows,
                                    guint             n,
                                    guint             features,
                                    guint             stride,
                                    double           *out,
                                    double           *sums);
