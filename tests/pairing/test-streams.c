/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pairing-fixture.h"

#include "bpg-stream.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

typedef struct {
  BpgStreamHeader header;
  union {
    gint16 samples[1024];
    BpgStreamDecision decision;
    BpgStreamEvent event;
  } body;
} Record;

static int
open_stream (Fixture *fixture, FakeArm *arm, const char *options)
{
  g_autoptr (GError) error = NULL;
  int fd = fixture_fd_call (fixture, arm, "OpenStream", options, &error);

  g_assert_no_error (error);
  g_assert_cmpint (fcntl (fd, F_SETFL, O_NONBLOCK), ==, 0);
  return fd;
}

/* Reads on; TRUE when @length bytes are there. */
static gboolean
read_on (int fd, char *buffer, gsize length, gsize *got)
{
  gssize n = read (fd, buffer + *got, length - *got);

  g_assert_true (n > 0 || (n < 0 && errno == EAGAIN));
  *got += n > 0 ? (gsize) n : 0;
  return *got == length;
}

static void
read_exactly (int fd, void *buffer, gsize length)
{
  gsize got = 0;

  wait_until (read_on (fd, buffer, length, &got));
}

static void
read_record (int fd, Record *record)
{
  read_exactly (fd, &record->header, sizeof record->header);
  g_assert_cmphex (record->header.magic, ==, BPG_STREAM_MAGIC);
  g_assert_cmpuint (record->header.header_size, ==, 64);
  g_assert_cmpuint (record->header.length, <=, sizeof record->body);
  read_exactly (fd, &record->body, record->header.length);
}

static void
wait_for_end (int fd)
{
  char byte;

  wait_until (read (fd, &byte, 1) == 0);
}

static void
wait_for_streaming (FakeArm *arm, gboolean samples, gboolean decisions)
{
  wait_until (arm->stream.samples == samples && arm->stream.decisions == decisions);
}

static void
test_records (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  Record record;
  int fd;

  fixture_connect (fixture, arm);
  fd = open_stream (fixture, arm, "{}");
  g_assert_cmpuint (fixture_arm_uint (fixture, arm, "Streams"), ==, 1);
  wait_for_streaming (arm, TRUE, TRUE);
  arm->next_sample = 100;

  fake_arm_send_samples (arm, 5);
  fake_arm_send_decision (arm);
  fake_arm_send_event (arm, BPG_EVENT_ELECTRODE_DEAD);
  arm->next_sample += 3;
  fake_arm_send_samples (arm, 2);

  read_record (fd, &record);
  g_assert_cmpuint (record.header.type, ==, BPG_STREAM_SAMPLES);
  g_assert_cmpuint (record.header.first_sample, ==, 100);
  g_assert_cmpuint (record.header.count, ==, 5);
  g_assert_cmpuint (record.header.channels, ==, 8);
  g_assert_cmpuint (record.header.dead, ==, 4);
  g_assert_cmpuint (record.header.lost, ==, 0);
  g_assert_cmpuint (record.header.length, ==, 80);
  g_assert_cmpint (record.body.samples[8 + 3], ==, 104);
  g_assert_cmpuint (record.header.monotonic, <=, g_get_monotonic_time ());
  g_assert_cmpuint (record.header.monotonic, >, g_get_monotonic_time () - 60 * G_USEC_PER_SEC);

  read_record (fd, &record);
  g_assert_cmpuint (record.header.type, ==, BPG_STREAM_DECISION);
  g_assert_cmpuint (record.header.first_sample, ==, 104);
  g_assert_cmpuint (record.body.decision.movement, ==, 2);
  g_assert_cmpint (record.body.decision.distance, ==, -7);

  read_record (fd, &record);
  g_assert_cmpuint (record.header.type, ==, BPG_STREAM_EVENT);
  g_assert_cmpuint (record.body.event.kind, ==, BPG_EVENT_ELECTRODE_DEAD);

  read_record (fd, &record);
  g_assert_cmpuint (record.header.first_sample, ==, 108);
  g_assert_cmpuint (record.header.lost, ==, 3);

  close (fd);
  wait_for_streaming (arm, FALSE, FALSE);
  g_assert_cmpuint (fixture_arm_uint (fixture, arm, "Streams"), ==, 0);
}

static void
test_union (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  Record record;
  int events, samples, decisions;

  fixture_connect (fixture, arm);
  events = open_stream (fixture, arm, "{'samples': <false>, 'decisions': <false>}");
  samples = open_stream (fixture, arm, "{'decisions': <false>, 'events': <false>}");
  wait_for_streaming (arm, TRUE, FALSE);
  decisions = open_stream (fixture, arm, "{'samples': <false>, 'events': <false>}");
  wait_for_streaming (arm, TRUE, TRUE);

  fake_arm_send_samples (arm, 1);
  fake_arm_send_decision (arm);
  fake_arm_send_event (arm, BPG_EVENT_FAULT);
  read_record (samples, &record);
  g_assert_cmpuint (record.header.type, ==, BPG_STREAM_SAMPLES);
  read_record (decisions, &record);
  g_assert_cmpuint (record.header.type, ==, BPG_STREAM_DECISION);
  read_record (events, &record);
  g_assert_cmpuint (record.header.type, ==, BPG_STREAM_EVENT);

  close (samples);
  wait_for_streaming (arm, FALSE, TRUE);
  close (decisions);
  wait_for_streaming (arm, FALSE, FALSE);
  close (events);
}

static void
test_slow_reader (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  guint64 expected = 0;
  guint32 dropped = 0;
  Record record;
  int slow, fast;

  fixture_connect (fixture, arm);
  slow = open_stream (fixture, arm, "{'decisions': <false>}");
  fast = open_stream (fixture, arm, "{'decisions': <false>}");
  wait_for_streaming (arm, TRUE, FALSE);

  /* Far more than a pipe holds. */
  for (guint i = 0; i < 400; i++) {
    fake_arm_send_samples (arm, 40);
    read_record (fast, &record);
    g_assert_cmpuint (record.header.first_sample, ==, i * 40);
    g_assert_cmpuint (record.header.dropped, ==, 0);
  }
  /* Once it reads, each record is whole, and tells what is missing before it. */
  while (expected < 400 * 40) {
    if (expected > 0 && record.header.first_sample + record.header.count == 400 * 40)
      break;
    read_record (slow, &record);
    g_assert_cmpuint (record.header.first_sample, ==, expected + record.header.dropped);
    g_assert_cmpuint (record.header.lost, ==, 0);
    expected = record.header.first_sample + record.header.count;
    if (expected > 300)
      break;
  }
  for (;;) {
    char byte;

    if (read (slow, &byte, 1) < 0)
      break;
  }
  fake_arm_send_samples (arm, 40);
  read_record (slow, &record);
  g_assert_cmpuint (record.header.first_sample, ==, 400 * 40);
  dropped = record.header.dropped;
  g_assert_cmpuint (dropped, >, 0);
  g_assert_cmpuint (dropped % 40, ==, 0);
  close (slow);
  close (fast);
}

static void
test_unplugged (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (GError) error = NULL;
  int fd;

  fixture_connect (fixture, arm);
  fd = open_stream (fixture, arm, "{}");
  fake_arm_unplug (arm);
  wait_for_end (fd);
  close (fd);
  wait_until (!fixture_arm_flag (fixture, arm, "Connected"));
  g_assert_true (fixture_arm_is (fixture, arm, "Port", ""));
  g_assert_cmpuint (fixture_arm_uint (fixture, arm, "Streams"), ==, 0);
  g_assert_cmpint (fixture_fd_call (fixture, arm, "OpenStream", "{}", &error), ==, -1);
  g_assert_error (error, BPG_ERROR, BPG_ERROR_DISCONNECTED);

  fake_arm_plug (arm);
  wait_until (fixture_arm_flag (fixture, arm, "Connected"));
  close (open_stream (fixture, arm, "{}"));
}

/* Behind a serial adapter nothing hangs up when the arm is switched off and on. */
static void
test_restarted (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  Record record;
  int fd;

  fixture_connect (fixture, arm);
  fd = open_stream (fixture, arm, "{}");
  wait_for_streaming (arm, TRUE, TRUE);
  fake_arm_send_samples (arm, 10);
  read_record (fd, &record);
  fake_arm_restart (arm);
  fake_arm_send_event (arm, BPG_EVENT_MODEL_STARTED);
  wait_for_end (fd);
  close (fd);
  wait_until (fixture_arm_flag (fixture, arm, "Connected"));

  fd = open_stream (fixture, arm, "{}");
  wait_for_streaming (arm, TRUE, TRUE);
  fake_arm_send_samples (arm, 10);
  read_record (fd, &record);
  g_assert_cmpuint (record.header.first_sample, ==, 0);
  g_assert_cmpuint (record.header.lost, ==, 0);
  close (fd);
}

static void
test_refused (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (GError) unknown = NULL;
  g_autoptr (GError) small = NULL;
  g_autoptr (GError) many = NULL;
  int fds[16];

  fixture_connect (fixture, arm);
  g_assert_cmpint (fixture_fd_call (fixture, arm, "OpenStream", "{'colour': <1>}", &unknown), ==, -1);
  g_assert_error (unknown, BPG_ERROR, BPG_ERROR_UNKNOWN_OPTION);
  g_assert_cmpint (fixture_fd_call (fixture, arm, "OpenStream", "{'buffer': <uint32 1>}", &small), ==, -1);
  g_assert_error (small, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    fds[i] = open_stream (fixture, arm, "{}");
  g_assert_cmpint (fixture_fd_call (fixture, arm, "OpenStream", "{}", &many), ==, -1);
  g_assert_error (many, BPG_ERROR, BPG_ERROR_LIMIT_EXCEEDED);
  for (guint i = 0; i < G_N_ELEMENTS (fds); i++)
    close (fds[i]);
}

/* Sequence numbers and sample indices turn over; what is handed out goes on. */
static void
test_turn_over (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  Record record;
  guint32 sequence;
  int fd;

  fixture_connect (fixture, arm);
  arm->sequence = G_MAXUINT16;
  arm->next_sample = G_MAXUINT32 - 4;
  fd = open_stream (fixture, arm, "{}");
  wait_for_streaming (arm, TRUE, TRUE);
  fake_arm_send_samples (arm, 5);
  read_record (fd, &record);
  sequence = record.header.sequence;
  g_assert_cmpuint (record.header.first_sample, ==, G_MAXUINT32 - 4);
  fake_arm_send_samples (arm, 5);
  fake_arm_send_decision (arm);
  read_record (fd, &record);
  g_assert_cmpuint (record.header.sequence, ==, sequence + 1);
  g_assert_cmpuint (record.header.first_sample, ==, (guint64) G_MAXUINT32 + 1);
  g_assert_cmpuint (record.header.lost, ==, 0);
  read_record (fd, &record);
  g_assert_cmpuint (record.header.first_sample, ==, (guint64) G_MAXUINT32 + 5);
  close (fd);
}

int
main (int argc, char **argv)
{
  static const FixtureTest tests[] = {
    {"/pairing/streams/records", test_records},
    {"/pairing/streams/union", test_union},
    {"/pairing/streams/slow-reader", test_slow_reader},
    {"/pairing/streams/unplugged", test_unplugged},
    {"/pairing/streams/restarted", test_restarted},
    {"/pairing/streams/refused", test_refused},
    {"/pairing/streams/turn-over", test_turn_over},
    {NULL, NULL},
  };

  return fixture_run (argc, argv, tests);
}
