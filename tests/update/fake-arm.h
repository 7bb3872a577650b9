/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-management.h"

/*
 * An arm at the other end of a management channel, in a thread: uploads with resume, image states, trial, fall-back,
 * and when it is about firmware restarts, after which the channel stays. It checks no signatures; a container is
 * whatever was uploaded, named by the hash the test gives. What goes wrong on purpose is said in the structure before
 * the thread starts.
 */

#define FAKE_ARM_SLOTS 2

typedef struct {
  char hash[65];
  gboolean present;
  gboolean good; /* was confirmed once */
  const char *version;
} FakeSlot;

typedef struct {
  /* What goes wrong. */
  guint lose_percent;     /* of requests, and of replies */
  guint silent_after;     /* requests it answers before it falls silent; 0: never */
  guint hang_up_after;    /* requests it answers before it goes; 0: never */
  guint refuse_command;   /* group-64 code with which `refuse_group`/`refuse_command` is refused */
  guint refuse_group;
  guint refuse_with;
  gboolean no_parameters; /* does not know group 0, command 6 */
  gboolean old_offset;    /* answers uploads with nonsense */
  guint deaf;             /* restarts it does not hear of */
  gboolean stubborn;      /* never starts what is pending */

  /* What it has. */
  FakeSlot slots[FAKE_ARM_SLOTS];
  int active;
  int confirmed;
  int pending;
  gboolean trial;
  gboolean permanent; /* what is pending is confirmed when it starts */
  gboolean firmware;  /* the slots are of the firmware */
  gboolean worn;
  guint battery;
  char uploaded_hash[65]; /* that the next complete upload has */
  GByteArray *received;
  gsize expected;
  guint8 sha[32];

  /* What it has seen. */
  guint requests;
  guint chunks;
  guint most_waiting;
  guint restarts;

  int fd;
  GThread *thread;
  GRand *random;
} FakeArm;

/* Starts the arm; gives the other end. */
BpgManagement *fake_arm_start (FakeArm *self);

/* Waits until the arm has noticed that the channel was closed. */
void fake_arm_stop (FakeArm *self);

/* An arm with nothing in its slots. */
void fake_arm_init (FakeArm *self);

/* Puts a container into a slot. */
void fake_arm_put (FakeArm *self, int slot, const char *hash, gboolean good);
