/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-kernels.h"

extern const BpgKernels bpg_kernels_v1;

#ifdef BPG_KERNEL_LEVELS
extern const BpgKernels bpg_kernels_v3;
extern const BpgKernels bpg_kernels_v4;

/* x86-64-v3 and -v4, told by what came last to them. */
static gboolean
has_v3 (void)
{
  return __builtin_cpu_supports ("avx2") && __builtin_cpu_supports ("fma") && __builtin_cpu_supports ("bmi2");
}

static gboolean
has_v4 (void)
{
  return __builtin_cpu_supports ("avx512f") && __builtin_cpu_supports ("avx512bw") &&
         __builtin_cpu_supports ("avx512dq") && __builtin_cpu_supports ("avx512vl");
}
#endif

guint
bpg_kernels_all (const BpgKernels *all[BPG_KERNELS_MAX])
{
  guint n = 0;

  all[n++] = &bpg_kernels_v1;
#ifdef BPG_KERNEL_LEVELS
  if (has_v3 ())
    all[n++] = &bpg_kernels_v3;
  if (has_v3 () && has_v4 ())
    all[n++] = &bpg_kernels_v4;
#endif
  return n;
}

const BpgKernels *
bpg_kernels (void)
{
  const BpgKernels *all[BPG_KERNELS_MAX];

  return all[bpg_kernels_all (all) - 1];
}
