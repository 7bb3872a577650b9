/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BPG_RECOGNITION_LIMITS_H
#define BPG_RECOGNITION_LIMITS_H

/* What a recogniser of fixed size can hold; a model beyond it is refused when it is parsed. */

#define BPG_CHANNELS_MIN 4u
#define BPG_CHANNELS_MAX 16u
#define BPG_MOVEMENTS_MIN 2u
#define BPG_MOVEMENTS_MAX 32u
#define BPG_DIMENSIONS_MAX 31u /* discriminant directions */
#define BPG_RATE_MIN 200u      /* Hz */
#define BPG_RATE_MAX 2000u
#define BPG_WINDOW_MIN 8u /* samples */
#define BPG_WINDOW_MAX 1024u
#define BPG_RING_SAMPLES 8192u /* window x channels */
#define BPG_PAIRS_MAX (BPG_CHANNELS_MAX * (BPG_CHANNELS_MAX + 1u) / 2u)
#define BPG_FEATURES_MAX (BPG_PAIRS_MAX + 4u * BPG_CHANNELS_MAX)

/** BPG_FEATURE_COUNT: features of a window of @channels electrodes (see feature-set.h). */
#define BPG_FEATURE_COUNT(channels) ((channels) * ((channels) + 1u) / 2u + 4u * (channels))

/** bpg_pair_index: place of electrodes @i <= @j among the pairs of @channels, row by row. */
static inline unsigned
bpg_pair_index (unsigned channels,
                unsigned i,
                unsigned j)
{
  return i * (2u * channels - i + 1u) / 2u + j - i;
}

#endif
