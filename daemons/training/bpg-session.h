/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-dbus.h"
#include "bpg-service.h"
#include "bpg-session-plan.h"

/**
 * BpgSessionTimes:
 * @prepare: @hold: @rest: seconds of the arm's time
 */
typedef struct {
  double prepare;
  double hold;
  double rest;
} BpgSessionTimes;

/**
 * BpgSessionOptions:
 * @recording: (nullable): the recording to be continued
 * @purpose: @note: as in org.bionicpro.Records1
 * @sender: unique name of who started it and may steer it
 */
typedef struct {
  BpgSessionTimes times;
  const char *recording;
  const char *purpose;
  const char *note;
  const char *sender;
} BpgSessionOptions;

/**
 * BpgSession:
 *
 * One guided recording session on the bus, org.bionicpro.Session1.
 */
#define BPG_TYPE_SESSION (bpg_session_get_type ())
G_DECLARE_FINAL_TYPE (BpgSession, bpg_session, BPG, SESSION, GObject)

/**
 * bpg_session_new:
 * @arm: the prosthesis, connected and bound
 * @plan: what to ask for
 * @number: of the session
 *
 * Exports a session in State `ready`.
 */
BpgSession *bpg_session_new (BpgService *service, BpgDBusProsthesis1 *arm, BpgSessionPlan *plan,
                             const BpgSessionOptions *options, guint number);

/** bpg_session_get_path: its object path. */
const char *bpg_session_get_path (BpgSession *self);

/** bpg_session_get_prosthesis: object path of the prosthesis it runs on. */
const char *bpg_session_get_prosthesis (BpgSession *self);

/** bpg_session_is_over: it has ended and will never prompt again. */
gboolean bpg_session_is_over (BpgSession *self);

/** bpg_session_close: takes it off the bus. */
void bpg_session_close (BpgSession *self);

/** bpg_session_recover: ends the job of a session that a crash cut off and marks its recording interrupted. */
void bpg_session_recover (BpgService *service, BpgJob *job);
