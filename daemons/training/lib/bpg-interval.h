/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * bpg_mean_interval: 95 % confidence interval of the mean of @n independent values (Student's t).
 * With fewer than two values nothing is known: @low and @high are -1 and 1 around their mean.
 *
 * Returns: the mean, 0 without values.
 */
double bpg_mean_interval (const double *values,
                          guint         n,
                          double       *low,
                          double       *high);

G_END_DECLS
