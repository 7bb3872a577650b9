/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-session-private.h"

#include "bpg-error.h"
#include "bpg-file.h"
#include "bpg-log.h"
#include "bpg-movement.h"
#include "bpg-training-convert.h"
#include "lib/bpg-recording-reader.h"

#include <gio/gunixfdlist.h>

/* An arm that is connected but sends nothing for so long is taken for gone. */
#define SILENCE_SECONDS 5
#define STREAM_BUFFER (1024u * 1024u)

static void
prompt (BpgSession *self, BpgSessionPhase phase, double seconds)
{
  const BpgStep *step = bpg_session_plan_get_step (self->plan);
  GVariantDict details;

  self->phase = phase;
  bpg_session_publish_step (self);
  g_dbus_interface_skeleton_flush (G_DBUS_INTERFACE_SKELETON (self->skeleton));

  g_variant_dict_init (&details, NULL);
  g_variant_dict_insert (&details, "code", "y", step->code);
  g_variant_dict_insert (&details, "attempt", "u", step->attempt);
  g_variant_dict_insert (&details, "seconds", "d", seconds);
  g_variant_dict_insert (&details, "sample", "t", bpg_pacer_get_index (self->pacer));
  g_variant_dict_insert (&details, "step", "u", bpg_session_plan_get_done (self->plan));
  g_variant_dict_insert (&details, "steps", "u", bpg_session_plan_get_total (self->plan));
  bpg_dbus_session1_emit_prompt (self->skeleton, bpg_dbus_session1_get_phase (self->skeleton), step->movement,
                                 step->repetition, g_variant_dict_end (&details));
}

static void
start_phase (BpgSession *self, BpgSessionPhase phase, double seconds)
{
  bpg_pacer_start (self->pacer, seconds, phase == BPG_PHASE_HOLD);
  prompt (self, phase, seconds);
}

void
bpg_session_halt (BpgSession *self)
{
  if (self->pacer != NULL)
    bpg_pacer_stop (self->pacer);
  if (!self->busy)
    self->phase = BPG_PHASE_NONE;
  bpg_session_publish_step (self);
}

void
bpg_session_start_step (BpgSession *self)
{
  guint total = bpg_session_plan_get_total (self->plan);

  bpg_job_set_progress (self->job, (double) bpg_session_plan_get_done (self->plan) / MAX (total, 1));
  if (bpg_session_plan_get_step (self->plan) == NULL)
    bpg_session_end (self, NULL);
  else if (self->times.prepare > 0)
    start_phase (self, BPG_PHASE_PREPARE, self->times.prepare);
  else
    start_phase (self, BPG_PHASE_HOLD, self->times.hold);
}

/* After a verdict: rest, or whatever a person asked for meanwhile. */
static void
go_on (BpgSession *self)
{
  if (self->ending)
    return;
  if (bpg_session_plan_get_step (self->plan) == NULL)
    bpg_session_end (self, NULL);
  else if (self->state == BPG_SESSION_RUNNING)
    start_phase (self, BPG_PHASE_REST, self->times.rest);
  else
    bpg_session_publish_step (self);
}

static void
finish_judging (BpgSession *self)
{
  g_clear_pointer (&self->verdict, bpg_verdict_free);
  g_clear_pointer (&self->buffer, bpg_repetition_buffer_free);
  self->busy = FALSE;
  self->phase = BPG_PHASE_NONE;
  if (self->ending)
    bpg_session_end (self, g_steal_pointer (&self->end_error));
}

static void
refuse (BpgSession *self)
{
  self->refused++;
  self->phase = BPG_PHASE_NONE;
  if (!bpg_session_plan_refuse (self->plan) && !self->ending) {
    bpg_session_set_state (self, BPG_SESSION_WAITING);
    bpg_job_set_phase (self->job, "waiting", "A repetition was refused too often: repeat it, skip it or abort.");
  }
  bpg_session_tell_verdict (self, &self->judged, self->verdict);
  finish_judging (self);
  go_on (self);
}

/* What a worker finds when a repetition was accepted. */
typedef struct {
  BpgJudge *judge;
  BpgVerdict *verdict;
  GArray *separability;
  char *advice;
} Findings;

static void
findings_free (Findings *findings)
{
  g_object_unref (findings->judge);
  g_clear_pointer (&findings->verdict, bpg_verdict_free);
  g_clear_pointer (&findings->separability, g_array_unref);
  g_free (findings->advice);
  g_free (findings);
}

static void
compare_in_worker (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  Findings *findings = task_data;

  bpg_judge_accept (findings->judge, g_steal_pointer (&findings->verdict));
  findings->separability = bpg_judge_get_separability (findings->judge);
  findings->advice = bpg_judge_get_advice (findings->judge);
  g_task_return_boolean (task, TRUE);
}

static void
publish_findings (BpgSession *self, const Findings *findings)
{
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("a(ssd)"));
  for (guint i = 0; i < findings->separability->len; i++) {
    const BpgSeparability *pair = &g_array_index (findings->separability, BpgSeparability, i);

    g_variant_builder_add (&builder, "(ssd)", bpg_movement_get_name (pair->first), bpg_movement_get_name (pair->second),
                           pair->distance);
  }
  g_object_set (self->skeleton, "separability", g_variant_builder_end (&builder), "advice", findings->advice, NULL);
}

static void
on_compared (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BpgSession *self = BPG_SESSION (source);

  publish_findings (self, g_task_get_task_data (G_TASK (result)));
  g_dbus_interface_skeleton_flush (G_DBUS_INTERFACE_SKELETON (self->skeleton));
  finish_judging (self);
  go_on (self);
}

/* The repetition is on the disk: say so at once, then see what it means for the others. */
static void
accept (BpgSession *self)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, on_compared, NULL);
  Findings *findings = g_new0 (Findings, 1);

  self->accepted++;
  bpg_session_plan_accept (self->plan);
  bpg_session_tell_verdict (self, &self->judged, self->verdict);
  findings->judge = g_object_ref (self->judge);
  findings->verdict = g_steal_pointer (&self->verdict);
  g_task_set_source_tag (task, accept);
  g_task_set_task_data (task, findings, (GDestroyNotify) findings_free);
  g_task_run_in_thread (task, compare_in_worker);
}

static void
on_kept (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgSession) self = user_data;
  GError *error = NULL;

  if (bpg_session_recorder_append_finish (BPG_SESSION_RECORDER (source), result, &error)) {
    accept (self);
    return;
  }
  /* Nothing was promised: the verdict has not been told. */
  self->busy = FALSE;
  bpg_session_end (self, error);
}

static void
judge_in_worker (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  BpgSession *self = source;
  const BpgRepetitionBuffer *buffer = self->buffer;

  /* The buffer and the judge are this worker's alone until it is done: `busy` keeps the main loop away from them. */
  g_task_return_pointer (task,
                         bpg_judge_repetition (self->judge, self->judged.code, self->judged.repetition,
                                               (const gint16 *) buffer->samples->data,
                                               bpg_repetition_buffer_get_count (buffer),
                                               (const BpgSpan *) buffer->gaps->data, buffer->gaps->len),
                         (GDestroyNotify) bpg_verdict_free);
}

static void
on_judged (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BpgSession *self = BPG_SESSION (source);

  self->verdict = g_task_propagate_pointer (G_TASK (result), NULL);
  if (self->ending) {
    finish_judging (self);
    return;
  }
  if (!self->verdict->accepted) {
    refuse (self);
    return;
  }
  bpg_session_recorder_append_async (self->recorder, &self->judged, self->buffer,
                                     bpg_session_describe_verdict (&self->judged, self->verdict), NULL, on_kept,
                                     g_object_ref (self));
}

static void
judge (BpgSession *self)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, on_judged, NULL);

  self->judged = *bpg_session_plan_get_step (self->plan);
  self->buffer = bpg_pacer_take (self->pacer);
  self->busy = TRUE;
  prompt (self, BPG_PHASE_JUDGING, 0);
  g_task_set_source_tag (task, judge);
  g_task_run_in_thread (task, judge_in_worker);
}

static void
on_pacer (BpgPacer *pacer, BpgPacerEvent event, gpointer user_data)
{
  BpgSession *self = user_data;

  if (event == BPG_PACER_TICK) {
    bpg_dbus_session1_set_seconds_left (self->skeleton, bpg_pacer_get_seconds_left (pacer));
  } else if (event == BPG_PACER_BROKEN) {
    bpg_notice (self->path, "the arm's samples began anew; the repetition is asked again");
    bpg_session_start_step (self);
  } else if (self->phase == BPG_PHASE_PREPARE) {
    start_phase (self, BPG_PHASE_HOLD, self->times.hold);
  } else if (self->phase == BPG_PHASE_HOLD) {
    judge (self);
  } else {
    bpg_session_start_step (self);
  }
}

static void
on_record (BpgStreamReader *reader, const BpgStreamHeader *header, const void *body, gpointer user_data)
{
  g_autoptr (BpgSession) self = g_object_ref (user_data);
  GError *error = NULL;

  if (header->type != BPG_STREAM_SAMPLES)
    return;
  self->heard = TRUE;
  if (self->pacer != NULL && !bpg_pacer_feed (self->pacer, header, body, &error))
    bpg_session_end (self, error);
}

static void
on_stream_end (BpgStreamReader *reader, const GError *error, gpointer user_data)
{
  BpgSession *self = user_data;

  bpg_session_end (self, error != NULL ? g_error_copy (error)
                                       : g_error_new (BPG_ERROR, BPG_ERROR_DISCONNECTED,
                                                      "The prosthesis has left; connect it and go on with the recording"));
}

static gboolean
on_silence_check (gpointer user_data)
{
  BpgSession *self = user_data;
  gboolean heard = self->heard;

  self->heard = FALSE;
  if (heard)
    return G_SOURCE_CONTINUE;
  self->silence_id = 0;
  bpg_session_end (self, g_error_new (BPG_ERROR, BPG_ERROR_DISCONNECTED,
                                      "The prosthesis has sent no samples for %d seconds; switch it off and on",
                                      SILENCE_SECONDS));
  return G_SOURCE_REMOVE;
}

static void
begin_prompting (BpgSession *self)
{
  self->heard = TRUE;
  self->silence_id = g_timeout_add_seconds (SILENCE_SECONDS, on_silence_check, self);
  bpg_job_set_phase (self->job, "recording", "Do the movements as they are asked for.");
  if (self->state == BPG_SESSION_RUNNING)
    bpg_session_start_step (self);
}

/* Judges what an earlier session accepted once more, so that the new repetitions are compared with it. */
static void
learn_in_worker (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  BpgSession *self = source;
  GError *error = NULL;
  BpgEmgRecording *recording = bpg_recording_read_bytes (task_data, &error);

  if (recording == NULL) {
    g_task_return_error (task, error);
    return;
  }
  for (guint i = 0; i < bpg_emg_recording_get_n_segments (recording); i++) {
    const BpgSegment *segment = bpg_emg_recording_get_segment (recording, i);

    bpg_judge_accept (self->judge,
                      bpg_judge_repetition (self->judge, segment->gesture, segment->repetition,
                                            bpg_emg_recording_get_sample (recording, segment->start), segment->count,
                                            NULL, 0));
  }
  g_task_return_pointer (task, recording, g_object_unref);
}

static void
on_learnt (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BpgSession *self = BPG_SESSION (source);
  GError *error = NULL;
  g_autoptr (BpgEmgRecording) recording = g_task_propagate_pointer (G_TASK (result), &error);

  self->busy = FALSE;
  if (recording == NULL) {
    bpg_session_end (self, bpg_training_convert (error));
    return;
  }
  for (guint i = 0; i < bpg_emg_recording_get_n_segments (recording); i++) {
    const BpgSegment *segment = bpg_emg_recording_get_segment (recording, i);

    bpg_session_plan_mark_recorded (self->plan, segment->gesture, segment->repetition);
    self->earlier++;
  }
  bpg_session_publish_step (self);
  if (self->ending)
    bpg_session_end (self, g_steal_pointer (&self->end_error));
  else
    begin_prompting (self);
}

static void
take_up_earlier (BpgSession *self, GBytes *container)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, on_learnt, NULL);

  self->busy = TRUE;
  g_task_set_source_tag (task, take_up_earlier);
  g_task_set_task_data (task, g_bytes_ref (container), (GDestroyNotify) g_bytes_unref);
  g_task_run_in_thread (task, learn_in_worker);
}

static void
on_recording (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgSession) self = user_data;
  GError *error = NULL;
  GBytes *earlier;

  self->busy = FALSE;
  if (!bpg_session_recorder_open_finish (self->recorder, result, &error) ||
      !bpg_job_set_payload (self->job, bpg_session_recorder_get_path (self->recorder), &error)) {
    bpg_session_end (self, error);
    return;
  }
  bpg_dbus_session1_set_recording (self->skeleton, bpg_session_recorder_get_path (self->recorder));
  if (self->ending) {
    bpg_session_end (self, g_steal_pointer (&self->end_error));
    return;
  }
  earlier = bpg_session_recorder_get_earlier (self->recorder);
  if (earlier != NULL)
    take_up_earlier (self, earlier);
  else
    begin_prompting (self);
}

static void
open_recording (BpgSession *self, guint rate, guint channels)
{
  BpgRecordingSetup setup = {
    .prosthesis = bpg_dbus_prosthesis1_get_device_id (self->arm),
    .patient = bpg_dbus_prosthesis1_get_patient (self->arm),
    .rate = rate,
    .channels = channels,
    .lsb = self->lsb,
    .unit = self->unit,
    .purpose = self->purpose,
    .session = self->path,
    .note = self->note,
  };

  self->busy = TRUE;
  self->recorder = bpg_session_recorder_new (bpg_service_get_connection (self->service));
  if (self->continued != NULL)
    bpg_session_recorder_continue_async (self->recorder, self->continued, &setup, NULL, on_recording, g_object_ref (self));
  else
    bpg_session_recorder_create_async (self->recorder, &setup, NULL, on_recording, g_object_ref (self));
}

/* Takes the stream and learns from its format what is coming. */
static gboolean
take_stream (BpgSession *self, GVariant *stream, GVariant *format, GUnixFDList *fds, GError **error)
{
  gint32 handle = g_variant_get_handle (stream);
  guint rate = 0, channels = 0;
  int fd;

  if (fds == NULL || handle < 0 || handle >= g_unix_fd_list_get_length (fds) ||
      !g_variant_lookup (format, "rate", "u", &rate) || !g_variant_lookup (format, "channels", "u", &channels) ||
      !g_variant_lookup (format, "lsb", "d", &self->lsb) || !g_variant_lookup (format, "unit", "s", &self->unit) ||
      rate < BPG_RATE_MIN || rate > BPG_RATE_MAX || channels < 1 || channels > BPG_CHANNELS_MAX) {
    g_set_error (error, BPG_ERROR, BPG_ERROR_INCOMPATIBLE, "The arm's stream is of a kind unknown here");
    return FALSE;
  }
  fd = g_unix_fd_list_get (fds, handle, error);
  if (fd < 0)
    return FALSE;
  self->reader = bpg_stream_reader_new (fd, on_record, on_stream_end, self);
  self->pacer = bpg_pacer_new (rate, channels, on_pacer, self);
  self->judge = bpg_judge_new (rate, channels);
  open_recording (self, rate, channels);
  return TRUE;
}

static void
on_stream (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgSession) self = user_data;
  g_autoptr (GVariant) stream = NULL;
  g_autoptr (GVariant) format = NULL;
  g_autoptr (GUnixFDList) fds = NULL;
  GError *error = NULL;

  self->busy = FALSE;
  if (!bpg_dbus_prosthesis1_call_open_stream_finish (BPG_DBUS_PROSTHESIS1 (source), &stream, &format, &fds, result,
                                                     &error)) {
    bpg_session_end (self, bpg_error_convert (error, "Opening the stream"));
    return;
  }
  if (self->ending)
    bpg_session_end (self, g_steal_pointer (&self->end_error));
  else if (!take_stream (self, stream, format, fds, &error))
    bpg_session_end (self, bpg_error_convert (error, NULL));
}

static void
on_arm_changed (BpgSession *self)
{
  if (!bpg_dbus_prosthesis1_get_connected (self->arm))
    bpg_session_end (self, g_error_new (BPG_ERROR, BPG_ERROR_DISCONNECTED,
                                        "The prosthesis has left; connect it and go on with the recording"));
}

static void
on_cancelled (BpgSession *self)
{
  bpg_session_end (self, g_error_new (BPG_ERROR, BPG_ERROR_CANCELLED, "The session was cancelled"));
}

void
bpg_session_open (BpgSession *self)
{
  GVariantDict options;

  g_signal_connect_object (bpg_job_get_cancellable (self->job), "cancelled", G_CALLBACK (on_cancelled), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (self->arm, "notify::connected", G_CALLBACK (on_arm_changed), self, G_CONNECT_SWAPPED);
  bpg_job_set_phase (self->job, "opening", NULL);
  g_variant_dict_init (&options, NULL);
  g_variant_dict_insert (&options, "decisions", "b", FALSE);
  g_variant_dict_insert (&options, "events", "b", FALSE);
  g_variant_dict_insert (&options, "buffer", "u", STREAM_BUFFER);
  self->busy = TRUE;
  bpg_dbus_prosthesis1_call_open_stream (self->arm, g_variant_dict_end (&options), NULL, self->cancellable, on_stream,
                                         g_object_ref (self));
}

static GVariant *
make_result (BpgSession *self)
{
  GVariantDict result;
  const char *recording = self->recorder != NULL ? bpg_session_recorder_get_path (self->recorder) : NULL;

  g_variant_dict_init (&result, NULL);
  g_variant_dict_insert (&result, "recording", "o", recording != NULL ? recording : "/");
  g_variant_dict_insert (&result, "accepted", "u", self->accepted);
  g_variant_dict_insert (&result, "refused", "u", self->refused);
  return g_variant_dict_end (&result);
}

/* Everything is closed: tell it. */
static void
announce_end (BpgSession *self)
{
  g_autoptr (GError) error = g_steal_pointer (&self->end_error);

  if (error == NULL) {
    bpg_session_set_state (self, BPG_SESSION_FINISHED);
  } else {
    bpg_session_set_state (self, error->code == BPG_ERROR_CANCELLED ? BPG_SESSION_ABORTED : BPG_SESSION_FAILED);
    g_object_set (self->skeleton, "error", bpg_error_get_name (error->code), "error-message", error->message, NULL);
  }
  self->phase = BPG_PHASE_NONE;
  bpg_session_publish_step (self);
  g_dbus_interface_skeleton_flush (G_DBUS_INTERFACE_SKELETON (self->skeleton));
  if (self->job == NULL)
    return;
  if (error == NULL)
    bpg_job_succeed (self->job, make_result (self));
  else
    bpg_job_fail (self->job, error, make_result (self));
}

static void
on_completed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr (BpgSession) self = user_data;
  g_autoptr (GError) error = NULL;

  if (!bpg_session_recorder_complete_finish (BPG_SESSION_RECORDER (source), result, &error)) {
    bpg_warning (self->path, "%s", error->message);
    if (self->end_error == NULL)
      self->end_error = g_steal_pointer (&error);
  }
  announce_end (self);
}

static void
close_stream (BpgSession *self)
{
  g_clear_handle_id (&self->silence_id, g_source_remove);
  g_signal_handlers_disconnect_by_func (self->arm, on_arm_changed, self);
  if (self->reader != NULL)
    bpg_stream_reader_stop (self->reader);
  if (self->pacer != NULL)
    bpg_pacer_stop (self->pacer);
}

void
bpg_session_end (BpgSession *self, GError *error)
{
  g_autoptr (GError) owned = error;

  if (bpg_session_is_over (self))
    return;
  if (!self->ending) {
    self->ending = TRUE;
    close_stream (self);
    g_cancellable_cancel (self->cancellable);
    if (owned == NULL && self->accepted + self->earlier == 0)
      owned = g_error_new (BPG_ERROR, BPG_ERROR_SIGNAL_POOR,
                           "No repetition was accepted; read the verdicts, see to the electrodes and begin again");
  }
  if (self->end_error == NULL)
    self->end_error = g_steal_pointer (&owned);
  /* What is under way with recordsd or in the worker comes back here when it is done. */
  if (self->busy || self->closing)
    return;
  self->closing = TRUE;
  if (self->recorder != NULL && bpg_session_recorder_get_path (self->recorder) != NULL)
    bpg_session_recorder_complete_async (self->recorder, self->end_error != NULL, on_completed, g_object_ref (self));
  else
    announce_end (self);
}
