/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pairing-fixture.h"

#include "bpg-code.h"

#define PATIENT BPG_PATH_RECORDS "/patient/p1"

/* Records1 and Update1, as far as binding needs them. */
typedef struct {
  GDBusConnection *connection;
  BpgDBusRecords1 *records;
  BpgDBusPatient1 *patient;
  BpgDBusUpdate1 *update;
  guint records_id;
  guint update_id;
  guint n_bound;
  guint n_unbound;
  char *side;
  char *fingerprint;
  gboolean full;    /* the disk is */
  gboolean no_key;  /* the vault has none */
} Clinic;

static gboolean
on_record_binding (BpgDBusRecords1 *records, GDBusMethodInvocation *invocation, const char *patient,
                   const char *prosthesis, GVariant *options, gpointer user_data)
{
  Clinic *clinic = user_data;
  gboolean bound = TRUE;

  if (clinic->full) {
    g_dbus_method_invocation_return_error (invocation, BPG_ERROR, BPG_ERROR_NO_SPACE, "The disk is full");
    return TRUE;
  }
  g_assert_cmpstr (patient, ==, PATIENT);
  g_assert_cmpstr (prosthesis, ==, "BP-0001");
  g_variant_lookup (options, "bound", "b", &bound);
  g_free (clinic->side);
  g_free (clinic->fingerprint);
  g_assert_true (g_variant_lookup (options, "side", "s", &clinic->side));
  g_assert_true (g_variant_lookup (options, "fingerprint", "s", &clinic->fingerprint));
  clinic->n_bound += bound;
  clinic->n_unbound += !bound;
  bpg_dbus_records1_complete_record_binding (records, invocation);
  return TRUE;
}

static gboolean
on_get_clinic_key (BpgDBusUpdate1 *update, GDBusMethodInvocation *invocation, GVariant *options, gpointer user_data)
{
  Clinic *clinic = user_data;

  if (clinic->no_key)
    g_dbus_method_invocation_return_error (invocation, BPG_ERROR, BPG_ERROR_VAULT_NO_KEY, "There is no key");
  else
    g_dbus_method_invocation_return_value (
      invocation, g_variant_new ("(@ay)", g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, "the clinic's key", 16, 1)));
  return TRUE;
}

static Clinic *
clinic_new (Fixture *fixture)
{
  Clinic *self = g_new0 (Clinic, 1);
  g_autoptr (GError) error = NULL;

  self->connection = bus_fixture_connect (&fixture->bus);
  self->records = bpg_dbus_records1_skeleton_new ();
  self->patient = bpg_dbus_patient1_skeleton_new ();
  self->update = bpg_dbus_update1_skeleton_new ();
  bpg_dbus_patient1_set_id (self->patient, "p1");
  g_signal_connect (self->records, "handle-record-binding", G_CALLBACK (on_record_binding), self);
  g_signal_connect (self->update, "handle-get-clinic-key", G_CALLBACK (on_get_clinic_key), self);
  g_dbus_interface_skeleton_export (G_DBUS_INTERFACE_SKELETON (self->records), self->connection, BPG_PATH_RECORDS, &error);
  g_assert_no_error (error);
  g_dbus_interface_skeleton_export (G_DBUS_INTERFACE_SKELETON (self->patient), self->connection, PATIENT, &error);
  g_assert_no_error (error);
  g_dbus_interface_skeleton_export (G_DBUS_INTERFACE_SKELETON (self->update), self->connection, BPG_PATH_UPDATE, &error);
  g_assert_no_error (error);
  self->records_id = g_bus_own_name_on_connection (self->connection, BPG_BUS_RECORDS, 0, NULL, NULL, NULL, NULL);
  self->update_id = g_bus_own_name_on_connection (self->connection, BPG_BUS_UPDATE, 0, NULL, NULL, NULL, NULL);
  return self;
}

static void
clinic_free (Clinic *self)
{
  g_bus_unown_name (self->records_id);
  g_bus_unown_name (self->update_id);
  g_dbus_interface_skeleton_unexport (G_DBUS_INTERFACE_SKELETON (self->records));
  g_dbus_interface_skeleton_unexport (G_DBUS_INTERFACE_SKELETON (self->patient));
  g_dbus_interface_skeleton_unexport (G_DBUS_INTERFACE_SKELETON (self->update));
  g_object_unref (self->records);
  g_object_unref (self->patient);
  g_object_unref (self->update);
  g_dbus_connection_close_sync (self->connection, NULL, NULL);
  g_object_unref (self->connection);
  g_free (self->side);
  g_free (self->fingerprint);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Clinic, clinic_free)

static char *
take_job (GVariant *reply)
{
  char *job = NULL;

  g_variant_get (reply, "(o)", &job);
  g_variant_unref (reply);
  return job;
}

static GVariant *
call_bind (Fixture *fixture, FakeArm *arm, const char *code, const char *patient, const char *side, GError **error)
{
  GVariant *reply = fixture_arm_call (fixture, arm, "Bind",
                                      g_variant_new_parsed ("(%s, %o, %s, {'timeout': <uint32 5>})", code, patient, side),
                                      error);

  if (error != NULL && *error != NULL)
    g_dbus_error_strip_remote_error (*error);
  return reply;
}

/* Starts the job; path of its object. */
static char *
begin_bind (Fixture *fixture, FakeArm *arm)
{
  g_autofree char *code = fake_arm_get_code (arm);
  g_autoptr (GError) error = NULL;
  GVariant *reply = call_bind (fixture, arm, code, PATIENT, "left", &error);

  g_assert_no_error (error);
  return take_job (reply);
}

static char *
begin_unbind (Fixture *fixture, FakeArm *arm)
{
  g_autoptr (GError) error = NULL;
  GVariant *reply =
    fixture_arm_call (fixture, arm, "Unbind", g_variant_new_parsed ("({'timeout': <uint32 5>},)"), &error);

  g_assert_no_error (error);
  return take_job (reply);
}

static gboolean
job_is (Fixture *fixture, const char *job, const char *property, const char *wanted)
{
  g_autoptr (GVariant) value = fixture_get (fixture, job, "org.bionicpro.Job1", property);

  return value != NULL && g_str_equal (g_variant_get_string (value, NULL), wanted);
}

/* The job has ended: with this error, or well. */
static void
expect_end (Fixture *fixture, const char *job, int code)
{
  g_autoptr (GVariant) error = NULL;

  wait_until (job_is (fixture, job, "State", "finished"));
  error = fixture_get (fixture, job, "org.bionicpro.Job1", "Error");
  g_assert_cmpstr (g_variant_get_string (error, NULL), ==, code < 0 ? "" : bpg_error_get_name ((BpgError) code));
}

static guint
count_requests (Fixture *fixture)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = bus_fixture_call (&fixture->bus, BPG_PATH_PAIRING, "org.freedesktop.DBus.ObjectManager",
                                                 "GetManagedObjects", NULL, &error);
  g_autoptr (GVariant) objects = NULL;
  guint n = 0;

  g_assert_no_error (error);
  objects = g_variant_get_child_value (reply, 0);
  for (gsize i = 0; i < g_variant_n_children (objects); i++) {
    g_autoptr (GVariant) object = g_variant_get_child_value (objects, i);
    const char *path;

    g_variant_get_child (object, 0, "&o", &path);
    n += g_str_has_prefix (path, BPG_PATH_PAIRING "/request/");
  }
  return n;
}

static void
wait_for_phase (Fixture *fixture, const char *job)
{
  wait_until (job_is (fixture, job, "Phase", "waiting"));
}

static void
test_bind_unbind (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (Clinic) clinic = clinic_new (fixture);
  g_autofree char *bind = NULL;
  g_autofree char *unbind = NULL;
  g_autoptr (GVariant) result = NULL;
  const char *text;

  fixture_connect (fixture, arm);
  bind = begin_bind (fixture, arm);
  wait_for_phase (fixture, bind);
  g_assert_cmpuint (count_requests (fixture), ==, 1);
  g_assert_cmpmem (g_bytes_get_data (arm->clinic_key, NULL), g_bytes_get_size (arm->clinic_key), "the clinic's key", 16);
  fake_arm_press (arm);
  expect_end (fixture, bind, -1);
  g_assert_cmpuint (count_requests (fixture), ==, 0);
  result = fixture_get (fixture, bind, "org.bionicpro.Job1", "Result");
  g_assert_true (g_variant_lookup (result, "patient", "&s", &text));
  g_assert_cmpstr (text, ==, "p1");
  g_assert_true (g_variant_lookup (result, "side", "&s", &text));
  g_assert_cmpstr (text, ==, "left");
  g_assert_true (g_variant_lookup (result, "prosthesis", "&o", &text));
  g_assert_true (fixture_arm_is (fixture, arm, "State", "bound"));
  g_assert_true (fixture_arm_is (fixture, arm, "Patient", "p1"));
  g_assert_true (fixture_arm_is (fixture, arm, "Side", "left"));
  g_assert_cmpuint (clinic->n_bound, ==, 1);
  g_assert_cmpstr (clinic->side, ==, "left");
  g_assert_cmpstr (clinic->fingerprint, ==, arm->fingerprint);

  unbind = begin_unbind (fixture, arm);
  wait_for_phase (fixture, unbind);
  fake_arm_press (arm);
  expect_end (fixture, unbind, -1);
  g_assert_true (fixture_arm_is (fixture, arm, "State", "unbound"));
  g_assert_true (fixture_arm_is (fixture, arm, "Patient", ""));
  g_assert_cmpuint (clinic->n_unbound, ==, 1);
}

static void
test_call_errors (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (Clinic) clinic = clinic_new (fixture);
  g_autofree char *code = fake_arm_get_code (arm);
  g_autofree char *huge = g_strnfill (5000, '{');
  g_autofree char *job = NULL;
  const struct {
    const char *code, *patient, *side;
  } bad[] = {
    {"", PATIENT, "left"},       {"[]", PATIENT, "left"},        {"{\"deviceId\": 1}", PATIENT, "left"},
    {huge, PATIENT, "left"},     {code, "/some/where", "left"},  {code, PATIENT, "both"},
    {"{\"deviceId\": \"a\", \"fingerprint\": \"zz\", \"publicKey\": \"AA==\"}", PATIENT, "left"},
  };
  g_autoptr (GError) unknown = NULL;
  g_autoptr (GError) state = NULL;
  g_autoptr (GError) busy = NULL;
  g_autoptr (GVariant) reply = NULL;

  fixture_connect (fixture, arm);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (call_bind (fixture, arm, bad[i].code, bad[i].patient, bad[i].side, &error));
    g_assert_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT);
  }
  reply = fixture_arm_call (fixture, arm, "Unbind", g_variant_new_parsed ("({'when': <1>},)"), &unknown);
  g_assert_error (unknown, BPG_ERROR, BPG_ERROR_UNKNOWN_OPTION);
  reply = fixture_arm_call (fixture, arm, "Unbind", g_variant_new_parsed ("(@a{sv} {},)"), &state);
  g_assert_error (state, BPG_ERROR, BPG_ERROR_WRONG_STATE);
  job = begin_bind (fixture, arm);
  g_assert_null (call_bind (fixture, arm, code, PATIENT, "left", &busy));
  g_assert_error (busy, BPG_ERROR, BPG_ERROR_BUSY);
  wait_for_phase (fixture, job);
  fake_arm_press (arm);
  expect_end (fixture, job, -1);
  g_clear_error (&state);
  g_assert_null (call_bind (fixture, arm, code, PATIENT, "left", &state));
  g_assert_error (state, BPG_ERROR, BPG_ERROR_WRONG_STATE);
}

static void
test_wrong_code (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (FakeArm) other = fake_arm_new ("BP-0002");
  g_autoptr (FakeArm) impostor = fake_arm_new_impostor (arm);
  g_autoptr (Clinic) clinic = clinic_new (fixture);
  FakeArm *owners[] = {other, impostor};

  fixture_connect (fixture, arm);
  for (guint i = 0; i < G_N_ELEMENTS (owners); i++) {
    g_autofree char *code = fake_arm_get_code (owners[i]);
    g_autofree char *job = take_job (call_bind (fixture, arm, code, PATIENT, "left", NULL));

    expect_end (fixture, job, BPG_ERROR_WRONG_PROSTHESIS);
    g_assert_cmpstr (arm->state, ==, "unbound");
  }
}

static void
test_wrong_key (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (Clinic) clinic = clinic_new (fixture);
  g_autofree char *job = NULL;

  fixture_connect (fixture, arm);
  arm->bad_signature = TRUE;
  job = begin_bind (fixture, arm);
  expect_end (fixture, job, BPG_ERROR_WRONG_PROSTHESIS);
  g_assert_cmpstr (arm->state, ==, "unbound");
}

static void
test_no_patient (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (Clinic) clinic = clinic_new (fixture);
  g_autofree char *code = fake_arm_get_code (arm);
  g_autofree char *job = NULL;
  g_autofree char *no_key = NULL;

  fixture_connect (fixture, arm);
  job = take_job (call_bind (fixture, arm, code, BPG_PATH_RECORDS "/patient/nobody", "left", NULL));
  expect_end (fixture, job, BPG_ERROR_NOT_FOUND);
  clinic->no_key = TRUE;
  no_key = begin_bind (fixture, arm);
  expect_end (fixture, no_key, BPG_ERROR_VAULT_NO_KEY);
  g_assert_cmpstr (arm->state, ==, "unbound");
}

static void
test_no_clinic (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autofree char *job = NULL;

  fixture_connect (fixture, arm);
  job = begin_bind (fixture, arm);
  expect_end (fixture, job, BPG_ERROR_FAILED);
}

static void
test_nobody_presses (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (Clinic) clinic = clinic_new (fixture);
  g_autofree char *job = NULL;
  g_autofree char *again = NULL;

  fixture_connect (fixture, arm);
  /* The arm gives up by itself … */
  job = begin_bind (fixture, arm);
  wait_for_phase (fixture, job);
  wait_until (fixture_arm_is (fixture, arm, "State", "binding"));
  g_free (arm->state);
  arm->state = g_strdup ("unbound");
  expect_end (fixture, job, BPG_ERROR_TIMED_OUT);
  /* … or it does not. */
  again = begin_bind (fixture, arm);
  expect_end (fixture, again, BPG_ERROR_TIMED_OUT);
  g_assert_cmpuint (clinic->n_bound, ==, 0);
}

static void
test_refused_by_arm (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (Clinic) clinic = clinic_new (fixture);
  g_autofree char *job = NULL;

  fixture_connect (fixture, arm);
  arm->refuse_bind = BPG_ARM_ERROR_BATTERY_LOW;
  job = begin_bind (fixture, arm);
  expect_end (fixture, job, BPG_ERROR_BATTERY_TOO_LOW);
}

static void
test_cancelled (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (Clinic) clinic = clinic_new (fixture);
  g_autofree char *job = NULL;
  g_autoptr (GVariant) reply = NULL;
  g_autoptr (GError) error = NULL;

  fixture_connect (fixture, arm);
  job = begin_bind (fixture, arm);
  wait_for_phase (fixture, job);
  reply = bus_fixture_call (&fixture->bus, job, "org.bionicpro.Job1", "Cancel", g_variant_new_parsed ("(@a{sv} {},)"),
                            &error);
  g_assert_no_error (error);
  expect_end (fixture, job, BPG_ERROR_CANCELLED);
  /* A late press binds nobody. */
  wait_until (g_str_equal (arm->state, "unbound"));
  fake_arm_press (arm);
  g_assert_cmpstr (arm->state, ==, "unbound");
}

static void
test_unplugged (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (Clinic) clinic = clinic_new (fixture);
  g_autofree char *job = NULL;

  fixture_connect (fixture, arm);
  job = begin_bind (fixture, arm);
  wait_for_phase (fixture, job);
  /* Pressed in the very moment the plug was pulled: the arm knows, we do not. */
  g_free (arm->state);
  arm->state = g_strdup ("bound");
  fake_arm_unplug (arm);
  expect_end (fixture, job, BPG_ERROR_DISCONNECTED);
  g_assert_cmpuint (clinic->n_bound, ==, 0);

  fake_arm_plug (arm);
  wait_until (clinic->n_bound == 1);
  wait_until (fixture_arm_flag (fixture, arm, "Connected"));
  g_assert_true (fixture_arm_is (fixture, arm, "State", "bound"));
  g_assert_true (fixture_arm_is (fixture, arm, "Patient", "p1"));
}

static void
test_not_written_down (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (Clinic) clinic = clinic_new (fixture);
  g_autofree char *job = NULL;

  fixture_connect (fixture, arm);
  clinic->full = TRUE;
  job = begin_bind (fixture, arm);
  wait_for_phase (fixture, job);
  fake_arm_press (arm);
  expect_end (fixture, job, BPG_ERROR_NO_SPACE);
  g_assert_true (fixture_arm_is (fixture, arm, "State", "bound"));

  /* What was acknowledged by the arm is told again. */
  clinic->full = FALSE;
  fake_arm_unplug (arm);
  wait_until (!fixture_arm_flag (fixture, arm, "Connected"));
  fake_arm_plug (arm);
  wait_until (clinic->n_bound == 1);
}

/* The process ends in the middle of it; the next one asks the arm. */
static void
test_restarted (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (Clinic) clinic = clinic_new (fixture);
  g_autofree char *job = NULL;

  fixture_connect (fixture, arm);
  job = begin_bind (fixture, arm);
  wait_for_phase (fixture, job);
  fixture_stop (fixture);
  fixture_start (fixture);
  g_assert_true (job_is (fixture, job, "State", "running"));
  wait_until (fixture_arm_flag (fixture, arm, "Connected"));
  fake_arm_press (arm);
  expect_end (fixture, job, -1);
  g_assert_cmpuint (clinic->n_bound, >=, 1);
  g_assert_true (fixture_arm_is (fixture, arm, "State", "bound"));
}

static void
test_restarted_unpressed (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (Clinic) clinic = clinic_new (fixture);
  g_autofree char *job = NULL;

  fixture_connect (fixture, arm);
  job = begin_bind (fixture, arm);
  wait_for_phase (fixture, job);
  fixture_stop (fixture);
  g_free (arm->state);
  arm->state = g_strdup ("unbound");
  fixture_start (fixture);
  expect_end (fixture, job, BPG_ERROR_FAILED);
  g_assert_cmpuint (clinic->n_bound, ==, 0);
}

/* Unplugged while it waits: back again, it does not wait any more. */
static void
test_left_waiting (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (Clinic) clinic = clinic_new (fixture);
  g_autofree char *job = NULL;

  fixture_connect (fixture, arm);
  job = begin_bind (fixture, arm);
  wait_for_phase (fixture, job);
  fake_arm_unplug (arm);
  expect_end (fixture, job, BPG_ERROR_DISCONNECTED);
  fake_arm_plug (arm);
  wait_until (g_str_equal (arm->state, "unbound"));
  wait_until (fixture_arm_is (fixture, arm, "State", "unbound"));
}

/* The arm waits for the button of an attempt nobody remembers. */
static void
test_stale_wish (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autoptr (Clinic) clinic = clinic_new (fixture);
  g_autofree char *job = NULL;

  arm->busy_while_asked = TRUE;
  fixture_connect (fixture, arm);
  g_free (arm->state);
  arm->state = g_strdup ("binding");
  job = begin_bind (fixture, arm);
  wait_for_phase (fixture, job);
  fake_arm_press (arm);
  expect_end (fixture, job, -1);
  g_assert_cmpuint (clinic->n_bound, ==, 1);
}

static void
test_codes (Fixture *fixture, gconstpointer data)
{
  g_autoptr (FakeArm) arm = fake_arm_new ("BP-0001");
  g_autofree char *base64 = g_base64_encode (g_bytes_get_data (arm->key, NULL), g_bytes_get_size (arm->key));
  g_autofree char *pem = g_strdup_printf ("-----BEGIN PUBLIC KEY-----\\n%s\\n-----END PUBLIC KEY-----\\n", base64);
  GString *hex = g_string_new (NULL);
  const guint8 *bytes = g_bytes_get_data (arm->key, NULL);
  const char *keys[] = {base64, pem, NULL};

  for (gsize i = 0; i < g_bytes_get_size (arm->key); i++)
    g_string_append_printf (hex, "%02X", bytes[i]);
  keys[2] = hex->str;
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++) {
    g_autofree char *text =
      g_strdup_printf ("{\"deviceId\":\"BP-0001\",\"fingerprint\":\"%s\",\"publicKey\":\"%s\"}", arm->fingerprint, keys[i]);
    g_autoptr (GError) error = NULL;
    g_autoptr (BpgCode) code = bpg_code_parse (text, &error);

    g_assert_no_error (error);
    g_assert_true (bpg_code_check (code, "BP-0001", arm->fingerprint, arm->key, &error));
    g_assert_no_error (error);
  }
  g_string_free (hex, TRUE);
}

int
main (int argc, char **argv)
{
  static const FixtureTest tests[] = {
    {"/pairing/binding/bind-unbind", test_bind_unbind},
    {"/pairing/binding/call-errors", test_call_errors},
    {"/pairing/binding/wrong-code", test_wrong_code},
    {"/pairing/binding/wrong-key", test_wrong_key},
    {"/pairing/binding/no-patient", test_no_patient},
    {"/pairing/binding/no-clinic", test_no_clinic},
    {"/pairing/binding/nobody-presses", test_nobody_presses},
    {"/pairing/binding/refused-by-arm", test_refused_by_arm},
    {"/pairing/binding/cancelled", test_cancelled},
    {"/pairing/binding/unplugged", test_unplugged},
    {"/pairing/binding/left-waiting", test_left_waiting},
    {"/pairing/binding/not-written-down", test_not_written_down},
    {"/pairing/binding/restarted", test_restarted},
    {"/pairing/binding/restarted-unpressed", test_restarted_unpressed},
    {"/pairing/binding/stale-wish", test_stale_wish},
    {"/pairing/binding/codes", test_codes},
    {NULL, NULL},
  };

  return fixture_run (argc, argv, tests);
}
