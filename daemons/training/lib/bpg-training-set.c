/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-training-set.h"

#include <math.h>
#include <string.h>

#include "bpg-feature-batch.h"
#include "bpg-onset.h"
#include "bpg-parallel.h"
#include "bpg-training-error.h"

#define RIDGE 0.05          /* of the mean variance, added before the logarithm */
#define VARIANCE_FLOOR 0.05 /* in squares of the unit's reference */
#define AMPLITUDE_FLOOR 0.1
#define LEAST_STEP 2.0
#define WINDOWS_MAX 2000000u
#define SERIES 12

/* What one count of a Myo armband (8 bits) corresponds to in each unit. */
static double
reference_of_unit (enum bpg_bpm_unit unit)
{
  switch (unit)
    {
    case BPG_UNIT_MYO_FULL_SCALE:
      return 1.0 / 128.0;
    case BPG_UNIT_VOLT_AFTER_GAIN:
      return 0.01;
    case BPG_UNIT_MICROVOLT:
      return 2.0;
    case BPG_UNIT_MYO_COUNT:
    default:
      return 1.0;
    }
}

/* Chebyshev coefficients of log2 (ridge + (1 - ridge) channels (x + 1) / 2) on [-1, 1]. */
static void
logarithm_series (guint  channels,
                  double series[SERIES])
{
  const guint nodes = 64;

  for (guint k = 0; k < SERIES; k++)
    {
      double sum = 0;

      for (guint i = 0; i < nodes; i++)
        {
          double angle = G_PI * (i + 0.5) / nodes;

          sum += log2 (RIDGE + (1 - RIDGE) * channels * (cos (angle) + 1) / 2) * cos (k * angle);
        }
      series[k] = sum * (k == 0 ? 1.0 : 2.0) / nodes;
    }
}

/* From Chebyshev's form to the one the recogniser evaluates (spectral.h):
 * T4+j = 2 T4 Tj - T4-j and T8+j = 2 T8 Tj - T8-j, with T8-j = 2 T4 T4-j - Tj. */
static void
fold_series (const double series[SERIES],
             gint32       polynomial[SERIES])
{
  double folded[3][4] = { { 0 } };

  for (guint j = 0; j < 4; j++)
    folded[0][j] = series[j];
  folded[1][0] = series[4];
  folded[2][0] = series[8];
  for (guint j = 1; j < 4; j++)
    {
      folded[1][j] += 2 * series[4 + j];
      folded[0][4 - j] -= series[4 + j];
      folded[2][j] += 2 * series[8 + j];
      folded[1][4 - j] -= 2 * series[8 + j];
      folded[0][j] += series[8 + j];
    }
  for (guint i = 0; i < SERIES; i++)
    polynomial[i] = (gint32) lround (folded[i / 4][i % 4] * (1 << 24));
}

void
bpg_feature_parameters_for (enum bpg_bpm_unit              unit,
                            guint64                        scale_nano,
                            guint                          channels,
                            struct bpg_feature_parameters *parameters)
{
  double reference = reference_of_unit (unit) / ((double) scale_nano * 1e-9); /* counts */
  double series[SERIES];

  /* never below what rounding to whole counts adds */
  parameters->variance_floor = (guint64) CLAMP (VARIANCE_FLOOR * reference * reference * 256, 13.0, 0x1p38);
  parameters->amplitude_floor = (guint32) CLAMP (AMPLITUDE_FLOOR * reference * 256, 25.0, 0x1p23);
  parameters->least_step = (guint32) CLAMP (LEAST_STEP * reference, 1.0, 32767.0);
  logarithm_series (channels, series);
  fold_series (series, parameters->polynomial);
}

static gboolean
incompatible (GError         **error,
              BpgEmgRecording *recording,
              const char      *what,
              guint64          have,
              guint64          want)
{
  g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_INCOMPATIBLE,
               "%s: its %s is %" G_GUINT64_FORMAT " where %" G_GUINT64_FORMAT " is expected; "
               "use recordings and models of one arm and one setting",
               bpg_emg_recording_get_path (recording), what, have, want);
  return FALSE;
}

static gboolean
check_kind (BpgEmgRecording *recording,
            guint            rate,
            guint            channels,
            guint64          scale_nano,
            guint            unit,
            GError         **error)
{
  guint64 scale = bpg_emg_recording_get_scale_nano (recording);
  guint64 apart = scale > scale_nano ? scale - scale_nano : scale_nano - scale;

  if (bpg_emg_recording_get_channels (recording) != channels)
    return incompatible (error, recording, "number of electrodes", bpg_emg_recording_get_channels (recording), channels);
  if (bpg_emg_recording_get_rate (recording) != rate)
    return incompatible (error, recording, "sampling rate (Hz)", bpg_emg_recording_get_rate (recording), rate);
  if ((guint) bpg_emg_recording_get_unit (recording) != unit)
    {
      g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_INCOMPATIBLE,
                   "%s: its unit is %s where %s is expected; use recordings and models of one arm and one setting",
                   bpg_emg_recording_get_path (recording), bpg_unit_name (bpg_emg_recording_get_unit (recording)),
                   bpg_unit_name (unit));
      return FALSE;
    }
  /* a ten-thousandth: scales are rounded on their way through files and links */
  if (apart > 1 && apart > scale_nano / 10000)
    return incompatible (error, recording, "scale (1e-9 units a count)", scale, scale_nano);
  return TRUE;
}

gboolean
bpg_check_compatible (BpgEmgRecording      *recording,
                      const struct bpg_bpm *model,
                      GError              **error)
{
  return check_kind (recording, model->rate, model->channels, model->scale_nano, model->unit, error);
}

gboolean
bpg_selection_has (const BpgSelection *selection,
                   const BpgSegment   *segment)
{
  if (selection->repetitions == NULL)
    return TRUE;
  for (guint i = 0; i < selection->repetitions->len; i++)
    {
      if (g_array_index (selection->repetitions, guint, i) == segment->repetition)
        return TRUE;
    }
  return FALSE;
}

static gboolean
is_usable (const BpgSelection *selection,
           const BpgSegment   *segment)
{
  return bpg_selection_has (selection, segment) && g_strcmp0 (segment->verdict, "refused") != 0;
}

/* What is left of a segment after trimming, as [start, end). */
static gboolean
trimmed (const BpgTrainingSet *self,
         const BpgSegment     *segment,
         gsize                *start,
         gsize                *end)
{
  gsize head = (gsize) self->framing.trim_start_ms * self->rate / 1000;
  gsize tail = (gsize) self->framing.trim_end_ms * self->rate / 1000;

  if (segment->count < head + tail + self->framing.window)
    return FALSE;
  *start = segment->start + head;
  *end = segment->start + segment->count - tail;
  return TRUE;
}

struct survey
{
  gint16 lowest[BPG_CHANNELS_MAX];
  gint16 highest[BPG_CHANNELS_MAX];
  gsize clipped[BPG_CHANNELS_MAX];
  gsize samples;
};

/* Of eight samples at a time, so that whatever the number of electrodes a vector is full. */
static void
find_extremes (struct survey *survey,
               const gint16  *samples,
               gsize          count,
               guint          channels)
{
  gint16 lowest[8 * BPG_CHANNELS_MAX], highest[8 * BPG_CHANNELS_MAX];
  gsize numbers = count * channels, block = MIN (numbers, 8 * channels);

  memcpy (lowest, samples, block * sizeof *samples);
  memcpy (highest, samples, block * sizeof *samples);
  for (gsize e = block; e < numbers; e += block)
    {
      for (gsize k = 0; k < MIN (block, numbers - e); k++)
        {
          lowest[k] = MIN (lowest[k], samples[e + k]);
          highest[k] = MAX (highest[k], samples[e + k]);
        }
    }
  for (gsize k = 0; k < block; k++)
    {
      survey->lowest[k % channels] = MIN (survey->lowest[k % channels], lowest[k]);
      survey->highest[k % channels] = MAX (survey->highest[k % channels], highest[k]);
    }
}

/* At the end of the range; few signals are at all. */
static void
count_clipped (struct survey *survey,
               const gint16  *samples,
               gsize          count,
               guint          channels)
{
  for (guint c = 0; c < channels; c++)
    {
      if (survey->lowest[c] > -G_MAXINT16 && survey->highest[c] < G_MAXINT16)
        continue;
      for (gsize t = 0; t < count; t++)
        survey->clipped[c] += samples[t * channels + c] >= G_MAXINT16 || samples[t * channels + c] <= -G_MAXINT16;
    }
}

static void
survey_recording (const BpgTrainingSet *self,
                  const BpgSelection   *selection,
                  struct survey        *survey)
{
  BpgEmgRecording *recording = selection->recording;

  for (guint i = 0; i < bpg_emg_recording_get_n_segments (recording); i++)
    {
      const BpgSegment *segment = bpg_emg_recording_get_segment (recording, i);
      const gint16 *samples;
      gsize start, end;

      if (!is_usable (selection, segment) || !trimmed (self, segment, &start, &end))
        continue;
      samples = bpg_emg_recording_get_sample (recording, start);
      find_extremes (survey, samples, end - start, self->channels);
      count_clipped (survey, samples, end - start, self->channels);
      survey->samples += end - start;
    }
}

static gboolean
survey_electrodes (BpgTrainingSet     *self,
                   const BpgSelection *selections,
                   guint               n_selections,
                   gboolean            may_exclude,
                   GError            **error)
{
  struct survey survey = { 0 };
  guint16 constant = 0;
  guint usable = 0;

  for (guint c = 0; c < self->channels; c++)
    {
      survey.lowest[c] = G_MAXINT16;
      survey.highest[c] = G_MININT16;
    }
  for (guint i = 0; i < n_selections; i++)
    survey_recording (self, &selections[i], &survey);
  if (survey.samples == 0)
    {
      g_set_error_literal (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_NO_SAMPLES,
                           "No segment is long enough for one window after selection and trimming; "
                           "select other repetitions, trim less or record longer");
      return FALSE;
    }
  for (guint c = 0; c < self->channels; c++)
    {
      gboolean moved = survey.lowest[c] < survey.highest[c];

      if (!moved)
        constant |= (guint16) (1u << c);
      if (survey.clipped[c] * 100 > survey.samples)
        self->clipped |= (guint16) (1u << c);
      usable += moved && (self->clipped >> c & 1) == 0;
    }
  if (usable < 2 || usable * 2 < self->channels)
    {
      g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_SIGNAL_POOR,
                   "Only %u of %u electrodes carry a signal that is neither constant nor clipped; "
                   "check their contact and cables and record again", usable, self->channels);
      return FALSE;
    }
  if (may_exclude)
    self->excluded |= constant;
  return TRUE;
}

static guint
movement_index (BpgTrainingSet   *self,
                const BpgSegment *segment)
{
  BpgTrainingMovement movement = { .gesture = segment->gesture };
  guint at = 0;

  while (at < self->movements->len && g_array_index (self->movements, BpgTrainingMovement, at).gesture < segment->gesture)
    at++;
  if (at < self->movements->len && g_array_index (self->movements, BpgTrainingMovement, at).gesture == segment->gesture)
    return at;
  g_strlcpy (movement.name, segment->name, sizeof movement.name);
  g_array_insert_val (self->movements, at, movement);
  return at;
}

/* The muscle's onset when it lies before @start; never before the segment, which may follow another movement. */
static gsize
transition_start (const BpgTrainingSet *self,
                  BpgEmgRecording      *recording,
                  const BpgSegment     *segment,
                  gsize                 start)
{
  gsize onset;

  if (!self->framing.transitions || segment->gesture == 0 || self->framing.trim_start_ms == 0 ||
      !bpg_find_onset (recording, segment->start, &onset))
    return start;
  return MIN (start, MAX (onset, segment->start));
}

/* Windows that follow each other by a hop, computed at once. */
struct batch
{
  const gint16 *samples;
  guint first; /* window */
  guint count;
};

/* The windows of samples [@start, @end), none of them lost. */
static void
plan_windows (BpgTrainingSet  *self,
              GArray          *batches,
              BpgEmgRecording *recording,
              guint            movement,
              gsize            trimmed_start,
              gsize            start,
              gsize            end)
{
  const BpgFraming *framing = &self->framing;
  BpgTrainingWindow window = { .movement = (guint16) movement,
                               .repetition = (guint16) MIN (self->repetitions->len, G_MAXUINT16) };
  struct batch batch = { NULL, 0, 0 };

  for (gsize t = start; t + framing->window <= end && self->windows->len < WINDOWS_MAX; t += framing->hop)
    {
      if (batch.count == 0)
        batch = (struct batch) { bpg_emg_recording_get_sample (recording, t), self->windows->len, 0 };
      window.transition = t < trimmed_start;
      g_array_append_val (self->windows, window);
      if (++batch.count == BPG_FEATURE_BATCH)
        {
          g_array_append_val (batches, batch);
          batch.count = 0;
        }
    }
  if (batch.count > 0)
    g_array_append_val (batches, batch);
}

/* Repetitions that have no number are numbered in the order they were recorded. */
static guint
number_of (const BpgTrainingSet *self,
           const BpgSegment     *segment,
           guint                 movement)
{
  guint number = 1;

  if (segment->repetition != 0)
    return segment->repetition;
  for (guint r = 0; r < self->repetitions->len; r++)
    number += g_array_index (self->repetitions, BpgTrainingRepetition, r).movement == movement;
  return number;
}

static void
plan_stretch (BpgTrainingSet   *self,
              GArray           *batches,
              const BpgSegment *segment,
              BpgEmgRecording  *recording,
              gsize             start,
              gsize             end)
{
  BpgTrainingRepetition repetition = { .movement = movement_index (self, segment), .first = self->windows->len };
  gsize from = transition_start (self, recording, segment, start);

  for (guint i = 0; i < bpg_emg_recording_get_n_gaps (recording); i++)
    {
      const BpgGap *gap = bpg_emg_recording_get_gap (recording, i);
      gsize after = gap->start < end ? gap->start + MIN (gap->count, end - gap->start) : end;

      if (gap->start >= end || after <= from)
        continue;
      plan_windows (self, batches, recording, repetition.movement, start, from, gap->start);
      from = after;
    }
  plan_windows (self, batches, recording, repetition.movement, start, from, end);
  repetition.count = self->windows->len - repetition.first;
  repetition.number = number_of (self, segment, repetition.movement);
  if (repetition.count > 0)
    g_array_append_val (self->repetitions, repetition);
}

static void
plan_recording (BpgTrainingSet     *self,
                GArray             *batches,
                const BpgSelection *selection)
{
  for (guint i = 0; i < bpg_emg_recording_get_n_segments (selection->recording); i++)
    {
      const BpgSegment *segment = bpg_emg_recording_get_segment (selection->recording, i);
      gsize start, end;

      if (is_usable (selection, segment) && trimmed (self, segment, &start, &end))
        plan_stretch (self, batches, segment, selection->recording, start, end);
    }
}

/* An empty set for a part of @self, sharing its movements, which no longer change. */
static BpgTrainingSet *
new_part (const BpgTrainingSet *self)
{
  BpgTrainingSet *part = g_memdup2 (self, sizeof *self);

  part->subject = g_strdup (self->subject);
  part->rows = g_array_new (FALSE, FALSE, sizeof (gint32));
  part->windows = g_array_new (FALSE, FALSE, sizeof (BpgTrainingWindow));
  part->repetitions = g_array_new (FALSE, FALSE, sizeof (BpgTrainingRepetition));
  part->movements = g_array_ref (self->movements);
  return part;
}

struct computation
{
  BpgTrainingSet *set;
  const GArray *batches;
};

static void
compute_batches (BpgParallel *parallel,
                 gpointer     data)
{
  const struct computation *computation = data;
  BpgTrainingSet *self = computation->set;
  g_autoptr (BpgFeatureBatch) room = bpg_feature_batch_new (self->channels, self->framing.window, self->framing.hop,
                                                            self->excluded, &self->parameters);
  guint task;

  while (bpg_parallel_take (parallel, &task))
    {
      const struct batch *batch = &g_array_index (computation->batches, struct batch, task);
      BpgTrainingWindow *windows = &g_array_index (self->windows, BpgTrainingWindow, batch->first);
      guint32 strengths[BPG_FEATURE_BATCH];

      bpg_feature_batch_compute (room, batch->samples, batch->count,
                                 &g_array_index (self->rows, gint32, (gsize) batch->first * self->features), strengths);
      for (guint i = 0; i < batch->count; i++)
        windows[i].strength = strengths[i];
    }
}

static void
add_recordings (BpgTrainingSet     *self,
                const BpgSelection *selections,
                guint               n_selections)
{
  g_autoptr (GArray) batches = g_array_new (FALSE, FALSE, sizeof (struct batch));
  struct computation computation = { self, batches };

  for (guint i = 0; i < n_selections; i++)
    plan_recording (self, batches, &selections[i]);
  if (self->windows->len == 0 || self->windows->len >= WINDOWS_MAX)
    return;
  g_array_set_size (self->rows, self->windows->len * self->features);
  bpg_parallel_run (batches->len, compute_batches, &computation);
}

/* Movements are inserted in order while windows already refer to them by place: number them last. */
static void
collect_movements (BpgTrainingSet     *self,
                   const BpgSelection *selections,
                   guint               n_selections)
{
  for (guint i = 0; i < n_selections; i++)
    {
      for (guint s = 0; s < bpg_emg_recording_get_n_segments (selections[i].recording); s++)
        {
          const BpgSegment *segment = bpg_emg_recording_get_segment (selections[i].recording, s);
          gsize start, end;

          if (is_usable (&selections[i], segment) && trimmed (self, segment, &start, &end))
            movement_index (self, segment);
        }
    }
}

static BpgTrainingSet *
new_empty (BpgEmgRecording  *recording,
           const BpgFraming *framing,
           BpgModel         *model)
{
  BpgTrainingSet *self = g_new0 (BpgTrainingSet, 1);

  self->rate = bpg_emg_recording_get_rate (recording);
  self->channels = bpg_emg_recording_get_channels (recording);
  self->scale_nano = bpg_emg_recording_get_scale_nano (recording);
  self->unit = bpg_emg_recording_get_unit (recording);
  self->subject = g_strdup (bpg_emg_recording_get_subject (recording));
  self->features = BPG_FEATURE_COUNT (self->channels);
  self->framing = *framing;
  self->rows = g_array_new (FALSE, FALSE, sizeof (gint32));
  self->windows = g_array_new (FALSE, FALSE, sizeof (BpgTrainingWindow));
  self->repetitions = g_array_new (FALSE, FALSE, sizeof (BpgTrainingRepetition));
  self->movements = g_array_new (FALSE, TRUE, sizeof (BpgTrainingMovement));
  bpg_feature_parameters_for (self->unit, self->scale_nano, self->channels, &self->parameters);
  if (model != NULL)
    {
      self->parameters = bpg_model_get_bpm (model)->feature;
      self->excluded = bpg_model_get_bpm (model)->excluded;
    }
  return self;
}

static gboolean
check_selections (const BpgSelection *selections,
                  guint               n_selections,
                  const BpgFraming   *framing,
                  BpgModel           *model,
                  GError            **error)
{
  BpgEmgRecording *first = selections[0].recording;

  for (guint i = 0; i < n_selections; i++)
    {
      if (!check_kind (selections[i].recording, bpg_emg_recording_get_rate (first), bpg_emg_recording_get_channels (first),
                       bpg_emg_recording_get_scale_nano (first), bpg_emg_recording_get_unit (first), error))
        return FALSE;
      if (model != NULL && !bpg_check_compatible (selections[i].recording, bpg_model_get_bpm (model), error))
        return FALSE;
    }
  if (framing->window < BPG_WINDOW_MIN || framing->window > BPG_WINDOW_MAX ||
      framing->window * bpg_emg_recording_get_channels (first) > BPG_RING_SAMPLES || framing->hop < 1 ||
      framing->hop > BPG_WINDOW_MAX)
    {
      g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_INVALID_ARGUMENT,
                   "A window of %u samples every %u does not fit the arm: choose a window of %u to %u samples and a hop "
                   "of at most %u",
                   framing->window, framing->hop, BPG_WINDOW_MIN,
                   MIN (BPG_WINDOW_MAX, BPG_RING_SAMPLES / bpg_emg_recording_get_channels (first)), BPG_WINDOW_MAX);
      return FALSE;
    }
  return TRUE;
}

BpgTrainingSet *
bpg_training_set_new (const BpgSelection *selections,
                      guint               n_selections,
                      const BpgFraming   *framing,
                      BpgModel           *model,
                      GError            **error)
{
  g_autoptr (BpgTrainingSet) self = NULL;

  if (!check_selections (selections, n_selections, framing, model, error))
    return NULL;
  self = new_empty (selections[0].recording, framing, model);
  if (!survey_electrodes (self, selections, n_selections, model == NULL, error))
    return NULL;

  collect_movements (self, selections, n_selections);
  add_recordings (self, selections, n_selections);
  if (self->windows->len == 0)
    {
      g_set_error_literal (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_NO_SAMPLES,
                           "No window is free of gaps; record again");
      return NULL;
    }
  if (self->windows->len >= WINDOWS_MAX)
    {
      g_set_error (error, BPG_TRAINING_ERROR, BPG_TRAINING_ERROR_LIMIT,
                   "More than %u windows; use a longer hop or fewer recordings", WINDOWS_MAX);
      return NULL;
    }
  return g_steal_pointer (&self);
}

GArray *
bpg_training_set_numbers (const BpgTrainingSet *self)
{
  GArray *numbers = g_array_new (FALSE, FALSE, sizeof (guint));

  for (guint r = 0; r < self->repetitions->len; r++)
    {
      guint number = g_array_index (self->repetitions, BpgTrainingRepetition, r).number;
      guint at = 0;

      while (at < numbers->len && g_array_index (numbers, guint, at) < number)
        at++;
      if (at == numbers->len || g_array_index (numbers, guint, at) != number)
        g_array_insert_val (numbers, at, number);
    }
  return numbers;
}

BpgTrainingSet *
bpg_training_set_split (const BpgTrainingSet *self,
                        guint                 number,
                        gboolean              inside)
{
  BpgTrainingSet *part = new_part (self);

  for (guint r = 0; r < self->repetitions->len; r++)
    {
      BpgTrainingRepetition repetition = g_array_index (self->repetitions, BpgTrainingRepetition, r);
      const BpgTrainingWindow *windows = &g_array_index (self->windows, BpgTrainingWindow, repetition.first);
      const gint32 *rows = bpg_training_set_row (self, repetition.first);

      if ((repetition.number == number) != inside)
        continue;
      repetition.first = part->windows->len;
      g_array_append_vals (part->rows, rows, repetition.count * self->features);
      for (guint i = 0; i < repetition.count; i++)
        {
          BpgTrainingWindow window = windows[i];

          window.repetition = (guint16) part->repetitions->len;
          g_array_append_val (part->windows, window);
        }
      g_array_append_val (part->repetitions, repetition);
    }
  return part;
}

void
bpg_training_set_free (BpgTrainingSet *self)
{
  g_array_unref (self->rows);
  g_array_unref (self->windows);
  g_array_unref (self->repetitions);
  g_array_unref (self->movements);
  g_free (self->subject);
  g_free (self);
}
