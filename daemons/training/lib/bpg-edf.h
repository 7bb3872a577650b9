/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-emg-recording.h"

G_BEGIN_DECLS

/*
 * EDF+ (European Data Format, https://www.edfplus.info/specs/edfplus.html), the exchange format of clinical
 * neurophysiology: a header in ASCII, int16 samples in data records, and a signal of annotations.
 */

/**
 * BpgEdfAnnotation:
 * @onset: seconds from the first sample.
 * @duration: seconds; negative for a moment.
 * @text: UTF-8; control characters become spaces.
 */
typedef struct
{
  double onset;
  double duration;
  char *text;
} BpgEdfAnnotation;

#define BPG_EDF_TEXT_MAX 512u     /* bytes of an annotation's text; more is cut off */
#define BPG_EDF_SECONDS_MAX 1e9 /* of an onset or a duration */

/** bpg_edf_clean_text: @text as valid UTF-8 of at most BPG_EDF_TEXT_MAX bytes, without control characters. */
char *bpg_edf_clean_text (const char *text);

/** bpg_edf_annotation_clear: free what @annotation owns. */
void bpg_edf_annotation_clear (BpgEdfAnnotation *annotation);

/**
 * BpgEdfInfo:
 * @patient: pseudonym, or %NULL.
 * @code: of the recording, or %NULL.
 * @equipment: what recorded it, for example the arm's identity, or %NULL.
 * @filters: what was filtered before the samples, for example "HP:20Hz N:50Hz", or %NULL.
 * @start: µs of the real clock; 0 when unknown.
 *
 * What an EDF+ header tells beside the signals.
 */
typedef struct
{
  const char *patient;
  const char *code;
  const char *equipment;
  const char *filters;
  gint64 start;
} BpgEdfInfo;

/**
 * bpg_edf_write:
 * @recording: what to write; its segments, verdicts and gaps become annotations.
 * @more: (nullable) (element-type BpgEdfAnnotation): further annotations, in any order.
 *
 * Makes an EDF+C file. Electrodes come first, the annotations last. Data records last one second, or the part of one
 * that keeps them under the 61,440 bytes the format asks for. The last record is filled up; an annotation tells where
 * the recording ends. Physical units follow from the scale; where eight characters cannot hold the range exactly, the
 * error stays below one in a million.
 *
 * Returns: (transfer full): the file's bytes, or %NULL with #BpgTrainingError LIMIT.
 */
GBytes *bpg_edf_write (BpgEmgRecording  *recording,
                       const BpgEdfInfo *info,
                       GArray           *more,
                       GError          **error);

/**
 * bpg_edf_read:
 * @file: an EDF or EDF+C file, hostile until proved otherwise.
 * @annotations: (out) (optional) (element-type BpgEdfAnnotation): those that are not segments, verdicts or gaps of ours.
 *
 * Reads the signals that share the first one's rate and dimension; annotations of the form bpg_edf_write() uses become
 * segments, verdicts and gaps again.
 *
 * Returns: (transfer full): or %NULL with #BpgTrainingError CORRUPT, LIMIT, or INCOMPATIBLE (interrupted files, rates that
 *   are no whole number of Hz, signals of different scale, too few or too many electrodes).
 */
BpgEmgRecording *bpg_edf_read (GBytes  *file,
                               GArray **annotations,
                               GError **error);

G_END_DECLS
