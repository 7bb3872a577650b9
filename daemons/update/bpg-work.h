/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-order.h"
#include "bpg-slots.h"

/**
 * BpgWorkFunc:
 * @look_again: the arm's slots could not be read at the end
 *
 * The job has ended.
 */
typedef void (*BpgWorkFunc) (BpgSlots *slots, gboolean look_again, gpointer user_data);

/**
 * BpgWorkTask:
 * @order: (transfer full): by whoever starts the work
 * @func: called once with @owner, unless that has gone before
 *
 * A job, what it is to do, and with which arm.
 */
typedef struct {
  BpgService *service;
  BpgHistory *history;
  BpgSlots *slots;
  const BpgArm *arm;
  BpgJob *job;
  BpgOrder *order;
  BpgWorkFunc func;
  GObject *owner;
} BpgWorkTask;
