/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BPG_RECOGNITION_SPECTRAL_H
#define BPG_RECOGNITION_SPECTRAL_H

/*
 * Logarithm of a covariance matrix without its eigenvectors.
 *
 * Log-Euclidean features (Arsigny, Fillard, Pennec, Ayache 2006) are the entries of log (B), B the
 * covariance, ridge added.  With q = covariance / trace, all eigenvalues of X = 2 q - I lie in
 * [-1, 1] whatever the signal is, so log (B / mean variance) is one scalar function of X and a
 * Chebyshev series of degree 11 evaluates it in five products of matrices
 * (Paterson-Stockmeyer in T4; Higham, Functions of Matrices, 2008, chapter 4):
 *
 *   f (X) = R0 + T4 (R1 + 2 T4 R2) - R2,   Rk = sum over j < 4 of r[k][j] Tj (X).
 *
 * The series is an approximation of the logarithm; what counts is that training and running use
 * the same one, bit for bit.
 */

#include <stddef.h>
#include <stdint.h>

#include "limits.h"

#define BPG_SPECTRAL_Q 28        /* of the matrix X */
#define BPG_SPECTRAL_RESULT_Q 24 /* of the polynomial's coefficients and of f (X) */

typedef int32_t bpg_matrix[BPG_CHANNELS_MAX][BPG_CHANNELS_MAX];

struct bpg_spectral_scratch
{
  bpg_matrix second; /* T2, then R1 + 2 T4 R2 */
  bpg_matrix third;  /* T3, then R2 */
  bpg_matrix fourth; /* T4 */
};

/**
 * bpg_spectral_function: the polynomial of a symmetric matrix.
 * @size: rows and columns in use.
 * @matrix: X in Q28, eigenvalues within [-1, 1].
 * @coefficients: r[0][0..3], r[1][0..3], r[2][0..3] in Q24, each at most 8.
 * @scratch: overwritten.
 * @result: f (X) in Q24; may be @matrix.
 */
void bpg_spectral_function (unsigned                     size,
                            bpg_matrix                   matrix,
                            const int32_t                coefficients[12],
                            struct bpg_spectral_scratch *scratch,
                            bpg_matrix                   result);

#endif
