/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

/**
 * BpgFetchedRecording:
 * @path: object path in org.bionicpro.Records1
 * @prosthesis: deviceId
 * @patient: pseudonym
 * @file: its .bpr container, not yet read
 */
typedef struct {
  char *path;
  char *prosthesis;
  char *patient;
  int file;
} BpgFetchedRecording;

/**
 * bpg_recording_fetch_async:
 * @paths: object paths of recordings
 *
 * Asks org.bionicpro.Records1 for recordings.
 */
void bpg_recording_fetch_async (GDBusConnection *connection, const char *const *paths, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer user_data);

/**
 * bpg_recording_fetch_finish:
 *
 * Returns: (transfer full) (element-type BpgFetchedRecording): in the order of the paths, or %NULL with NotFound,
 *   InvalidArgument (not all of one prosthesis), Corrupt or what recordsd answered.
 */
GPtrArray *bpg_recording_fetch_finish (GAsyncResult *result, GError **error);

/**
 * bpg_recording_fetch_convert:
 * @error: (transfer full): what asking for the properties of the recording @path gave
 *
 * Returns: (transfer full): NotFound where the bus has no such object, else as bpg_error_convert().
 */
GError *bpg_recording_fetch_convert (GError *error, const char *path);
