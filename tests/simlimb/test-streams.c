/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the arm sends by itself, and what stops it. */
#include <string.h>
#include <unistd.h>

#include "harness.h"

static int
configure (struct harness *harness, bool samples, bool decisions, guint64 batch)
{
  struct bpg_cbor_writer writer = harness_begin (harness);
  struct bpg_stream_request stream = { samples, decisions, batch };

  bpg_stream_request_encode (&stream, &writer);
  return harness_request (harness, BPG_SMP_WRITE, BPG_GROUP_ARM, BPG_ARM_STREAM, &writer);
}

static void
test_samples (void)
{
  g_autoptr (Harness) harness = harness_new ();

  g_assert_cmpint (configure (harness, true, true, 200), ==, BPG_ARM_ERROR_INVALID);
  g_assert_cmpint (configure (harness, true, true, 0), ==, 0);
  harness_run (harness, 2000);
  g_assert_cmpuint (harness->gaps, ==, 0);
  g_assert_cmpuint (harness->lost_frames, ==, 0);
  g_assert_cmpuint (harness->samples->len / 8, >=, 1990);
  g_assert_cmpuint (harness->next_sample, <=, harness->arm.electrodes.next);
  g_assert_cmpuint (harness->decisions->len, ==, 0);
  g_assert_cmpint (configure (harness, false, false, 0), ==, 0);
  g_array_set_size (harness->samples, 0);
  harness_run (harness, 100);
  g_assert_cmpuint (harness->samples->len, ==, 0);
}

/* What comes out of the line is what lay at the electrodes. */
static void
test_samples_are_the_electrodes (void)
{
  g_autoptr (Harness) harness = harness_new ();
  struct sim_generator *same = sim_generator_new (1, 1000, 8, harness->arm.electrodes.generator->lsb);
  gint16 values[8];

  g_assert_cmpint (configure (harness, true, false, 5), ==, 0);
  harness_run (harness, 500);
  for (guint i = 0; i < harness->first_sample; i++)
    sim_generator_next (same, values);
  for (guint i = 0; i + 8 <= harness->samples->len; i += 8)
    {
      sim_generator_next (same, values);
      g_assert_cmpmem (values, sizeof values, harness->samples->data + i * sizeof (gint16), sizeof values);
    }
  sim_generator_free (same);
}

static void
install (struct harness *harness)
{
  g_autoptr (GBytes) model = harness_make_model (harness, 1);
  g_autoptr (GBytes) container = harness_sign (harness, model, NULL);

  harness_bind (harness, "left");
  g_assert_cmpint (harness_install (harness, container), ==, 0);
}

static void
test_decisions (void)
{
  g_autoptr (Harness) harness = harness_new ();
  const struct bpg_event *started;
  struct bpg_status status;
  guint64 in_buckets = 0;

  install (harness);
  g_assert_cmpint (configure (harness, false, true, 0), ==, 0);
  harness_run (harness, 1500);
  started = harness_event (harness, BPG_EVENT_MODEL_STARTED);
  g_assert_nonnull (started);
  g_assert_cmpuint (harness->decisions->len, >=, 120);
  for (guint i = 0; i < harness->decisions->len; i++)
    {
      const struct bpg_decision_report *report = &g_array_index (harness->decisions, struct bpg_decision_report, i);

      /* Window of 200, then every 10: counted from where the model began. */
      g_assert_cmpuint ((report->sample + 1 - started->b - 200) % 10, ==, 0);
      g_assert_cmpuint (report->latency_us, <, 1000000);
    }
  status = harness_status (harness);
  for (unsigned i = 0; i < BPG_LATENCY_BUCKETS; i++)
    in_buckets += status.lat[i];
  g_assert_cmpuint (in_buckets, ==, status.dec);
  g_assert_cmpuint (status.dec, >=, harness->decisions->len);
}

/* On a line too slow frames are dropped whole, counted, and replies arrive. */
static void
test_congestion (void)
{
  g_autoptr (Harness) harness = harness_new ();
  struct bpg_status status;
  guint dropped;

  g_assert_cmpint (configure (harness, true, false, 2), ==, 0);
  harness->arm.line.baud = 57600;
  harness_run (harness, 2000);
  for (guint i = 0; i < 20; i++)
    g_assert_cmpint (harness_ask (harness, BPG_SMP_READ, BPG_GROUP_ARM, BPG_ARM_STATUS), ==, 0);
  status = harness_status (harness);
  g_assert_cmpuint (status.dropped, >, 100);
  /* The gaps in the sequence numbers say how many, but for those on the way. */
  dropped = harness->lost_frames;
  g_assert_cmpuint (dropped, <=, harness->arm.control.stream.dropped);
  g_assert_cmpuint (dropped, >, 100);
  g_assert_cmpuint (harness->gaps, >, 0);
  g_assert_cmpuint (harness->demux.garbage, ==, 0);
}

/* A line that loses, doubles and flips bytes: an update ends right. */
static void
test_noise (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GBytes) model = harness_make_model (harness, 1);
  g_autoptr (GBytes) container = harness_sign (harness, model, NULL);
  int result = -1;

  harness_bind (harness, "left");
  harness->arm.line.noise = 1000;
  /* Requests get lost; whoever asks, asks again. */
  for (guint i = 0; i < 500 && result != 0; i++)
    {
      const uint8_t *data = g_bytes_get_data (container, NULL);
      gsize length = g_bytes_get_size (container);
      struct bpg_upload_request upload = { .image = 1, .len = length };
      struct bpg_upload_reply reply = { 0 };
      uint8_t sha[32];

      sim_element_sha256 (data, length, sha);
      upload.sha = (struct bpg_bytes){ sha, sizeof sha };
      do
        {
          struct bpg_cbor_writer writer = harness_begin (harness);
          guint replies = harness->replies;

          upload.off = reply.off;
          upload.data = (struct bpg_bytes){ data + reply.off, MIN (100, length - reply.off) };
          bpg_upload_request_encode (&upload, &writer);
          harness_send (harness, BPG_SMP_WRITE, BPG_GROUP_IMAGE, BPG_IMAGE_UPLOAD, &writer);
          harness_run (harness, 2);
          if (harness->replies == replies || harness->error != 0)
            break;
          g_assert_true (bpg_upload_reply_decode (harness->reply, harness->reply_length, &reply));
          upload.len = 0;
          upload.sha = (struct bpg_bytes){ NULL, 0 };
        }
      while (reply.off < length);
      if (reply.off == length && reply.match)
        result = 0;
    }
  g_assert_cmpint (result, ==, 0);
  harness->arm.line.noise = 0;
  harness_run (harness, 10);
  g_assert_cmpint (harness_install (harness, container), ==, 0);
}

static void
test_guard (void)
{
  g_autoptr (Harness) harness = harness_new ();
  struct bpg_guard *guard = &harness->arm.control.guard;

  install (harness);
  harness_run (harness, 50);
  g_assert_true (bpg_guard_may_move (guard));

  harness->arm.battery_percent = 3;
  harness_run (harness, 30);
  g_assert_false (bpg_guard_may_move (guard));
  g_assert_cmpuint (harness_event (harness, BPG_EVENT_BATTERY_LOW)->a, ==, 3);
  harness->arm.battery_percent = 6;
  harness_run (harness, 30);
  g_assert_false (bpg_guard_may_move (guard));
  harness->arm.battery_percent = 50;
  harness_run (harness, 30);
  g_assert_true (bpg_guard_may_move (guard));

  harness->arm.current_ma = 5000;
  harness_run (harness, 30);
  g_assert_false (bpg_guard_may_move (guard));
  g_assert_nonnull (harness_event (harness, BPG_EVENT_OVER_CURRENT));
  harness->arm.current_ma = 0;
  harness_run (harness, 1100);
  g_assert_true (bpg_guard_may_move (guard));

  harness->arm.temperature_dc = 800;
  harness_run (harness, 30);
  g_assert_false (bpg_guard_may_move (guard));
  g_assert_nonnull (harness_event (harness, BPG_EVENT_OVER_TEMPERATURE));
  harness->arm.temperature_dc = 250;
  harness_run (harness, 1100);
  g_assert_true (bpg_guard_may_move (guard));
}

static void
test_electrodes (void)
{
  g_autoptr (Harness) harness = harness_new ();

  install (harness);
  harness->arm.electrodes.stuck = 1u << 3;
  harness_run (harness, 500);
  g_assert_cmpuint (harness_status (harness).dead, ==, 1u << 3);
  g_assert_false (bpg_guard_may_move (&harness->arm.control.guard));
  g_assert_cmpuint (harness_event (harness, BPG_EVENT_ELECTRODE_DEAD)->a, ==, 3);
  harness->arm.electrodes.loose = 1u << 5;
  harness_run (harness, 20);
  g_assert_cmpuint (harness_status (harness).dead, ==, (1u << 3) | (1u << 5));
  harness->arm.electrodes.stuck = 0;
  harness->arm.electrodes.loose = 0;
  harness_run (harness, 500);
  g_assert_cmpuint (harness_status (harness).dead, ==, 0);
  g_assert_nonnull (harness_event (harness, BPG_EVENT_ELECTRODE_OK));
  g_assert_true (bpg_guard_may_move (&harness->arm.control.guard));
}

/* One electrode may be lost, stuck or loose, where the model has a map for it; two may not. */
static void
test_one_electrode_less (void)
{
  g_autoptr (Harness) harness = harness_new ();
  g_autoptr (GBytes) model = harness_make_mapped_model (harness);
  g_autoptr (GBytes) container = harness_sign (harness, model, NULL);
  const struct bpg_guard *guard = &harness->arm.control.guard;

  harness_bind (harness, "left");
  g_assert_cmpint (harness_install (harness, container), ==, 0);
  harness->arm.electrodes.stuck = 1u << 3;
  harness_run (harness, 700);
  g_assert_cmpuint (harness_status (harness).dead, ==, 1u << 3);
  g_assert_nonnull (harness_event (harness, BPG_EVENT_ELECTRODE_DEAD));
  g_assert_true (bpg_guard_may_move (guard));
  harness->arm.electrodes.loose = 1u << 5;
  harness_run (harness, 700);
  g_assert_false (bpg_guard_may_move (guard));
  harness->arm.electrodes.stuck = 0;
  harness_run (harness, 1000);
  g_assert_cmpuint (harness_status (harness).dead, ==, 1u << 5);
  g_assert_true (bpg_guard_may_move (guard));
}

/* A hung program is reset within 250 ms, and the hand stays where it is. */
static void
test_watchdog (void)
{
  g_autoptr (Harness) harness = harness_new ();
  uint16_t before;

  install (harness);
  harness_run (harness, 300);
  harness->arm.position[0] = 321;
  harness->arm.control.actuators.position[0] = 321 << 16;
  before = harness->arm.position[0];
  harness->arm.hung = true;
  harness_run (harness, 190);
  g_assert_cmpuint (harness->arm.starts, ==, 1);
  harness_run (harness, 60);
  g_assert_cmpuint (harness->arm.starts, ==, 2);
  g_assert_cmpint (harness->arm.boot_reason, ==, BPG_BOOT_WATCHDOG);
  harness_run (harness, 300);
  g_assert_cmpuint (harness->arm.position[0], ==, before);
  g_assert_cmpuint (harness_status (harness).dec, >, 0);
}

/* A flood of requests and rubbish: every whole request is answered. */
static void
test_flood (void)
{
  g_autoptr (Harness) harness = harness_new ();

  g_assert_cmpint (configure (harness, true, false, 0), ==, 0);
  for (guint i = 0; i < 200; i++)
    {
      struct bpg_cbor_writer writer = harness_begin (harness);
      struct bpg_echo_request echo = { bpg_text ("again") };

      bpg_echo_request_encode (&echo, &writer);
      harness_send (harness, BPG_SMP_WRITE, BPG_GROUP_OS, BPG_OS_ECHO, &writer);
      if (i % 10 == 0)
        g_assert_cmpint (write (harness->fd, "rubbish\xff\x01", 9), ==, 9);
    }
  harness_run (harness, 200);
  g_assert_cmpuint (harness->replies, ==, 201);
  g_assert_cmpuint (harness->gaps, ==, 0);
  g_assert_cmpuint (harness_status (harness).wrongline, >=, 100);
}

/* Short requests for long answers, many at once: each answer comes whole. */
static void
test_long_answers (void)
{
  g_autoptr (Harness) harness = harness_new ();
  struct bpg_usage_record record = { .kind = BPG_USAGE_MINUTE };

  for (guint i = 0; i < 100; i++)
    g_assert_true (bpg_usage_log_append (&harness->arm.control.usage, &record));
  harness->arm.line.baud = 1000000;
  for (guint i = 0; i < 60; i++)
    {
      struct bpg_cbor_writer writer = harness_begin (harness);
      struct bpg_usage_request ask = { 0 };

      bpg_usage_request_encode (&ask, &writer);
      harness_send (harness, BPG_SMP_READ, BPG_GROUP_ARM, BPG_ARM_USAGE, &writer);
    }
  harness_run (harness, 3000);
  g_assert_cmpuint (harness->replies, ==, 60);
  g_assert_cmpuint (harness->demux.garbage, ==, 0);
}

/* A reset comes though nobody takes its answer. */
static void
test_reset_unread (void)
{
  g_autoptr (Harness) harness = harness_new ();
  struct sim_line *line = &harness->arm.line;
  struct bpg_cbor_writer writer = harness_begin (harness);

  bpg_cbor_open_map (&writer);
  bpg_cbor_close (&writer);
  harness_send (harness, BPG_SMP_WRITE, BPG_GROUP_OS, BPG_OS_RESET, &writer);
  g_assert_true (sim_line_transfer (line));
  line->baud = 1;
  line->out_length = sizeof line->out;
  harness_run (harness, 900);
  g_assert_cmpuint (harness->arm.starts, ==, 1);
  harness_run (harness, 200);
  g_assert_cmpuint (harness->arm.starts, ==, 2);
}

/* Told to go faster than it can, the arm comes back to who talks to it, and
 * makes up for the time later. */
static void
test_hurry (void)
{
  g_autoptr (Harness) harness = harness_new ();
  struct simlimb *arm = &harness->arm;
  guint64 before = arm->electrodes.next;
  gint64 real;

  arm->speed = SIM_SPEED_MOST;
  real = arm->real = g_get_monotonic_time () - 2000000;
  simlimb_advance (arm);
  /* No machine makes two million samples in a twentieth of a second. */
  g_assert_cmpuint (arm->electrodes.next - before, >, 0);
  g_assert_cmpuint (arm->electrodes.next - before, <, 2000000);
  g_assert_cmpint (arm->real, <, g_get_monotonic_time () - 1000);
  g_assert_cmpint (arm->real, >=, real);
  before = arm->electrodes.next;
  simlimb_advance (arm);
  g_assert_cmpuint (arm->electrodes.next, >, before);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/streams/samples", test_samples);
  g_test_add_func ("/streams/samples-are-the-electrodes", test_samples_are_the_electrodes);
  g_test_add_func ("/streams/decisions", test_decisions);
  g_test_add_func ("/streams/congestion", test_congestion);
  g_test_add_func ("/streams/noise", test_noise);
  g_test_add_func ("/streams/guard", test_guard);
  g_test_add_func ("/streams/electrodes", test_electrodes);
  g_test_add_func ("/streams/one-electrode-less", test_one_electrode_less);
  g_test_add_func ("/streams/watchdog", test_watchdog);
  g_test_add_func ("/streams/flood", test_flood);
  g_test_add_func ("/streams/long-answers", test_long_answers);
  g_test_add_func ("/streams/reset-unread", test_reset_unread);
  g_test_add_func ("/streams/hurry", test_hurry);
  return g_test_run ();
}
