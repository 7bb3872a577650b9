/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "training/lib/bpg-edf.h"

#include <json-glib/json-glib.h>

/* Recordings as files, in every format we read and write: emgpack (X.json with X.bin), .bpr, EDF+ (.edf) and CSV. */

/**
 * BpgRecordingFile:
 * @side_car: (nullable): what a .json or .bpr told beside the samples
 * @annotations: (nullable) (element-type BpgEdfAnnotation): of an EDF file, that are not ours
 */
typedef struct {
  BpgEmgRecording *recording;
  JsonNode *side_car;
  GArray *annotations;
} BpgRecordingFile;

void bpg_recording_file_free (BpgRecordingFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgRecordingFile, bpg_recording_file_free)

/**
 * BpgCsvScale:
 * @rate: Hz; 0: from the file
 * @lsb: units a count; 0: from the file, or fitted to its largest value
 * @unit: (nullable): %NULL: from the file
 *
 * What a CSV file made elsewhere does not tell of itself.
 */
typedef struct {
  guint rate;
  double lsb;
  const char *unit;
} BpgCsvScale;

/**
 * bpg_recording_file_load:
 * @path: its ending tells the format
 * @scale: (nullable): for CSV
 *
 * Returns: (transfer full): or %NULL with #BpgTrainingError.
 */
BpgRecordingFile *bpg_recording_file_load (const char *path, const BpgCsvScale *scale, GError **error);

/**
 * bpg_recording_file_from_container:
 * @container: a .bpr
 */
BpgRecordingFile *bpg_recording_file_from_container (GBytes *container, GError **error);

/**
 * bpg_recording_file_is_known:
 *
 * Returns: whether the ending of @path names a format we can write.
 */
gboolean bpg_recording_file_is_known (const char *path);

/**
 * bpg_recording_file_save:
 * @path: its ending tells the format; a folder: an emgpack pair named @stem in it
 * @info: for the header of an EDF file
 * @more: (nullable) (element-type BpgEdfAnnotation): written into an EDF file, and into the `name` column of nothing else
 * @mode: permissions of new files, for example 0600
 *
 * Writes whole files or nothing.
 */
gboolean bpg_recording_file_save (BpgRecordingFile *self, const char *path, const char *stem, const BpgEdfInfo *info,
                                  GArray *more, int mode, GError **error);

/**
 * bpg_csv_read: bpg_csv_write:
 *
 * Columns `sample`, `time_s`, `e1` … in physical units, then `gesture`, `name`, `rep`; a first line that begins with #
 * holds rate, scale and unit as JSON. Reading takes any order, and any other name for an electrode.
 */
BpgEmgRecording *bpg_csv_read (GBytes *text, const BpgCsvScale *scale, GError **error);
GBytes *bpg_csv_write (BpgEmgRecording *recording);
