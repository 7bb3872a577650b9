/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The arm's program: takes samples from the converter, recognises, moves the
 * actuators, watches over both, keeps the usage log, and answers on the link.
 * One instance, owned by the port's main().
 */

#include "control/actuators.h"
#include "control/binding.h"
#include "control/electrode-watch.h"
#include "control/factory.h"
#include "control/guard.h"
#include "control/sample-ring.h"
#include "control/slots.h"
#include "control/stream.h"
#include "control/upload.h"
#include "control/usage-log.h"
#include "link/demux.h"
#include "link/messages.h"
#include "recognition/recognizer.h"

/* Requests that may be on their way at once. */
#define BPG_CONTROL_REQUESTS 8u
#define BPG_CONTROL_GESTURES 13u

/* Numbers of BPG_EVENT_FAULT. */
enum bpg_fault
{
  BPG_FAULT_FLASH = 1, /* flash did not take what was written */
};

struct bpg_control
{
  struct bpg_factory factory;
  struct bpg_binding binding;
  struct bpg_slots slots;
  struct bpg_upload upload;
  struct bpg_usage_log usage;
  struct bpg_sample_ring ring;
  struct bpg_electrode_watch watch;
  struct bpg_guard guard;
  struct bpg_actuators actuators;
  struct bpg_stream stream;
  struct bpg_demux demux;
  uint8_t input[256]; /* read from the line and not yet looked at */
  size_t input_length;
  size_t input_used;
  int16_t trusted[BPG_CHANNELS_MAX]; /* the last value each electrode delivered that was its wearer's */
  struct bpg_recognizer recognizer;
  bool recognizing;
  uint8_t model_hash[BPG_BPM_DIGEST_LENGTH]; /* SHA-256 of its file */
  uint32_t recognizer_first; /* index of the first sample it saw */
  uint16_t dead;             /* mask of electrodes, by whoever found out */
  uint8_t movement;          /* gesture code in force */
  uint64_t actuated;         /* when the actuators were last moved on */
  uint64_t looked;           /* when the guard last looked */
  uint64_t minute;           /* when the last usage record was written */
  uint64_t identify_end;
  uint64_t decisions;
  uint32_t latency[BPG_LATENCY_BUCKETS];
  uint32_t latency_logged[BPG_LATENCY_BUCKETS];
  uint8_t movements_begun[BPG_CONTROL_GESTURES];
  uint8_t faults;
  unsigned minutes;
  bool clock_set;
  int64_t clock_offset; /* real clock less arm's clock, microseconds */
  bool reset_wanted;
  uint64_t reset_end; /* when it comes even if the replies are not out */
  uint8_t fingerprint[BPG_SHA256_SIZE]; /* of the element's key */
  uint8_t bench_nonce[BPG_BENCH_NONCE_SIZE];
  bool has_bench_nonce;
};

/*
 * Starts: reads flash, chooses the slots, starts the model that runs. Returns
 * false when the arm was never made (no factory sector): nothing else may be
 * called then.
 */
bool bpg_control_init (struct bpg_control *control);

/* Hands over one sample of all channels; safe in the converter's interrupt. */
void bpg_control_sample (struct bpg_control *control, const int16_t *values, uint64_t tick);

/* One round of the loop: all samples that are there, what came on the link,
 * timers. To be called at least every 10 ms. */
void bpg_control_run (struct bpg_control *control);

/* The button on the arm was pressed. */
void bpg_control_button (struct bpg_control *control);

/* For the server: */

/* Sends an event and, if it is a fault, logs it. */
void bpg_control_event (struct bpg_control *control, enum bpg_event_kind kind, uint32_t a,
                        uint32_t b);

/* Restarts the arm as soon as the replies are out, or when nobody has taken
 * them for a second. */
void bpg_control_reset (struct bpg_control *control);

/* Starts the model that the slots say is active, or stops recognising. */
void bpg_control_start_model (struct bpg_control *control);

/* Back in one step: ends the model's trial, or goes back to the model that was
 * confirmed before. WRONG_STATE when there is none. */
enum bpg_arm_error bpg_control_fall_back (struct bpg_control *control);

/* Logs what became of a model. */
void bpg_control_log_model (struct bpg_control *control, unsigned slot, enum bpg_usage_model what);
