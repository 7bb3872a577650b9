/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib.h>
#include <string.h>

#include "link/checksum.h"
#include "link/demux.h"
#include "link/frame.h"
#include "link/smp.h"

static void
test_checksums (void)
{
  const uint8_t *digits = (const uint8_t *) "123456789";

  /* The check values of the CRC catalogue. */
  g_assert_cmphex (bpg_crc16_xmodem (0, digits, 9), ==, 0x31C3);
  g_assert_cmphex (bpg_crc32 (0, digits, 9), ==, 0xCBF43926);
  g_assert_cmphex (bpg_crc32 (bpg_crc32 (0, digits, 4), digits + 4, 5), ==, 0xCBF43926);
  g_assert_cmphex (bpg_crc16_xmodem (bpg_crc16_xmodem (0, digits, 4), digits + 4, 5), ==, 0x31C3);
}

static void
check_cobs (const uint8_t *plain, gsize length, const uint8_t *coded, gsize coded_length)
{
  g_autofree uint8_t *out = g_malloc (length + length / 254 + 1);
  g_autofree uint8_t *back = g_malloc (coded_length + 1);

  g_assert_cmpmem (out, bpg_cobs_encode (plain, length, out), coded, coded_length);
  g_assert_cmpmem (back, bpg_cobs_decode (coded, coded_length, back), plain, length);
}

static void
test_cobs_vectors (void)
{
  uint8_t plain[255];
  uint8_t coded[260];

  /* The examples that go with the algorithm. */
  check_cobs ((const uint8_t *) "\x00", 1, (const uint8_t *) "\x01\x01", 2);
  check_cobs ((const uint8_t *) "\x00\x00", 2, (const uint8_t *) "\x01\x01\x01", 3);
  check_cobs ((const uint8_t *) "\x00\x11\x00", 3, (const uint8_t *) "\x01\x02\x11\x01", 4);
  check_cobs ((const uint8_t *) "\x11\x22\x00\x33", 4, (const uint8_t *) "\x03\x11\x22\x02\x33", 5);
  check_cobs ((const uint8_t *) "\x11\x22\x33\x44", 4, (const uint8_t *) "\x05\x11\x22\x33\x44", 5);
  check_cobs ((const uint8_t *) "\x11\x00\x00\x00", 4, (const uint8_t *) "\x02\x11\x01\x01\x01", 5);

  for (unsigned i = 0; i < 255; i++)
    plain[i] = (uint8_t) (i + 1);
  coded[0] = 0xFF;
  memcpy (coded + 1, plain, 254);
  check_cobs (plain, 254, coded, 255);
  coded[255] = 0x02;
  coded[256] = 0xFF;
  check_cobs (plain, 255, coded, 257);
}

static void
test_cobs_random (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);

  for (unsigned round = 0; round < 3000; round++)
    {
      uint8_t plain[1024];
      uint8_t coded[1040];
      uint8_t back[1040];
      gsize length = (gsize) g_rand_int_range (rand, 1, sizeof plain + 1);
      int zeros = g_rand_int_range (rand, 1, 400);
      gsize coded_length;

      for (gsize i = 0; i < length; i++)
        plain[i] = g_rand_int_range (rand, 0, zeros) == 0 ? 0 : (uint8_t) g_rand_int_range (rand, 1, 256);
      coded_length = bpg_cobs_encode (plain, length, coded);
      g_assert_null (memchr (coded, 0, coded_length));
      g_assert_cmpuint (coded_length, <=, length + length / 254 + 1);
      g_assert_cmpmem (back, bpg_cobs_decode (coded, coded_length, back), plain, length);
    }
}

static gsize
make_packet (uint8_t *packet, gsize payload, uint8_t sequence)
{
  struct bpg_smp_header header = { .op = BPG_SMP_WRITE, .version = 1, .group = 64, .command = 5 };

  header.length = (uint16_t) payload;
  header.sequence = sequence;
  bpg_smp_header_encode (&header, packet);
  for (gsize i = 0; i < payload; i++)
    packet[BPG_SMP_HEADER_SIZE + i] = (uint8_t) (i * 7 + sequence);
  return BPG_SMP_HEADER_SIZE + payload;
}

/* An echo request as MCUmgr's own clients put it on the line. */
static void
test_console_vector (void)
{
  static const uint8_t packet[] = { 0x02, 0x00, 0x00, 0x09, 0x00, 0x00, 0x01, 0x00, 0xBF,
                                    0x61, 0x64, 0x64, 't', 'e', 's', 't', 0xFF };
  uint8_t out[BPG_SMP_CONSOLE_MAX];
  gsize length = bpg_smp_console_encode (packet, sizeof packet, out, sizeof out);
  g_autofree guchar *raw = NULL;
  gsize raw_length;
  uint16_t crc = bpg_crc16_xmodem (0, packet, sizeof packet);

  g_assert_cmpuint (out[0], ==, 6);
  g_assert_cmpuint (out[1], ==, 9);
  g_assert_cmpuint (out[length - 1], ==, '\n');
  out[length - 1] = 0;
  raw = g_base64_decode ((const char *) out + 2, &raw_length);
  g_assert_cmpuint (raw_length, ==, sizeof packet + 4);
  g_assert_cmpuint (raw[0] << 8 | raw[1], ==, sizeof packet + 2);
  g_assert_cmpmem (raw + 2, sizeof packet, packet, sizeof packet);
  g_assert_cmphex (raw[raw_length - 2] << 8 | raw[raw_length - 1], ==, crc);
}

static void
test_console_every_length (void)
{
  for (gsize payload = 0; payload <= BPG_SMP_PACKET_MAX - BPG_SMP_HEADER_SIZE; payload++)
    {
      uint8_t packet[BPG_SMP_PACKET_MAX];
      uint8_t out[BPG_SMP_CONSOLE_MAX];
      gsize length = make_packet (packet, payload, 3);
      gsize coded = bpg_smp_console_encode (packet, length, out, sizeof out);
      struct bpg_demux demux;
      struct bpg_demux_event event;
      gsize line = 0;

      g_assert_cmpuint (coded, >, 0);
      g_assert_cmpuint (bpg_smp_console_encode (packet, length, out, coded - 1), ==, 0);
      g_assert_cmpuint (bpg_smp_console_encode (packet, length, out, coded), ==, coded);
      for (gsize i = 0; i < coded; i++)
        {
          line++;
          g_assert_cmpuint (line, <=, BPG_SMP_LINE_MAX);
          if (out[i] == '\n')
            line = 0;
        }
      bpg_demux_init (&demux);
      g_assert_cmpuint (bpg_demux_push (&demux, out, coded, &event), ==, coded);
      g_assert_cmpint (event.kind, ==, BPG_DEMUX_PACKET);
      g_assert_cmpmem (event.packet, event.packet_length, packet, length);
      g_assert_cmpuint (demux.garbage, ==, 0);
    }
}

static gsize
make_frame (uint8_t *out, uint16_t sequence, unsigned count)
{
  uint8_t values[512];
  uint8_t body[BPG_FRAME_BODY_MAX];
  struct bpg_samples samples = { .first = sequence * 10u, .count = (uint8_t) count, .channels = 8, .values = values };
  struct bpg_frame frame = { BPG_FRAME_SAMPLES, BPG_FRAME_VERSION, sequence, 123456789012u, body, 0 };

  for (gsize i = 0; i < sizeof values; i++)
    values[i] = (uint8_t) (i % 3 == 0 ? 0 : i + sequence);
  frame.body_length = bpg_samples_encode (&samples, body);
  return bpg_frame_encode (&frame, out, BPG_FRAME_WIRE_MAX);
}

static void
test_frame_bodies (void)
{
  uint8_t body[BPG_FRAME_BODY_MAX];
  uint8_t wire[BPG_FRAME_WIRE_MAX];
  struct bpg_decision_report decision = { 4000000000u, 1, 2, 3, 1000, 999, -70000, 250 };
  struct bpg_decision_report decision_back;
  struct bpg_event event = { BPG_EVENT_BUTTON, 0xDEADBEEF, 7 };
  struct bpg_event event_back;
  struct bpg_frame frame = { BPG_FRAME_DECISION, BPG_FRAME_VERSION, 9, 1, body, 0 };
  struct bpg_frame back;
  struct bpg_samples too_many = { .count = 64, .channels = 8, .values = body };
  gsize length;

  frame.body_length = bpg_decision_encode (&decision, body);
  length = bpg_frame_encode (&frame, wire, sizeof wire);
  g_assert_true (bpg_frame_decode (wire + 1, length - 2, &back));
  g_assert_true (bpg_decision_decode (&back, &decision_back));
  g_assert_cmpuint (decision_back.sample, ==, decision.sample);
  g_assert_cmpint (decision_back.distance, ==, decision.distance);
  g_assert_cmpuint (decision_back.latency_us, ==, decision.latency_us);
  g_assert_cmpuint (decision_back.confidence, ==, decision.confidence);
  g_assert_false (bpg_event_decode (&back, &event_back));

  frame.type = BPG_FRAME_EVENT;
  frame.body_length = bpg_event_encode (&event, body);
  length = bpg_frame_encode (&frame, wire, sizeof wire);
  g_assert_true (bpg_frame_decode (wire + 1, length - 2, &back));
  g_assert_true (bpg_event_decode (&back, &event_back));
  g_assert_cmphex (event_back.a, ==, 0xDEADBEEF);

  g_assert_cmpuint (bpg_samples_encode (&too_many, body), ==, 0);
  frame.body_length = BPG_FRAME_BODY_MAX + 1;
  g_assert_cmpuint (bpg_frame_encode (&frame, wire, sizeof wire), ==, 0);
}

/* Packets and frames in one stream, in pieces of every size. */
static void
test_demux_mixed (void)
{
  g_autoptr (GByteArray) stream = g_byte_array_new ();
  uint8_t packet[BPG_SMP_PACKET_MAX];
  uint8_t out[BPG_SMP_CONSOLE_MAX];

  for (unsigned i = 0; i < 20; i++)
    {
      gsize length = make_packet (packet, i * 100, (uint8_t) i);

      g_byte_array_append (stream, out, (guint) make_frame (out, (uint16_t) i, i + 1));
      g_byte_array_append (stream, out, (guint) bpg_smp_console_encode (packet, length, out, sizeof out));
    }

  for (gsize piece = 1; piece < 200; piece += 13)
    {
      struct bpg_demux demux;
      struct bpg_demux_event event;

      bpg_demux_init (&demux);
      for (gsize at = 0; at < stream->len;)
        at += bpg_demux_push (&demux, stream->data + at, MIN (piece, stream->len - at), &event);
      g_assert_cmpuint (demux.packets, ==, 20);
      g_assert_cmpuint (demux.frames, ==, 20);
      g_assert_cmpuint (demux.garbage, ==, 0);
    }
}

static void
push_all (struct bpg_demux *demux, const uint8_t *bytes, gsize length)
{
  struct bpg_demux_event event;

  for (gsize at = 0; at < length;)
    at += bpg_demux_push (demux, bytes + at, length - at, &event);
}

/* After any garbage at most one frame is lost. */
static void
test_demux_resynchronises (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (99);

  for (unsigned round = 0; round < 2000; round++)
    {
      struct bpg_demux demux;
      uint8_t wire[BPG_FRAME_WIRE_MAX];
      uint8_t garbage[3000];
      gsize garbage_length = (gsize) g_rand_int_range (rand, 0, sizeof garbage);
      uint32_t frames;

      for (gsize i = 0; i < garbage_length; i++)
        garbage[i] = (uint8_t) g_rand_int_range (rand, 0, 256);
      bpg_demux_init (&demux);
      push_all (&demux, garbage, garbage_length);
      frames = demux.frames;
      for (unsigned i = 0; i < 5; i++)
        push_all (&demux, wire, make_frame (wire, (uint16_t) i, 5));
      g_assert_cmpuint (demux.frames - frames, >=, 4);
    }
}

/* A frame whose end got lost takes no packet with it. */
static void
test_demux_lost_delimiter (void)
{
  struct bpg_demux demux;
  uint8_t wire[BPG_FRAME_WIRE_MAX];
  uint8_t packet[BPG_SMP_PACKET_MAX];
  uint8_t out[BPG_SMP_CONSOLE_MAX];
  gsize frame = make_frame (wire, 1, 5);
  gsize coded = bpg_smp_console_encode (packet, make_packet (packet, 1500, 1), out, sizeof out);

  bpg_demux_init (&demux);
  push_all (&demux, wire, frame - 1);
  push_all (&demux, out, coded);
  g_assert_cmpuint (demux.packets, ==, 1);
  push_all (&demux, wire, frame);
  g_assert_cmpuint (demux.frames, ==, 1);
  g_assert_cmpuint (demux.garbage, ==, frame - 2);
}

static void
test_demux_counts_garbage (void)
{
  struct bpg_demux demux;
  uint8_t noise[10000];
  uint8_t wire[BPG_FRAME_WIRE_MAX];

  memset (noise, 'x', sizeof noise);
  bpg_demux_init (&demux);
  push_all (&demux, noise, sizeof noise);
  g_assert_cmpuint (demux.garbage, >, 5000);
  wire[0] = 0;
  push_all (&demux, wire, 1);
  g_assert_cmpuint (demux.garbage, >=, 8000);
  g_assert_cmpuint (demux.garbage, <=, 10000);
}

/* A wrong CRC, a missing line, a line out of place: nothing comes out. */
static void
test_console_damage (void)
{
  uint8_t packet[BPG_SMP_PACKET_MAX];
  uint8_t out[BPG_SMP_CONSOLE_MAX];
  gsize coded = bpg_smp_console_encode (packet, make_packet (packet, 300, 1), out, sizeof out);

  for (gsize i = 0; i < coded; i++)
    {
      struct bpg_demux demux;
      uint8_t before = out[i];

      out[i] = before == 'A' ? 'B' : 'A';
      bpg_demux_init (&demux);
      push_all (&demux, out, coded);
      g_assert_cmpuint (demux.packets, ==, 0);
      out[i] = before;
      push_all (&demux, out, coded);
      g_assert_cmpuint (demux.packets, ==, 1);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/link/checksums", test_checksums);
  g_test_add_func ("/link/cobs/vectors", test_cobs_vectors);
  g_test_add_func ("/link/cobs/random", test_cobs_random);
  g_test_add_func ("/link/console/vector", test_console_vector);
  g_test_add_func ("/link/console/every-length", test_console_every_length);
  g_test_add_func ("/link/console/damage", test_console_damage);
  g_test_add_func ("/link/frame/bodies", test_frame_bodies);
  g_test_add_func ("/link/demux/mixed", test_demux_mixed);
  g_test_add_func ("/link/demux/resynchronises", test_demux_resynchronises);
  g_test_add_func ("/link/demux/lost-delimiter", test_demux_lost_delimiter);
  g_test_add_func ("/link/demux/counts-garbage", test_demux_counts_garbage);
  return g_test_run ();
}
