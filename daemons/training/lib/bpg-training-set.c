/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-training-set.h"

#include <math.h>
#include <string.h>

#include "bpg-onset.h"
#include "bpg-training-error.h"

#define RIDGE 0.05          /* of the mean variance, added before the logarithm */
#define VARIANCE_FLOOR 0.05 /* in squares of the unit's reference */
#define AMPLITUDE_FLOOR 0.1
#define LEAST_STEP 2.0
#define WINDOWS_MAX 2000000u
#define WORKERS_MAX 4u
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
  gint16 first[BPG_CHANNELS_MAX];
  gboolean moved[BPG_CHANNELS_MAX];
  gsize clipped[BPG_CHANNELS_MAX];
  gsize samples;
};

static void
survey_recording (const BpgTrainingSet *self,
                  const BpgSelection   *selection,
                  struct survey        *survey)
{
  BpgEmgRecording *recording = selection->recording;

  for (guint i = 0; i < bpg_emg_recording_get_n_segments (recording); i++)
    {
      const BpgSegment *segment = bpg_emg_recording_get_segment (recording, i);
      gsize start, end;

      if (!is_usable (selection, segment) || !trimmed (self, segment, &start, &end))
        continue;
      for (gsize t = start; t < end; t++, survey->samples++)
        {
          const gint16 *sample = bpg_emg_recording_get_sample (recording, t);

          if (survey->samples == 0)
            memcpy (survey->first, sample, self->channels * sizeof *sample);
          for (guint c = 0; c < self->channels; c++)
            {
              survey->moved[c] |= sample[c] != survey->first[c];
              survey->clipped[c] += sample[c] >= G_MAXINT16 || sample[c] <= -G_MAXINT16;
            }
        }
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
      if (!survey.moved[c])
        constant |= (guint16) (1u << c);
      if (survey.clipped[c] * 100 > survey.samples)
        self->clipped |= (guint16) (1u << c);
      usable += survey.moved[c] && (self->clipped >> c & 1) == 0;
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

static void
add_stretch (BpgTrainingSet             *self,
             const BpgSegment           *segment,
             BpgEmgRecording            *recording,
             gsize                       start,
             gsize                       end,
             struct bpg_window          *window,
             struct bpg_feature_scratch *scratch)
{
  BpgTrainingRepetition repetition = { .number = segment->repetition, .first = self->windows->len };
  gsize first = transition_start (self, recording, segment, start);
  guint until = self->framing.window;

  repetition.movement = movement_index (self, segment);
  bpg_window_clear (window);
  for (gsize t = first; t < end; t++)
    {
      BpgTrainingWindow entry = { .movement = (guint16) repetition.movement,
                                  .repetition = (guint16) MIN (self->repetitions->len, G_MAXUINT16) };
      gint32 features[BPG_FEATURES_MAX];

      if (self->windows->len >= WINDOWS_MAX)
        return;
      if (bpg_emg_recording_get_n_gaps (recording) > 0 && bpg_emg_recording_is_lost (recording, t))
        {
          bpg_window_clear (window);
          until = self->framing.window;
          continue;
        }
      bpg_window_push (window, bpg_emg_recording_get_sample (recording, t));
      if (--until != 0)
        continue;
      until = self->framing.hop;
      entry.transition = t + 1 < start + self->framing.window;
      bpg_features (window, &self->parameters, scratch, features, &entry.strength);
      g_array_append_vals (self->rows, features, self->features);
      g_array_append_val (self->windows, entry);
    }
  repetition.count = self->windows->len - repetition.first;
  if (repetition.count > 0)
    g_array_append_val (self->repetitions, repetition);
}

static void
add_recording (BpgTrainingSet     *self,
               const BpgSelection *selection)
{
  g_autofree struct bpg_window *window = g_new (struct bpg_window, 1);
  g_autofree struct bpg_feature_scratch *scratch = g_new (struct bpg_feature_scratch, 1);

  bpg_window_init (window, (guint16) self->framing.window, (guint16) self->channels, self->excluded,
                   self->parameters.least_step);
  for (guint i = 0; i < bpg_emg_recording_get_n_segments (selection->recording); i++)
    {
      const BpgSegment *segment = bpg_emg_recording_get_segment (selection->recording, i);
      gsize start, end;

      if (is_usable (selection, segment) && trimmed (self, segment, &start, &end))
        add_stretch (self, segment, selection->recording, start, end, window, scratch);
    }
}

/* A set for a part of the recordings of @self, sharing its movements, which no longer change. */
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

static guint
next_number (const BpgTrainingSet *self,
             guint                 movement)
{
  guint number = 1;

  for (guint r = 0; r < self->repetitions->len; r++)
    number += g_array_index (self->repetitions, BpgTrainingRepetition, r).movement == movement;
  return number;
}

/* Appends @part, numbering repetitions that have no number in the order they were recorded. */
static void
append_part (BpgTrainingSet       *self,
             const BpgTrainingSet *part)
{
  guint windows = self->windows->len, repetitions = self->repetitions->len;

  g_array_append_vals (self->rows, part->rows->data, part->rows->len);
  for (guint i = 0; i < part->windows->len; i++)
    {
      BpgTrainingWindow window = g_array_index (part->windows, BpgTrainingWindow, i);

      window.repetition = (guint16) MIN (window.repetition + repetitions, G_MAXUINT16);
      g_array_append_val (self->windows, window);
    }
  for (guint r = 0; r < part->repetitions->len; r++)
    {
      BpgTrainingRepetition repetition = g_array_index (part->repetitions, BpgTrainingRepetition, r);

      repetition.first += windows;
      if (repetition.number == 0)
        repetition.number = next_number (self, repetition.movement);
      g_array_append_val (self->repetitions, repetition);
    }
}

/* Recordings are independent: each worker takes every so manieth. */
struct worker
{
  GThread *thread;
  guint first;
  guint stride;
  guint n_selections;
  const BpgSelection *selections;
  BpgTrainingSet **parts;
};

static gpointer
work (gpointer data)
{
  const struct worker *worker = data;

  for (guint i = worker->first; i < worker->n_selections; i += worker->stride)
    add_recording (worker->parts[i], &worker->selections[i]);
  return NULL;
}

static void
add_recordings (BpgTrainingSet     *self,
                const BpgSelection *selections,
                guint               n_selections)
{
  struct worker workers[WORKERS_MAX] = { { 0 } };
  g_autofree BpgTrainingSet **parts = g_new (BpgTrainingSet *, n_selections);
  guint n_workers = MIN (MIN (g_get_num_processors (), WORKERS_MAX), n_selections);

  for (guint i = 0; i < n_selections; i++)
    parts[i] = new_part (self);
  for (guint w = 0; w < n_workers; w++)
    {
      workers[w] = (struct worker) { NULL, w, n_workers, n_selections, selections, parts };
      /* the last share is this thread's own, and so is that of a thread that cannot be had */
      workers[w].thread = w + 1 < n_workers ? g_thread_try_new ("features", work, &workers[w], NULL) : NULL;
    }
  for (guint w = 0; w < n_workers; w++)
    {
      if (workers[w].thread == NULL)
        work (&workers[w]);
    }
  for (guint w = 0; w < n_workers; w++)
    {
      if (workers[w].thread != NULL)
        g_thread_join (workers[w].thread);
    }
  for (guint i = 0; i < n_selections; i++)
    {
      append_part (self, parts[i]);
      bpg_training_set_free (parts[i]);
    }
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
