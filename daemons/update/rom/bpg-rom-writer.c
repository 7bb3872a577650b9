/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-rom-session.h"

#include "bpg-error.h"

/* The ROM's interrupt handler keeps what comes while a block is written to the flash, in a ring of 2 KB that nobody guards:
 * so much of the next block may be on its way meanwhile, and the line does not stand still. The rest of the ring is for
 * what the ROM has not looked at yet when the block ends. */
#define AHEAD_BYTES 1280u
#define BLOCK_MILLISECONDS 1000u
#define DAMAGED_TRIES 8u
/* Deflating is worth it only when it saves so much, as it cannot be mended in the middle. */
#define WORTH_PERCENT 95u
#define COMPRESSION 9

/* A run on its way. */
typedef struct {
  BpgRomSession *session;
  gboolean deflated;
  const guint8 *bytes;
  gsize length;
  gsize at;         /* of the block that is being sent */
  guint32 sequence; /* its number */
  guint damaged;    /* so often was it sent in vain */
  gsize sent;       /* so much of its frame has gone out already */
  GByteArray *frame;
  GByteArray *next;
} Run;

static gsize
block_length (const Run *run, gsize at)
{
  return MIN (run->session->block, run->length - at);
}

static void
frame_block (const Run *run, GByteArray *frame, gsize at, guint32 sequence)
{
  g_byte_array_set_size (frame, 0);
  bpg_rom_chip_frame_block (frame, run->deflated, sequence, run->bytes + at, block_length (run, at));
}

static gboolean
write_line (const Run *run, const guint8 *bytes, gsize length, GError **error)
{
  return bpg_rom_line_write (run->session->chip->line, bytes, length, run->session->chip->cancellable, error);
}

/* Sends what is left of the block, and the beginning of the one after it. */
static gboolean
send (Run *run, gsize *ahead, GError **error)
{
  gsize after = run->at + block_length (run, run->at);

  *ahead = 0;
  run->session->chip->requests++;
  if (!write_line (run, run->frame->data + run->sent, run->frame->len - run->sent, error))
    return FALSE;
  if (after == run->length)
    return TRUE;
  frame_block (run, run->next, after, run->sequence + 1);
  if (!run->session->ahead)
    return TRUE;
  *ahead = MIN (run->next->len, AHEAD_BYTES);
  return write_line (run, run->next->data, *ahead, error);
}

static BpgRomOutcome
await (Run *run, gsize ahead, BpgRomReply *reply, GError **error)
{
  BpgRomCommand command = run->deflated ? BPG_ROM_DEFL_DATA : BPG_ROM_FLASH_DATA;
  guint milliseconds =
    bpg_rom_line_get_milliseconds (run->session->chip->line, run->frame->len + ahead + BPG_ROM_FRAME_MAX);

  /* A deflated block can become any length, up to all there is. */
  milliseconds +=
    run->deflated ? bpg_rom_erase_milliseconds (run->session->run_sectors * BPG_ROM_SECTOR) : BLOCK_MILLISECONDS;
  return bpg_rom_chip_await (run->session->chip, command, milliseconds, reply, error);
}

static void
go_on (Run *run, gsize ahead)
{
  GByteArray *done = run->frame;

  run->at += block_length (run, run->at);
  run->sequence++;
  run->damaged = 0;
  run->sent = ahead;
  run->frame = run->next;
  run->next = done;
}

/* The ROM counts a block that came damaged, and does not write it: the same again is the next number. With a part of the
 * next block on its way already, or in the middle of a stream, that is of no use. */
static gboolean
may_repeat (Run *run, const BpgRomReply *reply, gsize ahead)
{
  return reply->reason == BPG_ROM_REASON_CHECKSUM && !run->deflated && ahead == 0 && run->damaged++ < DAMAGED_TRIES;
}

static BpgRomOutcome
send_blocks (Run *run, GError **error)
{
  frame_block (run, run->frame, 0, 0);
  while (run->at < run->length) {
    BpgRomReply reply;
    gsize ahead;
    BpgRomOutcome outcome = send (run, &ahead, error) ? await (run, ahead, &reply, error) : BPG_ROM_LOST;

    if (outcome == BPG_ROM_DONE) {
      go_on (run, ahead);
    } else if (outcome == BPG_ROM_REFUSED && may_repeat (run, &reply, ahead)) {
      run->session->report->retries++;
      run->sent = 0;
      frame_block (run, run->frame, run->at, ++run->sequence);
    } else {
      if (outcome == BPG_ROM_REFUSED)
        run->session->reason = reply.reason;
      return outcome;
    }
  }
  return BPG_ROM_DONE;
}

static BpgRomOutcome
send_run (BpgRomSession *self, gboolean deflated, const guint8 *bytes, gsize length, GError **error)
{
  Run run = {.session = self, .deflated = deflated, .bytes = bytes, .length = length};
  gint64 began = g_get_monotonic_time ();
  BpgRomOutcome outcome;

  run.frame = g_byte_array_new ();
  run.next = g_byte_array_new ();
  outcome = send_blocks (&run, error);
  g_byte_array_unref (run.frame);
  g_byte_array_unref (run.next);
  self->report->write_seconds += (double) (g_get_monotonic_time () - began) / G_USEC_PER_SEC;
  return outcome;
}

static BpgRomOutcome
begin (BpgRomSession *self, gboolean deflated, guint32 offset, gsize erase, gsize length, GError **error)
{
  guint32 blocks = (guint32) ((length + self->block - 1) / self->block);
  BpgRomReply reply;
  BpgRomOutcome outcome =
    bpg_rom_chip_begin (self->chip, deflated, offset, (guint32) erase, blocks, self->block, &reply, error);

  if (outcome == BPG_ROM_REFUSED)
    self->reason = reply.reason;
  return outcome;
}

static GBytes *
deflate (const guint8 *bytes, gsize length)
{
  g_autoptr (GConverter) converter = G_CONVERTER (g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_ZLIB, COMPRESSION));
  g_autoptr (GOutputStream) memory = g_memory_output_stream_new_resizable ();
  g_autoptr (GOutputStream) stream = g_converter_output_stream_new (memory, converter);

  if (!g_output_stream_write_all (stream, bytes, length, NULL, NULL, NULL) ||
      !g_output_stream_close (stream, NULL, NULL))
    return NULL;
  return g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (memory));
}

/* REFUSED by what begins it says that this loader cannot: plain is left then. */
static BpgRomOutcome
write_deflated (BpgRomSession *self, GBytes *packed, guint32 offset, gsize length, gboolean *begun, GError **error)
{
  /* The length before deflating is told as what is to be erased; erased already, it is none. */
  BpgRomOutcome outcome = begin (self, TRUE, offset, length, g_bytes_get_size (packed), error);

  *begun = outcome == BPG_ROM_DONE;
  if (!*begun)
    return outcome;
  self->report->deflated = TRUE;
  return send_run (self, TRUE, g_bytes_get_data (packed, NULL), g_bytes_get_size (packed), error);
}

BpgRomOutcome
bpg_rom_session_write (BpgRomSession *self, const guint8 *bytes, guint32 offset, guint sectors, gboolean erase,
                       GError **error)
{
  gsize length = (gsize) sectors * BPG_ROM_SECTOR;
  g_autoptr (GBytes) packed = self->plain ? NULL : deflate (bytes, length);
  BpgRomOutcome outcome;
  gboolean begun;

  if (packed != NULL && self->order->mode == BPG_ROM_MODE_AUTO &&
      g_bytes_get_size (packed) > length * WORTH_PERCENT / 100)
    g_clear_pointer (&packed, g_bytes_unref);
  if (packed != NULL) {
    outcome = write_deflated (self, packed, offset, erase ? length : 0, &begun, error);
    if (begun || outcome == BPG_ROM_LOST) {
      /* A stream that breaks off cannot be mended; a line that does that is better off without. */
      self->plain = self->plain || outcome != BPG_ROM_DONE;
      return outcome;
    }
    self->plain = TRUE;
  }
  outcome = begin (self, FALSE, offset, erase ? length : 0, length, error);
  return outcome == BPG_ROM_DONE ? send_run (self, FALSE, bytes, length, error) : outcome;
}
