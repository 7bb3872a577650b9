/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-feature-batch.h"
#include "bpg-statistics.h"

G_BEGIN_DECLS

/*
 * The inner loops of training.  A distribution builds for the oldest processors there are; these files are
 * compiled once for each generation of them (meson.build), and the one that fits is called.
 */

#define BPG_ALIGN 64u         /* bytes: what vectors are loaded from */
#define BPG_SQUARES_ALIGN 16u /* numbers: what the rows of @add_squares are a multiple of */
#define BPG_LANES 8u          /* windows whose matrices are computed side by side */
#define BPG_SPECTRAL_WORK 5u  /* matrices @evaluate_spectral works in */

/** BpgLanes: one number of each of these windows. */
typedef struct
{
  gint64 lane[BPG_LANES] __attribute__ ((aligned (BPG_ALIGN)));
} BpgLanes;

/**
 * BpgKernels: one generation's.
 * @compute_features: bpg_feature_batch_compute(), the samples taken in.
 * @evaluate_spectral: bpg_spectral_function() of BPG_LANES matrices at once, bit for bit.  @matrix: @size x @size,
 *   Q28; entries i <= j are read, the others written.  @work: BPG_SPECTRAL_WORK x @size x @size, overwritten.
 *   @result: @size x @size, Q24.
 * @add_squares: @out += R'R, its lower triangle.  R: @n x @stride, a multiple of BPG_SQUARES_ALIGN, the numbers
 *   beyond @size 0.  @out: @stride x @stride; what is above the diagonal is of no meaning.  Both BPG_ALIGN aligned.
 * @multiply_symmetric: bpg_multiply_symmetric().
 * @solve_lower: bpg_solve_lower().
 * @add_moments: adds to the sums of each feature and of its square, over @n rows.
 * @standardise_rows: @n rows as the recogniser standardises them, into @out (@n x @stride), and their @sums.
 */
typedef struct
{
  void (*compute_features) (BpgFeatureBatch *batch,
                            guint            count,
                            gint32          *rows,
                            guint32         *strengths);
  void (*evaluate_spectral) (guint        size,
                             BpgLanes    *matrix,
                             const gint32 coefficients[12],
                             BpgLanes    *work,
                             BpgLanes    *result);
  void (*add_squares) (const double *rows,
                       guint         n,
                       guint         stride,
                       guint         size,
                       double       *out);
  void (*multiply_symmetric) (const double *left,
                              guint         rows,
                              const double *symmetric,
                              guint         size,
                              double       *out);
  void (*solve_lower) (const double *lower,
                       guint         size,
                       double       *vector);
  void (*add_moments) (const gint32 *rows,
                       guint         n,
                       guint         features,
                       gint64       *sums,
                       double       *squares);
  void (*standardise_rows) (const BpgScaling *scaling,
                            const gint32     *rows,
                            guint             n,
                            guint             features,
                            guint             stride,
                            double           *out,
                            double           *sums);
} BpgKernels;

/* Generations there can be. */
#define BPG_KERNELS_MAX 3u

/** bpg_kernels_all: those this processor can run, the fastest last.  Returns: how many. */
guint bpg_kernels_all (const BpgKernels *all[BPG_KERNELS_MAX]);

/** bpg_kernels: the fastest of them. */
const BpgKernels *bpg_kernels (void);

G_END_DECLS
