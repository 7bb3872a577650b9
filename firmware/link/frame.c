/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "link/frame.h"

#include <string.h>

#include "link/checksum.h"
#include "link/little-endian.h"

size_t
bpg_cobs_encode (const uint8_t *bytes, size_t length, uint8_t *out)
{
  size_t code_at = 0;
  size_t written = 1;
  uint8_t code = 1;

  for (size_t i = 0; i < length; i++)
    {
      if (bytes[i] != 0)
        {
          out[written++] = bytes[i];
          code++;
        }
      /* A full group needs no zero behind it, and none is begun after the
       * last byte. */
      if (bytes[i] == 0 || (code == 0xFF && i + 1 < length))
        {
          out[code_at] = code;
          code_at = written++;
          code = 1;
        }
    }
  out[code_at] = code;
  return written;
}

size_t
bpg_cobs_decode (const uint8_t *coded, size_t length, uint8_t *out)
{
  size_t written = 0;
  size_t at = 0;

  while (at < length)
    {
      uint8_t code = coded[at++];

      if (code == 0 || (size_t) code - 1 > length - at)
        return 0;
      for (unsigned i = 1; i < code; i++)
        {
          if (coded[at] == 0)
            return 0;
          out[written++] = coded[at++];
        }
      if (code != 0xFF && at < length)
        out[written++] = 0;
    }
  return written;
}

size_t
bpg_frame_encode (const struct bpg_frame *frame, uint8_t *out, size_t capacity)
{
  uint8_t payload[BPG_FRAME_PAYLOAD_MAX];
  size_t length = BPG_FRAME_HEADER_SIZE + frame->body_length;
  size_t coded;

  if (frame->body_length > BPG_FRAME_BODY_MAX)
    return 0;
  coded = length + BPG_FRAME_CRC_SIZE;
  if (capacity < coded + coded / 254 + 1 + 2)
    return 0;

  payload[0] = frame->type;
  payload[1] = frame->version;
  bpg_put_u16 (payload + 2, frame->sequence);
  bpg_put_u64 (payload + 4, frame->tick);
  if (frame->body_length > 0)
    memcpy (payload + BPG_FRAME_HEADER_SIZE, frame->body, frame->body_length);
  bpg_put_u32 (payload + length, bpg_crc32 (0, payload, length));

  out[0] = 0;
  coded = bpg_cobs_encode (payload, length + BPG_FRAME_CRC_SIZE, out + 1);
  out[1 + coded] = 0;
  return coded + 2;
}

bool
bpg_frame_decode (uint8_t *coded, size_t length, struct bpg_frame *frame)
{
  size_t payload;

  if (length > BPG_FRAME_COBS_MAX)
    return false;
  payload = bpg_cobs_decode (coded, length, coded);
  if (payload < BPG_FRAME_HEADER_SIZE + BPG_FRAME_CRC_SIZE || payload > BPG_FRAME_PAYLOAD_MAX)
    return false;
  payload -= BPG_FRAME_CRC_SIZE;
  if (bpg_crc32 (0, coded, payload) != bpg_get_u32 (coded + payload))
    return false;

  frame->type = coded[0];
  frame->version = coded[1];
  frame->sequence = bpg_get_u16 (coded + 2);
  frame->tick = bpg_get_u64 (coded + 4);
  frame->body = coded + BPG_FRAME_HEADER_SIZE;
  frame->body_length = payload - BPG_FRAME_HEADER_SIZE;
  return true;
}

static size_t
samples_size (unsigned count, unsigned channels)
{
  return (size_t) count * channels * 2;
}

size_t
bpg_samples_encode (const struct bpg_samples *samples, uint8_t *body)
{
  size_t size = samples_size (samples->count, samples->channels);

  if (size > BPG_FRAME_BODY_MAX - BPG_SAMPLES_HEADER_SIZE)
    return 0;
  bpg_put_u32 (body, samples->first);
  body[4] = samples->count;
  body[5] = samples->channels;
  bpg_put_u16 (body + 6, samples->dead);
  if (size > 0)
    memcpy (body + BPG_SAMPLES_HEADER_SIZE, samples->values, size);
  return BPG_SAMPLES_HEADER_SIZE + size;
}

size_t
bpg_decision_encode (const struct bpg_decision_report *decision, uint8_t *body)
{
  bpg_put_u32 (body, decision->sample);
  body[4] = decision->raw;
  body[5] = decision->movement;
  body[6] = decision->flags;
  body[7] = 0;
  bpg_put_u16 (body + 8, decision->confidence);
  bpg_put_u16 (body + 10, decision->speed);
  bpg_put_u32 (body + 12, (uint32_t) decision->distance);
  bpg_put_u32 (body + 16, decision->latency_us);
  return BPG_DECISION_SIZE;
}

size_t
bpg_event_encode (const struct bpg_event *event, uint8_t *body)
{
  body[0] = event->kind;
  bpg_put_u32 (body + 1, event->a);
  bpg_put_u32 (body + 5, event->b);
  return BPG_EVENT_SIZE;
}

static bool
is_frame (const struct bpg_frame *frame, enum bpg_frame_type type, size_t least)
{
  return frame->type == type && frame->version == BPG_FRAME_VERSION && frame->body_length >= least;
}

bool
bpg_samples_decode (const struct bpg_frame *frame, struct bpg_samples *samples)
{
  if (!is_frame (frame, BPG_FRAME_SAMPLES, BPG_SAMPLES_HEADER_SIZE))
    return false;

  samples->first = bpg_get_u32 (frame->body);
  samples->count = frame->body[4];
  samples->channels = frame->body[5];
  samples->dead = bpg_get_u16 (frame->body + 6);
  samples->values = frame->body + BPG_SAMPLES_HEADER_SIZE;
  return samples->count > 0 && samples->channels > 0
         && samples->channels <= BPG_FRAME_MAX_CHANNELS
         && frame->body_length
              == BPG_SAMPLES_HEADER_SIZE + samples_size (samples->count, samples->channels);
}

bool
bpg_decision_decode (const struct bpg_frame *frame, struct bpg_decision_report *decision)
{
  if (!is_frame (frame, BPG_FRAME_DECISION, BPG_DECISION_SIZE)
      || frame->body_length != BPG_DECISION_SIZE)
    return false;

  decision->sample = bpg_get_u32 (frame->body);
  decision->raw = frame->body[4];
  decision->movement = frame->body[5];
  decision->flags = frame->body[6];
  decision->confidence = bpg_get_u16 (frame->body + 8);
  decision->speed = bpg_get_u16 (frame->body + 10);
  decision->distance = (int32_t) bpg_get_u32 (frame->body + 12);
  decision->latency_us = bpg_get_u32 (frame->body + 16);
  return true;
}

bool
bpg_event_decode (const struct bpg_frame *frame, struct bpg_event *event)
{
  if (!is_frame (frame, BPG_FRAME_EVENT, BPG_EVENT_SIZE) || frame->body_length != BPG_EVENT_SIZE)
    return false;

  event->kind = frame->body[0];
  event->a = bpg_get_u32 (frame->body + 1);
  event->b = bpg_get_u32 (frame->body + 5);
  return true;
}
