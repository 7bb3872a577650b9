/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "link/demux.h"

void
bpg_demux_init (struct bpg_demux *demux)
{
  demux->chunk_length = 0;
  demux->chunk_lines = 0;
  demux->line_length = 0;
  demux->garbage = 0;
  demux->packets = 0;
  demux->frames = 0;
  bpg_smp_assembler_init (&demux->assembler);
}

static void
forget_chunk (struct bpg_demux *demux)
{
  demux->chunk_length = 0;
  demux->chunk_lines = 0;
}

/* A zero came: what stands before it is a frame, or was lines and garbage. */
static bool
end_chunk (struct bpg_demux *demux, struct bpg_demux_event *event)
{
  bool is_frame = demux->chunk_length > 0 && demux->chunk_length <= BPG_FRAME_COBS_MAX
                  && bpg_frame_decode (demux->chunk, demux->chunk_length, &event->frame);

  if (is_frame)
    {
      event->kind = BPG_DEMUX_FRAME;
      demux->frames++;
    }
  else if (demux->chunk_length > demux->chunk_lines)
    {
      demux->garbage += (uint32_t) (demux->chunk_length - demux->chunk_lines);
    }
  forget_chunk (demux);
  demux->line_length = 0;
  return is_frame;
}

static bool
end_line (struct bpg_demux *demux, struct bpg_demux_event *event)
{
  enum bpg_smp_line_result result;
  size_t length = demux->line_length;

  demux->line_length = 0;
  result = bpg_smp_assembler_push (&demux->assembler, demux->line, length, &event->packet,
                                   &event->packet_length);
  if (result == BPG_SMP_LINE_BAD)
    return false;

  /* The newline that sets a line off from a frame before it is the line's. */
  if (demux->chunk_lines == 0 && demux->chunk_length == length + 2 && demux->chunk[0] == '\n')
    demux->chunk_lines++;
  demux->chunk_lines += length + 1;
  /* Nothing but lines since the last zero: no frame is being collected. */
  if (demux->chunk_lines >= demux->chunk_length)
    forget_chunk (demux);
  if (result != BPG_SMP_LINE_PACKET)
    return false;
  event->kind = BPG_DEMUX_PACKET;
  demux->packets++;
  return true;
}

static bool
begins_line (uint8_t first, uint8_t second)
{
  return (first == BPG_SMP_START_1 && second == BPG_SMP_START_2)
         || (first == BPG_SMP_CONTINUE_1 && second == BPG_SMP_CONTINUE_2);
}

static bool
is_base64 (uint8_t byte)
{
  return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z')
         || (byte >= '0' && byte <= '9') || byte == '+' || byte == '/' || byte == '=';
}

/* Follows a line; true when a packet is complete. */
static bool
follow_line (struct bpg_demux *demux, uint8_t byte, struct bpg_demux_event *event)
{
  bool may_start = byte == BPG_SMP_START_1 || byte == BPG_SMP_CONTINUE_1;

  if (demux->line_length >= 2 && byte == '\n')
    return end_line (demux, event);

  if (demux->line_length == 1 && begins_line (demux->line[0], byte))
    demux->line[demux->line_length++] = byte;
  else if (demux->line_length >= 2 && is_base64 (byte)
           && demux->line_length < BPG_SMP_LINE_MAX - 1)
    demux->line[demux->line_length++] = byte;
  else
    {
      demux->line[0] = byte;
      demux->line_length = may_start ? 1 : 0;
    }
  return false;
}

/* No frame is longer than this: count the garbage now, so that a line that
 * only talks rubbish shows while it lasts. */
static void
limit_chunk (struct bpg_demux *demux)
{
  size_t rubbish;

  if (demux->chunk_length < 2 * sizeof demux->chunk)
    return;
  rubbish = demux->chunk_length - demux->chunk_lines - demux->line_length;
  demux->garbage += (uint32_t) rubbish;
  demux->chunk_lines = 0;
  demux->chunk_length = sizeof demux->chunk;
  demux->chunk_lines = demux->chunk_length - demux->line_length;
}

size_t
bpg_demux_push (struct bpg_demux *demux, const uint8_t *bytes, size_t length,
                struct bpg_demux_event *event)
{
  event->kind = BPG_DEMUX_NOTHING;
  for (size_t i = 0; i < length; i++)
    {
      uint8_t byte = bytes[i];

      if (byte == 0)
        {
          if (end_chunk (demux, event))
            return i + 1;
          continue;
        }

      if (demux->chunk_length < sizeof demux->chunk)
        demux->chunk[demux->chunk_length] = byte;
      demux->chunk_length++;
      if (follow_line (demux, byte, event))
        return i + 1;
      limit_chunk (demux);
    }
  return length;
}
