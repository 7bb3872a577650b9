/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "recognition/feature-set.h"

G_BEGIN_DECLS

/* Windows computed at once, at most. */
#define BPG_FEATURE_BATCH 32u

/*
 * BpgFeatureBatch: features of many windows side by side, bit for bit those of bpg_features().
 *
 * What slides there (sums, products, absolute steps, turns) is here the difference of two running sums; what
 * needs the window's mean takes four samples of eight electrodes in a step; matrices are computed eight
 * windows at a time.
 */
typedef struct _BpgFeatureBatch BpgFeatureBatch;

/**
 * bpg_feature_batch_new: room for the work of one thread.
 * @channels: electrodes, BPG_CHANNELS_MIN to BPG_CHANNELS_MAX.
 * @window: samples; @window x @channels at most BPG_RING_SAMPLES.
 * @hop: samples between the beginnings of windows, up to BPG_WINDOW_MAX.
 * @excluded: mask of electrodes read as 0.
 * @parameters: (transfer none): as of bpg_features(); outlive the batch.
 */
BpgFeatureBatch *bpg_feature_batch_new (guint                                channels,
                                        guint                                window,
                                        guint                                hop,
                                        guint16                              excluded,
                                        const struct bpg_feature_parameters *parameters);
void bpg_feature_batch_free (BpgFeatureBatch *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgFeatureBatch, bpg_feature_batch_free)

/**
 * bpg_feature_batch_compute: features of @count windows of one stretch of signal.
 * @samples: counts, interleaved, (@count - 1) x hop + window samples.
 * @count: 1 to BPG_FEATURE_BATCH.
 * @rows: receives @count x BPG_FEATURE_COUNT (channels) numbers, Q10.
 * @strengths: receives @count mean absolute values, counts in Q4.
 */
void bpg_feature_batch_compute (BpgFeatureBatch *self,
                                const gint16    *samples,
                                guint            count,
                                gint32          *rows,
                                guint32         *strengths);

G_END_DECLS
