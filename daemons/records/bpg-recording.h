/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-archive.h"
#include "bpg-container.h"

#define BPG_TYPE_RECORDING (bpg_recording_get_type ())
G_DECLARE_FINAL_TYPE (BpgRecording, bpg_recording, BPG, RECORDING, GObject)

/**
 * bpg_recording_create:
 * @info: what is known of it; its id is chosen here
 * @repetitions: (nullable) (element-type BpgRepetition): already written ones, for an imported recording
 * @sender: (nullable): whose session records it; while that name is on the bus the recording cannot be deleted
 *
 * Writes a new recording into the index and exports it: `open`, or `complete` when there are @repetitions.
 *
 * Returns: (transfer full): the recording, or %NULL with NoSpace or InvalidArgument.
 */
BpgRecording *bpg_recording_create (BpgArchive *archive, const BpgRecordingInfo *info, GPtrArray *repetitions,
                                    const char *sender, GError **error);

/**
 * bpg_recordings_load:
 *
 * Returns: (transfer full) (element-type BpgRecording): every recording of the index, exported.
 */
GPtrArray *bpg_recordings_load (BpgArchive *archive, GError **error);

/* The strings belong to the recording. */
const char *bpg_recording_get_path (BpgRecording *self);
const char *bpg_recording_get_patient (BpgRecording *self);

/**
 * bpg_recording_is_busy:
 *
 * Returns: whether samples are being written, or a session that is still there has it open.
 */
gboolean bpg_recording_is_busy (BpgRecording *self);

/**
 * bpg_recording_list_files:
 *
 * Returns: (transfer full): the names of its files of samples.
 */
GStrv bpg_recording_list_files (BpgRecording *self);

/**
 * bpg_recording_withdraw:
 *
 * Takes it off the bus after its row was deleted. Emits BpgRecording::deleted.
 */
void bpg_recording_withdraw (BpgRecording *self);
