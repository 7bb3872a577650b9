/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpg-session-plan.h"

#include "bpg-error.h"

static const char *const two[] = {"hand_open", "rest", "wrist_flexion", NULL};

static void
expect_step (BpgSessionPlan *plan, const char *movement, guint repetition, guint attempt, gboolean replaces)
{
  const BpgStep *step = bpg_session_plan_get_step (plan);

  g_assert_nonnull (step);
  g_assert_cmpstr (step->movement, ==, movement);
  g_assert_cmpuint (step->repetition, ==, repetition);
  g_assert_cmpuint (step->attempt, ==, attempt);
  g_assert_true (step->replaces == replaces);
}

static void
test_order (void)
{
  g_autoptr (BpgSessionPlan) plan = bpg_session_plan_new (two, 2, 3, NULL);
  static const char *const order[] = {"rest", "hand_open", "wrist_flexion"};

  g_assert_cmpuint (bpg_session_plan_get_total (plan), ==, 6);
  for (guint i = 0; i < 6; i++) {
    expect_step (plan, order[i % 3], 1 + i / 3, 1, FALSE);
    g_assert_cmpuint (bpg_session_plan_get_done (plan), ==, i);
    bpg_session_plan_accept (plan);
  }
  g_assert_null (bpg_session_plan_get_step (plan));
  g_assert_cmpuint (bpg_session_plan_get_total (plan), ==, 6);
}

static void
test_default (void)
{
  g_autoptr (BpgSessionPlan) plan = bpg_session_plan_new (NULL, 3, 3, NULL);

  g_assert_cmpuint (bpg_session_plan_get_total (plan), ==, 24);
}

static void
refuse (const char *const *movements)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (bpg_session_plan_new (movements, 1, 1, &error));
  g_assert_error (error, BPG_ERROR, BPG_ERROR_INVALID_ARGUMENT);
}

static void
test_senseless (void)
{
  refuse ((const char *const[]) {"juggling", NULL});
  refuse ((const char *const[]) {"rest", NULL});
  refuse ((const char *const[]) {NULL});
  refuse ((const char *const[]) {"pointer", "pointer", NULL});
}

static void
test_attempts (void)
{
  g_autoptr (BpgSessionPlan) plan = bpg_session_plan_new (two, 1, 2, NULL);

  g_assert_true (bpg_session_plan_refuse (plan));
  expect_step (plan, "rest", 1, 2, FALSE);
  g_assert_false (bpg_session_plan_refuse (plan));
  g_assert_true (bpg_session_plan_redo (plan, "rest", 1, FALSE, NULL));
  expect_step (plan, "rest", 1, 1, FALSE);
  bpg_session_plan_skip (plan);
  expect_step (plan, "hand_open", 1, 1, FALSE);
}

static void
test_redo (void)
{
  g_autoptr (BpgSessionPlan) plan = bpg_session_plan_new (two, 2, 3, NULL);
  g_autoptr (GError) error = NULL;

  bpg_session_plan_accept (plan);
  g_assert_true (bpg_session_plan_redo (plan, "rest", 1, TRUE, NULL));
  expect_step (plan, "hand_open", 1, 1, FALSE);
  g_assert_cmpuint (bpg_session_plan_get_total (plan), ==, 7);
  bpg_session_plan_accept (plan);
  expect_step (plan, "rest", 1, 1, TRUE);
  g_assert_true (bpg_session_plan_redo (plan, "hand_open", 2, FALSE, NULL));
  expect_step (plan, "hand_open", 2, 1, FALSE);
  g_assert_cmpuint (bpg_session_plan_get_total (plan), ==, 7);
  bpg_session_plan_accept (plan);
  expect_step (plan, "rest", 1, 1, TRUE);

  /* Asked for twice while it is being done: once more, in the place of the one that is accepted now. */
  g_assert_true (bpg_session_plan_redo (plan, "rest", 1, TRUE, NULL));
  bpg_session_plan_accept (plan);
  expect_step (plan, "rest", 1, 1, TRUE);

  g_assert_false (bpg_session_plan_redo (plan, "rest", 3, FALSE, &error));
  g_assert_error (error, BPG_ERROR, BPG_ERROR_NOT_FOUND);
}

static void
test_recorded (void)
{
  g_autoptr (BpgSessionPlan) plan = bpg_session_plan_new (two, 1, 3, NULL);

  bpg_session_plan_mark_recorded (plan, 8, 1);
  bpg_session_plan_mark_recorded (plan, 12, 4);
  g_assert_cmpuint (bpg_session_plan_get_done (plan), ==, 1);
  bpg_session_plan_accept (plan);
  expect_step (plan, "wrist_flexion", 1, 1, FALSE);
  g_assert_true (bpg_session_plan_redo (plan, "hand_open", 1, FALSE, NULL));
  expect_step (plan, "hand_open", 1, 1, TRUE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plan/order", test_order);
  g_test_add_func ("/plan/default", test_default);
  g_test_add_func ("/plan/senseless", test_senseless);
  g_test_add_func ("/plan/attempts", test_attempts);
  g_test_add_func ("/plan/redo", test_redo);
  g_test_add_func ("/plan/recorded", test_recorded);
  return g_test_run ();
}
