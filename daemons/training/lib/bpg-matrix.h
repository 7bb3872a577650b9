/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Small dense matrices of doubles, row by row. */

/**
 * bpg_cholesky: lower triangle L of a symmetric positive definite matrix, in place.
 * @matrix: @size x @size; the strict upper triangle is neither read nor written.
 * Returns: %FALSE when it is not positive definite.
 */
gboolean bpg_cholesky (double *matrix,
                       guint   size);

/** bpg_solve_lower: x with L x = b, in place of @vector. */
void bpg_solve_lower (const double *lower,
                      guint         size,
                      double       *vector);

/** bpg_solve_lower_transposed: x with L' x = b, in place of @vector. */
void bpg_solve_lower_transposed (const double *lower,
                                 guint         size,
                                 double       *vector);

/** bpg_invert: inverse of a symmetric positive definite matrix. Returns: %FALSE when it is not. */
gboolean bpg_invert (const double *matrix,
                     guint         size,
                     double       *inverse);

/** bpg_multiply_symmetric: @out (@rows x @size) = @left (@rows x @size) times @symmetric (@size x @size). */
void bpg_multiply_symmetric (const double *left,
                             guint         rows,
                             const double *symmetric,
                             guint         size,
                             double       *out);

/**
 * bpg_project_symmetric: B S B', @rows x @rows.
 * @basis: B, @rows x @size.
 * @symmetric: S, @size x @size.
 */
void bpg_project_symmetric (const double *basis,
                            guint         rows,
                            const double *symmetric,
                            guint         size,
                            double       *out);

double bpg_dot (const double *left,
                const double *right,
                guint         size);

/**
 * bpg_orthonormalise: append @vector to an orthonormal basis.
 * @basis: rows; row @rank is written.
 * Gram-Schmidt, twice for precision.
 * Returns: the new rank; @rank when @vector lies in the basis already.
 */
guint bpg_orthonormalise (double       *basis,
                          guint         rank,
                          guint         size,
                          const double *vector);

G_END_DECLS
