/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-job.h"
#include "bpg-service.h"

#define BPG_TYPE_REQUEST (bpg_request_get_type ())
G_DECLARE_FINAL_TYPE (BpgRequest, bpg_request, BPG, REQUEST, GObject)

/**
 * bpg_request_new:
 * @kind: @message: @subject: as in org.bionicpro.Request1
 * @job: (nullable): the job that waits; Dismiss cancels it
 * @seconds: until it expires, 0 for never (the waiting job keeps the time, this is for people)
 *
 * Exports a request for a person; it disappears when the object is disposed of.
 */
BpgRequest *bpg_request_new (BpgService *service, const char *kind, const char *message, const char *subject, BpgJob *job,
                             guint seconds);

/**
 * bpg_request_withdraw:
 *
 * Takes it off the bus, when it was done or nobody waits any more.
 */
void bpg_request_withdraw (BpgRequest *self);
