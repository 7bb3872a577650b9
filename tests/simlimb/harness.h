/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A virtual arm inside the test's process, whose time goes only when the test
 * lets it, and the clinic's end of its line: requests, a model key, signed
 * containers.
 */

#include <glib.h>
#include <gnutls/abstract.h>

#include "link/messages.h"
#include "simlimb.h"

#define BENCH_SIGNATURE_MAX 512u

struct harness
{
  struct simlimb arm;
  char *directory;
  int fd; /* our end of the line */
  struct bpg_demux demux;
  uint8_t sequence;
  GArray *events;    /* struct bpg_event */
  GArray *decisions; /* struct bpg_decision_report */
  GArray *samples;   /* gint16, of all frames */
  guint32 first_sample; /* of the first frame */
  guint32 next_sample;
  guint gaps;        /* jumps in the samples' index */
  guint lost_frames; /* by the sequence number */
  gint last_sequence;
  gnutls_privkey_t key; /* the clinic's model key */
  GBytes *spki;
  uint8_t reply[BPG_SMP_PACKET_MAX];
  gsize reply_length; /* of the payload, which stands at the reply's start */
  uint16_t error_group;
  uint16_t error; /* of the last reply */
  guint replies;  /* all that came */
};

/* What a signed container says; NULL and 0 mean what is right. */
struct container
{
  const char *hardware;
  const char *side;
  guint32 schema;
  guint8 major;
  guint8 minor;
  gnutls_privkey_t key;
  guint32 flags;
  gboolean whole_key; /* instead of its hash */
  gboolean break_hash;
  gboolean break_signature;
};

/* Makes an arm in a folder of its own that generates at 1 kHz, and powers it.
 * Its release key is the clinic's. */
struct harness *harness_new (void);
typedef struct harness Harness;
void harness_free (struct harness *harness);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Harness, harness_free)

/* Turns the power on with a new line; the boot reason is the arm's to find. */
void harness_power_on (struct harness *harness);

/* Lets the arm's time go on. */
void harness_run (struct harness *harness, guint milliseconds);

/* Takes in what the arm has sent. */
void harness_take (struct harness *harness);

/* Sends a request whose payload is in @writer (begun by harness_begin). */
struct bpg_cbor_writer harness_begin (struct harness *harness);
void harness_send (struct harness *harness, enum bpg_smp_op op, uint16_t group, uint8_t command,
                   struct bpg_cbor_writer *writer);

/* The same and waits for the reply; returns the arm's error, 0 for success. A
 * dead arm answers nothing: -1. */
int harness_request (struct harness *harness, enum bpg_smp_op op, uint16_t group, uint8_t command,
                     struct bpg_cbor_writer *writer);

/* A request without a payload. */
int harness_ask (struct harness *harness, enum bpg_smp_op op, uint16_t group, uint8_t command);

/* What the arm says of itself now. The texts point into harness->reply. */
struct bpg_status harness_status (struct harness *harness);
char *harness_state (struct harness *harness);
char *harness_model (struct harness *harness); /* hex of the active .bpm's hash, or "" */

/* Binds to patient and side with the clinic's key, the button pressed. */
void harness_bind (struct harness *harness, const char *side);

/* A small valid model for the arm's converter; another for each @mark. */
GBytes *harness_make_model (struct harness *harness, guint8 mark);

/* The same, ready for the loss of one electrode. */
GBytes *harness_make_mapped_model (struct harness *harness);

/* The hash of a model, as harness_model() says it. */
char *harness_model_hash (GBytes *model);

GBytes *harness_sign (struct harness *harness, GBytes *payload, const struct container *container);

/* A new RSA key of 3072 bits. */
gnutls_privkey_t harness_make_key (void);
GBytes *harness_public_key (gnutls_privkey_t key);

/* Uploads @image from where the arm wants it; returns the error. */
int harness_upload (struct harness *harness, guint image, GBytes *bytes);

/* Image state write by the container's hash. */
int harness_set_state (struct harness *harness, GBytes *container, gboolean confirm);
int harness_trial (struct harness *harness, guint64 seconds);
int harness_confirm (struct harness *harness);
int harness_fall_back (struct harness *harness);

/* The whole way: upload, pending, trial, confirm; stops at the first error. */
int harness_install (struct harness *harness, GBytes *container);

/* What would unlock bench mode now, by a new nonce: by @key, with the arm's
 * present electrodes until the caller changes them. */
struct bench_order
{
  struct bpg_bench_request request;
  uint8_t signature[BENCH_SIGNATURE_MAX];
};

void harness_order_bench (struct harness *harness, gnutls_privkey_t key, struct bench_order *order);

/* Says something about bench mode. */
int harness_bench (struct harness *harness, const struct bpg_bench_request *request);

/* What the arm says of it now. */
struct bpg_bench_reply harness_bench_state (struct harness *harness);

/* Unlocks it with such electrodes, and waits until the arm runs again. */
void harness_unlock_bench (struct harness *harness, guint rate, guint channels);

/* Plays @count samples in the electrodes' place, as fast as the arm takes
 * them, and lets their time pass. */
void harness_play (struct harness *harness, const gint16 *samples, guint count, guint channels);

/* Last event of a kind, NULL when none came. */
const struct bpg_event *harness_event (struct harness *harness, enum bpg_event_kind kind);
