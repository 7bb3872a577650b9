/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-recording-file.h"

/**
 * BpgVerdictMark:
 * @attempt: from 1
 * @accepted: whether the repetition was kept
 * @reason: (nullable): the first reason why not
 *
 * A verdict on one attempt at a repetition.
 */
typedef struct {
  char *movement;
  guint repetition;
  guint attempt;
  gboolean accepted;
  char *reason;
} BpgVerdictMark;

void bpg_verdict_mark_clear (BpgVerdictMark *mark);

/**
 * bpg_verdicts_load:
 * @path: JSON: a list of objects, or an object with such a list as `verdicts`, with `movement`, `repetition`, `accepted`
 *   and perhaps `attempt` and `reasons` (a list of words)
 *
 * Returns: (transfer full) (element-type BpgVerdictMark): or %NULL with #BpgTrainingError.
 */
GArray *bpg_verdicts_load (const char *path, GError **error);

/**
 * bpg_verdicts_from_recording:
 *
 * What the recording tells itself: its repetitions were accepted, at their first attempt or a later one.
 *
 * Returns: (transfer full) (nullable) (element-type BpgVerdictMark): %NULL when it tells nothing of verdicts.
 */
GArray *bpg_verdicts_from_recording (BpgRecordingFile *file);

/**
 * bpg_verdicts_annotate:
 * @verdicts: (element-type BpgVerdictMark)
 * @annotations: (element-type BpgEdfAnnotation): where the annotations go
 *
 * Adds each verdict at the end of its repetition.
 */
void bpg_verdicts_annotate (GArray *verdicts, BpgEmgRecording *recording, GArray *annotations);
