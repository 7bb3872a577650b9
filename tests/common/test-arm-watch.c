/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common-fixture.h"

#include "bpg-arm-watch.h"

#define ARM BPG_PATH_PAIRING "/prosthesis/ARM_2d1"

/* A pairingd of the test's own on the server's connection; the watch is on the client's, in the same main loop. Whoever
 * waits for an answer without turning that loop waits for ever. */
typedef struct {
  GDBusObjectManagerServer *objects;
  BpgDBusProsthesis1 *arm;
  guint name_id;
} Pairing;

typedef struct {
  guint changed;
  guint gone;
  guint ready;
} Heard;

static void
on_changed (BpgArmWatch *watch, const char *path, gpointer user_data)
{
  g_assert_cmpstr (path, ==, ARM);
  ((Heard *) user_data)->changed++;
}

static void
on_gone (BpgArmWatch *watch, const char *path, gpointer user_data)
{
  g_autoptr (BpgArm) arm = bpg_arm_watch_get (watch, path);

  g_assert_cmpstr (path, ==, ARM);
  g_assert_null (arm);
  ((Heard *) user_data)->gone++;
}

static void
on_ready (BpgArmWatch *watch, gpointer user_data)
{
  ((Heard *) user_data)->ready++;
}

static BpgArmWatch *
make_watch (BusFixture *fixture, Heard *heard)
{
  BpgArmWatch *watch = bpg_arm_watch_new (fixture->client);

  g_signal_connect (watch, "changed", G_CALLBACK (on_changed), heard);
  g_signal_connect (watch, "gone", G_CALLBACK (on_gone), heard);
  g_signal_connect (watch, "ready", G_CALLBACK (on_ready), heard);
  return watch;
}

static void
pairing_export (Pairing *self)
{
  g_autoptr (GDBusObjectSkeleton) object = g_dbus_object_skeleton_new (ARM);

  self->arm = bpg_dbus_prosthesis1_skeleton_new ();
  g_object_set (self->arm, "device-id", "ARM-1", "state", "unbound", "connected", TRUE, "schema", 3, NULL);
  g_dbus_object_skeleton_add_interface (object, G_DBUS_INTERFACE_SKELETON (self->arm));
  g_dbus_object_manager_server_export (self->objects, object);
}

static void
pairing_start (Pairing *self, BusFixture *fixture, gboolean with_arm)
{
  self->objects = g_dbus_object_manager_server_new (BPG_PATH_PAIRING);
  if (with_arm)
    pairing_export (self);
  g_dbus_object_manager_server_set_connection (self->objects, fixture->server);
  self->name_id = g_bus_own_name_on_connection (fixture->server, BPG_BUS_PAIRING, G_BUS_NAME_OWNER_FLAGS_NONE, NULL, NULL,
                                                NULL, NULL);
}

static void
pairing_stop (Pairing *self)
{
  g_clear_handle_id (&self->name_id, g_bus_unown_name);
  g_dbus_object_manager_server_set_connection (self->objects, NULL);
  g_clear_object (&self->objects);
  g_clear_object (&self->arm);
}

static void
wait_for (const guint *count, guint expected)
{
  while (*count < expected)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (*count, ==, expected);
}

static void
test_nobody_there (BusFixture *fixture, gconstpointer data)
{
  Heard heard = {0};
  g_autoptr (BpgArmWatch) watch = make_watch (fixture, &heard);
  g_autoptr (BpgArm) arm = NULL;

  g_assert_false (bpg_arm_watch_is_ready (watch));
  wait_for (&heard.ready, 1);
  g_assert_true (bpg_arm_watch_is_ready (watch));
  arm = bpg_arm_watch_get (watch, ARM);
  g_assert_null (arm);
}

static void
assert_arm (BpgArmWatch *watch, gboolean bound, const char *patient)
{
  g_autoptr (BpgArm) arm = bpg_arm_watch_get (watch, ARM);

  g_assert_nonnull (arm);
  g_assert_cmpstr (arm->path, ==, ARM);
  g_assert_cmpstr (arm->device_id, ==, "ARM-1");
  g_assert_cmpstr (arm->patient, ==, patient);
  g_assert_cmpstr (arm->model_hash, ==, "");
  g_assert_cmpuint (arm->schema, ==, 3);
  g_assert_true (arm->connected);
  g_assert_cmpint (arm->bound, ==, bound);
}

static void
test_comes_and_goes (BusFixture *fixture, gconstpointer data)
{
  Heard heard = {0};
  g_autoptr (BpgArmWatch) watch = make_watch (fixture, &heard);
  Pairing pairing = {NULL};

  wait_for (&heard.ready, 1);
  pairing_start (&pairing, fixture, FALSE);
  pairing_export (&pairing);
  wait_for (&heard.changed, 1);
  assert_arm (watch, FALSE, "");
  g_object_set (pairing.arm, "state", "bound", "patient", "p1", NULL);
  wait_for (&heard.changed, 2);
  assert_arm (watch, TRUE, "p1");

  g_dbus_object_manager_server_unexport (pairing.objects, ARM);
  wait_for (&heard.gone, 1);
  pairing_stop (&pairing);
}

static void
test_restarts (BusFixture *fixture, gconstpointer data)
{
  Heard heard = {0};
  Pairing pairing = {NULL};
  g_autoptr (BpgArmWatch) watch = NULL;

  pairing_start (&pairing, fixture, TRUE);
  watch = make_watch (fixture, &heard);
  wait_for (&heard.changed, 1);
  assert_arm (watch, FALSE, "");
  pairing_stop (&pairing);
  wait_for (&heard.gone, 1);

  pairing_start (&pairing, fixture, TRUE);
  wait_for (&heard.changed, 2);
  assert_arm (watch, FALSE, "");
  g_assert_cmpuint (heard.ready, ==, 1);
  pairing_stop (&pairing);
}

/* One that has its name and never answers. */
static void
test_hangs (BusFixture *fixture, gconstpointer data)
{
  Heard heard = {0};
  g_autoptr (BpgArmWatch) watch = make_watch (fixture, &heard);
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GError) error = NULL;

  wait_for (&heard.ready, 1);
  g_bus_own_name_on_connection (fixture->server, BPG_BUS_PAIRING, G_BUS_NAME_OWNER_FLAGS_NONE, NULL, NULL, NULL, NULL);
  answer = bus_fixture_call (fixture, "/", "org.freedesktop.DBus.Peer", "Ping", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (heard.changed, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
#define ADD(name, func) g_test_add ("/arm-watch/" name, BusFixture, NULL, bus_fixture_set_up, func, bus_fixture_tear_down)
  ADD ("nobody-there", test_nobody_there);
  ADD ("comes-and-goes", test_comes_and_goes);
  ADD ("restarts", test_restarts);
  ADD ("hangs", test_hangs);
  return g_test_run ();
}
