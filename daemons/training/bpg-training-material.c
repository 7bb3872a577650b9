/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-training-material.h"

#include "bpg-movement.h"
#include "lib/bpg-recording-reader.h"
#include "lib/bpg-verdict.h"

/* Less than this is left of no repetition, however late the onset seems. */
#define LEAST_SECONDS 0.3

BpgTrainingMaterial *
bpg_training_material_new (void)
{
  BpgTrainingMaterial *self = g_new0 (BpgTrainingMaterial, 1);

  self->recordings = g_ptr_array_new_with_free_func (g_object_unref);
  self->selections = g_array_new (FALSE, FALSE, sizeof (BpgSelection));
  return self;
}

void
bpg_training_material_free (BpgTrainingMaterial *self)
{
  g_ptr_array_unref (self->recordings);
  g_array_unref (self->selections);
  g_free (self);
}

static void
take (BpgTrainingMaterial *self, BpgEmgRecording *recording)
{
  BpgSelection selection = {recording, NULL};
  guint counts[256] = {0};

  g_ptr_array_add (self->recordings, recording);
  g_array_append_val (self->selections, selection);
  for (guint i = 0; i < bpg_emg_recording_get_n_segments (recording); i++) {
    guint8 gesture = bpg_emg_recording_get_segment (recording, i)->gesture;

    counts[gesture]++;
    self->repetitions = MAX (self->repetitions, counts[gesture]);
  }
}

static GArray *
new_segments (void)
{
  GArray *segments = g_array_new (FALSE, TRUE, sizeof (BpgSegment));

  g_array_set_clear_func (segments, (GDestroyNotify) bpg_segment_clear);
  return segments;
}

static void
add_segment (GArray *segments, const BpgSegment *segment, gsize skip, gsize count, guint repetition)
{
  BpgSegment copy = {
    .start = segment->start + skip,
    .count = count,
    .gesture = segment->gesture,
    .repetition = repetition,
    .name = g_strdup (segment->name),
    .context = g_strdup (segment->context),
    .verdict = g_strdup (segment->verdict),
  };

  g_array_append_val (segments, copy);
}

/* The same samples under other segments. */
static BpgEmgRecording *
relabel (BpgEmgRecording *recording, GArray *segments)
{
  gsize n_samples = bpg_emg_recording_get_n_samples (recording);
  guint channels = bpg_emg_recording_get_channels (recording);
  GArray *gaps = g_array_new (FALSE, FALSE, sizeof (BpgGap));
  BpgEmgRecording *copy;

  for (guint i = 0; i < bpg_emg_recording_get_n_gaps (recording); i++)
    g_array_append_val (gaps, *bpg_emg_recording_get_gap (recording, i));
  copy = bpg_emg_recording_new (
    bpg_emg_recording_get_rate (recording), channels, bpg_emg_recording_get_scale_nano (recording),
    bpg_emg_recording_get_unit (recording),
    g_bytes_new_with_free_func (bpg_emg_recording_get_sample (recording, 0), n_samples * channels * sizeof (gint16),
                                g_object_unref, g_object_ref (recording)),
    segments, gaps);
  bpg_emg_recording_set_origin (copy, bpg_emg_recording_get_path (recording), bpg_emg_recording_get_subject (recording),
                                bpg_emg_recording_get_session (recording), bpg_emg_recording_get_placement (recording));
  return copy;
}

static gboolean
is_wanted (const BpgSegment *segment, GArray *numbers)
{
  if (numbers == NULL)
    return TRUE;
  for (guint i = 0; i < numbers->len; i++) {
    if (g_array_index (numbers, guint, i) == segment->repetition)
      return TRUE;
  }
  return FALSE;
}

static BpgVerdict *
measure (BpgJudge *judge, BpgEmgRecording *recording, const BpgSegment *segment)
{
  return bpg_judge_repetition (judge, segment->gesture, segment->repetition,
                               bpg_emg_recording_get_sample (recording, segment->start), segment->count, NULL, 0);
}

/* The judge learns the recording's rest. */
static BpgJudge *
learn_rest (BpgEmgRecording *recording)
{
  BpgJudge *judge =
    bpg_judge_new (bpg_emg_recording_get_rate (recording), bpg_emg_recording_get_channels (recording));

  for (guint i = 0; i < bpg_emg_recording_get_n_segments (recording); i++) {
    const BpgSegment *segment = bpg_emg_recording_get_segment (recording, i);

    if (segment->gesture == BPG_MOVEMENT_REST)
      bpg_judge_accept (judge, measure (judge, recording, segment));
  }
  return judge;
}

static BpgEmgRecording *
align (BpgEmgRecording *recording, GArray *numbers)
{
  g_autoptr (BpgJudge) judge = learn_rest (recording);
  gsize least = (gsize) (LEAST_SECONDS * bpg_emg_recording_get_rate (recording));
  GArray *segments = new_segments ();

  for (guint i = 0; i < bpg_emg_recording_get_n_segments (recording); i++) {
    const BpgSegment *segment = bpg_emg_recording_get_segment (recording, i);
    gsize skip = 0, end = segment->count;

    if (!is_wanted (segment, numbers))
      continue;
    if (segment->gesture != BPG_MOVEMENT_REST && segment->count > least) {
      g_autoptr (BpgVerdict) verdict = measure (judge, recording, segment);

      skip = MIN ((gsize) (verdict->onset * bpg_emg_recording_get_rate (recording)), segment->count - least);
      end = CLAMP ((gsize) (verdict->release * bpg_emg_recording_get_rate (recording)), skip + least, segment->count);
    }
    add_segment (segments, segment, skip, end - skip, segment->repetition);
  }
  return relabel (recording, segments);
}

gboolean
bpg_training_material_add (BpgTrainingMaterial *self, GBytes *container, GArray *numbers, GError **error)
{
  g_autoptr (BpgEmgRecording) recording = bpg_recording_read_bytes (container, error);

  if (recording == NULL)
    return FALSE;
  take (self, align (recording, numbers));
  return TRUE;
}

BpgTrainingMaterial *
bpg_training_material_halve (const BpgTrainingMaterial *self)
{
  BpgTrainingMaterial *halved = bpg_training_material_new ();

  for (guint r = 0; r < self->recordings->len; r++) {
    BpgEmgRecording *recording = self->recordings->pdata[r];
    GArray *segments = new_segments ();

    for (guint i = 0; i < bpg_emg_recording_get_n_segments (recording); i++) {
      const BpgSegment *segment = bpg_emg_recording_get_segment (recording, i);
      gsize half = segment->count / 2;

      add_segment (segments, segment, 0, half, 1);
      add_segment (segments, segment, half, segment->count - half, 2);
    }
    take (halved, relabel (recording, segments));
  }
  return halved;
}

BpgTrainingMaterial *
bpg_training_material_choose (const BpgTrainingMaterial *self, const gboolean *wanted)
{
  BpgTrainingMaterial *chosen = bpg_training_material_new ();

  for (guint r = 0; r < self->recordings->len; r++) {
    if (wanted[r])
      take (chosen, g_object_ref (self->recordings->pdata[r]));
  }
  return chosen;
}
