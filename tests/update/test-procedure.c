/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Install, trial, confirm and roll back with an arm that can be in any state, and loses what it likes. */
#include "bpg-error.h"
#include "bpg-procedure.h"
#include "fake-arm.h"

#include <string.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static void
start_confirmed (FakeArm *arm)
{
  fake_arm_init (arm);
  fake_arm_put (arm, 0, A, TRUE);
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

static gboolean
run (FakeArm *arm, BpgProcedure *procedure, GError **error)
{
  g_autoptr (BpgManagement) management = fake_arm_start (arm);
  g_autoptr (GBytes) container = g_bytes_new_static ("stands for a container", 22);
  gboolean done;

  if (procedure->image != NULL)
    g_strlcpy (arm->uploaded_hash, procedure->image, sizeof arm->uploaded_hash);
  procedure->management = management;
  procedure->container = container;
  procedure->seconds = 60;
  procedure->may_start_trial = TRUE;
  done = bpg_procedure_run (procedure, error);
  procedure->management = NULL;
  return done;
}

static void
expect (FakeArm *arm, BpgProcedure procedure, int code)
{
  g_autoptr (GError) error = NULL;

  if (code < 0) {
    run (arm, &procedure, &error);
    g_assert_no_error (error);
    g_assert_true (procedure.has_table);
  } else {
    g_assert_false (run (arm, &procedure, &error));
    g_assert_error (error, BPG_ERROR, code);
  }
  fake_arm_stop (arm);
}

static void
test_install (void)
{
  FakeArm arm;

  start_confirmed (&arm);
  expect (&arm, (BpgProcedure){.kind = BPG_PROCEDURE_INSTALL, .image = B, .trial = TRUE}, -1);
  g_assert_true (arm.trial);
  g_assert_cmpint (arm.active, ==, 1);
  g_assert_cmpint (arm.confirmed, ==, 0);

  start_confirmed (&arm);
  expect (&arm, (BpgProcedure){.kind = BPG_PROCEDURE_INSTALL, .image = B, .trial = FALSE}, -1);
  g_assert_cmpint (arm.pending, ==, 1);
  g_assert_cmpint (arm.active, ==, 0);

  /* What decides already is not written. */
  start_confirmed (&arm);
  expect (&arm, (BpgProcedure){.kind = BPG_PROCEDURE_INSTALL, .image = A, .trial = TRUE}, -1);
  g_assert_cmpuint (arm.chunks, ==, 0);

  /* What is in the other slot is not written again. */
  start_confirmed (&arm);
  fake_arm_put (&arm, 1, B, FALSE);
  expect (&arm, (BpgProcedure){.kind = BPG_PROCEDURE_INSTALL, .image = B, .trial = TRUE}, -1);
  g_assert_cmpuint (arm.chunks, ==, 0);
  g_assert_true (arm.trial);

  start_trial (&arm);
  expect (&arm, (BpgProcedure){.kind = BPG_PROCEDURE_INSTALL, .image = C, .trial = TRUE}, BPG_ERROR_WRONG_STATE);
  g_assert_cmpuint (arm.chunks, ==, 0);
}

static void
test_start_trial (void)
{
  FakeArm arm;

  start_confirmed (&arm);
  fake_arm_put (&arm, 1, B, FALSE);
  arm.pending = 1;
  expect (&arm, (BpgProcedure){.kind = BPG_PROCEDURE_START_TRIAL}, -1);
  g_assert_true (arm.trial);

  start_confirmed (&arm);
  expect (&arm, (BpgProcedure){.kind = BPG_PROCEDURE_START_TRIAL}, BPG_ERROR_WRONG_STATE);
  start_trial (&arm);
  expect (&arm, (BpgProcedure){.kind = BPG_PROCEDURE_START_TRIAL}, BPG_ERROR_WRONG_STATE);

  start_confirmed (&arm);
  fake_arm_put (&arm, 1, B, FALSE);
  arm.pending = 1;
  arm.refuse_group = BPG_GROUP_ARM;
  arm.refuse_command = BPG_ARM_TRIAL;
  arm.refuse_with = BPG_ARM_ERROR_BATTERY_LOW;
  expect (&arm, (BpgProcedure){.kind = BPG_PROCEDURE_START_TRIAL}, BPG_ERROR_BATTERY_TOO_LOW);
  g_assert_false (arm.trial);
}

static void
test_confirm (void)
{
  FakeArm arm;

  start_trial (&arm);
  expect (&arm, (BpgProcedure){.kind = BPG_PROCEDURE_CONFIRM}, -1);
  g_assert_cmpint (arm.confirmed, ==, 1);
  g_assert_false (arm.trial);

  start_confirmed (&arm);
  expect (&arm, (BpgProcedure){.kind = BPG_PROCEDURE_CONFIRM}, BPG_ERROR_WRONG_STATE);

  /* One that was cut off: done already, still to do, or too late. */
  start_confirmed (&arm);
  expect (&arm, (BpgProcedure){.kind = BPG_PROCEDURE_CONFIRM, .image = A}, -1);
  start_trial (&arm);
  expect (&arm, (BpgProcedure){.kind = BPG_PROCEDURE_CONFIRM, .image = B}, -1);
  g_assert_cmpint (arm.confirmed, ==, 1);
  start_trial (&arm);
  expect (&arm, (BpgProcedure){.kind = BPG_PROCEDURE_CONFIRM, .image = C}, BPG_ERROR_WRONG_STATE);
  g_assert_cmpint (arm.confirmed, ==, 0);
}

static void
test_roll_back (void)
{
  FakeArm arm;

  /* From a trial. */
  start_trial (&arm);
  expect (&arm, (BpgProcedure){.kind = BPG_PROCEDURE_ROLL_BACK, .image = A}, -1);
  g_assert_cmpint (arm.active, ==, 0);
  g_assert_false (arm.trial);

  /* To the other slot. */
  start_confirmed (&arm);
  fake_arm_put (&arm, 1, B, TRUE);
  expect (&arm, (BpgProcedure){.kind = BPG_PROCEDURE_ROLL_BACK, .image = B}, -1);
  g_assert_cmpint (arm.active, ==, 1);
  g_assert_cmpint (arm.confirmed, ==, 1);
  g_assert_cmpuint (arm.chunks, ==, 0);

  /* To what is in the other slot, but was never good there; and from a trial to something third. */
  start_confirmed (&arm);
  fake_arm_put (&arm, 1, B, FALSE);
  expect (&arm, (BpgProcedure){.kind = BPG_PROCEDURE_ROLL_BACK, .image = B}, -1);
  g_assert_cmpint (arm.confirmed, ==, 1);
  start_trial (&arm);
  expect (&arm, (BpgProcedure){.kind = BPG_PROCEDURE_ROLL_BACK, .image = C}, -1);
  g_assert_cmpstr (arm.slots[arm.confirmed].hash, ==, C);
  g_assert_cmpint (arm.active, ==, arm.confirmed);
  g_assert_false (arm.trial);

  /* What is there already. */
  start_confirmed (&arm);
  expect (&arm, (BpgProcedure){.kind = BPG_PROCEDURE_ROLL_BACK, .image = A}, -1);
}

/* A tenth of all requests and of all replies is lost: every procedure still comes to its end. */
static void
test_lossy (void)
{
  static const BpgProcedure procedures[] = {
    {.kind = BPG_PROCEDURE_READ},
    {.kind = BPG_PROCEDURE_CONFIRM},
    {.kind = BPG_PROCEDURE_ROLL_BACK, .image = A},
  };

  for (guint i = 0; i < G_N_ELEMENTS (procedures); i++) {
    FakeArm arm;

    start_trial (&arm);
    arm.lose_percent = 10;
    g_rand_set_seed (arm.random, i + 1);
    expect (&arm, procedures[i], -1);
  }
}

static void
test_gone (void)
{
  for (guint after = 1; after < 6; after++) {
    FakeArm arm;

    start_confirmed (&arm);
    arm.hang_up_after = after;
    expect (&arm, (BpgProcedure){.kind = BPG_PROCEDURE_INSTALL, .image = B, .trial = TRUE}, BPG_ERROR_DISCONNECTED);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/procedure/install", test_install);
  g_test_add_func ("/procedure/start-trial", test_start_trial);
  g_test_add_func ("/procedure/confirm", test_confirm);
  g_test_add_func ("/procedure/roll-back", test_roll_back);
  g_test_add_func ("/procedure/lossy", test_lossy);
  g_test_add_func ("/procedure/gone", test_gone);
  return g_test_run ();
}
