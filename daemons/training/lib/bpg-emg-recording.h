/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "recognition/bpm.h"
#include "recognition/unit.h"

G_BEGIN_DECLS

/**
 * BpgSegment:
 * @start: first sample.
 * @count: samples.
 * @gesture: gesture code, 0 = rest.
 * @repetition: from 1 on; 0 when the recording names none.
 * @name: of the movement, never %NULL.
 * @context: what the person did around it, or %NULL.
 * @verdict: how the repetition was judged, or %NULL.
 */
typedef struct
{
  gsize start;
  gsize count;
  guint8 gesture;
  guint repetition;
  char *name;
  char *context;
  char *verdict;
} BpgSegment;

/**
 * BpgGap:
 * @start: first sample that was lost.
 * @count: samples lost.
 */
typedef struct
{
  gsize start;
  gsize count;
} BpgGap;

#define BPG_TYPE_EMG_RECORDING (bpg_emg_recording_get_type ())
G_DECLARE_FINAL_TYPE (BpgEmgRecording, bpg_emg_recording, BPG, EMG_RECORDING, GObject)

/**
 * bpg_emg_recording_new:
 * @rate: Hz.
 * @channels: electrodes.
 * @scale_nano: 1e-9 units a count.
 * @unit: what a count is a multiple of.
 * @samples: (transfer full): int16 in the machine's order, interleaved, whole samples.
 * @segments: (transfer full) (element-type BpgSegment): with bpg_segment_clear() as clear function.
 * @gaps: (transfer full) (element-type BpgGap): in rising order.
 *
 * A recording from parts that were checked already; files go through the reader.
 */
BpgEmgRecording *bpg_emg_recording_new (guint             rate,
                                        guint             channels,
                                        guint64           scale_nano,
                                        enum bpg_bpm_unit unit,
                                        GBytes           *samples,
                                        GArray           *segments,
                                        GArray           *gaps);

/** bpg_segment_clear: free what @segment owns. */
void bpg_segment_clear (BpgSegment *segment);

/** bpg_emg_recording_set_origin: who and when; any may be %NULL. */
void bpg_emg_recording_set_origin (BpgEmgRecording *self,
                                   const char      *path,
                                   const char      *subject,
                                   const char      *session,
                                   const char      *placement);

guint bpg_emg_recording_get_rate (BpgEmgRecording *self);          /* Hz */
guint bpg_emg_recording_get_channels (BpgEmgRecording *self);
gsize bpg_emg_recording_get_n_samples (BpgEmgRecording *self);     /* per electrode */
guint64 bpg_emg_recording_get_scale_nano (BpgEmgRecording *self);  /* 1e-9 units a count */
enum bpg_bpm_unit bpg_emg_recording_get_unit (BpgEmgRecording *self);
const char *bpg_emg_recording_get_path (BpgEmgRecording *self);    /* or "(recording)" */
const char *bpg_emg_recording_get_subject (BpgEmgRecording *self); /* or "" */
const char *bpg_emg_recording_get_session (BpgEmgRecording *self); /* or "" */
const char *bpg_emg_recording_get_placement (BpgEmgRecording *self); /* or "" */

/** bpg_emg_recording_get_sample: the electrodes' counts at @index (< n_samples). */
const gint16 *bpg_emg_recording_get_sample (BpgEmgRecording *self,
                                            gsize            index);

guint bpg_emg_recording_get_n_segments (BpgEmgRecording *self);
const BpgSegment *bpg_emg_recording_get_segment (BpgEmgRecording *self,
                                                 guint            index);
guint bpg_emg_recording_get_n_gaps (BpgEmgRecording *self);
const BpgGap *bpg_emg_recording_get_gap (BpgEmgRecording *self,
                                         guint            index);

/** bpg_emg_recording_is_lost: whether @index lies in a gap. */
gboolean bpg_emg_recording_is_lost (BpgEmgRecording *self,
                                    gsize            index);

/** bpg_unit_from_name: the unit @name stands for, 0 if none. */
guint bpg_unit_from_name (const char *name);

G_END_DECLS
