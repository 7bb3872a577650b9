/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "link/demux.h"
#include "link/messages.h"

#include <gnutls/abstract.h>

/* The other end of a serial line, for what a real arm never does: a pty in this process's main loop, with a key and as
 * many bad manners as a test wants. */

typedef struct {
  char *id;
  char *path; /* the line */
  int fd;
  int slave; /* kept open, so that the line does not hang up whenever nobody else has it */
  GSource *source;
  guint flood_id;
  struct bpg_demux demux;
  gnutls_privkey_t private_key;
  GBytes *key;
  char *fingerprint;
  char *state;
  char *side;
  char *patient;
  GBytes *clinic_key;
  struct bpg_stream_request stream;
  guint64 uptime; /* ms */
  guint64 tick;   /* µs */
  guint32 next_sample;
  guint16 sequence;
  guint requests;
  guint buffers; /* what it says it takes at once */
  guint most_outstanding;
  GQueue held; /* replies that wait, while @hold */

  /* Manners. */
  gboolean silent;        /* takes everything, says nothing */
  gboolean hold;          /* collects its replies */
  gboolean bad_signature; /* signs something else */
  gboolean other_fingerprint;
  gboolean no_arm;        /* an MCUmgr device without our group */
  gboolean babble;        /* answers each request with text */
  gboolean flood;         /* writes rubbish for as long as somebody takes it */
  guint drop_every;       /* each so-manieth request is not answered */
  guint refuse_bind;      /* vendor error to answer bind with */
  gboolean busy_while_asked; /* refuses to be bound while it waits for the button */
} FakeArm;

FakeArm *fake_arm_new (const char *id);
void fake_arm_free (FakeArm *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (FakeArm, fake_arm_free)

/* Another one with the same name and another key. */
FakeArm *fake_arm_new_impostor (const FakeArm *other);

/* The same arm at a second line. */
FakeArm *fake_arm_new_twin (const FakeArm *other);

/* The text of its QR code. */
char *fake_arm_get_code (const FakeArm *self);

/* The button on it: what was asked for is done. */
void fake_arm_press (FakeArm *self);

/* Sends @count samples a frame of 8 channels, numbered on; value = channel + sample. */
void fake_arm_send_samples (FakeArm *self, guint count);
void fake_arm_send_decision (FakeArm *self);
void fake_arm_send_event (FakeArm *self, guint kind);
void fake_arm_send_raw (FakeArm *self, const void *bytes, gsize length);
void fake_arm_release (FakeArm *self);

/* Power off and on: counts anew. */
void fake_arm_restart (FakeArm *self);

/* Pulls the plug: the line hangs up. A new one is at @path after fake_arm_plug(). */
void fake_arm_unplug (FakeArm *self);
void fake_arm_plug (FakeArm *self);
