/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Stream frames: 0x00, COBS (payload), 0x00. The payload is little-endian:
 * type u8, version u8, sequence u16, tick u64 (microseconds since the arm
 * started), body, CRC-32 of everything before it. The second byte on the line
 * is the type, so that a frame cannot look like the start of an SMP line as
 * long as the types 0x09 and 0x14 are not given out.
 *
 * COBS: S. Cheshire and M. Baker, "Consistent Overhead Byte Stuffing",
 * IEEE/ACM Transactions on Networking 7(2), 1999.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BPG_FRAME_VERSION 1
#define BPG_FRAME_HEADER_SIZE 12
#define BPG_FRAME_CRC_SIZE 4
/* Largest payload, header and CRC included. */
#define BPG_FRAME_PAYLOAD_MAX 1024
#define BPG_FRAME_BODY_MAX (BPG_FRAME_PAYLOAD_MAX - BPG_FRAME_HEADER_SIZE - BPG_FRAME_CRC_SIZE)
/* Largest encoding of a payload: a code byte for every 254 bytes begun. */
#define BPG_FRAME_COBS_MAX (BPG_FRAME_PAYLOAD_MAX + BPG_FRAME_PAYLOAD_MAX / 254 + 1)
/* The same with both delimiters. */
#define BPG_FRAME_WIRE_MAX (BPG_FRAME_COBS_MAX + 2)

#define BPG_FRAME_MAX_CHANNELS 16

enum bpg_frame_type
{
  BPG_FRAME_SAMPLES = 1,
  BPG_FRAME_DECISION = 2,
  BPG_FRAME_EVENT = 3,
};

enum bpg_event_kind
{
  BPG_EVENT_BATTERY_LOW = 1,      /* a: percent, b: millivolts */
  BPG_EVENT_OVER_CURRENT = 2,     /* a: milliamperes */
  BPG_EVENT_OVER_TEMPERATURE = 3, /* a: 0.1 degrees Celsius */
  BPG_EVENT_ELECTRODE_DEAD = 4,   /* a: channel, b: mask of all dead ones */
  BPG_EVENT_ELECTRODE_OK = 5,     /* a: channel, b: mask of all dead ones */
  BPG_EVENT_MODEL_STARTED = 6,    /* a: slot, + 256 on trial; b: sample the
                                     recogniser began with */
  BPG_EVENT_TRIAL_ENDED = 7,      /* a: slot that goes on, b: 1 confirmed, 0 timed out */
  BPG_EVENT_BUTTON = 8,           /* a: what it answered (enum bpg_button_answer) */
  BPG_EVENT_FAULT = 9,            /* a: fault number, b: detail */
  BPG_EVENT_MODEL_REJECTED = 10,  /* a: slot, b: vendor error code */
};

enum bpg_button_answer
{
  BPG_BUTTON_NOTHING = 0, /* nobody had asked */
  BPG_BUTTON_BOUND = 1,
  BPG_BUTTON_UNBOUND = 2,
};

struct bpg_frame
{
  uint8_t type;
  uint8_t version;
  uint16_t sequence; /* counts all frames the arm made, also those it dropped */
  uint64_t tick;     /* microseconds; of the last sample in it */
  const uint8_t *body;
  size_t body_length;
};

/* Body of type 1. */
struct bpg_samples
{
  uint32_t first; /* index of the first sample since the arm started */
  uint8_t count;
  uint8_t channels;
  uint16_t dead;         /* mask of electrodes that do not deliver */
  const uint8_t *values; /* count x channels, int16 little-endian, interleaved */
};

/* Body of type 2. */
struct bpg_decision_report
{
  uint32_t sample; /* index of the last sample the decision used */
  uint8_t raw;     /* gesture code before post-processing */
  uint8_t movement;
  uint8_t flags;
  uint16_t confidence; /* 0..1000 */
  uint16_t speed;      /* 0..1000 */
  int32_t distance;    /* Q8 distance to the nearest class mean */
  uint32_t latency_us; /* last sample to actuator command */
};

/* Body of type 3. */
struct bpg_event
{
  uint8_t kind; /* enum bpg_event_kind */
  uint32_t a;
  uint32_t b;
};

#define BPG_SAMPLES_HEADER_SIZE 8
#define BPG_DECISION_SIZE 20
#define BPG_EVENT_SIZE 9

/* COBS of @length bytes into @out, which holds length + length / 254 + 1.
 * Returns the bytes written. */
size_t bpg_cobs_encode (const uint8_t *bytes, size_t length, uint8_t *out);

/* The bytes that @coded (without delimiters) stands for, into @out, which
 * holds @length. @out may be @coded. Returns their count, 0 when it is not COBS. */
size_t bpg_cobs_decode (const uint8_t *coded, size_t length, uint8_t *out);

/*
 * Encodes a frame, delimiters included, into @out. Returns the bytes written,
 * 0 when the body is too long or @capacity too small (BPG_FRAME_WIRE_MAX
 * always does).
 */
size_t bpg_frame_encode (const struct bpg_frame *frame, uint8_t *out, size_t capacity);

/*
 * Decodes the coded bytes between two delimiters. They are decoded in place;
 * frame->body points into them. Returns false when it is not a frame: wrong
 * code, length or CRC. Types and versions are left for the caller to judge.
 */
bool bpg_frame_decode (uint8_t *coded, size_t length, struct bpg_frame *frame);

/* Body encoders: return the bytes written into @body, which holds
 * BPG_FRAME_BODY_MAX; 0 when the counts do not fit. */
size_t bpg_samples_encode (const struct bpg_samples *samples, uint8_t *body);
size_t bpg_decision_encode (const struct bpg_decision_report *decision, uint8_t *body);
size_t bpg_event_encode (const struct bpg_event *event, uint8_t *body);

/* Body decoders: false when type, version, length or counts are not right. */
bool bpg_samples_decode (const struct bpg_frame *frame, struct bpg_samples *samples);
bool bpg_decision_decode (const struct bpg_frame *frame, struct bpg_decision_report *decision);
bool bpg_event_decode (const struct bpg_frame *frame, struct bpg_event *event);
