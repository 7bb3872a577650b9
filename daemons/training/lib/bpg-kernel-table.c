/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-kernel-level.h"

const BpgKernels KERNEL (bpg_kernels) = {
  .compute_features = KERNEL (bpg_compute_features),
  .evaluate_spectral = KERNEL (bpg_evaluate_spectral),
  .add_squares = KERNEL (bpg_add_squares),
  .multiply_symmetric = KERNEL (bpg_multiply_symmetric),
  .solve_lower = KERNEL (bpg_solve_lower),
  .add_moments = KERNEL (bpg_add_moments),
  .standardise_rows = KERNEL (bpg_standardise_rows),
};
