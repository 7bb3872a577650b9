/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-pacer.h"
#include "bpg-session-recorder.h"
#include "bpg-session.h"
#include "lib/bpg-verdict.h"

/* Between bpg-session.c, the object on the bus, and bpg-session-run.c, what it does with samples. */

typedef enum {
  BPG_SESSION_READY,
  BPG_SESSION_RUNNING,
  BPG_SESSION_PAUSED,
  BPG_SESSION_WAITING,
  BPG_SESSION_FINISHED,
  BPG_SESSION_ABORTED,
  BPG_SESSION_FAILED,
} BpgSessionState;

typedef enum {
  BPG_PHASE_NONE,
  BPG_PHASE_PREPARE,
  BPG_PHASE_HOLD,
  BPG_PHASE_JUDGING,
  BPG_PHASE_REST,
} BpgSessionPhase;

struct _BpgSession {
  GObject parent_instance;

  BpgService *service;
  BpgDBusSession1 *skeleton;
  BpgDBusProsthesis1 *arm;
  BpgSessionPlan *plan;
  char *path;
  char *sender;
  char *continued; /* recording to go on with */
  char *purpose;
  char *note;
  BpgSessionTimes times;

  BpgSessionState state;
  BpgSessionPhase phase;
  BpgJob *job;
  GCancellable *cancellable; /* of opening the stream */
  BpgSessionRecorder *recorder;
  BpgStreamReader *reader;
  BpgPacer *pacer;
  BpgJudge *judge;
  GPtrArray *verdicts; /* GVariant a{sv} */
  guint earlier; /* repetitions the continued recording had */
  guint accepted;
  guint refused;

  /* The repetition that is being judged or kept. */
  BpgStep judged;
  BpgRepetitionBuffer *buffer;
  BpgVerdict *verdict;
  gboolean busy; /* in the worker or with recordsd: the end waits for it */

  gboolean ending;
  gboolean closing;
  GError *end_error; /* why, NULL for an ordinary end */
  guint silence_id;
  gboolean heard;
  double lsb;
  char *unit;
};

/** bpg_session_set_state: sets State; the change goes out with the next flush. */
void bpg_session_set_state (BpgSession *self, BpgSessionState state);

/** bpg_session_publish_step: brings the properties that tell of the step at hand up to date. */
void bpg_session_publish_step (BpgSession *self);


/** bpg_session_tell_verdict: keeps the verdict in Verdicts, brings all properties out and sends the signal. */
void bpg_session_tell_verdict (BpgSession *self, const BpgStep *step, const BpgVerdict *verdict);

/** bpg_session_describe_verdict: (transfer floating): details of the signal Verdict. */
GVariant *bpg_session_describe_verdict (const BpgStep *step, const BpgVerdict *verdict);

/** bpg_session_open: opens stream and recording, then prompts. The job exists. */
void bpg_session_open (BpgSession *self);

/** bpg_session_start_step: announces the step at hand, or ends the session when none is left. */
void bpg_session_start_step (BpgSession *self);

/** bpg_session_halt: gives the phase up; the repetition will be asked again. */
void bpg_session_halt (BpgSession *self);

/**
 * bpg_session_end:
 * @error: (nullable) (transfer full): why; %NULL ends it well
 *
 * Closes the recording and the stream, then ends the job, once.
 */
void bpg_session_end (BpgSession *self, GError *error);
