/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pairing-fixture.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <unistd.h>

static void
test_appears (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (GVariant) lsb = NULL;
  g_autoptr (GVariant) latency = NULL;

  fixture_connect (fixture, arm);
  g_assert_true (fixture_arm_is (fixture, arm, "DeviceId", "BP-0001"));
  g_assert_true (fixture_arm_is (fixture, arm, "Fingerprint", arm->fingerprint));
  g_assert_true (fixture_arm_is (fixture, arm, "State", "unbound"));
  g_assert_true (fixture_arm_is (fixture, arm, "Transport", "serial"));
  g_assert_true (fixture_arm_is (fixture, arm, "Port", arm->path));
  g_assert_true (fixture_arm_is (fixture, arm, "Hardware", "fake-1"));
  g_assert_true (fixture_arm_is (fixture, arm, "Firmware", "1.2.3"));
  g_assert_true (fixture_arm_is (fixture, arm, "Unit", "microvolt"));
  g_assert_true (fixture_arm_is (fixture, arm, "BootReason", "power-on"));
  g_assert_cmpuint (fixture_arm_uint (fixture, arm, "SamplingRate"), ==, 1000);
  g_assert_cmpuint (fixture_arm_uint (fixture, arm, "Channels"), ==, 8);
  g_assert_cmpuint (fixture_arm_uint (fixture, arm, "BatteryPercent"), ==, 77);
  g_assert_cmpuint (fixture_arm_uint (fixture, arm, "DeadElectrodes"), ==, 4);
  g_assert_true (fixture_arm_flag (fixture, arm, "Worn"));
  lsb = fixture_arm_get (fixture, arm, "Lsb");
  g_assert_cmpfloat_with_epsilon (g_variant_get_double (lsb), 250e-9, 1e-15);
  latency = fixture_arm_get (fixture, arm, "DecisionLatency");
  g_assert_cmpuint (g_variant_n_children (latency), ==, 32);
  g_assert_true (fixture_port_is (fixture, arm->path, "state", "prosthesis"));
}

static void
test_two_arms (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) one = fake_arm_new ("BP-0001");
  g_autoptr (FakeArm) two = fake_arm_new ("BP-0002");

  fixture_connect (fixture, one);
  fixture_connect (fixture, two);
  g_assert_true (fixture_arm_is (fixture, one, "Fingerprint", one->fingerprint));
  g_assert_true (fixture_arm_is (fixture, two, "Fingerprint", two->fingerprint));
  fake_arm_unplug (one);
  wait_until (!fixture_arm_flag (fixture, one, "Connected"));
  g_assert_true (fixture_arm_flag (fixture, two, "Connected"));
}

/* What cannot prove its key is not believed, whatever it says. */
static void
test_unproved (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) liar = fake_arm_new ("BP-0001");
  g_autoptr (FakeArm) mixed = fake_arm_new ("BP-0002");
  FakeArm *arms[] = {liar, mixed};

  liar->bad_signature = TRUE;
  mixed->other_fingerprint = TRUE;
  for (guint i = 0; i < G_N_ELEMENTS (arms); i++) {
    fixture_add_port (fixture, arms[i]);
    wait_until (fixture_port_is (fixture, arms[i]->path, "state", "failed"));
    g_assert_true (fixture_port_is (fixture, arms[i]->path, "error", "org.bionicpro.Error.WrongProsthesis"));
    g_assert_true (fixture_has_problem (fixture, arms[i]->path, BPG_ERROR_WRONG_PROSTHESIS));
    g_assert_true (fixture_arm_is (fixture, arms[i], "DeviceId", "(none)"));
  }

  /* The problem goes when the cause has gone. */
  liar->bad_signature = FALSE;
  wait_until (fixture_arm_flag (fixture, liar, "Connected"));
  wait_until (!fixture_has_problem (fixture, liar->path, BPG_ERROR_WRONG_PROSTHESIS));
}

/* Another key under a known name: refused, and the real one is not disturbed. */
static void
test_impostor (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (FakeArm) impostor = fake_arm_new_impostor (arm);
  g_autoptr (GError) error = NULL;
  int stream;

  fixture_connect (fixture, arm);
  stream = fixture_fd_call (fixture, arm, "OpenStream", "{}", &error);
  g_assert_no_error (error);
  fixture_add_port (fixture, impostor);
  wait_until (fixture_has_problem (fixture, impostor->path, BPG_ERROR_WRONG_PROSTHESIS));
  g_assert_true (fixture_arm_flag (fixture, arm, "Connected"));
  g_assert_true (fixture_arm_is (fixture, arm, "Fingerprint", arm->fingerprint));
  g_assert_cmpuint (fixture_arm_uint (fixture, arm, "Streams"), ==, 1);
  close (stream);

  /* Nor may it take the place of one that is away, not even after a restart. */
  fake_arm_unplug (arm);
  wait_until (!fixture_arm_flag (fixture, arm, "Connected"));
  fixture_stop (fixture);
  fixture_start (fixture);
  wait_until (fixture_has_problem (fixture, impostor->path, BPG_ERROR_WRONG_PROSTHESIS));
  g_assert_false (fixture_arm_flag (fixture, impostor, "Connected"));
}

static void
test_other_port (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autofree char *moved = g_strconcat (arm->path, "-moved", NULL);

  fixture_connect (fixture, arm);
  fake_arm_unplug (arm);
  g_free (arm->path);
  arm->path = g_strdup (moved);
  fake_arm_plug (arm);
  fixture_connect (fixture, arm);
  g_assert_true (fixture_arm_is (fixture, arm, "Port", moved));
}

/* Lost requests are asked again; garbage between the lines costs nothing but itself. */
static void
test_noisy_line (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autofree guint8 *garbage = g_malloc (5000);

  for (guint i = 0; i < 5000; i++)
    garbage[i] = (guint8) (i * 7 + 3);
  arm->drop_every = 3;
  fixture_add_port (fixture, arm);
  fake_arm_send_raw (arm, garbage, 5000);
  fake_arm_send_raw (arm, "\x06\x09" "AAAA", 6);
  wait_until (fixture_arm_flag (fixture, arm, "Connected"));
}

static void
call_port (Fixture *fixture, const char *method, GVariant *arguments, int code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply =
    bus_fixture_call (&fixture->bus, BPG_PATH_PAIRING, "org.bionicpro.Pairing1", method, arguments, &error);

  if (code < 0)
    g_assert_no_error (error);
  else
    g_assert_error (error, BPG_ERROR, code);
}

static void
test_add_and_remove (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");

  call_port (fixture, "AddPort", g_variant_new_parsed ("('relative', @a{sv} {})"), BPG_ERROR_INVALID_ARGUMENT);
  call_port (fixture, "AddPort", g_variant_new_parsed ("('/no/such/file', @a{sv} {})"), BPG_ERROR_INVALID_ARGUMENT);
  call_port (fixture, "AddPort", g_variant_new_parsed ("('/etc/passwd', @a{sv} {})"), BPG_ERROR_INVALID_ARGUMENT);
  call_port (fixture, "AddPort", g_variant_new_parsed ("(%s, {'baud': <uint32 12345>})", arm->path),
             BPG_ERROR_INVALID_ARGUMENT);
  call_port (fixture, "AddPort", g_variant_new_parsed ("(%s, {'baud': <uint32 300>})", arm->path),
             BPG_ERROR_INVALID_ARGUMENT);
  call_port (fixture, "AddPort", g_variant_new_parsed ("(%s, {'speed': <uint32 9600>})", arm->path),
             BPG_ERROR_UNKNOWN_OPTION);
  call_port (fixture, "RemovePort", g_variant_new_parsed ("(%s, @a{sv} {})", arm->path), BPG_ERROR_NOT_FOUND);
  call_port (fixture, "RemovePort", g_variant_new_parsed ("(%s, {'x': <1>})", arm->path), BPG_ERROR_UNKNOWN_OPTION);

  call_port (fixture, "AddPort", g_variant_new_parsed ("(%s, {'baud': <uint32 9600>})", arm->path), -1);
  g_assert_false (fixture_port_is (fixture, arm->path, "state", "(none)"));
  wait_until (fixture_arm_flag (fixture, arm, "Connected"));
  /* Another speed is used from now on. */
  call_port (fixture, "AddPort", g_variant_new_parsed ("(%s, {'baud': <uint32 921600>})", arm->path), -1);
  wait_until (!fixture_arm_flag (fixture, arm, "Connected"));
  wait_until (fixture_arm_flag (fixture, arm, "Connected"));

  call_port (fixture, "RemovePort", g_variant_new_parsed ("(%s, @a{sv} {})", arm->path), -1);
  g_assert_true (fixture_port_is (fixture, arm->path, "state", "(none)"));
  g_assert_false (fixture_arm_flag (fixture, arm, "Connected"));
}

static void
test_remembered (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (GVariant) counters = NULL;
  guint64 connections = 0;

  fixture_connect (fixture, arm);
  fixture_stop (fixture);
  fixture_start (fixture);
  /* Known at once, connected soon. */
  g_assert_true (fixture_arm_is (fixture, arm, "Fingerprint", arm->fingerprint));
  wait_until (fixture_arm_flag (fixture, arm, "Connected"));
  counters = fixture_arm_get (fixture, arm, "Counters");
  g_assert_true (g_variant_lookup (counters, "connections", "t", &connections));
  g_assert_cmpuint (connections, ==, 2);

  call_port (fixture, "RemovePort", g_variant_new_parsed ("(%s, @a{sv} {})", arm->path), -1);
  fixture_stop (fixture);
  fixture_start (fixture);
  g_assert_true (fixture_port_is (fixture, arm->path, "state", "(none)"));
}

static void
test_limit (Fixture *fixture, gconstpointer data)
{
  for (guint i = 0; i < 32; i++) {
    g_autofree char *name = g_strdup_printf ("%s/zero%u", fixture->bus.state_dir, i);

    g_assert_cmpint (symlink ("/dev/zero", name), ==, 0);
    call_port (fixture, "AddPort", g_variant_new_parsed ("(%s, @a{sv} {})", name), -1);
  }
  call_port (fixture, "AddPort", g_variant_new_parsed ("('/dev/null', @a{sv} {})"), BPG_ERROR_LIMIT_EXCEEDED);
}

static void
run_sql (Fixture *fixture, const char *sql)
{
  g_autofree char *path = g_build_filename (fixture->bus.state_dir, "pairing.db", NULL);
  sqlite3 *database = NULL;

  g_assert_cmpint (sqlite3_open (path, &database), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (database, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  sqlite3_close (database);
}

/* What cannot be written down is not done either: after a restart it would be otherwise. */
static void
test_not_written (Fixture *fixture, gconstpointer data)
{
  run_sql (fixture, "CREATE TRIGGER no_add BEFORE INSERT ON port BEGIN SELECT raise (ABORT, 'no'); END");
  call_port (fixture, "AddPort", g_variant_new_parsed ("('/dev/null', @a{sv} {})"), BPG_ERROR_FAILED);
  g_assert_true (fixture_port_is (fixture, "/dev/null", "state", "(none)"));

  run_sql (fixture, "DROP TRIGGER no_add");
  call_port (fixture, "AddPort", g_variant_new_parsed ("('/dev/null', @a{sv} {})"), -1);
  run_sql (fixture, "CREATE TRIGGER no_remove BEFORE DELETE ON port BEGIN SELECT raise (ABORT, 'no'); END");
  call_port (fixture, "RemovePort", g_variant_new_parsed ("('/dev/null', @a{sv} {})"), BPG_ERROR_FAILED);
  g_assert_false (fixture_port_is (fixture, "/dev/null", "state", "(none)"));
}

/* Two names of one line are one line, and one line has one user. */
static void
test_busy (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (FakeArm) other = fake_arm_new ("BP-0002");
  g_autofree char *alias = g_strconcat (arm->path, "-alias", NULL);
  g_autofree char *target = g_file_read_link (arm->path, NULL);
  int fd;

  fixture_connect (fixture, arm);
  g_assert_cmpint (symlink (target, alias), ==, 0);
  call_port (fixture, "AddPort", g_variant_new_parsed ("(%s, @a{sv} {})", alias), -1);
  wait_until (fixture_port_is (fixture, alias, "error", "org.bionicpro.Error.Busy"));
  g_assert_true (fixture_has_problem (fixture, alias, BPG_ERROR_BUSY));
  g_assert_true (fixture_arm_is (fixture, arm, "Port", arm->path));
  call_port (fixture, "RemovePort", g_variant_new_parsed ("(%s, @a{sv} {})", alias), -1);
  g_assert_false (fixture_has_problem (fixture, alias, BPG_ERROR_BUSY));
  g_assert_cmpint (unlink (alias), ==, 0);

  fd = open (other->path, O_RDWR | O_NOCTTY);
  g_assert_cmpint (flock (fd, LOCK_EX), ==, 0);
  fixture_add_port (fixture, other);
  wait_until (fixture_port_is (fixture, other->path, "error", "org.bionicpro.Error.Busy"));
  close (fd);
  wait_until (fixture_arm_flag (fixture, other, "Connected"));
}

/* What was read is out before the reply. */
static void
call_refresh_and_check (Fixture *fixture, FakeArm *arm)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply =
    fixture_arm_call (fixture, arm, "Refresh", g_variant_new_parsed ("(@a{sv} {},)"), &error);

  g_assert_no_error (error);
  g_assert_true (fixture_arm_is (fixture, arm, "Side", "right"));
}

static void
test_methods (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  const struct {
    const char *method, *arguments;
    int code;
  } calls[] = {
    {"Identify", "(uint32 5, @a{sv} {})", -1},
    {"Identify", "(uint32 0, @a{sv} {})", BPG_ERROR_INVALID_ARGUMENT},
    {"Identify", "(uint32 61, @a{sv} {})", BPG_ERROR_INVALID_ARGUMENT},
    {"Identify", "(uint32 5, {'x': <1>})", BPG_ERROR_UNKNOWN_OPTION},
    {"Refresh", "(@a{sv} {},)", -1},
    {"Refresh", "({'x': <1>},)", BPG_ERROR_UNKNOWN_OPTION},
  };

  fixture_connect (fixture, arm);
  for (guint i = 0; i < G_N_ELEMENTS (calls); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GVariant) reply =
      fixture_arm_call (fixture, arm, calls[i].method, g_variant_new_parsed (calls[i].arguments), &error);

    if (calls[i].code < 0)
      g_assert_no_error (error);
    else
      g_assert_error (error, BPG_ERROR, calls[i].code);
  }
  g_free (arm->state);
  arm->state = g_strdup ("bound");
  g_free (arm->side);
  arm->side = g_strdup ("right");
  call_refresh_and_check (fixture, arm);
}

int
main (int argc, char **argv)
{
  static const FixtureTest tests[] = {
    {"/pairing/ports/appears", test_appears},
    {"/pairing/ports/two-arms", test_two_arms},
    {"/pairing/ports/unproved", test_unproved},
    {"/pairing/ports/impostor", test_impostor},
    {"/pairing/ports/other-port", test_other_port},
    {"/pairing/ports/noisy-line", test_noisy_line},
    {"/pairing/ports/add-and-remove", test_add_and_remove},
    {"/pairing/ports/remembered", test_remembered},
    {"/pairing/ports/limit", test_limit},
    {"/pairing/ports/not-written", test_not_written},
    {"/pairing/ports/busy", test_busy},
    {"/pairing/ports/methods", test_methods},
    {NULL, NULL},
  };

  return fixture_run (argc, argv, tests);
}
