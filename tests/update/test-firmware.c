/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Firmware: what a container says, whether it may be written now, and how it comes to run. */
#include "bpg-error.h"
#include "bpg-firmware-procedure.h"
#include "bpg-image-builder.h"
#include "bpg-signer.h"
#include "bpg-signer.h"
#include "fake-arm.h"
#include "update-fixture.h"

#include <string.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* Containers. */

static BpgSigner *
make_signer (Fixture *fixture, const char *name)
{
  g_autofree char *path = g_build_filename (fixture->folder, name, NULL);
  BpgSigner *signer = bpg_signer_new (path);

  g_assert_true (bpg_signer_ensure (signer, NULL));
  return signer;
}

static GBytes *
make_container (BpgSigner *signer, gsize size)
{
  const BpgImageClaims claims = {"board", "left", 3, {1, 2, 3, 4}, 0};
  g_autoptr (GBytes) payload = g_bytes_new_take (g_malloc0 (size), size);
  g_autoptr (GError) error = NULL;
  guint8 hash[BPG_HASH_LENGTH];
  GBytes *container = bpg_image_build (payload, &claims, bpg_signer_get_key (signer), hash, &error);

  g_assert_no_error (error);
  return container;
}

static void
expect_refused (GBytes *container, GPtrArray *keys, BpgError code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (bpg_firmware_parse (container, keys, &error));
  g_assert_error (error, BPG_ERROR, (int) code);
}

static void
test_parse (Fixture *fixture, gconstpointer data)
{
  g_autoptr (BpgSigner) signer = make_signer (fixture, "one");
  g_autoptr (BpgSigner) stranger = make_signer (fixture, "two");
  g_autoptr (GPtrArray) keys = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  g_autoptr (GBytes) container = make_container (signer, 1000);
  g_autoptr (GBytes) strange = make_container (stranger, 1000);
  g_autoptr (GBytes) large = make_container (signer, BPG_FIRMWARE_MAX);
  g_autoptr (GBytes) nothing = g_bytes_new_static ("", 0);
  g_autoptr (BpgFirmware) firmware = NULL;
  gsize length = g_bytes_get_size (container);
  g_autofree guint8 *bytes = g_memdup2 (g_bytes_get_data (container, NULL), length + 1);
  g_autoptr (GError) error = NULL;

  expect_refused (container, keys, BPG_ERROR_SIGNATURE_INVALID);
  g_ptr_array_add (keys, bpg_signer_get_public_key (stranger));
  expect_refused (container, keys, BPG_ERROR_SIGNATURE_INVALID);
  g_ptr_array_add (keys, bpg_signer_get_public_key (signer));
  firmware = bpg_firmware_parse (container, keys, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (firmware->version, ==, "1.2.3.4");
  g_assert_cmpstr (firmware->hardware, ==, "board");
  g_assert_cmpstr (firmware->side, ==, "left");
  g_assert_cmpuint (firmware->schema, ==, 3);
  g_assert_cmpuint (firmware->size, ==, length);
  g_ptr_array_remove_index (keys, 0);
  expect_refused (strange, keys, BPG_ERROR_SIGNATURE_INVALID);
  expect_refused (large, keys, BPG_ERROR_LIMIT_EXCEEDED);
  expect_refused (nothing, keys, BPG_ERROR_CORRUPT);
  /* Neither less nor more than what was signed, and no bit of it changed. */
  for (gsize i = 0; i < length; i += 37) {
    g_autoptr (GBytes) cut = g_bytes_new_from_bytes (container, 0, i);
    g_autoptr (GBytes) changed = NULL;

    expect_refused (cut, keys, BPG_ERROR_CORRUPT);
    bytes[i] ^= 0x10;
    changed = g_bytes_new (bytes, length);
    g_assert_null (bpg_firmware_parse (changed, keys, NULL));
    bytes[i] ^= 0x10;
  }
  bytes[length] = 0;
  {
    g_autoptr (GBytes) longer = g_bytes_new (bytes, length + 1);

    expect_refused (longer, keys, BPG_ERROR_CORRUPT);
  }
}

static void
test_versions (Fixture *fixture, gconstpointer data)
{
  static const char *const rising[] = {"0.0.0",   "0.0.0.1",       "0.0.1",      "0.0.65535.4294967295",
                                       "0.1.0",   "0.255.0",       "1.0.0",      "1.0.0.9",
                                       "1.0.10",  "2.0.0",         "255.255.65535.4294967295"};
  static const char *const none[] = {"", "1", "1.2", "1.2.3.4.5", "256.0.0", "1.2.65536", "1.2.3.4294967296",
                                     "a.b.c", "1..3", "-1.0.0", "1.2.3 ", "+1.0.0"};
  guint64 before = 0, packed;

  for (guint i = 0; i < G_N_ELEMENTS (rising); i++) {
    g_assert_true (bpg_firmware_pack_version (rising[i], &packed));
    g_assert_true (i == 0 || packed > before);
    before = packed;
  }
  for (guint i = 0; i < G_N_ELEMENTS (none); i++)
    g_assert_false (bpg_firmware_pack_version (none[i], &packed));
}

/* What a PC runs on. */

static void
add_supply (Fixture *fixture, const char *name, const char *type, const char *key, const char *value, const char *status)
{
  g_autofree char *folder = g_build_filename (fixture->folder, name, NULL);
  const char *const attributes[][2] = {{"type", type}, {key, value}, {"status", status}};

  g_mkdir (folder, 0700);
  for (guint i = 0; i < G_N_ELEMENTS (attributes); i++) {
    g_autofree char *path = g_build_filename (folder, attributes[i][0], NULL);
    g_autofree char *text = g_strconcat (attributes[i][1], "\n", NULL);

    g_assert_true (g_file_set_contents (path, text, -1, NULL));
  }
}

static void
expect_power (Fixture *fixture, gboolean on_battery, guint percent)
{
  BpgPower power = bpg_power_read (fixture->folder);

  g_assert_cmpint (power.on_battery, ==, on_battery);
  g_assert_cmpuint (power.percent, ==, percent);
}

static void
test_power (Fixture *fixture, gconstpointer data)
{
  g_autofree char *scope = g_build_filename (fixture->folder, "mouse", "scope", NULL);

  g_assert_false (bpg_power_read ("/nowhere/at/all").on_battery);
  expect_power (fixture, FALSE, 100);
  add_supply (fixture, "mouse", "Battery", "capacity", "3", "Discharging");
  g_assert_true (g_file_set_contents (scope, "Device\n", -1, NULL));
  expect_power (fixture, FALSE, 100);
  add_supply (fixture, "BAT0", "Battery", "capacity", "nonsense", "Discharging");
  expect_power (fixture, FALSE, 100);
  add_supply (fixture, "BAT0", "Battery", "capacity", "12", "Discharging");
  expect_power (fixture, TRUE, 12);
  add_supply (fixture, "BAT1", "Battery", "capacity", "55", "Unknown");
  expect_power (fixture, TRUE, 55);
  add_supply (fixture, "AC", "Mains", "online", "0", "");
  expect_power (fixture, TRUE, 55);
  add_supply (fixture, "AC", "Mains", "online", "1", "");
  expect_power (fixture, FALSE, 55);
}

/* Whether it may be now. */

static const BpgFirmware program = {
  .version = (char *) "1.2.0", .packed = 1ull << 56 | 2ull << 48, .hardware = (char *) "board",
  .side = (char *) "left", .schema = 3};

static BpgFirmwarePolicy
fine (void)
{
  return (BpgFirmwarePolicy){
    .firmware = &program,
    .arm = {"board", "left", BPG_FIRMWARE_ARM_PERCENT, FALSE, 3, 1ull << 56 | 2ull << 48},
    .power = {TRUE, BPG_FIRMWARE_PC_PERCENT},
  };
}

static void
expect_policy (const BpgFirmwarePolicy *policy, int code)
{
  g_autoptr (GError) error = NULL;

  if (code < 0) {
    bpg_firmware_policy_check (policy, &error);
    g_assert_no_error (error);
  } else {
    g_assert_false (bpg_firmware_policy_check (policy, &error));
    g_assert_error (error, BPG_ERROR, code);
  }
}

static void
test_policy (Fixture *fixture, gconstpointer data)
{
  BpgFirmwarePolicy policy = fine ();

  expect_policy (&policy, -1);
  strcpy (policy.arm.hardware, "other");
  policy.override = policy.downgrade = policy.worn = TRUE;
  expect_policy (&policy, BPG_ERROR_INCOMPATIBLE);
  policy = fine ();
  strcpy (policy.arm.side, "right");
  policy.override = TRUE;
  expect_policy (&policy, BPG_ERROR_INCOMPATIBLE);
  policy = fine ();
  policy.arm.model_schema = 4;
  expect_policy (&policy, BPG_ERROR_INCOMPATIBLE);
  policy.override = TRUE;
  expect_policy (&policy, -1);
  policy = fine ();
  policy.arm.version++;
  policy.override = policy.worn = TRUE;
  expect_policy (&policy, BPG_ERROR_VERSION_TOO_OLD);
  policy.downgrade = TRUE;
  expect_policy (&policy, -1);
  policy = fine ();
  policy.arm.battery--;
  policy.downgrade = policy.worn = TRUE;
  expect_policy (&policy, BPG_ERROR_BATTERY_TOO_LOW);
  policy.override = TRUE;
  expect_policy (&policy, -1);
  policy = fine ();
  policy.power.percent--;
  expect_policy (&policy, BPG_ERROR_BATTERY_TOO_LOW);
  policy.power.on_battery = FALSE;
  expect_policy (&policy, -1);
  policy = fine ();
  policy.arm.worn = TRUE;
  policy.override = policy.downgrade = TRUE;
  expect_policy (&policy, BPG_ERROR_NEEDS_USER_ACTION);
  policy.worn = TRUE;
  expect_policy (&policy, -1);
}

/* How it comes to run. */

static void
start_confirmed (FakeArm *arm)
{
  fake_arm_init (arm);
  arm->firmware = TRUE;
  fake_arm_put (arm, 0, A, TRUE);
  arm->slots[0].version = "1.1.0";
  arm->slots[1].version = "1.2.0";
  arm->active = arm->confirmed = 0;
}

static void
start_trial (FakeArm *arm)
{
  start_confirmed (arm);
  fake_arm_put (arm, 1, B, FALSE);
  arm->active = 1;
  arm->trial = TRUE;
}

/* Runs it as its caller does: again after each restart, as if so much time had passed. */
static gboolean
run (FakeArm *arm, BpgProcedure *procedure, GError **error)
{
  g_autoptr (BpgManagement) management = fake_arm_start (arm);
  g_autoptr (GBytes) container = g_bytes_new_static ("stands for a container", 22);
  gboolean done;

  g_strlcpy (arm->uploaded_hash, procedure->image, sizeof arm->uploaded_hash);
  procedure->firmware = TRUE;
  procedure->management = management;
  procedure->container = container;
  procedure->policy.power.percent = 100;
  do {
    done = bpg_procedure_run (procedure, error);
    procedure->back = procedure->restarting;
    procedure->away += G_USEC_PER_SEC;
  } while (done && procedure->restarting);
  procedure->management = NULL;
  return done;
}

static void
expect (FakeArm *arm, BpgProcedure procedure, int code, guint restarts)
{
  g_autoptr (GError) error = NULL;

  if (code < 0) {
    run (arm, &procedure, &error);
    g_assert_no_error (error);
  } else {
    g_assert_false (run (arm, &procedure, &error));
    g_assert_error (error, BPG_ERROR, code);
  }
  fake_arm_stop (arm);
  g_assert_cmpuint (arm->restarts, ==, restarts);
}

static const BpgProcedure install = {
  .kind = BPG_PROCEDURE_INSTALL, .image = B, .trial = TRUE, .may_start_trial = TRUE};

static void
test_install (Fixture *fixture, gconstpointer data)
{
  BpgProcedure procedure = install;
  FakeArm arm;

  start_confirmed (&arm);
  expect (&arm, install, -1, 1);
  g_assert_true (arm.trial);
  g_assert_cmpint (arm.active, ==, 1);
  g_assert_cmpint (arm.confirmed, ==, 0);

  procedure.trial = FALSE;
  start_confirmed (&arm);
  expect (&arm, procedure, -1, 0);
  g_assert_cmpint (arm.pending, ==, 1);

  /* What runs is neither written nor started again; another trial is not cut short. */
  procedure = install;
  procedure.image = A;
  start_confirmed (&arm);
  expect (&arm, procedure, -1, 0);
  g_assert_cmpuint (arm.chunks, ==, 0);
  start_trial (&arm);
  expect (&arm, procedure, BPG_ERROR_WRONG_STATE, 0);

  /* The arm has the last word about versions, and is told who has the right. */
  start_confirmed (&arm);
  arm.slots[1].version = "1.0.0";
  expect (&arm, install, BPG_ERROR_VERSION_TOO_OLD, 0);
  procedure = install;
  procedure.downgrade = procedure.policy.downgrade = TRUE;
  start_confirmed (&arm);
  arm.slots[1].version = "1.0.0";
  expect (&arm, procedure, -1, 1);
  g_assert_cmpint (arm.active, ==, 1);

  start_confirmed (&arm);
  arm.battery = BPG_FIRMWARE_ARM_PERCENT - 1;
  expect (&arm, install, BPG_ERROR_BATTERY_TOO_LOW, 0);
  start_confirmed (&arm);
  arm.worn = TRUE;
  expect (&arm, install, BPG_ERROR_NEEDS_USER_ACTION, 0);
  g_assert_cmpuint (arm.chunks, ==, 0);
}

/* An arm that does not hear is told again, but never so soon that it would restart out of its trial. */
static void
test_restart (Fixture *fixture, gconstpointer data)
{
  FakeArm arm;

  start_confirmed (&arm);
  arm.deaf = 2;
  expect (&arm, install, -1, 1);
  g_assert_true (arm.trial);
  start_confirmed (&arm);
  arm.stubborn = TRUE;
  expect (&arm, install, BPG_ERROR_WRONG_STATE, 1);
  g_assert_cmpint (arm.active, ==, 0);
}

/* A service that was killed while the arm restarted: it looks, and starts nothing behind the wearer's back. */
static void
test_recovered (Fixture *fixture, gconstpointer data)
{
  BpgProcedure procedure = install;
  FakeArm arm;

  procedure.back = TRUE;
  procedure.may_start_trial = FALSE;
  start_trial (&arm);
  expect (&arm, procedure, -1, 0);
  start_confirmed (&arm);
  expect (&arm, procedure, BPG_ERROR_WRONG_STATE, 0);
  start_confirmed (&arm);
  fake_arm_put (&arm, 1, B, FALSE);
  arm.pending = 1;
  expect (&arm, procedure, BPG_ERROR_WRONG_STATE, 0);
  g_assert_cmpint (arm.pending, ==, 1);
}

static void
test_others (Fixture *fixture, gconstpointer data)
{
  const BpgProcedure try_it = {.kind = BPG_PROCEDURE_START_TRIAL, .image = B, .may_start_trial = TRUE};
  const BpgProcedure confirm = {.kind = BPG_PROCEDURE_CONFIRM, .image = B};
  BpgProcedure back = {.kind = BPG_PROCEDURE_ROLL_BACK, .image = A};
  FakeArm arm;

  start_confirmed (&arm);
  expect (&arm, try_it, BPG_ERROR_WRONG_STATE, 0);
  start_confirmed (&arm);
  fake_arm_put (&arm, 1, B, FALSE);
  arm.pending = 1;
  expect (&arm, try_it, -1, 1);
  g_assert_true (arm.trial);

  start_trial (&arm);
  expect (&arm, confirm, -1, 0);
  g_assert_cmpint (arm.confirmed, ==, 1);
  start_confirmed (&arm);
  expect (&arm, confirm, BPG_ERROR_WRONG_STATE, 0);

  start_trial (&arm);
  expect (&arm, back, -1, 1);
  g_assert_cmpint (arm.active, ==, 0);
  start_trial (&arm);
  arm.deaf = 1;
  expect (&arm, back, -1, 1);
  start_confirmed (&arm);
  expect (&arm, back, -1, 0);
  /* Without a trial: to the other slot, confirmed as it starts. */
  back.image = B;
  back.downgrade = TRUE;
  start_confirmed (&arm);
  fake_arm_put (&arm, 1, B, TRUE);
  arm.slots[1].version = "1.0.0";
  expect (&arm, back, -1, 1);
  g_assert_cmpint (arm.active, ==, 1);
  g_assert_cmpint (arm.confirmed, ==, 1);
  start_confirmed (&arm);
  expect (&arm, back, BPG_ERROR_NOT_FOUND, 0);
  start_trial (&arm);
  arm.worn = TRUE;
  expect (&arm, back, BPG_ERROR_NEEDS_USER_ACTION, 0);
}

/* Whatever is lost on the line, the arm is where it says. */
static void
test_lossy (Fixture *fixture, gconstpointer data)
{
  for (guint seed = 1; seed <= 10; seed++) {
    BpgProcedure procedure = install;
    g_autoptr (GError) error = NULL;
    FakeArm arm;

    start_confirmed (&arm);
    g_rand_set_seed (arm.random, seed);
    arm.lose_percent = 10;
    if (run (&arm, &procedure, &error))
      g_assert_true (arm.active == 1 && arm.trial);
    else
      g_assert_error (error, BPG_ERROR, BPG_ERROR_TIMED_OUT);
    fake_arm_stop (&arm);
    g_assert_cmpuint (arm.restarts, <=, 1);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add_test ("/firmware/parse", test_parse);
  add_test ("/firmware/versions", test_versions);
  add_test ("/firmware/power", test_power);
  add_test ("/firmware/policy", test_policy);
  add_test ("/firmware/install", test_install);
  add_test ("/firmware/restart", test_restart);
  add_test ("/firmware/recovered", test_recovered);
  add_test ("/firmware/others", test_others);
  add_test ("/firmware/lossy", test_lossy);
  return g_test_run ();
}
