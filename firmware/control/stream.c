/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "control/stream.h"

#include <string.h>

#include "control/port.h"
#include "link/little-endian.h"

#define SLOW_LINE 50000u
#define SLOW_PERIOD_MS 25u
#define FAST_PERIOD_MS 2u

void
bpg_stream_init (struct bpg_stream *stream, unsigned channels)
{
  memset (stream, 0, sizeof *stream);
  stream->channels = (uint8_t) channels;
}

static uint32_t
most_samples (const struct bpg_stream *stream)
{
  uint32_t most = (BPG_FRAME_BODY_MAX - BPG_SAMPLES_HEADER_SIZE) / (2u * stream->channels);

  return most > UINT8_MAX ? UINT8_MAX : most;
}

static uint32_t
choose_batch (const struct bpg_stream *stream, uint32_t rate)
{
  uint32_t line = bpg_port_link_rate ();
  uint32_t period = line != 0 && line < SLOW_LINE ? SLOW_PERIOD_MS : FAST_PERIOD_MS;
  uint32_t batch = rate * period / 1000;

  if (batch == 0)
    return 1;
  return batch > most_samples (stream) ? most_samples (stream) : batch;
}

bool
bpg_stream_configure (struct bpg_stream *stream, bool samples, bool decisions, uint64_t batch,
                      uint32_t rate)
{
  if (batch > most_samples (stream))
    return false;
  stream->samples = samples;
  stream->decisions = decisions;
  stream->batch = (uint16_t) (batch == 0 ? choose_batch (stream, rate) : batch);
  stream->pending_count = 0;
  return true;
}

/* Sends a frame, or drops it: the sequence number counts it either way. */
static void
send_frame (struct bpg_stream *stream, enum bpg_frame_type type, uint64_t tick,
            const uint8_t *body, size_t length)
{
  uint8_t wire[BPG_FRAME_WIRE_MAX];
  struct bpg_frame frame = {
    .type = (uint8_t) type,
    .version = BPG_FRAME_VERSION,
    .sequence = stream->sequence++,
    .tick = tick,
    .body = body,
    .body_length = length,
  };
  size_t size = bpg_frame_encode (&frame, wire, sizeof wire);

  if (bpg_port_link_room () < size + BPG_STREAM_RESERVE)
    {
      stream->dropped++;
      return;
    }
  bpg_port_link_write (wire, size);
  stream->frame_sent = true;
}

static void
flush_samples (struct bpg_stream *stream, uint16_t dead)
{
  uint8_t body[BPG_FRAME_BODY_MAX];
  struct bpg_samples samples = {
    .first = stream->pending_first,
    .count = stream->pending_count,
    .channels = stream->channels,
    .dead = dead,
    .values = stream->pending,
  };
  size_t length = bpg_samples_encode (&samples, body);

  stream->pending_count = 0;
  send_frame (stream, BPG_FRAME_SAMPLES, stream->pending_tick, body, length);
}

void
bpg_stream_sample (struct bpg_stream *stream, const struct bpg_sample *sample, uint16_t dead)
{
  uint8_t *at;

  if (!stream->samples)
    return;
  /* A frame holds successive samples only. */
  if (stream->pending_count > 0 && sample->index != stream->pending_first + stream->pending_count)
    flush_samples (stream, dead);
  if (stream->pending_count == 0)
    stream->pending_first = sample->index;

  at = stream->pending + stream->pending_count * stream->channels * 2u;
  for (unsigned channel = 0; channel < stream->channels; channel++)
    bpg_put_u16 (at + channel * 2, (uint16_t) sample->values[channel]);
  stream->pending_tick = sample->tick;
  if (++stream->pending_count >= stream->batch)
    flush_samples (stream, dead);
}

void
bpg_stream_decision (struct bpg_stream *stream, const struct bpg_decision_report *report,
                     uint64_t tick)
{
  uint8_t body[BPG_DECISION_SIZE];

  if (stream->decisions)
    send_frame (stream, BPG_FRAME_DECISION, tick, body, bpg_decision_encode (report, body));
}

void
bpg_stream_event (struct bpg_stream *stream, const struct bpg_event *event, uint64_t tick)
{
  uint8_t body[BPG_EVENT_SIZE];

  send_frame (stream, BPG_FRAME_EVENT, tick, body, bpg_event_encode (event, body));
}

bool
bpg_stream_has_room (const struct bpg_stream *stream)
{
  return BPG_STREAM_REPLIES_SIZE - (stream->replies_end - stream->replies_start)
         >= BPG_SMP_CONSOLE_MAX;
}

void
bpg_stream_reply (struct bpg_stream *stream, const uint8_t *packet, size_t length)
{
  uint32_t used = stream->replies_end - stream->replies_start;

  memmove (stream->replies, stream->replies + stream->replies_start, used);
  stream->replies_start = 0;
  stream->replies_end
    = used
      + (uint32_t) bpg_smp_console_encode (packet, length, stream->replies + used,
                                           sizeof stream->replies - used);
  bpg_stream_pump (stream);
}

/* Who reads lines and knows of no frames finds a line behind a frame only when
 * that begins a new one. */
static void
send_line (struct bpg_stream *stream, const uint8_t *line, size_t length)
{
  static const uint8_t newline = '\n';

  if (stream->frame_sent)
    bpg_port_link_write (&newline, 1);
  stream->frame_sent = false;
  bpg_port_link_write (line, length);
}

void
bpg_stream_pump (struct bpg_stream *stream)
{
  while (stream->replies_start < stream->replies_end)
    {
      const uint8_t *line = stream->replies + stream->replies_start;
      const uint8_t *end = memchr (line, '\n', stream->replies_end - stream->replies_start);
      size_t length = (size_t) (end - line) + 1;

      if (bpg_port_link_room () < length + 1)
        return;
      send_line (stream, line, length);
      stream->replies_start += (uint32_t) length;
    }
}

bool
bpg_stream_is_idle (const struct bpg_stream *stream)
{
  return stream->replies_start == stream->replies_end;
}
