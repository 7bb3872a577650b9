/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pairing-fixture.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static gsize
make_echo (guint8 sequence, const char *text, guint8 *packet)
{
  struct bpg_smp_header header = bpg_request_header (BPG_SMP_WRITE, BPG_GROUP_OS, BPG_OS_ECHO, sequence);
  struct bpg_echo_request request = {bpg_text (text)};
  struct bpg_cbor_writer writer;

  bpg_packet_begin (&writer, packet, BPG_SMP_PACKET_MAX);
  bpg_echo_request_encode (&request, &writer);
  return bpg_packet_finish (&writer, &header);
}

static void
send_echo (int fd, guint8 sequence, const char *text)
{
  guint8 packet[BPG_SMP_PACKET_MAX];
  gsize length = make_echo (sequence, text, packet);

  g_assert_cmpint (send (fd, packet, length, 0), ==, (gssize) length);
}

static gsize
receive (int fd, guint8 *packet, struct bpg_smp_header *header)
{
  gssize n = -1;

  wait_until ((n = recv (fd, packet, BPG_SMP_PACKET_MAX, MSG_DONTWAIT)) >= 0);
  if (n > 0)
    g_assert_true (bpg_smp_header_decode (packet, (gsize) n, header));
  return (gsize) n;
}

static void
expect_echo (int fd, guint8 sequence, const char *text)
{
  guint8 packet[BPG_SMP_PACKET_MAX];
  struct bpg_smp_header header;
  struct bpg_echo_reply reply = {{NULL, 0}};

  g_assert_cmpuint (receive (fd, packet, &header), >, 0);
  g_assert_cmpuint (header.sequence, ==, sequence);
  g_assert_true (bpg_echo_reply_decode (packet + BPG_SMP_HEADER_SIZE, header.length, &reply));
  g_assert_true (bpg_text_is (&reply.r, text));
}

static void
expect_end (int fd)
{
  guint8 packet[BPG_SMP_PACKET_MAX];
  struct bpg_smp_header header;

  g_assert_cmpuint (receive (fd, packet, &header), ==, 0);
}

static int
acquire (Fixture *fixture, FakeArm *arm, const char *options)
{
  g_autoptr (GError) error = NULL;
  int fd = fixture_fd_call (fixture, arm, "AcquireManagement", options, &error);

  g_assert_no_error (error);
  return fd;
}

static void
test_requests (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  int fd;

  fixture_connect (fixture, arm);
  fd = acquire (fixture, arm, "{'purpose': <'test'>}");
  g_assert_true (fixture_arm_flag (fixture, arm, "Leased"));
  send_echo (fd, 7, "one");
  expect_echo (fd, 7, "one");

  /* More than the arm takes at once; every one is answered, in order, none is mixed up. */
  for (guint8 i = 0; i < 20; i++)
    send_echo (fd, (guint8) (250 + i), i % 2 == 0 ? "even" : "odd");
  for (guint8 i = 0; i < 20; i++)
    expect_echo (fd, (guint8) (250 + i), i % 2 == 0 ? "even" : "odd");
  close (fd);
  wait_until (!fixture_arm_flag (fixture, arm, "Leased"));
}

static void
test_window (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  int fd;

  arm->buffers = 3;
  fixture_connect (fixture, arm);
  fd = acquire (fixture, arm, "{}");
  arm->hold = TRUE;
  for (guint8 i = 0; i < 8; i++)
    send_echo (fd, i, "window");
  wait_until (arm->held.length == 3);
  g_assert_cmpuint (arm->most_outstanding, ==, 3);
  fake_arm_release (arm);
  for (guint8 i = 0; i < 8; i++)
    expect_echo (fd, i, "window");
  close (fd);
}

static void
test_exclusive (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (GError) busy = NULL;
  g_autoptr (GError) none = NULL;
  FdCall waiting;
  int first, second;

  fixture_connect (fixture, arm);
  first = acquire (fixture, arm, "{'purpose': <'the first'>}");
  g_assert_cmpint (fixture_fd_call (fixture, arm, "AcquireManagement", "{}", &busy), ==, -1);
  g_assert_error (busy, BPG_ERROR, BPG_ERROR_BUSY);
  g_assert_nonnull (strstr (busy->message, "the first"));

  fixture_begin_fd_call (fixture, arm, "AcquireManagement", "{'wait': <true>}", &waiting);
  close (first);
  second = fixture_end_fd_call (&waiting, &none);
  g_assert_no_error (none);
  send_echo (second, 1, "second");
  expect_echo (second, 1, "second");
  close (second);
}

static void
test_unplugged (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) absent = NULL;
  FdCall waiting;
  int fd;

  fixture_connect (fixture, arm);
  fd = acquire (fixture, arm, "{}");
  fixture_begin_fd_call (fixture, arm, "AcquireManagement", "{'wait': <true>}", &waiting);
  arm->hold = TRUE;
  send_echo (fd, 1, "never answered");
  wait_until (arm->held.length > 0);
  fake_arm_unplug (arm);
  expect_end (fd);
  close (fd);
  g_assert_cmpint (fixture_end_fd_call (&waiting, &error), ==, -1);
  g_assert_error (error, BPG_ERROR, BPG_ERROR_DISCONNECTED);
  wait_until (!fixture_arm_flag (fixture, arm, "Leased"));
  g_assert_cmpint (fixture_fd_call (fixture, arm, "AcquireManagement", "{}", &absent), ==, -1);
  g_assert_error (absent, BPG_ERROR, BPG_ERROR_DISCONNECTED);
}

static void
test_bad_packets (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autofree guint8 *huge = g_malloc0 (BPG_SMP_PACKET_MAX + 100);
  struct bpg_smp_header header = bpg_request_header (BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_BIND, 9);
  guint8 packet[BPG_SMP_PACKET_MAX];
  guint16 group, rc;
  int fd;

  fixture_connect (fixture, arm);
  fd = acquire (fixture, arm, "{}");
  g_assert_cmpint (send (fd, "short", 5, 0), ==, 5);
  g_assert_cmpint (send (fd, huge, BPG_SMP_PACKET_MAX + 100, 0), ==, BPG_SMP_PACKET_MAX + 100);
  g_assert_cmpint (send (fd, "", 0, 0), ==, 0);
  send_echo (fd, 3, "still here");
  expect_echo (fd, 3, "still here");

  /* Binding is this daemon's. */
  header.length = 0;
  bpg_smp_header_encode (&header, packet);
  g_assert_cmpint (send (fd, packet, BPG_SMP_HEADER_SIZE, 0), ==, BPG_SMP_HEADER_SIZE);
  g_assert_cmpuint (receive (fd, packet, &header), >, 0);
  g_assert_cmpuint (header.sequence, ==, 9);
  g_assert_true (bpg_error_decode (packet + BPG_SMP_HEADER_SIZE, header.length, BPG_GROUP_ARM, &group, &rc));
  g_assert_cmpuint (rc, ==, BPG_ARM_ERROR_NOT_AUTHORISED);
  g_assert_cmpstr (arm->state, ==, "unbound");
  close (fd);
}

/* A holder that keeps its end open and will never say anything again. */
static void
test_shut_down (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  int fd;

  fixture_connect (fixture, arm);
  fd = acquire (fixture, arm, "{}");
  send_echo (fd, 3, "last");
  expect_echo (fd, 3, "last");
  g_assert_cmpint (shutdown (fd, SHUT_WR), ==, 0);
  expect_end (fd);
  wait_until (!fixture_arm_flag (fixture, arm, "Leased"));
  close (fd);
}

int
main (int argc, char **argv)
{
  static const FixtureTest tests[] = {
    {"/pairing/lease/requests", test_requests},
    {"/pairing/lease/window", test_window},
    {"/pairing/lease/exclusive", test_exclusive},
    {"/pairing/lease/unplugged", test_unplugged},
    {"/pairing/lease/bad-packets", test_bad_packets},
    {"/pairing/lease/shut-down", test_shut_down},
    {NULL, NULL},
  };

  return fixture_run (argc, argv, tests);
}
