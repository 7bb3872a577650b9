/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-drift.h"
#include "bpg-evaluation.h"

G_BEGIN_DECLS

/**
 * BpgScore: how a model serves one person, post-processing included.
 * @subject: pseudonym.
 * @movements: (element-type BpgTrainingMovement): rows and columns of @confusion.
 * @confusion: decisions in force inside the trimmed segments; row: what the person did.
 * @decisions: inside the trimmed segments.
 * @wrong: of them, wrong ones.
 * @active: of them, those while the person was to move.
 * @active_wrong: of those, wrong ones.
 * @raw_wrong: like @wrong, before post-processing.
 * @raw_active_wrong: like @active_wrong, before post-processing.
 * @changes: of the movement in force, in all of the recordings.
 * @seconds: length of all of the recordings.
 * @speed: sum of speeds from onset to the end of each prompt while the hand moves, 0..1 a decision.
 * @wrong_speed: of it, in another movement than asked for.
 * @reactions: (element-type double): ms from muscle onset to the first right decision that lasts 100 ms.
 * @never_right: prompts without one within a second.
 * @no_onset: prompts in which no onset was found.
 * @moving: (element-type BpgDriftDecision): those in which the hand was to move, in all of the recordings.
 */
typedef struct
{
  char *subject;
  GArray *movements;
  guint32 *confusion;
  guint decisions;
  guint wrong;
  guint active;
  guint active_wrong;
  guint raw_wrong;
  guint raw_active_wrong;
  guint changes;
  double seconds;
  double speed;
  double wrong_speed;
  GArray *reactions;
  guint never_right;
  guint no_onset;
  GArray *moving;
} BpgScore;

/** bpg_score_new: nothing scored yet; the confusion matrix has the movements of @model and 0. */
BpgScore *bpg_score_new (BpgModel   *model,
                         const char *subject);
void bpg_score_free (BpgScore *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgScore, bpg_score_free)

/**
 * bpg_score_add:
 * @selection: segments to score; the recording is recognised as a whole.
 * @trim_start_ms: decisions whose window reaches into this much of a segment's start are not scored.
 * @trim_end_ms: likewise at its end.
 *
 * Returns: %FALSE with #BpgTrainingError INCOMPATIBLE.
 */
gboolean bpg_score_add (BpgScore           *self,
                        BpgModel           *model,
                        const BpgSelection *selection,
                        guint               trim_start_ms,
                        guint               trim_end_ms,
                        GError            **error);

/** bpg_score_reaction: percentile (0..100) of the reactions, ms; -1 without any. */
double bpg_score_reaction (const BpgScore *self,
                           double          percent);

/** bpg_score_drift: how far all of the recordings are from what @model was trained on; no label is looked at. */
void bpg_score_drift (const BpgScore *self,
                      BpgModel       *model,
                      BpgDrift       *drift);

G_END_DECLS
