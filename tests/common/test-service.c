/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common-fixture.h"

#include <glib/gstdio.h>
#include <string.h>

static GVariant *
get_all (BusFixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = bus_fixture_call (fixture, BPG_PATH_RECORDS, "org.freedesktop.DBus.Properties", "GetAll",
                                                  g_variant_new ("(s)", BPG_BUS_RECORDS), &error);

  g_assert_no_error (error);
  return g_variant_get_child_value (answer, 0);
}

static void
assert_manager (BusFixture *fixture, const char *state, gsize n_problems)
{
  g_autoptr (GVariant) all = get_all (fixture);
  g_autoptr (GVariant) problems = g_variant_lookup_value (all, "Problems", G_VARIANT_TYPE ("aa{sv}"));
  const char *value = NULL;

  g_assert_true (g_variant_lookup (all, "State", "&s", &value));
  g_assert_cmpstr (value, ==, state);
  g_assert_cmpuint (g_variant_n_children (problems), ==, n_problems);
}

static void
test_manager (BusFixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgService) service = bpg_service_new (&test_service, fixture->server, fixture->state_dir, TRUE, &error);

  g_assert_no_error (error);
  assert_manager (fixture, "starting", 0);
  bpg_service_set_started (service);
  assert_manager (fixture, "ready", 0);
  bpg_service_set_problem (service, "/dev/ttyX", BPG_ERROR_TIMED_OUT, "It does not answer");
  bpg_service_set_problem (service, "/dev/ttyX", BPG_ERROR_BUSY, "Somebody has it");
  bpg_service_set_problem (service, "/dev/ttyY", BPG_ERROR_BUSY, "Somebody has it");
  assert_manager (fixture, "degraded", 2);
  bpg_service_clear_problem (service, "/dev/ttyX");
  bpg_service_clear_problem (service, "/dev/ttyX");
  assert_manager (fixture, "degraded", 1);
  bpg_service_clear_problem (service, "/dev/ttyY");
  assert_manager (fixture, "ready", 0);
}

/* "Numbers are never used again", also when it is forgotten which were used. */
static void
assert_fresh_number (BpgService *service)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgJob) job = bpg_job_list_start (bpg_service_get_jobs (service), "test", NULL, NULL, NULL, &error);
  const char *number;

  g_assert_no_error (error);
  number = strrchr (bpg_job_get_path (job), '/') + 1;
  g_assert_cmpuint (g_ascii_strtoull (number, NULL, 10), >, 1000000000);
  bpg_job_succeed (job, NULL);
}

static void
test_damaged_list_of_jobs (BusFixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->state_dir, "jobs.db", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgService) service = NULL;

  g_assert_true (g_file_set_contents (path, "nonsense that is long enough to be looked at", -1, NULL));
  service = bpg_service_new (&test_service, fixture->server, fixture->state_dir, TRUE, &error);
  g_assert_no_error (error);
  bpg_service_set_started (service);
  assert_manager (fixture, "degraded", 1);
  assert_fresh_number (service);
}

static void
test_jobs_without_a_disk (BusFixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->state_dir, "jobs.db", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgService) service = NULL;

  g_assert_cmpint (g_mkdir (path, 0700), ==, 0); /* a folder in its place cannot be opened */
  service = bpg_service_new (&test_service, fixture->server, fixture->state_dir, TRUE, &error);
  g_assert_no_error (error);
  bpg_service_set_started (service);
  assert_manager (fixture, "degraded", 1);
  assert_fresh_number (service);
}

static void
test_store_problem (BusFixture *fixture, gconstpointer data)
{
  static const char *const migrations[] = {"CREATE TABLE a (b)"};
  g_autofree char *path = g_build_filename (fixture->state_dir, "a.db", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgService) service = bpg_service_new (&test_service, fixture->server, fixture->state_dir, TRUE, &error);
  g_autoptr (BpgStore) store = NULL;

  g_assert_true (g_file_set_contents (path, "nonsense that is long enough to be looked at", -1, NULL));
  store = bpg_service_open_store (service, "a.db", migrations, 1, &error);
  g_assert_no_error (error);
  g_assert_nonnull (store);
  bpg_service_set_started (service);
  assert_manager (fixture, "degraded", 1);
}

static void
test_second_instance (BusFixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgService) first = bpg_service_new (&test_service, fixture->server, fixture->state_dir, TRUE, &error);

  g_assert_no_error (error);
  g_assert_null (bpg_service_new (&test_service, fixture->client, fixture->state_dir, TRUE, &error));
  g_assert_error (error, BPG_ERROR, BPG_ERROR_BUSY);
  g_clear_error (&error);
  g_clear_object (&first);
  first = bpg_service_new (&test_service, fixture->client, fixture->state_dir, TRUE, &error);
  g_assert_no_error (error);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
#define ADD(name, func) g_test_add ("/service/" name, BusFixture, NULL, bus_fixture_set_up, func, bus_fixture_tear_down)
  ADD ("manager", test_manager);
  ADD ("damaged-list-of-jobs", test_damaged_list_of_jobs);
  ADD ("jobs-without-a-disk", test_jobs_without_a_disk);
  ADD ("second-instance", test_second_instance);
  ADD ("store-problem", test_store_problem);
  return g_test_run ();
}
