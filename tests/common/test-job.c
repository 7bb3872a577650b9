/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common-fixture.h"

#include "bpg-job.h"
#include "bpg-request.h"

#define JOB1 "org.bionicpro.Job1"

typedef struct {
  guint finished;
  gboolean success;
  char *path;
  char *error;
  char *message;
  GVariant *result;
} Heard;

static void
heard_clear (Heard *heard)
{
  g_clear_pointer (&heard->path, g_free);
  g_clear_pointer (&heard->error, g_free);
  g_clear_pointer (&heard->message, g_free);
  g_clear_pointer (&heard->result, g_variant_unref);
}

static void
on_finished (GDBusConnection *connection, const char *sender, const char *path, const char *interface,
             const char *signal, GVariant *parameters, gpointer user_data)
{
  Heard *heard = user_data;

  heard_clear (heard);
  heard->finished++;
  heard->path = g_strdup (path);
  g_variant_get (parameters, "(bss@a{sv})", &heard->success, &heard->error, &heard->message, &heard->result);
}

static BpgService *
make_service (BusFixture *fixture)
{
  g_autoptr (GError) error = NULL;
  BpgService *service = bpg_service_new (&test_service, fixture->server, fixture->state_dir, TRUE, &error);

  g_assert_no_error (error);
  return service;
}

static BpgJob *
start (BpgService *service, const char *sender)
{
  g_autoptr (GError) error = NULL;
  BpgJob *job = bpg_job_list_start (bpg_service_get_jobs (service), "test", NULL, sender, "payload", &error);

  g_assert_no_error (error);
  return job;
}

/* Everything sent before is delivered when a round trip has come back. */
static void
settle (BusFixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer =
    bus_fixture_call (fixture, BPG_PATH_RECORDS, "org.freedesktop.DBus.Peer", "Ping", NULL, &error);

  g_assert_no_error (error);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

/* From here on nothing is missed: the bus has taken the subscription when the round trip has come back. */
static guint
listen (BusFixture *fixture, Heard *heard)
{
  guint id = g_dbus_connection_signal_subscribe (fixture->client, NULL, JOB1, "Finished", NULL, NULL,
                                                 G_DBUS_SIGNAL_FLAGS_NONE, on_finished, heard, NULL);

  settle (fixture);
  return id;
}

static GVariant *
get_property (BusFixture *fixture, const char *path, const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GVariant) answer = bus_fixture_call (fixture, path, "org.freedesktop.DBus.Properties", "Get",
                                                  g_variant_new ("(ss)", JOB1, name), &error);

  g_assert_no_error (error);
  g_variant_get (answer, "(v)", &value);
  return g_steal_pointer (&value);
}

static void
assert_state (BusFixture *fixture, const char *path, const char *expected)
{
  g_autoptr (GVariant) state = get_property (fixture, path, "State");

  g_assert_cmpstr (g_variant_get_string (state, NULL), ==, expected);
}

static void
test_succeeds_once (BusFixture *fixture, gconstpointer data)
{
  g_autoptr (BpgService) service = make_service (fixture);
  g_autoptr (BpgJob) job = start (service, NULL);
  Heard heard = {0};
  guint id = listen (fixture, &heard);
  g_autoptr (GVariant) progress = NULL;

  assert_state (fixture, bpg_job_get_path (job), "running");
  bpg_job_set_phase (job, "working", "Working");
  bpg_job_set_progress (job, 0.5);
  bpg_job_set_progress (job, 0.25); /* never falls */
  progress = get_property (fixture, bpg_job_get_path (job), "Progress");
  g_assert_cmpfloat (g_variant_get_double (progress), ==, 0.5);
  g_assert_cmpuint (bpg_job_list_count_running (bpg_service_get_jobs (service)), ==, 1);

  bpg_job_succeed (job, g_variant_new_parsed ("{'answer': <42>}"));
  bpg_job_succeed (job, NULL); /* ignored */
  settle (fixture);

  g_assert_cmpuint (heard.finished, ==, 1);
  g_assert_true (heard.success);
  g_assert_cmpstr (heard.error, ==, "");
  g_assert_true (g_variant_lookup (heard.result, "answer", "i", NULL));
  assert_state (fixture, bpg_job_get_path (job), "finished");
  g_assert_cmpuint (bpg_job_list_count_running (bpg_service_get_jobs (service)), ==, 0);
  g_dbus_connection_signal_unsubscribe (fixture->client, id);
  heard_clear (&heard);
}

static void
test_fails_by_name (BusFixture *fixture, gconstpointer data)
{
  g_autoptr (BpgService) service = make_service (fixture);
  g_autoptr (BpgJob) job = start (service, NULL);
  g_autoptr (GError) worse = g_error_new (BPG_ERROR, BPG_ERROR_MODEL_WORSE, "80 %% against 90 %%");
  Heard heard = {0};
  guint id = listen (fixture, &heard);

  bpg_job_fail (job, worse, g_variant_new_parsed ("{'accuracy': <0.8>}"));
  settle (fixture);
  g_assert_false (heard.success);
  g_assert_cmpstr (heard.error, ==, "org.bionicpro.Error.ModelWorse");
  g_assert_true (g_variant_lookup (heard.result, "accuracy", "d", NULL));
  g_dbus_connection_signal_unsubscribe (fixture->client, id);
  heard_clear (&heard);
}

static void
test_cancel (BusFixture *fixture, gconstpointer data)
{
  g_autoptr (BpgService) service = make_service (fixture);
  g_autoptr (BpgJob) job = start (service, g_dbus_connection_get_unique_name (fixture->client));
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) late = NULL;
  g_autoptr (GError) unknown = NULL;
  g_autoptr (GVariant) answer = NULL;
  g_autoptr (GError) cancelled = g_error_new (BPG_ERROR, BPG_ERROR_CANCELLED, "x");

  g_assert_null (bus_fixture_call (fixture, bpg_job_get_path (job), JOB1, "Cancel",
                                   g_variant_new_parsed ("({'now': <true>},)"), &unknown));
  g_assert_error (unknown, BPG_ERROR, BPG_ERROR_UNKNOWN_OPTION);

  answer = bus_fixture_call (fixture, bpg_job_get_path (job), JOB1, "Cancel", g_variant_new_parsed ("(@a{sv} {},)"), &error);
  g_assert_no_error (error);
  g_assert_true (g_cancellable_is_cancelled (bpg_job_get_cancellable (job)));
  bpg_job_fail (job, cancelled, NULL);

  g_assert_null (bus_fixture_call (fixture, bpg_job_get_path (job), JOB1, "Cancel", g_variant_new_parsed ("(@a{sv} {},)"),
                                   &late));
  g_assert_error (late, BPG_ERROR, BPG_ERROR_WRONG_STATE);
}

static gboolean
take_up (BpgJob *job, gpointer user_data)
{
  BpgJob **taken = user_data;

  g_assert_cmpstr (bpg_job_get_payload (job), ==, "second payload");
  *taken = g_object_ref (job);
  return TRUE;
}

/* A process that dies leaves its jobs to the next one: one is taken up, the other ended. */
static void
test_restart (BusFixture *fixture, gconstpointer data)
{
  g_autofree char *path = NULL;
  Heard heard = {0};
  guint id = listen (fixture, &heard);

  {
    g_autoptr (BpgService) service = make_service (fixture);
    g_autoptr (BpgJob) job = start (service, NULL);
    g_autoptr (GError) error = NULL;

    g_assert_true (bpg_job_set_payload (job, "second payload", &error));
    g_assert_no_error (error);
    path = g_strdup (bpg_job_get_path (job));
  }
  settle (fixture);
  g_assert_cmpuint (heard.finished, ==, 0);
  {
    g_autoptr (BpgService) service = make_service (fixture);
    g_autoptr (BpgJob) taken = NULL;

    bpg_job_list_recover (bpg_service_get_jobs (service), take_up, &taken);
    g_assert_nonnull (taken);
    g_assert_cmpstr (bpg_job_get_path (taken), ==, path);
    settle (fixture);
    g_assert_cmpuint (heard.finished, ==, 0);
  }
  {
    g_autoptr (BpgService) service = make_service (fixture);
    g_autoptr (BpgJob) other = NULL;

    bpg_job_list_recover (bpg_service_get_jobs (service), NULL, NULL);
    settle (fixture);
    g_assert_cmpuint (heard.finished, ==, 1);
    g_assert_cmpstr (heard.path, ==, path);
    g_assert_cmpstr (heard.error, ==, "org.bionicpro.Error.Failed");
    assert_state (fixture, path, "finished");

    other = start (service, NULL);
    g_assert_cmpstr (bpg_job_get_path (other), !=, path); /* numbers are never used again */
    bpg_job_succeed (other, NULL);
  }
  settle (fixture);
  {
    g_autoptr (BpgService) service = make_service (fixture);

    bpg_job_list_recover (bpg_service_get_jobs (service), NULL, NULL);
    settle (fixture);
    g_assert_cmpuint (heard.finished, ==, 2); /* the ended ones are not told again */
  }
  g_dbus_connection_signal_unsubscribe (fixture->client, id);
  heard_clear (&heard);
}

/* A call that had this process activated is answered before the jobs of the previous one are looked at. */
static void
test_started_before_recovery (BusFixture *fixture, gconstpointer data)
{
  g_autoptr (BpgService) service = make_service (fixture);
  g_autoptr (BpgJob) job = start (service, NULL);
  Heard heard = {0};
  guint id = listen (fixture, &heard);

  bpg_job_list_recover (bpg_service_get_jobs (service), NULL, NULL);
  settle (fixture);
  g_assert_cmpuint (heard.finished, ==, 0);
  g_assert_false (bpg_job_is_finished (job));
  assert_state (fixture, bpg_job_get_path (job), "running");

  bpg_job_succeed (job, NULL);
  settle (fixture);
  g_assert_cmpuint (heard.finished, ==, 1);
  g_dbus_connection_signal_unsubscribe (fixture->client, id);
  heard_clear (&heard);
}

static void
test_limit (BusFixture *fixture, gconstpointer data)
{
  g_autoptr (BpgService) service = make_service (fixture);
  g_autoptr (GPtrArray) jobs = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GError) error = NULL;

  for (int i = 0; i < 64; i++)
    g_ptr_array_add (jobs, start (service, NULL));
  g_assert_null (bpg_job_list_start (bpg_service_get_jobs (service), "test", NULL, NULL, NULL, &error));
  g_assert_error (error, BPG_ERROR, BPG_ERROR_LIMIT_EXCEEDED);

  bpg_job_list_cancel_all (bpg_service_get_jobs (service));
  for (guint i = 0; i < jobs->len; i++) {
    g_assert_true (g_cancellable_is_cancelled (bpg_job_get_cancellable (jobs->pdata[i])));
    bpg_job_succeed (jobs->pdata[i], NULL);
  }
  /* Only the latest stay on the bus. */
  g_assert_null (bus_fixture_call (fixture, bpg_job_get_path (jobs->pdata[0]), JOB1, "Cancel",
                                   g_variant_new_parsed ("(@a{sv} {},)"), NULL));
  assert_state (fixture, bpg_job_get_path (jobs->pdata[63]), "finished");
}

static void
test_request (BusFixture *fixture, gconstpointer data)
{
  g_autoptr (BpgService) service = make_service (fixture);
  g_autoptr (BpgJob) job = start (service, NULL);
  g_autoptr (BpgRequest) request = bpg_request_new (service, "press-button", "Press", "/", job, 10);
  g_autolist (GDBusObject) objects =
    g_dbus_object_manager_get_objects (G_DBUS_OBJECT_MANAGER (bpg_service_get_objects (service)));
  const char *path = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) answer = NULL;

  for (GList *l = objects; l != NULL; l = l->next) {
    if (strstr (g_dbus_object_get_object_path (l->data), "/request/") != NULL)
      path = g_dbus_object_get_object_path (l->data);
  }
  g_assert_nonnull (path);
  answer = bus_fixture_call (fixture, path, "org.bionicpro.Request1", "Dismiss", g_variant_new_parsed ("(@a{sv} {},)"),
                             &error);
  g_assert_no_error (error);
  g_assert_true (g_cancellable_is_cancelled (bpg_job_get_cancellable (job)));
  g_assert_null (bus_fixture_call (fixture, path, "org.bionicpro.Request1", "Dismiss",
                                   g_variant_new_parsed ("(@a{sv} {},)"), NULL));
  bpg_job_succeed (job, NULL);
}

/* Of a service that would ask polkit, which is not there. */
static void
test_request_of_own (BusFixture *fixture, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (BpgService) service = bpg_service_new (&test_service, fixture->server, fixture->state_dir, FALSE, &error);
  g_autoptr (BpgJob) job = start (service, g_dbus_connection_get_unique_name (fixture->client));
  g_autoptr (BpgRequest) request = bpg_request_new (service, "press-button", "Press", "/", job, 10);
  g_autolist (GDBusObject) objects =
    g_dbus_object_manager_get_objects (G_DBUS_OBJECT_MANAGER (bpg_service_get_objects (service)));

  g_assert_no_error (error);
  for (GList *l = objects; l != NULL; l = l->next) {
    const char *path = g_dbus_object_get_object_path (l->data);
    g_autoptr (GVariant) answer = NULL;

    if (strstr (path, "/request/") != NULL)
      answer = bus_fixture_call (fixture, path, "org.bionicpro.Request1", "Dismiss",
                                 g_variant_new_parsed ("(@a{sv} {},)"), &error);
    g_assert_no_error (error);
  }
  g_assert_true (g_cancellable_is_cancelled (bpg_job_get_cancellable (job)));
  bpg_job_succeed (job, NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* Ending a job twice is logged as a warning, on purpose here. */
  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
  bpg_error_quark ();
#define ADD(name, func) g_test_add ("/job/" name, BusFixture, NULL, bus_fixture_set_up, func, bus_fixture_tear_down)
  ADD ("succeeds-once", test_succeeds_once);
  ADD ("fails-by-name", test_fails_by_name);
  ADD ("cancel", test_cancel);
  ADD ("restart", test_restart);
  ADD ("started-before-recovery", test_started_before_recovery);
  ADD ("limit", test_limit);
  ADD ("request", test_request);
  ADD ("request-of-own", test_request_of_own);
  return g_test_run ();
}
