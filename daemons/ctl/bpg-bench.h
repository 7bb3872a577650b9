/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bpg-bus.h"
#include "bpg-signing-key.h"

#include "training/lib/bpg-emg-recording.h"

/*
 * An arm's bench mode, in which samples come over the link in the electrodes' place, over the arm's management channel.
 * All of it blocks: it belongs in a thread, see bpg_ctl_run_work(). The channel is held for a second at most, so that
 * others get it in between, and waited for while they have it.
 */
typedef struct _BpgBench BpgBench;

/* What makes samples of one arm mean the same at another. */
typedef struct {
  guint rate; /* Hz */
  guint channels;
  guint64 lsb_nano; /* 1e-9 units a count */
  guint unit;       /* enum bpg_bpm_unit */
} BpgConverter;

BpgConverter bpg_converter_of_recording (BpgEmgRecording *recording);
gboolean bpg_converter_equal (const BpgConverter *a, const BpgConverter *b);

/** bpg_converter_format: (transfer full): for people. */
char *bpg_converter_format (const BpgConverter *converter);

/**
 * BpgBenchState:
 * @room: samples of all channels that would be taken now
 */
typedef struct {
  gboolean on;
  guint room;
  BpgConverter converter;
} BpgBenchState;

/**
 * bpg_bench_new:
 * @prosthesis: an object of Prosthesis1, as just read
 */
BpgBench *bpg_bench_new (BpgCtl *ctl, BpgObject *prosthesis, GCancellable *cancellable);
void bpg_bench_free (BpgBench *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BpgBench, bpg_bench_free)

/**
 * bpg_bench_release:
 *
 * Gives the channel back; the next call takes it again.
 */
void bpg_bench_release (BpgBench *self);

/**
 * bpg_bench_yield:
 *
 * From now on everybody else comes first: for whoever holds the channel again and again.
 */
void bpg_bench_yield (BpgBench *self);

/**
 * bpg_bench_read:
 *
 * Asks for mode and converter.
 *
 * Returns: %FALSE with Disconnected, Busy (nobody else let go of the channel for ten minutes), NotSupported, TimedOut,
 *   NotAuthorized or Cancelled; as all below.
 */
gboolean bpg_bench_read (BpgBench *self, BpgBenchState *state, GError **error);

/**
 * bpg_bench_ask_room:
 * @room: (out): 0 outside bench mode
 */
gboolean bpg_bench_ask_room (BpgBench *self, guint *room, GError **error);

/**
 * bpg_bench_unlock:
 * @key: of whoever signs the arm's firmware
 * @converter: what the electrodes shall be
 *
 * Puts the arm into bench mode and waits until it has started anew.
 *
 * Returns: %FALSE with SignatureInvalid (another key's), NotAuthorized (the arm knows no such key), InvalidArgument (no
 *   such electrodes), Incompatible, and what bpg_signing_key_sign() says.
 */
gboolean bpg_bench_unlock (BpgBench *self, BpgSigningKey *key, const BpgConverter *converter, GError **error);

/**
 * bpg_bench_end:
 *
 * Ends bench mode and waits until the arm has started anew. WrongState when it is not in it.
 */
gboolean bpg_bench_end (BpgBench *self, GError **error);

/**
 * bpg_bench_press:
 *
 * Presses the arm's button. NotAuthorized outside bench mode.
 */
gboolean bpg_bench_press (BpgBench *self, GError **error);

/**
 * bpg_bench_push:
 * @samples: @count times a sample of all @channels
 * @room: (out): what would be taken after them
 *
 * Hands samples over. All are taken or none: NoSpace says none. They are sent once; after TimedOut nobody knows.
 */
gboolean bpg_bench_push (BpgBench *self, const gint16 *samples, guint count, guint channels, guint *room,
                         GError **error);

/** bpg_bench_get_block: how many samples of @channels bpg_bench_push() takes at a time. */
guint bpg_bench_get_block (guint channels);
