/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of the control loop, each by itself. */
#include <glib.h>
#include <string.h>

#include "control/actuators.h"
#include "control/clock.h"
#include "control/electrode-watch.h"
#include "control/guard.h"
#include "control/sample-ring.h"

static uint16_t positions[BPG_PORT_ACTUATORS] = { 500, 500, 500, 500, 500, 500 };

/* The functions of the port that these parts call. */
void
bpg_port_actuator_set (unsigned index, uint16_t position)
{
  g_assert_cmpuint (index, <, BPG_PORT_ACTUATORS);
  g_assert_cmpuint (position, <=, 1000);
  positions[index] = position;
}

uint16_t
bpg_port_actuator_position (unsigned index)
{
  return positions[index];
}

static void
test_ring (void)
{
  static struct bpg_sample_ring ring;
  int16_t values[BPG_PORT_MAX_CHANNELS] = { 0 };

  bpg_sample_ring_init (&ring);
  g_assert_null (bpg_sample_ring_peek (&ring));
  for (unsigned round = 0; round < 1000; round++)
    {
      values[15] = (int16_t) round;
      g_assert_true (bpg_sample_ring_push (&ring, values, 16, round * 10));
      g_assert_cmpuint (bpg_sample_ring_peek (&ring)->index, ==, round);
      g_assert_cmpuint (bpg_sample_ring_peek (&ring)->tick, ==, round * 10);
      g_assert_cmpint (bpg_sample_ring_peek (&ring)->values[15], ==, (int16_t) round);
      bpg_sample_ring_drop (&ring);
    }
  /* What does not fit is lost, and the index says where. */
  for (unsigned i = 0; i < BPG_SAMPLE_RING_SIZE; i++)
    g_assert_true (bpg_sample_ring_push (&ring, values, 16, 0));
  g_assert_false (bpg_sample_ring_push (&ring, values, 16, 0));
  g_assert_cmpuint (ring.lost, ==, 1);
  for (unsigned i = 0; i < BPG_SAMPLE_RING_SIZE; i++)
    bpg_sample_ring_drop (&ring);
  g_assert_true (bpg_sample_ring_push (&ring, values, 16, 0));
  g_assert_cmpuint (bpg_sample_ring_peek (&ring)->index, ==, 1000 + BPG_SAMPLE_RING_SIZE + 1);
}

static void
test_electrode_watch (void)
{
  struct bpg_electrode_watch watch;
  int16_t values[4] = { 0 };
  uint16_t dead = 0;

  bpg_electrode_watch_init (&watch, 1000, 4);
  for (int i = 0; i < 1000; i++)
    {
      for (int channel = 0; channel < 4; channel++)
        values[channel] = (int16_t) (i % 7);
      values[1] = 17;                                 /* stuck */
      values[2] = i % 2 == 0 ? INT16_MAX : INT16_MIN; /* at the rails */
      dead = bpg_electrode_watch_push (&watch, values, 0);
      if (i < 390)
        g_assert_cmpuint (dead, ==, 0);
    }
  g_assert_cmpuint (dead, ==, 0x6);
  for (int i = 0; i < 401; i++)
    {
      for (int channel = 0; channel < 4; channel++)
        values[channel] = (int16_t) (i % 5);
      dead = bpg_electrode_watch_push (&watch, values, 0);
      if (i < 390)
        g_assert_cmpuint (dead, ==, 0x6);
    }
  g_assert_cmpuint (dead, ==, 0);
}

/* A contact that comes and goes is dead from its first loss until it has held for 400 ms. */
static void
test_chattering_contact (void)
{
  struct bpg_electrode_watch watch;
  uint16_t dead = 0;

  bpg_electrode_watch_init (&watch, 1000, 2);
  for (int i = 0; i < 1000; i++)
    {
      int16_t values[2] = { (int16_t) (i % 7), (int16_t) (i % 5) };

      dead = bpg_electrode_watch_push (&watch, values, i % 3 == 0 ? 1u << 1 : 0);
      g_assert_cmpuint (dead, ==, 1u << 1);
    }
  for (int i = 0; i < 401; i++)
    {
      int16_t values[2] = { (int16_t) (i % 7), (int16_t) (i % 5) };

      dead = bpg_electrode_watch_push (&watch, values, 0);
      if (i < 390)
        g_assert_cmpuint (dead, ==, 1u << 1);
    }
  g_assert_cmpuint (dead, ==, 0);
}

static struct bpg_guard_reading
healthy (void)
{
  return (struct bpg_guard_reading){ .battery_percent = 80, .current_ma = 100, .temperature_dc = 250 };
}

static void
test_guard (void)
{
  struct bpg_guard guard;
  struct bpg_guard_reading reading = healthy ();

  bpg_guard_init (&guard);
  g_assert_cmpuint (bpg_guard_update (&guard, &reading, 0), ==, 0);
  g_assert_true (bpg_guard_may_move (&guard) && bpg_guard_may_write (&guard));

  reading.battery_percent = BPG_GUARD_WRITE_PERCENT - 1;
  g_assert_cmpuint (bpg_guard_update (&guard, &reading, 0), ==, 0);
  g_assert_true (bpg_guard_may_move (&guard));
  g_assert_false (bpg_guard_may_write (&guard));
  reading.battery_percent = BPG_GUARD_WRITE_PERCENT + 1;
  bpg_guard_update (&guard, &reading, 0);
  g_assert_false (bpg_guard_may_write (&guard));
  reading.battery_percent = BPG_GUARD_WRITE_PERCENT + 2;
  bpg_guard_update (&guard, &reading, 0);
  g_assert_true (bpg_guard_may_write (&guard));

  reading.battery_percent = BPG_GUARD_MOVE_PERCENT - 1;
  g_assert_cmpuint (bpg_guard_update (&guard, &reading, 0), ==, BPG_GUARD_BATTERY);
  g_assert_cmpuint (bpg_guard_update (&guard, &reading, 1), ==, 0);
  g_assert_false (bpg_guard_may_move (&guard));

  reading = healthy ();
  reading.current_ma = BPG_GUARD_CURRENT_MA + 1;
  g_assert_cmpuint (bpg_guard_update (&guard, &reading, 100), ==, BPG_GUARD_CURRENT);
  reading = healthy ();
  bpg_guard_update (&guard, &reading, 100 + BPG_GUARD_HOLD_US - 1);
  g_assert_false (bpg_guard_may_move (&guard));
  bpg_guard_update (&guard, &reading, 100 + BPG_GUARD_HOLD_US);
  g_assert_true (bpg_guard_may_move (&guard));

  reading.temperature_dc = BPG_GUARD_TEMPERATURE_DC + 1;
  g_assert_cmpuint (bpg_guard_update (&guard, &reading, 5000000), ==, BPG_GUARD_TEMPERATURE);
  reading = healthy ();
  reading.dead = 4;
  g_assert_cmpuint (bpg_guard_update (&guard, &reading, 9000000), ==, BPG_GUARD_ELECTRODE);
  g_assert_false (bpg_guard_may_move (&guard));
}

static void
run (struct bpg_actuators *actuators, unsigned milliseconds)
{
  for (unsigned i = 0; i < milliseconds; i++)
    bpg_actuators_step (actuators, 1000);
}

static bool
is_moving (const struct bpg_actuators *actuators)
{
  static const int32_t still[BPG_PORT_ACTUATORS];

  return memcmp (actuators->velocity, still, sizeof still) != 0
         || memcmp (actuators->target, still, sizeof still) != 0;
}

static void
test_actuators (void)
{
  struct bpg_actuators actuators;
  int32_t before = 0;

  bpg_actuators_init (&actuators);
  bpg_actuators_step (&actuators, 1000);
  g_assert_cmpuint (positions[0], ==, 500);
  g_assert_false (is_moving (&actuators));

  /* The ramp: never more than its slope, and full speed in its time. */
  bpg_actuators_aim (&actuators, 1, 1000);
  for (unsigned i = 0; i < BPG_ACTUATOR_RAMP_MS + 5; i++)
    {
      bpg_actuators_step (&actuators, 1000);
      g_assert_cmpint (actuators.velocity[0] - before, <=, BPG_ACTUATOR_FULL_SPEED * 256 / BPG_ACTUATOR_RAMP_MS);
      before = actuators.velocity[0];
    }
  g_assert_cmpint (before, ==, BPG_ACTUATOR_FULL_SPEED * 256);
  g_assert_cmpint (actuators.velocity[3], ==, 0);

  /* Speed: so much way a second; then the end of the way. */
  bpg_actuators_init (&actuators);
  g_assert_cmpint (actuators.position[0] >> 16, ==, positions[0]);
  bpg_actuators_aim (&actuators, 7, 100);
  run (&actuators, 1000);
  g_assert_cmpint (positions[BPG_ACTUATOR_FINGERS], >=, 570);
  g_assert_cmpint (positions[BPG_ACTUATOR_FINGERS], <=, 581);
  bpg_actuators_aim (&actuators, 7, 1000);
  run (&actuators, 2000);
  g_assert_cmpuint (positions[BPG_ACTUATOR_FINGERS], ==, 1000);
  bpg_actuators_aim (&actuators, 8, 1000);
  run (&actuators, 4000);
  g_assert_cmpuint (positions[BPG_ACTUATOR_FINGERS], ==, 0);

  /* A stop is at once, and where it is. */
  bpg_actuators_aim (&actuators, 7, 1000);
  run (&actuators, 500);
  bpg_actuators_stop (&actuators);
  before = positions[BPG_ACTUATOR_FINGERS];
  run (&actuators, 500);
  g_assert_cmpint (positions[BPG_ACTUATOR_FINGERS], ==, before);

  /* A gesture of somebody else's moves nothing. */
  bpg_actuators_aim (&actuators, 200, 1000);
  g_assert_false (is_moving (&actuators));
  /* However long the loop slept, the hand does not jump. */
  bpg_actuators_aim (&actuators, 7, 1000);
  bpg_actuators_step (&actuators, UINT32_MAX);
  g_assert_cmpint (positions[BPG_ACTUATOR_FINGERS] - before, <=, 80);
}

static void
test_clock (void)
{
  static const struct
  {
    const char *text;
    gint64 seconds; /* -1 = refused */
  } cases[] = {
    { "1970-01-01T00:00:00", 0 },
    { "2000-02-29T00:00:00", 951782400 },
    { "2024-12-31T23:59:59.999999", 1735689599 },
    { "2038-01-19T03:14:08Z", 2147483648 },
    { "2099-12-31T23:59:59+00:00", 4102444799 },
    { "2023-02-29T00:00:00", -1 },
    { "2024-13-01T00:00:00", -1 },
    { "2024-00-01T00:00:00", -1 },
    { "2024-01-01T24:00:00", -1 },
    { "2024-01-01T00:60:00", -1 },
    { "1969-12-31T23:59:59", -1 },
    { "2100-01-01T00:00:00", -1 },
    { "2024-01-01T00:00:00+02:00", -1 },
    { "2024-01-01 00:00:00", -1 },
    { "2024-01-01T00:00:00.", -1 },
    { "2024-01-01T00:00", -1 },
    { "", -1 },
  };
  char text[BPG_CLOCK_TEXT_SIZE];

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      uint64_t microseconds = 0;
      bool ok = bpg_clock_parse (cases[i].text, strlen (cases[i].text), &microseconds);

      g_assert_cmpint (ok, ==, cases[i].seconds >= 0);
      if (!ok)
        continue;
      g_assert_cmpuint (microseconds / 1000000, ==, (guint64) cases[i].seconds);
      bpg_clock_format (microseconds, text);
      g_assert_cmpmem (text, 19, cases[i].text, 19);
      g_assert_cmpuint (strlen (text), ==, BPG_CLOCK_TEXT_SIZE - 1);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/control/ring", test_ring);
  g_test_add_func ("/control/electrode-watch", test_electrode_watch);
  g_test_add_func ("/control/electrode-watch-chattering", test_chattering_contact);
  g_test_add_func ("/control/guard", test_guard);
  g_test_add_func ("/control/actuators", test_actuators);
  g_test_add_func ("/control/clock", test_clock);
  return g_test_run ();
}
