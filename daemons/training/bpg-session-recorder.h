/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-repetition-buffer.h"
#include "bpg-session-plan.h"

#include <gio/gio.h>

/**
 * BpgRecordingSetup:
 * @prosthesis: deviceId
 * @patient: pseudonym
 * @rate: @channels: @lsb: @unit: as the arm's stream says
 * @purpose: @session: @note: as in org.bionicpro.Records1
 *
 * What a recording is made with. Strings belong to the caller and are copied.
 */
typedef struct {
  const char *prosthesis;
  const char *patient;
  guint rate;
  guint channels;
  double lsb;
  const char *unit;
  const char *purpose;
  const char *session;
  const char *note;
} BpgRecordingSetup;

#define BPG_TYPE_SESSION_RECORDER (bpg_session_recorder_get_type ())
G_DECLARE_FINAL_TYPE (BpgSessionRecorder, bpg_session_recorder, BPG, SESSION_RECORDER, GObject)

/** bpg_session_recorder_new: the session's hand at org.bionicpro.Records1. */
BpgSessionRecorder *bpg_session_recorder_new (GDBusConnection *connection);

/**
 * bpg_session_recorder_create_async:
 *
 * Begins a new recording.
 */
void bpg_session_recorder_create_async (BpgSessionRecorder *self, const BpgRecordingSetup *setup,
                                        GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * bpg_session_recorder_continue_async:
 * @path: a recording of the same prosthesis, rate and channels that is not complete
 *
 * Goes on with an interrupted recording; bpg_session_recorder_get_earlier() then has what is in it.
 */
void bpg_session_recorder_continue_async (BpgSessionRecorder *self, const char *path, const BpgRecordingSetup *setup,
                                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * bpg_session_recorder_open_finish:
 *
 * Errors: NoSpace, NotFound, WrongState (complete), Incompatible (other prosthesis, rate or channels), Failed (no
 * recordsd) and what it answered.
 */
gboolean bpg_session_recorder_open_finish (BpgSessionRecorder *self, GAsyncResult *result, GError **error);

/** bpg_session_recorder_get_path: (nullable): the recording, once it is open. */
const char *bpg_session_recorder_get_path (BpgSessionRecorder *self);

/** bpg_session_recorder_get_earlier: (nullable): the container of a continued recording. */
GBytes *bpg_session_recorder_get_earlier (BpgSessionRecorder *self);

/**
 * bpg_session_recorder_append_async:
 * @verdict: (nullable): a{sv}, as it will be told; floating is consumed
 *
 * Keeps an accepted repetition; when it ends well the samples are on the disk.
 */
void bpg_session_recorder_append_async (BpgSessionRecorder *self, const BpgStep *step, const BpgRepetitionBuffer *buffer,
                                        GVariant *verdict, GCancellable *cancellable, GAsyncReadyCallback callback,
                                        gpointer user_data);

gboolean bpg_session_recorder_append_finish (BpgSessionRecorder *self, GAsyncResult *result, GError **error);

/**
 * bpg_session_recorder_complete_async:
 * @interrupted: it may be continued
 */
void bpg_session_recorder_complete_async (BpgSessionRecorder *self, gboolean interrupted, GAsyncReadyCallback callback,
                                          gpointer user_data);

gboolean bpg_session_recorder_complete_finish (BpgSessionRecorder *self, GAsyncResult *result, GError **error);

/**
 * bpg_session_recorder_interrupt_async:
 * @path: (nullable): recording of a session that a crash cut off
 *
 * Marks it interrupted and calls back, also when that failed, which is only logged, or when there is nothing to mark.
 */
void bpg_session_recorder_interrupt_async (GDBusConnection *connection, const char *path, GAsyncReadyCallback callback,
                                           gpointer user_data);
