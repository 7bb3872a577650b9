/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-signal-figures.h"

#include <gio/gio.h>

/**
 * BpgVerdictRule:
 * @BPG_VERDICT_NO_CONTRACTION: level of the best electrode over its level at rest
 * @BPG_VERDICT_WEAK: the same as a share of what the other repetitions of the movement reached
 * @BPG_VERDICT_LATE: onset as a share of the repetition
 * @BPG_VERDICT_INCONSISTENT: share of the repetition's frames that lie nearer to another movement than to this one
 * @BPG_VERDICT_ELECTRODE_STUCK: longest stretch without any change, s
 * @BPG_VERDICT_ELECTRODE_LOOSE: the electrode's share of mains, or how many times it is off its neighbours' level
 * @BPG_VERDICT_CLIPPED: share of samples at the end of the range
 * @BPG_VERDICT_MAINS: share of mains hum in the power of the middle electrode
 * @BPG_VERDICT_ARTEFACT: movement of the baseline, or height of a burst, over the signal
 * @BPG_VERDICT_SAMPLES_LOST: share of samples lost on the way
 *
 * The rules, in the order in which their advice comes first.
 */
typedef enum {
  BPG_VERDICT_SAMPLES_LOST,
  BPG_VERDICT_ELECTRODE_STUCK,
  BPG_VERDICT_CLIPPED,
  BPG_VERDICT_MAINS,
  BPG_VERDICT_ELECTRODE_LOOSE,
  BPG_VERDICT_ARTEFACT,
  BPG_VERDICT_NO_CONTRACTION,
  BPG_VERDICT_WEAK,
  BPG_VERDICT_LATE,
  BPG_VERDICT_INCONSISTENT,
  BPG_VERDICT_N_RULES /*< skip >*/
} BpgVerdictRule;

/**
 * BpgVerdict:
 * @accepted: no rule spoke
 * @reasons: bit i: rule i spoke
 * @figures: of each rule; NaN where it could not be applied, for example without a rest to compare with
 * @electrodes: bit i: electrode i is meant
 * @onset: when the contraction began, seconds from the first sample; 0 for rest and when none was found
 * @release: when it ended, seconds from the first sample; the length of the repetition when it lasted, and for rest
 * @resembles: code of the movement it looks like, when inconsistent
 * @advice: what to do, empty when accepted
 */
typedef struct {
  guint8 code;
  guint repetition;
  gboolean accepted;
  guint reasons;
  double figures[BPG_VERDICT_N_RULES];
  guint16 electrodes;
  double onset;
  double release;
  guint8 resembles;
  char *advice;
  BpgSignalFigures *signal;
} BpgVerdict;

void bpg_verdict_free (BpgVerdict *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgVerdict, bpg_verdict_free)

/** bpg_verdict_rule_name: the rule's word on the bus, for example "electrode-stuck". */
const char *bpg_verdict_rule_name (BpgVerdictRule rule);

/**
 * BpgJudge:
 *
 * Judges the repetitions of one session against one another. What it has accepted is what it compares with: rest for the
 * level of rest, the movement's own repetitions for weak and inconsistent. Not thread-safe; it may be used in a worker
 * as long as nobody else uses it meanwhile.
 */
#define BPG_TYPE_JUDGE (bpg_judge_get_type ())
G_DECLARE_FINAL_TYPE (BpgJudge, bpg_judge, BPG, JUDGE, GObject)

/**
 * bpg_judge_new:
 * @rate: Hz
 * @channels: electrodes, 1 to 16
 */
BpgJudge *bpg_judge_new (guint rate, guint channels);

/**
 * bpg_judge_repetition:
 * @code: the movement that was prompted, 0 for rest
 * @samples: @count times channels numbers, interleaved, from the prompt on
 * @gaps: (array length=n_gaps): samples lost on the way
 *
 * Returns: (transfer full): the verdict. It is not remembered before bpg_judge_accept().
 */
BpgVerdict *bpg_judge_repetition (BpgJudge *self, guint8 code, guint repetition, const gint16 *samples, gsize count,
                                  const BpgSpan *gaps, guint n_gaps);

/**
 * bpg_judge_accept:
 * @verdict: (transfer full): takes the place of an earlier one of the same movement and repetition
 */
void bpg_judge_accept (BpgJudge *self, BpgVerdict *verdict);

/**
 * BpgSeparability:
 * @first: @second: codes of two movements
 * @distance: 0 the same, 1 and above well apart
 */
typedef struct {
  guint8 first;
  guint8 second;
  double distance;
} BpgSeparability;

/**
 * bpg_judge_get_separability:
 *
 * How far apart each pair of accepted movements is: the frames of both are projected on the direction that joins their
 * means, less what two standard errors explain of it, each feature weighted by the inverse of its variance within the
 * movements (diagonal Fisher discriminant with soft thresholding). The difference of the projected means is divided by
 * four projected standard deviations, so that at 1 an ideal borderline is crossed by 2.3 % of the frames.
 *
 * Returns: (transfer full) (element-type BpgSeparability): pairs by rising codes.
 */
GArray *bpg_judge_get_separability (BpgJudge *self);

/**
 * bpg_judge_get_advice:
 *
 * Returns: (transfer full): a sentence on the pair that is hardest to tell apart, empty when all are well apart.
 */
char *bpg_judge_get_advice (BpgJudge *self);
