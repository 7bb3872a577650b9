/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-order.h"

#include "bpg-error.h"
#include "bpg-job.h"

/* So many jobs may wait for one arm. */
#define BPG_QUEUE_MAX 8u

#define BPG_TYPE_QUEUE (bpg_queue_get_type ())
G_DECLARE_FINAL_TYPE (BpgQueue, bpg_queue, BPG, QUEUE, GObject)

/**
 * BpgQueueState:
 * @BPG_QUEUE_FREE: the next job may start
 * @BPG_QUEUE_BUSY: a job works on the arm
 * @BPG_QUEUE_AWAY: the arm is not there
 */
typedef enum { BPG_QUEUE_FREE, BPG_QUEUE_BUSY, BPG_QUEUE_AWAY } BpgQueueState;

/**
 * BpgQueueFuncs:
 * @look: how it stands with the arm at @path
 * @start: (order transfer full): begins a job, and makes the arm busy or ends the job
 * @fail: ends a job that never began
 *
 * What the queue needs of its owner.
 */
typedef struct {
  BpgQueueState (*look) (const char *path, gpointer user_data);
  void (*start) (const char *path, BpgJob *job, BpgOrder *order, gpointer user_data);
  void (*fail) (BpgJob *job, const BpgOrder *order, BpgError code, const char *message, gpointer user_data);
} BpgQueueFuncs;

/**
 * bpg_queue_new:
 * @user_data: not owned; must outlive the queue
 *
 * The jobs that wait for arms: those of one arm one after the other, in the order in which they were asked for, those of
 * different arms side by side. A waiting job has the phase `waiting` and can be cancelled. One that an earlier process
 * left behind waits half a minute for an arm that is away; any other starts, and finds that out.
 */
BpgQueue *bpg_queue_new (const BpgQueueFuncs *funcs, gpointer user_data);

/**
 * bpg_queue_count:
 * @path: of the prosthesis
 *
 * Returns: how many jobs wait for that arm.
 */
guint bpg_queue_count (BpgQueue *self, const char *path);

/**
 * bpg_queue_add:
 * @order: (transfer full)
 *
 * Starts the job when its turn comes, which may be now.
 */
void bpg_queue_add (BpgQueue *self, const char *path, BpgJob *job, BpgOrder *order);

/**
 * bpg_queue_next:
 *
 * Something has changed with the arm: it is there, or a job on it has ended.
 */
void bpg_queue_next (BpgQueue *self, const char *path);
