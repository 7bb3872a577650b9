/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pairing-fixture.h"

/* What takes its time: lines on which nobody answers. */

/* Both on USB and on a serial adapter: the link that works stays; when it has died the other one takes over. */
static void
test_two_lines (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (FakeArm) twin = fake_arm_new_twin (arm);

  fixture_connect (fixture, arm);
  fixture_add_port (fixture, twin);
  wait_until (fixture_port_is (fixture, twin->path, "error", "org.bionicpro.Error.Busy"));
  g_assert_true (fixture_port_is (fixture, twin->path, "state", "prosthesis"));
  g_assert_true (fixture_arm_is (fixture, arm, "Port", arm->path));

  arm->silent = TRUE;
  wait_until (fixture_arm_is (fixture, arm, "Port", twin->path));
}

static void
test_silent_and_foreign (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) silent = fake_arm_new ("BP-0001");
  g_autoptr (FakeArm) foreign = fake_arm_new ("BP-0002");
  g_autoptr (FakeArm) babbler = fake_arm_new ("BP-0003");

  silent->silent = TRUE;
  foreign->no_arm = TRUE;
  babbler->silent = TRUE;
  babbler->babble = TRUE;
  fixture_add_port (fixture, silent);
  fixture_add_port (fixture, foreign);
  fixture_add_port (fixture, babbler);
  wait_until (fixture_port_is (fixture, foreign->path, "state", "foreign"));
  wait_until (fixture_port_is (fixture, silent->path, "state", "silent"));
  wait_until (fixture_port_is (fixture, babbler->path, "state", "foreign"));
  g_assert_true (fixture_port_is (fixture, silent->path, "error", "org.bionicpro.Error.TimedOut"));

  /* One that wakes up is found. */
  silent->silent = FALSE;
  wait_until (fixture_arm_flag (fixture, silent, "Connected"));
}

/* An arm that stops to answer is given up, and found again. */
static void
test_goes_silent (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");

  fixture_connect (fixture, arm);
  arm->silent = TRUE;
  wait_until (!fixture_arm_flag (fixture, arm, "Connected"));
  arm->silent = FALSE;
  wait_until (fixture_arm_flag (fixture, arm, "Connected"));
}

/* One line that talks without end takes nothing from the others. */
static void
test_flood (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) flood = fake_arm_new ("BP-0001");
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0002");
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = NULL;

  flood->silent = TRUE;
  flood->flood = TRUE;
  fixture_add_port (fixture, flood);
  fixture_connect (fixture, arm);
  reply = fixture_arm_call (fixture, arm, "Refresh", g_variant_new_parsed ("(@a{sv} {},)"), &error);
  g_assert_no_error (error);
  wait_until (fixture_port_is (fixture, flood->path, "state", "foreign"));
  g_assert_true (fixture_arm_flag (fixture, arm, "Connected"));
}

int
main (int argc, char **argv)
{
  static const FixtureTest tests[] = {
    {"/pairing/silence/two-lines", test_two_lines},
    {"/pairing/silence/silent-and-foreign", test_silent_and_foreign},
    {"/pairing/silence/goes-silent", test_goes_silent},
    {"/pairing/silence/flood", test_flood},
    {NULL, NULL},
  };

  return fixture_run (argc, argv, tests);
}
