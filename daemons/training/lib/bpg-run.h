/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-emg-recording.h"
#include "bpg-model.h"
#include "recognition/decision.h"

G_BEGIN_DECLS

/** BpgDecisionFunc: called for each decision, in order; its sample counts from the recording's start. */
typedef void (*BpgDecisionFunc) (const struct bpg_decision *decision,
                                 gpointer                   user_data);

/**
 * bpg_run:
 * @model: what to recognise with.
 * @recording: all of it, as one stream.
 * @each: called for each decision.
 *
 * Recognises with the very object code that runs on the arm.
 *
 * Returns: %FALSE with #BpgTrainingError INCOMPATIBLE.
 */
gboolean bpg_run (BpgModel        *model,
                  BpgEmgRecording *recording,
                  BpgDecisionFunc  each,
                  gpointer         user_data,
                  GError         **error);

/** bpg_movement_name: what @model calls @gesture; "rest" for 0 when it has no such movement. */
const char *bpg_movement_name (BpgModel *model,
                               guint8    gesture);

G_END_DECLS
