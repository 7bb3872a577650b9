/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-emg-recording.h"

G_BEGIN_DECLS

/**
 * bpg_find_onset:
 * @prompt: sample at which the person was asked to move.
 * @onset: (out): sample at which the muscle began to.
 *
 * Looks from 0.3 s before to 2 s after the prompt for the first 50 ms in which the Teager-Kaiser
 * energy x(t)^2 - x(t-1) x(t+1), summed over the electrodes and smoothed over 25 ms, stays over the
 * rest's median + 8 robust standard deviations; the rest is the 1.5 s from 2.5 s before the prompt
 * on (Solnik et al., Teager-Kaiser energy operator signal conditioning improves EMG onset
 * detection, Eur. J. Appl. Physiol. 110, 2010).
 *
 * Returns: %FALSE when there is none.
 */
gboolean bpg_find_onset (BpgEmgRecording *recording,
                         gsize            prompt,
                         gsize           *onset);

G_END_DECLS
