/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-statistics.h"

G_BEGIN_DECLS

/**
 * bpg_rotation_find: how many electrodes a ring of them was turned between two sessions.
 * @old: statistics of the earlier session.
 * @today: of the later one, under the same scaling.
 * @channels: electrodes on the ring.
 *
 * Turning the ring by whole electrodes renumbers the features.  Of the turns by up to two electrodes
 * either way, the one is found under which the earlier means come nearest to today's, in @old's
 * covariance; no turn unless it comes nearer by a tenth at least.
 *
 * Returns: -2..2.
 */
int bpg_rotation_find (const BpgStatistics *old,
                       const BpgStatistics *today,
                       guint                channels);

/** bpg_rotation_apply: @statistics as if the ring had been turned by @turn electrodes. */
void bpg_rotation_apply (BpgStatistics *statistics,
                         guint          channels,
                         int            turn);

G_END_DECLS
