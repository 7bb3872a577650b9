/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-statistics.h"

G_BEGIN_DECLS

/**
 * bpg_find_swapped:
 * @old: what the model remembers.
 * @today: today's statistics under the same scaling.
 * @first: (out): index in @old of one movement of the pair that contradicts most.
 * @second: (out): index of the other.
 *
 * Two movements were swapped when, whitened by @old's covariance and the shift common to all
 * movements taken out, today's means lie nearer crosswise than each to its own earlier mean: by the
 * sum of squared distances, less than half.
 *
 * Returns: whether there is such a pair.
 */
gboolean bpg_find_swapped (const BpgStatistics *old,
                           const BpgStatistics *today,
                           guint               *first,
                           guint               *second);

/**
 * bpg_movement_distances:
 * @old: what the model remembers.
 * @today: today's statistics under the same scaling.
 *
 * Returns: (transfer full): for each movement of @old the squared distance of today's mean, whitened
 *   and without the shift common to all movements; 0 for a movement that was not recorded today.
 */
double *bpg_movement_distances (const BpgStatistics *old,
                                const BpgStatistics *today);

G_END_DECLS
