/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-job.h"

/* Between bpg-job.c and bpg-job-list.c. */

typedef struct {
  guint64 number;
  const char *kind;
  const char *subject;
  const char *sender;
  const char *payload;
  guint64 started;
} BpgJobRow;

typedef struct {
  const char *error_name; /* empty on success */
  const char *message;
  GVariant *result;
} BpgJobOutcome;

BpgJob *bpg_job_new (BpgJobList *list, const char *root, const BpgJobRow *row);
GDBusInterfaceSkeleton *bpg_job_get_skeleton (BpgJob *self);
guint64 bpg_job_get_number (BpgJob *self);
void bpg_job_detach (BpgJob *self);
void bpg_job_announce (BpgJob *self, const BpgJobOutcome *outcome);

BpgAuthority *bpg_job_list_get_authority (BpgJobList *self);
gboolean bpg_job_list_store_payload (BpgJobList *self, BpgJob *job, const char *payload, GError **error);
void bpg_job_list_store_outcome (BpgJobList *self, BpgJob *job, const BpgJobOutcome *outcome);
void bpg_job_list_job_announced (BpgJobList *self, BpgJob *job);
