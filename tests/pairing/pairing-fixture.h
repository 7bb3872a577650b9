/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "../common/common-fixture.h"

#include "bpg-error.h"
#include "bpg-pairing.h"
#include "bpg-path.h"
#include "fake-arm.h"

#include <gio/gunixfdlist.h>

/* The daemon in this process, on a private bus, and proxies as its clients have them. */

typedef struct {
  BusFixture bus;
  BpgService *service;
  GObject *daemon;
} Fixture;

/* What is waited for is there within a second or two; only what never comes takes so long. */
#define PATIENCE_SECONDS 40

#define wait_until(condition)                                                      \
  G_STMT_START {                                                                   \
    gint64 wait_end = g_get_monotonic_time () + PATIENCE_SECONDS * G_USEC_PER_SEC; \
    guint wait_id = g_timeout_add (10, fixture_tick, NULL);                        \
    gboolean wait_over = FALSE;                                                    \
    while (!(wait_over = (condition)) && g_get_monotonic_time () < wait_end)       \
      g_main_context_iteration (NULL, TRUE);                                       \
    g_source_remove (wait_id);                                                     \
    g_assert_true (wait_over);                                                     \
  }                                                                                \
  G_STMT_END

static inline gboolean
fixture_tick (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

static inline void
fixture_start (Fixture *fixture)
{
  const BpgServiceInfo *info = bpg_pairing_get_info ();
  g_autoptr (GError) error = NULL;

  fixture->bus.server = fixture->bus.server != NULL ? fixture->bus.server : bus_fixture_connect (&fixture->bus);
  fixture->service = bpg_service_new (info, fixture->bus.server, fixture->bus.state_dir, TRUE, &error);
  g_assert_no_error (error);
  fixture->daemon = info->start (fixture->service, &error);
  g_assert_no_error (error);
  bpg_service_set_started (fixture->service);
  info->ready (fixture->daemon);
}

static inline void
fixture_stop (Fixture *fixture)
{
  g_clear_object (&fixture->daemon);
  g_clear_object (&fixture->service);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

typedef struct {
  const char *name;
  void (*func) (Fixture *, gconstpointer);
} FixtureTest;

static inline void
fixture_set_up (Fixture *fixture, gconstpointer data)
{
  bus_fixture_set_up (&fixture->bus, NULL);
  fixture_start (fixture);
}

static inline void
fixture_tear_down (Fixture *fixture, gconstpointer data)
{
  fixture_stop (fixture);
  bus_fixture_tear_down (&fixture->bus, NULL);
}

static inline GVariant *
fixture_get (Fixture *fixture, const char *path, const char *interface, const char *property)
{
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) error = NULL;
  GVariant *value;

  reply = bus_fixture_call (&fixture->bus, path, "org.freedesktop.DBus.Properties", "Get",
                            g_variant_new ("(ss)", interface, property), &error);
  if (reply == NULL)
    return NULL;
  g_variant_get (reply, "(v)", &value);
  return value;
}

static inline GVariant *
fixture_arm_get (Fixture *fixture, FakeArm *arm, const char *property)
{
  g_autofree char *path = bpg_path_build (BPG_PATH_PAIRING, "prosthesis", arm->id);

  return fixture_get (fixture, path, "org.bionicpro.Prosthesis1", property);
}

static inline gboolean
fixture_arm_flag (Fixture *fixture, FakeArm *arm, const char *property)
{
  g_autoptr (GVariant) value = fixture_arm_get (fixture, arm, property);

  return value != NULL && g_variant_get_boolean (value);
}

static inline guint
fixture_arm_uint (Fixture *fixture, FakeArm *arm, const char *property)
{
  g_autoptr (GVariant) value = fixture_arm_get (fixture, arm, property);

  g_assert_nonnull (value);
  return g_variant_get_uint32 (value);
}

static inline char *
fixture_arm_text (Fixture *fixture, FakeArm *arm, const char *property)
{
  g_autoptr (GVariant) value = fixture_arm_get (fixture, arm, property);

  return value != NULL ? g_variant_dup_string (value, NULL) : g_strdup ("(none)");
}

static inline gboolean
fixture_arm_is (Fixture *fixture, FakeArm *arm, const char *property, const char *wanted)
{
  g_autofree char *text = fixture_arm_text (fixture, arm, property);

  return g_str_equal (text, wanted);
}

/* Calls a method of the arm's object; NULL and @error when it is refused. */
static inline GVariant *
fixture_arm_call (Fixture *fixture, FakeArm *arm, const char *method, GVariant *arguments, GError **error)
{
  g_autofree char *path = bpg_path_build (BPG_PATH_PAIRING, "prosthesis", arm->id);

  return bus_fixture_call (&fixture->bus, path, "org.bionicpro.Prosthesis1", method, arguments, error);
}

static inline void
fixture_add_port (Fixture *fixture, FakeArm *arm)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply =
    bus_fixture_call (&fixture->bus, BPG_PATH_PAIRING, "org.bionicpro.Pairing1", "AddPort",
                      g_variant_new_parsed ("(%s, @a{sv} {})", arm->path), &error);

  g_assert_no_error (error);
}

static inline void
fixture_connect (Fixture *fixture, FakeArm *arm)
{
  fixture_add_port (fixture, arm);
  wait_until (fixture_arm_flag (fixture, arm, "Connected"));
}

/* One key of the entry of a line in Ports, as text. */
static inline char *
fixture_port_text (Fixture *fixture, const char *path, const char *key)
{
  g_autoptr (GVariant) ports = fixture_get (fixture, BPG_PATH_PAIRING, "org.bionicpro.Pairing1", "Ports");

  for (gsize i = 0; i < g_variant_n_children (ports); i++) {
    g_autoptr (GVariant) port = g_variant_get_child_value (ports, i);
    g_autoptr (GVariant) value = g_variant_lookup_value (port, key, NULL);
    const char *its;

    g_assert_true (g_variant_lookup (port, "path", "&s", &its));
    if (g_str_equal (its, path))
      return value != NULL ? g_variant_dup_string (value, NULL) : g_strdup ("");
  }
  return g_strdup ("(none)");
}

static inline gboolean
fixture_port_is (Fixture *fixture, const char *path, const char *key, const char *wanted)
{
  g_autofree char *text = fixture_port_text (fixture, path, key);

  return g_str_equal (text, wanted);
}

static inline gboolean
fixture_has_problem (Fixture *fixture, const char *subject, BpgError code)
{
  g_autoptr (GVariant) problems = fixture_get (fixture, BPG_PATH_PAIRING, "org.bionicpro.Pairing1", "Problems");

  for (gsize i = 0; i < g_variant_n_children (problems); i++) {
    g_autoptr (GVariant) problem = g_variant_get_child_value (problems, i);
    const char *its, *error;

    g_assert_true (g_variant_lookup (problem, "subject", "&s", &its));
    g_assert_true (g_variant_lookup (problem, "error", "&s", &error));
    if (g_str_equal (its, subject) && g_str_equal (error, bpg_error_get_name (code)))
      return TRUE;
  }
  return FALSE;
}

typedef struct {
  GVariant *value;
  GUnixFDList *fds;
  GError *error;
  gboolean done;
} FdCall;

static inline void
fixture_on_fd (GObject *source, GAsyncResult *result, gpointer user_data)
{
  FdCall *call = user_data;

  call->value =
    g_dbus_connection_call_with_unix_fd_list_finish (G_DBUS_CONNECTION (source), &call->fds, result, &call->error);
  call->done = TRUE;
}

static inline void
fixture_begin_fd_call (Fixture *fixture, FakeArm *arm, const char *method, const char *options, FdCall *call)
{
  g_autofree char *path = bpg_path_build (BPG_PATH_PAIRING, "prosthesis", arm->id);
  g_autoptr (GVariant) parsed = g_variant_parse (G_VARIANT_TYPE_VARDICT, options, NULL, NULL, NULL);

  g_assert_nonnull (parsed);
  memset (call, 0, sizeof *call);
  g_dbus_connection_call_with_unix_fd_list (fixture->bus.client,
                                            g_dbus_connection_get_unique_name (fixture->bus.server), path,
                                            "org.bionicpro.Prosthesis1", method, g_variant_new ("(@a{sv})", parsed), NULL,
                                            G_DBUS_CALL_FLAGS_NONE, 30000, NULL, NULL, fixture_on_fd, call);
}

/* The descriptor, or -1 and @error. */
static inline int
fixture_end_fd_call (FdCall *call, GError **error)
{
  int fd = -1;

  wait_until (call->done);
  if (call->error != NULL) {
    g_dbus_error_strip_remote_error (call->error);
    g_propagate_error (error, call->error);
    return -1;
  }
  fd = g_unix_fd_list_get (call->fds, 0, NULL);
  g_clear_object (&call->fds);
  g_variant_unref (call->value);
  return fd;
}

static inline int
fixture_fd_call (Fixture *fixture, FakeArm *arm, const char *method, const char *options, GError **error)
{
  FdCall call;

  fixture_begin_fd_call (fixture, arm, method, options, &call);
  return fixture_end_fd_call (&call, error);
}

/* Ends in a row without name. */
static inline int
fixture_run (int argc, char **argv, const FixtureTest *tests)
{
  g_test_init (&argc, &argv, NULL);
  /* Warnings tell people of what a test brings about on purpose. */
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
  bpg_error_quark ();
  for (guint i = 0; tests[i].name != NULL; i++)
    g_test_add (tests[i].name, Fixture, NULL, fixture_set_up, tests[i].func, fixture_tear_down);
  return g_test_run ();
}
