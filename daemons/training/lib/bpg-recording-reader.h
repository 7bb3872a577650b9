/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-emg-recording.h"

G_BEGIN_DECLS

/* No side-car is longer than this, no recording has more samples than half an hour of 16 electrodes
 * at 2 kHz with room to spare. */
#define BPG_RECORDING_JSON_MAX (8u * 1024 * 1024)
#define BPG_RECORDING_BYTES_MAX (512u * 1024 * 1024)
#define BPG_RECORDING_SEGMENTS_MAX 100000u

/**
 * bpg_recording_read_file:
 * @path: of the side-car, X.json; the samples are in X.bin beside it.
 *
 * Reads a recording in the format the data folder's README describes.  All of it is checked:
 * a field that is missing, of another type or outside its bounds, segments that overlap the end,
 * fewer or more samples than announced.
 *
 * Returns: (transfer full): or %NULL with #BpgTrainingError NOT_FOUND, CORRUPT or LIMIT.
 */
BpgEmgRecording *bpg_recording_read_file (const char *path,
                                          GError    **error);

/**
 * bpg_recording_read_bytes:
 * @container: a `.bpr`: "BPGREC1\n", u32 length of the JSON, the JSON, samples as int16le.
 *
 * Returns: (transfer full): or %NULL with #BpgTrainingError CORRUPT or LIMIT.
 */
BpgEmgRecording *bpg_recording_read_bytes (GBytes  *container,
                                           GError **error);

/**
 * bpg_recording_read_parts:
 * @name: what to call it in messages.
 * @json: the side-car's text.
 * @json_length: its length in bytes.
 * @samples: as the side-car's "dtype" says.
 *
 * Returns: (transfer full): or %NULL with #BpgTrainingError CORRUPT or LIMIT.
 */
BpgEmgRecording *bpg_recording_read_parts (const char *name,
                                           const char *json,
                                           gsize       json_length,
                                           GBytes     *samples,
                                           GError    **error);

G_END_DECLS
