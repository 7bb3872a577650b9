/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-score.h"

#include <math.h>

#include "bpg-onset.h"
#include "bpg-run.h"

BpgScore *
bpg_score_new (BpgModel   *model,
               const char *subject)
{
  const struct bpg_bpm *bpm = bpg_model_get_bpm (model);
  BpgScore *self = g_new0 (BpgScore, 1);
  BpgTrainingMovement rest = { 0, "rest" };

  self->subject = g_strdup (subject);
  self->reactions = g_array_new (FALSE, FALSE, sizeof (double));
  self->moving = g_array_new (FALSE, FALSE, sizeof (BpgDriftDecision));
  self->movements = g_array_new (FALSE, TRUE, sizeof (BpgTrainingMovement));
  if (bpg_model_find (model, 0) < 0)
    g_array_append_val (self->movements, rest);
  for (guint i = 0; i < bpm->movements; i++)
    {
      BpgTrainingMovement movement = { .gesture = bpg_bpm_gesture (bpm, i) };

      g_strlcpy (movement.name, bpg_bpm_name (bpm, i), sizeof movement.name);
      g_array_append_val (self->movements, movement);
    }
  self->confusion = g_new0 (guint32, (gsize) self->movements->len * self->movements->len);
  return self;
}

void
bpg_score_free (BpgScore *self)
{
  g_free (self->subject);
  g_free (self->confusion);
  g_array_unref (self->movements);
  g_array_unref (self->reactions);
  g_array_unref (self->moving);
  g_free (self);
}

static int
place_of (const BpgScore *self,
          guint8          gesture)
{
  for (guint i = 0; i < self->movements->len; i++)
    {
      if (g_array_index (self->movements, BpgTrainingMovement, i).gesture == gesture)
        return (int) i;
    }
  return -1;
}

static void
collect (const struct bpg_decision *decision,
         gpointer                   user_data)
{
  g_array_append_vals (user_data, decision, 1);
}

static void
score_decision (BpgScore                  *self,
                const BpgSegment          *segment,
                const struct bpg_decision *decision)
{
  int row = place_of (self, segment->gesture), column = place_of (self, decision->movement);
  gboolean wrong = decision->movement != segment->gesture;
  gboolean raw_wrong = decision->raw != segment->gesture;

  if (row >= 0 && column >= 0)
    self->confusion[(gsize) row * self->movements->len + column]++;
  self->decisions++;
  self->wrong += wrong;
  self->raw_wrong += raw_wrong;
  if (segment->gesture != 0)
    {
      self->active++;
      self->active_wrong += wrong;
      self->raw_active_wrong += raw_wrong;
    }
}

/* What holds of a whole recording, whatever its labels. */
static void
score_recording (BpgScore        *self,
                 BpgEmgRecording *recording,
                 GArray          *decisions)
{
  for (guint i = 0; i < decisions->len; i++)
    {
      const struct bpg_decision *decision = &g_array_index (decisions, struct bpg_decision, i);
      BpgDriftDecision entry = { decision->distance, decision->confidence };

      self->changes += (decision->flags & BPG_DECISION_CHANGED) != 0;
      if (decision->raw != 0)
        g_array_append_val (self->moving, entry);
    }
  self->seconds += (double) bpg_emg_recording_get_n_samples (recording) / bpg_emg_recording_get_rate (recording);
}

/* First decision from @from on that is right and stays so for 100 ms, at most a second late. */
static gboolean
first_lasting (GArray           *decisions,
               guint8            gesture,
               gsize             onset,
               gsize             end,
               guint             rate,
               gsize            *sample)
{
  for (guint i = 0; i < decisions->len; i++)
    {
      const struct bpg_decision *decision = &g_array_index (decisions, struct bpg_decision, i);
      gboolean lasts = TRUE;

      if (decision->sample < onset || decision->movement != gesture)
        continue;
      if (decision->sample >= MIN (end, onset + rate))
        return FALSE;
      for (guint j = i; j < decisions->len && lasts; j++)
        {
          const struct bpg_decision *later = &g_array_index (decisions, struct bpg_decision, j);

          if (later->sample >= decision->sample + rate / 10)
            break;
          lasts = later->movement == gesture;
        }
      if (lasts)
        {
          *sample = decision->sample;
          return TRUE;
        }
    }
  return FALSE;
}

static void
score_prompt (BpgScore         *self,
              BpgEmgRecording  *recording,
              const BpgSegment *segment,
              GArray           *decisions)
{
  guint rate = bpg_emg_recording_get_rate (recording);
  gsize end = segment->start + segment->count, onset, first;

  if (!bpg_find_onset (recording, segment->start, &onset))
    {
      self->no_onset++;
      return;
    }
  if (first_lasting (decisions, segment->gesture, onset, end, rate, &first))
    {
      double reaction = 1000.0 * (double) (first - onset) / rate;

      g_array_append_val (self->reactions, reaction);
    }
  else
    {
      self->never_right++;
    }
  for (guint i = 0; i < decisions->len; i++)
    {
      const struct bpg_decision *decision = &g_array_index (decisions, struct bpg_decision, i);

      if (decision->sample < onset || decision->sample >= end || decision->movement == 0)
        continue;
      self->speed += decision->speed / 1000.0;
      if (decision->movement != segment->gesture)
        self->wrong_speed += decision->speed / 1000.0;
    }
}

static void
score_segment (BpgScore         *self,
               BpgModel         *model,
               BpgEmgRecording  *recording,
               const BpgSegment *segment,
               GArray           *decisions,
               guint             trim_start_ms,
               guint             trim_end_ms)
{
  guint rate = bpg_emg_recording_get_rate (recording);
  gsize start = segment->start + (gsize) trim_start_ms * rate / 1000 + bpg_model_get_bpm (model)->window - 1;
  gsize tail = (gsize) trim_end_ms * rate / 1000;
  gsize end = segment->start + (segment->count > tail ? segment->count - tail : 0);

  for (guint i = 0; i < decisions->len; i++)
    {
      const struct bpg_decision *decision = &g_array_index (decisions, struct bpg_decision, i);

      if (decision->sample >= start && decision->sample < end)
        score_decision (self, segment, decision);
    }
  if (segment->gesture != 0)
    score_prompt (self, recording, segment, decisions);
}

gboolean
bpg_score_add (BpgScore           *self,
               BpgModel           *model,
               const BpgSelection *selection,
               guint               trim_start_ms,
               guint               trim_end_ms,
               GError            **error)
{
  g_autoptr (GArray) decisions = g_array_new (FALSE, FALSE, sizeof (struct bpg_decision));
  BpgEmgRecording *recording = selection->recording;

  if (!bpg_run (model, recording, collect, decisions, error))
    return FALSE;
  score_recording (self, recording, decisions);
  for (guint i = 0; i < bpg_emg_recording_get_n_segments (recording); i++)
    {
      const BpgSegment *segment = bpg_emg_recording_get_segment (recording, i);

      if (bpg_selection_has (selection, segment))
        score_segment (self, model, recording, segment, decisions, trim_start_ms, trim_end_ms);
    }
  return TRUE;
}

static int
compare_double (gconstpointer a,
                gconstpointer b)
{
  double left = *(const double *) a, right = *(const double *) b;

  return left < right ? -1 : left > right;
}

double
bpg_score_reaction (const BpgScore *self,
                    double          percent)
{
  g_autoptr (GArray) sorted = g_array_copy (self->reactions);
  double place, part;
  guint below;

  if (sorted->len == 0)
    return -1;
  g_array_sort (sorted, compare_double);
  place = percent / 100 * (sorted->len - 1);
  below = (guint) floor (place);
  part = place - below;
  if (below + 1 >= sorted->len)
    return g_array_index (sorted, double, sorted->len - 1);
  return (1 - part) * g_array_index (sorted, double, below) + part * g_array_index (sorted, double, below + 1);
}

void
bpg_score_drift (const BpgScore *self,
                 BpgModel       *model,
                 BpgDrift       *drift)
{
  bpg_drift_from_decisions (model, (const BpgDriftDecision *) (void *) self->moving->data, self->moving->len, drift);
}
