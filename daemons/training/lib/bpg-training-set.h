/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-emg-recording.h"
#include "bpg-model.h"
#include "recognition/feature-set.h"

G_BEGIN_DECLS

/**
 * BpgSelection:
 * @recording: (transfer none): where from.
 * @repetitions: (nullable) (element-type guint): which repetitions; %NULL for all.
 */
typedef struct
{
  BpgEmgRecording *recording;
  GArray *repetitions;
} BpgSelection;

/** bpg_selection_has: whether @segment's repetition is one of those selected. */
gboolean bpg_selection_has (const BpgSelection *selection,
                            const BpgSegment   *segment);

/**
 * BpgFraming: how recordings are cut into windows.
 * @window: samples.
 * @hop: samples.
 * @trim_start_ms: left out at the start of each segment.
 * @trim_end_ms: left out at its end.
 * @transitions: take in what lies between the muscle's onset and the end of @trim_start_ms, too: how
 *   a movement begins differs from how it is held.
 */
typedef struct
{
  guint window;
  guint hop;
  guint trim_start_ms;
  guint trim_end_ms;
  gboolean transitions;
} BpgFraming;

/**
 * BpgTrainingWindow: where a row of features comes from.
 * @movement: index into the set's movements.
 * @repetition: index into the set's repetitions (one per stretch of signal, whatever its number).
 * @strength: mean absolute value, counts in Q4.
 * @transition: reaches into the trimmed start; for training, not for scoring.
 */
typedef struct
{
  guint16 movement;
  guint16 repetition;
  guint32 strength;
  gboolean transition;
} BpgTrainingWindow;

/**
 * BpgTrainingRepetition: one stretch of a movement.
 * @movement: index into the set's movements.
 * @number: as the recording numbers it, or in the order recorded where it does not.
 * @first: its first window.
 * @count: its windows.
 */
typedef struct
{
  guint movement;
  guint number;
  guint first;
  guint count;
} BpgTrainingRepetition;

typedef struct
{
  guint8 gesture;
  char name[BPG_BPM_NAME_LENGTH];
} BpgTrainingMovement;

/**
 * BpgTrainingSet: features of many windows, bit for bit the recogniser's.
 * @features: per window.
 * @rows: (element-type gint32): features, Q10, window after window.
 * @windows: (element-type BpgTrainingWindow).
 * @repetitions: (element-type BpgTrainingRepetition).
 * @movements: (element-type BpgTrainingMovement): in rising order of gesture code.
 * @excluded: mask of electrodes left out: constant in the recordings, or left out by the model.
 * @clipped: mask of electrodes at the end of their range in more than one sample of a hundred.
 */
typedef struct
{
  guint rate;
  guint channels;
  guint64 scale_nano;
  enum bpg_bpm_unit unit;
  guint features;
  guint16 excluded;
  guint16 clipped;
  char *subject;
  struct bpg_feature_parameters parameters;
  BpgFraming framing;
  GArray *rows;
  GArray *windows;
  GArray *repetitions;
  GArray *movements;
} BpgTrainingSet;

/**
 * bpg_training_set_new:
 * @selections: what to take from which recording; all of one rate, channel count, scale and unit.
 * @n_selections: at least 1.
 * @framing: window and hop in samples, trims in milliseconds.
 * @model: (nullable): a model to be adapted or evaluated: its features' parameters and excluded
 *   electrodes are used, and recordings that do not fit it are refused.
 *
 * Windows never reach across the border of a segment or over a gap.
 *
 * Returns: (transfer full): or %NULL with #BpgTrainingError INCOMPATIBLE, NO_SAMPLES, SIGNAL_POOR,
 *   LIMIT or CORRUPT.
 */
BpgTrainingSet *bpg_training_set_new (const BpgSelection *selections,
                                      guint               n_selections,
                                      const BpgFraming   *framing,
                                      BpgModel           *model,
                                      GError            **error);

void bpg_training_set_free (BpgTrainingSet *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgTrainingSet, bpg_training_set_free)

/** bpg_training_set_numbers: (transfer full) (element-type guint): the repetition numbers in @self, rising. */
GArray *bpg_training_set_numbers (const BpgTrainingSet *self);

/**
 * bpg_training_set_split:
 * @number: a repetition number.
 * @inside: %TRUE for the repetitions of that number, %FALSE for all others.
 *
 * Returns: (transfer full): a part of @self, in the same order; may be empty.
 */
BpgTrainingSet *bpg_training_set_split (const BpgTrainingSet *self,
                                        guint                 number,
                                        gboolean              inside);

/**
 * bpg_check_compatible: whether @recording can be recognised with @model.
 *
 * Returns: %FALSE with #BpgTrainingError INCOMPATIBLE that names the difference.
 */
gboolean bpg_check_compatible (BpgEmgRecording      *recording,
                               const struct bpg_bpm *model,
                               GError              **error);

/**
 * bpg_feature_parameters_for: floors, least step and matrix logarithm for signals of a kind.
 * @scale_nano: 1e-9 units a count.
 */
void bpg_feature_parameters_for (enum bpg_bpm_unit              unit,
                                 guint64                        scale_nano,
                                 guint                          channels,
                                 struct bpg_feature_parameters *parameters);

static inline const gint32 *
bpg_training_set_row (const BpgTrainingSet *self,
                      guint                 window)
{
  return &g_array_index (self->rows, gint32, (gsize) window * self->features);
}

G_END_DECLS
