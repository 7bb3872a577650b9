/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>

/**
 * BpgReporter:
 *
 * What a worker tells the main loop of how far it is. A part of a job's object; init and clear it with that.
 */
typedef struct {
  GMutex mutex;
  GCond taken;
  char phase[16];
  double progress;
  gboolean told; /* the main loop has taken the last report */
} BpgReporter;

void bpg_reporter_init (BpgReporter *self);
void bpg_reporter_clear (BpgReporter *self);

/**
 * bpg_reporter_report:
 * @func: called in the main loop with @owner, which is kept alive until then; calls bpg_reporter_take() and, when all is
 *   written down, bpg_reporter_release()
 *
 * In the worker: a new phase begins only when the main loop has written it down. Progress is told every percent.
 */
void bpg_reporter_report (BpgReporter *self, const char *phase, double progress, GSourceFunc func, gpointer owner);

/**
 * bpg_reporter_take:
 *
 * Returns: (transfer full): the phase.
 */
char *bpg_reporter_take (BpgReporter *self, double *progress);

/**
 * bpg_reporter_release:
 *
 * The worker may go on.
 */
void bpg_reporter_release (BpgReporter *self);
